from __future__ import annotations

import json
import multiprocessing

import pytest

from pipelines.errors import UsageError
from pipelines.local.registry import Registry

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


def registry(tmp_path):
    return Registry(tmp_path / "registry", lambda: 1.0)


def register(root, token):
    return Registry(root, lambda: 1.0).register({"ModelPackageGroupName": "Bookings"}, arn_prefix=ARN, token=token)["ModelPackageVersion"]


def test_versions_count_up_and_wait_for_approval(tmp_path):
    models = registry(tmp_path)
    first = models.register({"ModelPackageGroupName": "Bookings"}, arn_prefix=ARN, token="a")
    second = models.register({"ModelPackageGroupName": "Bookings", "ModelApprovalStatus": "Approved"}, arn_prefix=ARN, token="b")
    assert (first["ModelPackageArn"], first["ModelApprovalStatus"]) == (f"{ARN}model-package/bookings/1", "PendingManualApproval")
    assert (second["ModelPackageVersion"], second["ModelApprovalStatus"]) == (2, "Approved")


def test_the_same_execution_and_step_register_once(tmp_path):
    models = registry(tmp_path)
    assert models.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="x") == models.register(
        {"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="x"
    )
    assert len(models.versions("g")) == 1


def test_processes_that_register_at_once_get_different_versions(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        versions = pool.starmap(register, [(tmp_path, f"t{n}") for n in range(8)])
    assert sorted(versions) == list(range(1, 9))


def test_approval_is_kept(tmp_path):
    models = registry(tmp_path)
    models.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="x")
    models.approve("g", 1, "Approved", "good")
    assert models.version("g")["ModelApprovalStatus"] == "Approved"
    assert models.version("g", 1)["ApprovalDescription"] == "good"


@pytest.mark.parametrize(("group", "number"), [("none", None), ("g", 9)])
def test_what_is_not_there_is_named_with_what_is(tmp_path, group, number):
    models = registry(tmp_path)
    models.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="x")
    with pytest.raises(UsageError, match="one of: (g|1)"):
        models.version(group, number)


@pytest.mark.parametrize("group", ["", "../up", "a/b", "-x", "x" * 64])
def test_a_group_name_cannot_leave_the_registry(tmp_path, group):
    with pytest.raises(UsageError):
        registry(tmp_path).register({"ModelPackageGroupName": group}, arn_prefix=ARN, token="x")
    assert not (tmp_path / "up").exists()


def test_a_version_is_readable_json(tmp_path):
    registry(tmp_path).register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="x")
    assert json.loads((tmp_path / "registry/g/1.json").read_text())["ModelPackageName"] == "g"
