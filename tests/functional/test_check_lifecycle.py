"""The life of baselines over check steps, with a small program in the place of the analyzers: it answers by the files that it finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional import checked
from tests.functional.checked import BUCKET, FLAGS, GROUP, clarify, quality
from tests.functional.conftest import definition

# Measures the number in data.csv; with a baseline a larger one violates.
ANALYZER = """
import json, os, pathlib, sys
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "processing"
value = float(next((root / "input").glob("*/data.csv")).read_text())
out = root / "output"
kind = sys.argv[1]
def load(path):
    return json.loads(path.read_text()) if path.is_file() else None
def real(name):
    return root / os.environ[name].split("/opt/ml/processing/")[1]
violations = None
if kind == "clarify":
    metric = {"name": "CI", "value": value}
    analysis = {"version": "1.0", "pre_training_bias_metrics": {"facets": {"gender": [{"value_or_threshold": "1", "metrics": [metric]}]}}}
    (out / "analysis.json").write_text(json.dumps(analysis))
    before = load(root / "input/baseline/analysis.json")
    if before:
        base = before["pre_training_bias_metrics"]["facets"]["gender"][0]["metrics"][0]["value"]
        one = {"facet": "gender", "facet_value": "1", "metric_name": "CI", "constraint_check_type": "bias_drift_check"}
        violations = [{**one, "description": "%s is more than %s" % (value, base)}] if value > base else []
else:
    (out / "statistics.json").write_text(json.dumps({"mean": value}))
    (out / "constraints.json").write_text(json.dumps({"features": [{"name": "x", "most": value}]}))
    if "baseline_constraints" in os.environ:
        most, mean = load(real("baseline_constraints"))["features"][0]["most"], load(real("baseline_statistics"))["mean"]
        one = {"feature_name": "x", "constraint_check_type": "baseline_drift_check", "description": "%s, was %s" % (value, mean)}
        violations = [one] if value > most else []
if violations is not None:
    (out / "constraint_violations.json").write_text(json.dumps({"violations": violations}))
