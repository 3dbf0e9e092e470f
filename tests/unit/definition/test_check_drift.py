"""What the service would refuse of check steps is found before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.definition.checks import check
from pipelines.local.executors import EXECUTABLE
from tests.functional.checked import FLAGS, clarify, quality
from tests.functional.conftest import definition

SHARED = next((folder / "shared" for folder in Path(__file__).parents if (folder / "shared/reference").is_dir()), None)


def problems(step, *, severity: str | None = None) -> list[str]:
    document = definition(step, parameters=FLAGS)
    return [f"{each.code}: {each.message} {each.hint}" for each in check(document, executable=EXECUTABLE) if severity in (None, each.severity)]


def test_check_steps_as_the_sdk_writes_them_are_without_fault():
    assert problems(clarify("A", "DATA_BIAS", "pre")) == []
    assert problems(quality("A", "DATA_QUALITY", "data.csv")) == []


@pytest.mark.skipif(SHARED is None, reason="the reference files are not here")
def test_the_five_checks_of_the_reference_pass_the_deep_check_and_warn_of_outputs_that_are_written_over():
    document = json.loads((SHARED / "reference/pipeline_definition.check_steps.json").read_text())
    found = check(document, executable=EXECUTABLE)
    assert [each for each in found if each.severity == "error"] == []
    assert {each.code for each in found} == {"baseline-overwritten"}


def changed(step: dict, **keys) -> dict:
    return {key: value for key, value in {**step, **keys}.items() if value != "absent"}


BIAS, QUALITY = clarify("A", "DATA_BIAS", "pre"), quality("A", "DATA_QUALITY", "data.csv")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (changed(BIAS, CheckType="absent"), "CheckType is missing"),
        (changed(BIAS, CheckType="DATA_BIASES"), "Did you mean DATA_BIAS?"),
        (changed(BIAS, CheckType="DATA_QUALITY"), "a ClarifyCheck step has no type 'DATA_QUALITY'"),
        (changed(BIAS, SuppliedBaselineStatistics="s3://b/s.json"), "a ClarifyCheck step has no such key"),
        (changed(QUALITY, ModelName="m"), "a QualityCheck step has no such key"),
        (changed(BIAS, SkipCheck="yes"), "expected true or false"),
        (changed(BIAS, ModelPackageGroupName=7), "expected text"),
        (changed(BIAS, ModelPackageGroupName=None, SkipCheck=False), "SkipCheck is false, so a previous baseline is needed"),
        (changed(BIAS, ModelPackageGroupName=None, SkipCheck=True, RegisterNewBaseline=None), "RegisterNewBaseline is false"),
        (changed(QUALITY, ModelPackageGroupName=None, SkipCheck=False, SuppliedBaselineConstraints="s3://b/c.json"), "SuppliedBaselineStatistics"),
        (changed(BIAS, Arguments={**BIAS["Arguments"], "ProcessingOutputConfig": {"Outputs": []}}), "the output of the check is missing"),
    ],
)
def test_what_the_service_refuses_is_an_error(step, words):
    assert any(words in each for each in problems(step, severity="error")), problems(step)


@pytest.mark.parametrize(
    "keys",
    [
        {"ModelPackageGroupName": None, "SkipCheck": True, "RegisterNewBaseline": True},
        {"ModelPackageGroupName": None, "SkipCheck": {"Get": "Parameters.Skip"}},
        {"ModelPackageGroupName": None, "SkipCheck": False, "SuppliedBaselineConstraints": "s3://b/c.json"},
    ],
)
def test_a_baseline_that_may_be_there_is_no_error(keys):
    assert problems(changed(BIAS, **keys), severity="error") == []


def test_a_check_of_a_model_without_one_is_a_warning_since_the_configuration_may_name_an_endpoint():
    assert any("MODEL_BIAS names no model" in each for each in problems(clarify("A", "MODEL_BIAS", "post"), severity="warning"))
    assert any("asks no model" in each for each in problems(clarify("A", "DATA_BIAS", "pre", ModelName="m"), severity="warning"))
