"""What the registry's commands take as a version and as a status."""

from __future__ import annotations

import pytest

from pipelines.commands.flags import Output
from pipelines.commands.registry.looking import list_, parse_version
from pipelines.errors import UsageError


def test_a_version_is_a_group_with_or_without_a_number():
    assert [parse_version(text) for text in ("shop", "shop/3", "shop:3", "arn:aws:sagemaker:r:0:model-package/shop/3")] == [("shop", None)] + [("shop", 3)] * 3


@pytest.mark.parametrize("number", ["x", "-1", "1.0", "²", "3/4"])
def test_what_follows_a_group_is_a_whole_number(number):
    with pytest.raises(UsageError, match="not a version"):
        parse_version(f"shop/{number}")


def test_a_status_that_is_none_is_not_taken_for_one_that_no_version_has(tmp_path, capsys):
    with pytest.raises(UsageError, match="not an approval status"):
        list_(tmp_path, None, "approved", Output.text)
    assert list_(tmp_path, None, "Approved", Output.text) == 0
    assert capsys.readouterr().out == "No version is Approved.\n"
