"""What `invoke` says of an answer that is an error, whatever sent it."""

from __future__ import annotations

import pytest

from pipelines.commands.invoke import _failure


@pytest.mark.parametrize("answer", [b"[]", b'"no"', b"null", b"5", b"<html>no</html>", b""])
def test_an_error_that_is_not_of_the_runtime_api_is_told_as_it_is(answer):
    assert f"the endpoint answered 502: {answer.decode()}" in str(_failure("shop", 502, answer))


def test_an_error_of_the_runtime_api_is_told_by_its_message():
    assert "the endpoint answered 400: no such variant" in str(_failure("shop", 400, b'{"message": "no such variant"}'))
    assert "the model answered 415: not CSV" in str(_failure("shop", 424, b'{"OriginalStatusCode": 415, "OriginalMessage": "not CSV\\nmore", "Message": ""}'))