"""
FIRST = ("-p", "Skip=true", "-p", "Register=true")


@pytest.fixture
def analyzed(sagewright):
    """Return the command with the program in the place of both images, a number as data and a model to register."""
    (sagewright.folder / "analyzer").mkdir()
    (sagewright.folder / "analyzer/analyze.py").write_text(ANALYZER)
    images = {
        name: {"process": ["python3", "analyze.py", name.split("-")[1]], "workdir": "analyzer"}
        for name in ("sagemaker-clarify-processing", "sagemaker-model-monitor-analyzer")
    }
    (sagewright.folder / "map.yaml").write_text(json.dumps(images))
    sagewright.put(f"{BUCKET}/pre/analysis_config.json", "{}")
    sagewright.put(f"{BUCKET}/data.csv", "1.0")
    sagewright.put(f"{BUCKET}/model.tar.gz", "m")

    def run(*steps, **options):
        return sagewright.run(definition(*steps, parameters=FLAGS), "--image-map", "map.yaml", *options.pop("arguments", ()), **options)

    sagewright.steps = run
    return sagewright


def step_of(done, name: str) -> dict:
    return next(each for each in done.json["steps"] if each["name"] == name)


def both():
    return clarify("DataBias", "DATA_BIAS", "pre"), quality("DataQuality", "DATA_QUALITY", "data.csv"), checked.register("DataBias", "DataQuality")


def approved(analyzed):
    done = analyzed.steps(*both(), arguments=FIRST)
    assert done.code == 0, done.out
    assert analyzed("approve", f"{GROUP}/1").code == 0
    return done


def test_without_a_previous_baseline_the_step_fails_before_its_job(analyzed):
    done = analyzed.steps(*both())
    assert done.code == 1
    reason = step_of(done, "DataBias")["failure_reason"]
    assert reason.startswith("ClientError: DATA_BIAS: no previous baseline") and "DriftCheckBaselines.Bias.PreTrainingConstraints" in reason
    analyzed.steps(*both(), arguments=FIRST)
    done = analyzed.steps(*both())
    assert done.code == 1  # what was registered is not approved yet


def test_the_first_run_registers_and_later_ones_compare_with_what_was_approved(analyzed):
    first = approved(analyzed)
    check = step_of(first, "DataBias")["check"]
    assert (check["type"], check["measured"], check["compared"], check["violations"], check["report"]) == ("DATA_BIAS", 1, False, [], None)
    package = analyzed("registry", "show", f"{GROUP}/1", "--output", "json").json
    assert package["DriftCheckBaselines"]["Bias"]["PreTrainingConstraints"]["S3Uri"].endswith("/DataBias/analysis.json")
    assert package["ModelMetrics"]["ModelDataQuality"]["Statistics"]["S3Uri"].endswith("/DataQuality/statistics.json")
    assert "baseline ModelDataQuality.Constraints" in analyzed("registry", "show", f"{GROUP}/1").out
    second = analyzed.steps(*both())
    assert second.code == 0 and step_of(second, "DataQuality")["check"]["compared"]
    newer = analyzed("registry", "show", f"{GROUP}/2", "--output", "json").json
    assert newer["DriftCheckBaselines"] == package["DriftCheckBaselines"] and newer["ModelMetrics"] != package["ModelMetrics"]


def test_a_violation_fails_the_step_in_the_words_of_the_service_and_is_told_everywhere(analyzed):
    approved(analyzed)
    analyzed.put(f"{BUCKET}/data.csv", "2.0")
    bias, _, _ = both()
    done = analyzed.steps(bias)
    reason = step_of(done, "DataBias")["failure_reason"]
    assert done.code == 4 and reason.startswith("ClientError: Clarify check failed. See violation report: s3://bkt/checks/out/")
    assert "1 violation: gender=1 CI: 2.0 is more than 1.0" in reason
    told = analyzed("status").out
    assert "DataBias (DATA_BIAS): 1 metric, 1 violation" in told and "Report: " in told
    report = step_of(analyzed("status", "--output", "json"), "DataBias")["check"]["report"]
    assert json.loads(Path(report).read_text())["violations"][0]["metric_name"] == "CI"
    assert "checks.DataBias.violations" in analyzed("runs", "show").out


def test_a_violation_that_does_not_fail_is_in_the_metadata_and_is_not_taken_from_the_cache(analyzed):
    approved(analyzed)
    analyzed.put(f"{BUCKET}/data.csv", "2.0")
    changes = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
    steps = [quality("DataQuality", "DATA_QUALITY", "data.csv", FailOnViolation=False, **changes)]
    done = analyzed.steps(*steps)
    body = step_of(done, "DataQuality")["check"]["metadata"]["QualityCheck"]
    assert done.code == 0 and body["ViolationReport"].endswith("/constraint_violations.json") and body["ModelPackageGroupName"] == GROUP
    assert not body["RegisterNewBaseline"] and body["BaselineUsedForDriftCheckStatistics"] != body["CalculatedBaselineStatistics"]
    done = analyzed.steps(quality("DataQuality", "DATA_QUALITY", "data.csv", **changes))
    assert done.code == 4 and "ClientError: Quality check failed. See violation report" in step_of(done, "DataQuality")["failure_reason"]


@pytest.mark.parametrize(
    ("skip", "register", "used"),
    [("false", "false", "previous"), ("false", "true", "new"), ("true", "false", "previous"), ("true", "true", "new")],
)
def test_which_baseline_is_used_is_as_the_table_of_the_developer_guide_has_it(analyzed, skip, register, used):
    approved(analyzed)
    done = analyzed.steps(both()[0], arguments=("-p", f"Skip={skip}", "-p", f"Register={register}"))
    check = step_of(done, "DataBias")["check"]
    body = check["metadata"]["ClarifyCheck"]
    new = body["BaselineUsedForDriftCheckConstraints"] == body["CalculatedBaselineConstraints"]
    assert done.code == 0 and check["compared"] == (skip == "false") and new == (used == "new")
    assert (body["SkipCheck"], body["RegisterNewBaseline"]) == (skip == "true", register == "true")


def test_a_supplied_baseline_comes_before_that_of_the_group(analyzed):
    approved(analyzed)
    lower = {"pre_training_bias_metrics": {"facets": {"gender": [{"metrics": [{"name": "CI", "value": 0.5}]}]}}}
    analyzed.put("s3://bkt/mine/constraints.json", json.dumps(lower))
    done = analyzed.steps(clarify("DataBias", "DATA_BIAS", "pre", SuppliedBaselineConstraints="s3://bkt/mine/constraints.json"))
    assert done.code == 4 and "1.0 is more than 0.5" in done.json["failure_reason"]
    done = analyzed.steps(clarify("DataBias", "DATA_BIAS", "pre", SuppliedBaselineConstraints="s3://bkt/mine/gone.json"))
    assert "no object s3://bkt/mine/gone.json" in done.json["failure_reason"]


def test_a_cached_check_runs_again_when_another_version_is_approved_or_the_data_changed(analyzed):
    approved(analyzed)
    steps = [clarify("DataBias", "DATA_BIAS", "pre", CacheConfig={"Enabled": True, "ExpireAfter": "P30D"})]
    assert step_of(analyzed.steps(*steps), "DataBias")["cache"].startswith("miss: Baseline, RegisterNewBaseline, SkipCheck changed")
    again = step_of(analyzed.steps(*steps), "DataBias")
    assert again["cache"] == "hit" and again["check"]["measured"] == 1
    analyzed.put(f"{BUCKET}/data.csv", "0.5")
    assert "was changed since" in step_of(analyzed.steps(*steps), "DataBias")["cache"]
    analyzed.steps(*both(), arguments=FIRST)
    assert analyzed("approve", f"{GROUP}/2").code == 0
    assert step_of(analyzed.steps(*steps), "DataBias")["cache"].startswith("miss: Baseline, ")


def test_a_package_that_names_an_object_that_is_not_there_is_refused(analyzed):
    step = checked.register()
    step["Arguments"]["DriftCheckBaselines"] = {"Bias": {"ConfigFile": {"ContentType": "application/json", "S3Uri": "s3://bkt/gone.json"}}}
    done = analyzed.steps(step, *both()[:1], arguments=FIRST)
    assert "DriftCheckBaselines.Bias.ConfigFile: could not find an object at s3://bkt/gone.json" in done.json["failure_reason"]


def test_an_exported_version_carries_its_baselines_and_an_imported_one_is_compared_with(analyzed, tmp_path):
    approved(analyzed)
    assert analyzed("registry", "export", f"{GROUP}/1", "--file", "a.tar.gz").code == 0
    traced = analyzed("registry", "lineage", f"{GROUP}/1", "--output", "json").json
    uri = traced["baselines"]["Bias.PreTrainingConstraints"]
    assert traced["objects"][uri]["made_by"] == "DataBias" and "dataset" in traced["steps"]["DataBias"]["inputs"]
    assert "baseline Bias.PreTrainingConstraints" in analyzed("registry", "lineage", f"{GROUP}/1").out
    assert analyzed("registry", "import", "a.tar.gz").code == 0 and analyzed("approve", f"{GROUP}/2").code == 0
    done = analyzed.steps(both()[0])
    assert done.code == 0, done.out
    used = step_of(done, "DataBias")["check"]["metadata"]["ClarifyCheck"]["BaselineUsedForDriftCheckConstraints"]
    assert "/imported/" in used


def test_the_lines_of_a_run_say_how_much_was_measured_and_whether_it_violates(analyzed):
    approved(analyzed)
    (analyzed.folder / "p.json").write_text(json.dumps(definition(*both(), parameters=FLAGS)))
    told = analyzed("run", "p.json", "--cold", "--image-map", "map.yaml").err
    assert "DataBias: ok" in told and "1 metric, no violation" in told and "1 column, no violation" in told
