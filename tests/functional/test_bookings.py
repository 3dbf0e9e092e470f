"""The hotel-bookings example from end to end."""

from __future__ import annotations

import json

import pytest

from tests.functional.conftest import REAL_DATA


def run(command, *arguments):
    return command("run", "bookings.json", "--output", "json", "--quiet", *arguments)


def test_the_sample_ends_with_metrics_and_a_registered_version(bookings):
    told = run(bookings).json
    assert told["status"] == "Succeeded"
    assert told["metrics"]["Evaluate.accuracy"] > 0.8 and told["metrics"]["Evaluate.auc"] > 0.88
    assert told["model_package_arn"].endswith("model-package/hotel-bookings/1")
    listed = bookings("registry", "list", "--output", "json").json
    assert [(p["ModelPackageVersion"], p["ModelApprovalStatus"]) for p in listed] == [(1, "PendingManualApproval")]


def test_a_second_run_is_all_cache_hits_and_a_raised_threshold_closes_the_gate(bookings):
    first, second = run(bookings).json, run(bookings).json
    hits = {step["name"]: step["cache"] for step in second["steps"]}
    assert [hits[name] for name in ("Preprocess", "Tune", "Evaluate", "PackageModel", "SkewCheck", "BatchTransform")] == ["hit"] * 6
    assert second["metrics"] == first["metrics"]
    closed = run(bookings, "-p", "MinAccuracy=0.99")
    assert closed.code == 3
    assert {step["name"]: step["cache"] for step in closed.json["steps"]}["Evaluate"] == "hit"
    assert closed.json["missed"] == [f"accuracy is {first['metrics']['Evaluate.accuracy']}, the bar is >= 0.99"]
    assert "accuracy is 0.8" in closed.json["failure_reason"] and "at least 0.99" in closed.json["failure_reason"]
    assert closed.json["model_package_arn"] is None


def test_cold_and_warm_give_the_same_model(bookings):
    warm, cold = run(bookings).json, run(bookings, "--cold", "--no-cache").json
    assert warm["metrics"] == cold["metrics"]


def test_the_seed_is_a_parameter(bookings):
    assert run(bookings).json["metrics"] != run(bookings, "-p", "Seed=1").json["metrics"]


def test_the_real_file_reaches_the_promised_quality(bookings):
    if not REAL_DATA.is_file():
        pytest.skip(f"{REAL_DATA} is not here")
    told = run(bookings, "-p", f"InputData={REAL_DATA}").json
    assert told["status"] == "Succeeded"
    assert told["metrics"]["Evaluate.accuracy"] >= 0.82 and told["metrics"]["Evaluate.auc"] >= 0.90


def test_the_process_that_runs_a_compiled_definition_never_imports_the_sdk(bookings):
    code = "import sys, pipelines.cli as c\ntry: c.main(['run', 'pipeline.yaml', '--quiet', '--output', 'json'])\nfinally: print('sagemaker' in sys.modules)"
    import os
    import subprocess
    import sys

    from tests.functional.conftest import ROOT

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=bookings.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.stdout.rstrip().endswith("False"), done.stderr


def test_approval_and_show_speak_of_the_same_version(bookings):
    run(bookings)
    assert bookings("approve", "hotel-bookings/1", "--reason", "good").out.strip().endswith("is Approved")
    shown = bookings("registry", "show", "hotel-bookings").out
    assert "Approved" in shown and "evaluation.json" in shown and "model.tar.gz" in shown
    assert bookings("approve", "hotel-bookings/7").code == 2


def test_status_runs_and_logs_tell_of_the_run(bookings):
    run(bookings)
    assert "Succeeded" in bookings("status").out and "first run of this step" in bookings("status").out
    assert json.loads(bookings("runs", "--output", "json").out)[0]["status"] == "Succeeded"
    assert "validation-auc" in bookings("logs", "--tail", "3").out
    assert bookings("status", "nope").code == 2


OWN = """
import json, sys
from jobkit import failure
from jobkit.paths import processing

def main(argv):
    settings = json.loads(open(__file__.rsplit('/', 1)[0] + '/job.json').read())
    report = {"binary_classification_metrics": {"accuracy": {"value": 0.123}, "confusion_matrix": {"0": {"0": 1, "1": 0}, "1": {"0": 0, "1": 1}}}}
    (processing("evaluation") / "evaluation.json").write_text(json.dumps({**report, "label": settings["label"]}))
    return 0

sys.exit(failure.run(main))
"""


@pytest.mark.slow
def test_a_script_of_ones_own_replaces_a_job(bookings):
    (bookings.folder / "judge.py").write_text(OWN)
    done = bookings("run", "--set", "evaluation.script=judge.py", "--set", "gate=[{metric: accuracy, at_least: 0.5}]", "--output", "json", "--quiet")
    assert done.code == 3, done.err
    assert done.json["missed"] == ["accuracy is 0.123, the bar is >= 0.5"]


@pytest.mark.slow
def test_training_in_script_mode_gives_a_model_too(bookings):
    from tests.functional.conftest import ROOT

    (bookings.folder / "mine.py").write_text((ROOT / "training/train.py").read_text())
    done = bookings("run", "--set", "training.script=mine.py", "--set", "tuning=null", "--output", "json", "--quiet")
    assert done.code == 0, done.out + done.err
    assert done.json["metrics"]["Evaluate.auc"] > 0.9
