"""Approval as a history, numbers that are given once, deletion."""

from __future__ import annotations

import json
import multiprocessing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.definition import shapes
from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.model_packages import removal
from pipelines.local.registry import Registry

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


class Ticks:
    """Count the seconds, one a call."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def models(tmp_path, versions=1):
    registry = Registry(tmp_path / "registry", Ticks())
    for number in range(versions):
        registry.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token=f"run{number}/Register", by="ada")
    return registry


def free(package):
    return None


def test_the_history_says_who_when_from_to_and_why(tmp_path):
    registry = models(tmp_path)
    registry.approve("g", 1, "Approved", "better recall", by="grace")
    registry.approve("g", 1, "Rejected", by="alan")
    told = [(e["time"], e["by"], e["from"], e["to"], e["reason"]) for e in registry.history("g", 1)]
    assert told == [
        (1.0, "ada", None, "PendingManualApproval", "registered by run0/Register"),
        (2.0, "grace", "PendingManualApproval", "Approved", "better recall"),
        (3.0, "alan", "Approved", "Rejected", ""),
    ]


def test_the_description_keeps_the_shape_that_the_service_has(tmp_path):
    registry = models(tmp_path)
    package = registry.approve("g", 1, "Approved", "good", by="grace")
    assert package["ApprovalDescription"] == "good" and package["LastModifiedBy"]["IamIdentity"]["PrincipalId"] == "grace"
    known = {**package, "CreationTime": None, "LastModifiedTime": None}
    known.pop("ClientToken")
    assert list(shapes._structure("DescribeModelPackageOutput", known, "$", frozenset({"CreationTime"}))) == []


def test_a_reason_stands_for_the_status_that_it_was_given_for(tmp_path):
    registry = models(tmp_path)
    registry.approve("g", 1, "Approved", "good")
    assert registry.approve("g", 1, "Approved")["ApprovalDescription"] == "good"
    assert registry.approve("g", 1, "Rejected")["ApprovalDescription"] == ""


def test_a_reason_longer_than_the_service_takes_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at most 1024"):
        models(tmp_path).approve("g", 1, "Approved", "x" * 1025)


def test_the_same_approval_again_is_no_event(tmp_path):
    registry = models(tmp_path)
    registry.approve("g", 1, "Approved")
    registry.approve("g", 1, "Approved")
    assert len(registry.history("g")) == 2


def test_an_approval_that_a_crash_cut_off_is_not_told(tmp_path):
    registry = models(tmp_path)
    with open(tmp_path / "registry/g/history.jsonl", "a") as file:
        file.write(json.dumps({"version": 1, "time": 9, "by": "x", "from": "PendingManualApproval", "to": "Approved", "reason": ""}) + '\n{"version": 1, "ti')
    assert len(registry.history("g")) == 1
    registry.approve("g", 1, "Rejected", by="grace")
    assert registry.history("g")[-1]["by"] == "grace"


def test_the_newest_of_a_status_is_found(tmp_path):
    registry = models(tmp_path, 3)
    registry.approve("g", 1, "Approved")
    registry.approve("g", 2, "Approved")
    assert registry.version("g", status="Approved")["ModelPackageVersion"] == 2
    with pytest.raises(UsageError, match=r"no version that is Rejected.*3 \(PendingManualApproval\)"):
        registry.version("g", status="Rejected")


def test_a_number_is_never_given_twice(tmp_path):
    registry = models(tmp_path, 3)
    registry.delete("g", 3, refusal=free, reason="leaked", by="ada")
    assert registry.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="new")["ModelPackageVersion"] == 4
    assert [(e["to"], e["reason"]) for e in registry.history("g", 3)][-1] == ("Deleted", "leaked")


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["register", "delete", "approve"]), max_size=20))
def test_whatever_is_done_numbers_rise_and_the_history_agrees(tmp_path_factory, doings):
    registry = models(tmp_path_factory.mktemp("r"), 1)
    given_numbers = [1]
    for place, doing in enumerate(doings):
        there = [v["ModelPackageVersion"] for v in registry.versions("g")]
        if doing == "register":
            given_numbers.append(registry.register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token=f"t{place}")["ModelPackageVersion"])
        elif there and doing == "delete":
            registry.delete("g", there[place % len(there)], refusal=free)
        elif there:
            registry.approve("g", there[place % len(there)], "Approved")
    assert given_numbers == list(range(1, len(given_numbers) + 1))
    last = {e["version"]: e["to"] for e in registry.history("g")}
    assert {v["ModelPackageVersion"]: v["ModelApprovalStatus"] for v in registry.versions("g")} == {n: s for n, s in last.items() if s != "Deleted"}


def test_a_group_goes_only_when_it_is_empty(tmp_path):
    registry = models(tmp_path)
    with pytest.raises(UsageError, match="has versions"):
        registry.delete_group("g")
    registry.delete("g", 1, refusal=free)
    registry.delete_group("g")
    assert registry.groups() == []


def test_what_is_in_use_is_deleted_by_force_only(tmp_path):
    home = Home(tmp_path)
    registry = models(tmp_path, 2)
    registry.approve("g", 1, "Approved")
    with pytest.raises(UsageError, match="it is approved"):
        removal.delete(home, "g", 1, force=False)
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "endpoints/shop.json").write_text(json.dumps({"ProductionVariants": [{"ModelPackage": f"{ARN}model-package/g/2"}]}))
    with pytest.raises(UsageError, match="endpoint shop uses it"):
        removal.delete(home, "g", 2, force=False)
    removal.delete(home, "g", 1, force=True)
    removal.delete(home, "g", 2, force=True)
    assert registry.versions("g") == []


def test_half_a_document_of_an_endpoint_counts(tmp_path):
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "endpoints/shop.json").write_text(f'{{"Model": "{ARN}model-package/g/2", ')
    assert removal.endpoints(Home(tmp_path), f"{ARN}model-package/g/2") == ["shop"]
    assert removal.endpoints(Home(tmp_path), f"{ARN}model-package/g/22") == []


def approve_often(root, by):
    registry = Registry(root, Ticks())
    for status in ("Approved", "Rejected") * 10:
        registry.approve("g", 1, status, "why", by=by)


def test_processes_that_approve_at_once_lose_no_event(tmp_path):
    models(tmp_path)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(approve_often, [(tmp_path / "registry", "a"), (tmp_path / "registry", "b")])
    events = Registry(tmp_path / "registry", Ticks()).history("g")
    assert len(events) == 41
    assert all(after["from"] == before["to"] for before, after in zip(events, events[1:], strict=False))


def test_a_group_may_be_named_by_its_arn(tmp_path):
    registry = models(tmp_path)
    package = registry.register({"ModelPackageGroupName": f"{ARN}model-package-group/g"}, arn_prefix=ARN, token="y")
    assert (package["ModelPackageGroupName"], package["ModelPackageVersion"]) == ("g", 2)
