"""Every example on the data that the project makes: sample, run, and what it promises."""

from __future__ import annotations

import importlib.util
import json
import sys
import tarfile
from pathlib import Path

import pytest

from tests.functional.conftest import ROOT, Command

REFERENCE = ROOT.parent / "shared/data/reference.json"
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    """Return the command in a folder with a space in its name."""
    (tmp_path / "my work").mkdir()
    return Command(tmp_path / "my work")


def test_loans_are_judged_and_registered(folder):
    assert folder("sample", "loan-approval").code == 0
    done = folder("run", "--output", "json", "--quiet", timeout_s=240)
    assert done.code == 0, done.err
    assert done.json["metrics"]["Evaluate.accuracy"] > 0.7


def test_churn_trains_on_the_built_in_algorithm_and_predicts_a_file(folder):
    assert folder("sample", "churn-builtin").code == 0
    data = [part for name in ("Train", "Validation", "Batch") for part in ("-p", f"{name}Data=data/{name.lower()}.csv")]
    done = folder("run", "definition.json", *data, "--output", "json", "--quiet")
    assert done.code == 0, done.err
    assert done.json["metrics"]["Train.validation:error"] < 0.09
    predicted = Path(done.json["outputs"]["BatchTransform.output"])
    assert predicted.name == "batch.csv.out"
    values = [float(line) for line in predicted.read_text().splitlines()]
    assert len(values) == len((folder.folder / "data/batch.csv").read_text().splitlines()) == 334 and all(0 < value < 1 for value in values)


def test_the_forest_of_the_wine_example_serves_itself(folder, tmp_path):
    assert folder("sample", "wine-quality").code == 0
    done = folder("run", "--output", "json", "--quiet", timeout_s=240)
    assert done.code == 0, done.err
    metrics = done.json["metrics"]
    assert metrics["Evaluate.r2"] > 0.2 and metrics["Evaluate.rmse"] < 0.75 and metrics["Train.validation_rmse"] < 0.8
    with tarfile.open(done.json["outputs"]["Train.model"]) as packed:
        assert sorted(packed.getnames()) == ["code", "code/inference.py", "model.joblib"]
        for name in ("code/inference.py", "model.joblib"):
            (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "model" / name).write_bytes(packed.extractfile(name).read())
    spec = importlib.util.spec_from_file_location("wine_inference", tmp_path / "model/code/inference.py")
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    model = code.model_fn(str(tmp_path / "model"))
    wanted = json.loads(REFERENCE.read_text())["script_mode_wine"] if REFERENCE.is_file() else None
    request = wanted["request"] if wanted else {"Input": [[5.3, 0.47, 0.11, 2.2, 0.048, 16, 89, 0.99182, 3.54, 0.88, 13.56666667]]}
    rows = code.input_fn(json.dumps(request), "application/json")
    answer = json.loads(code.output_fn(code.predict_fn(rows, model), "application/json"))
    assert answer["Output"] in (wanted["acceptable"] if wanted else (6, 7))
    assert (
        code.output_fn(code.predict_fn(code.input_fn(b"7.4,0.7,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4\n" * 2, "text/csv"), model), "text/csv").count("\n") == 2
    )
    with pytest.raises(ValueError, match="takes application/json and text/csv, not image/png"):
        code.input_fn("x", "image/png")
    listed = folder("registry", "show", "wine-quality/1", "--output", "json").out
    assert '"SAGEMAKER_PROGRAM": "inference.py"' in listed and "/opt/ml/model/code" in listed
    sys.modules.pop("wine_inference", None)


def test_two_instances_share_the_rows_that_preprocess_wrote_for_them(folder):
    assert folder("sample", "loan-approval").code == 0
    sets = ["--set", "training.instance_count=2", "--set", "training.distribution=ShardedByS3Key", "--set", "training.input_mode=FastFile"]
    sets += ["--set", "training.spot=true", "--set", "training.checkpoints=true", "--set", "gate=[]"]
    done = folder("run", *sets, "--output", "json", "--quiet", timeout_s=240)
    if "one job at a time has /opt/ml" in (done.json["failure_reason"] or ""):
        done = folder("run", *sets, "--isolation", "shim", "--output", "json", "--quiet", timeout_s=240)
    assert done.code == 0, done.json["failure_reason"]
    log = folder("logs", done.json["execution_arn"].rsplit("/", 1)[-1], "Train").out
    assert "Train matrix has 210 rows" in log and "Train matrix has 209 rows" in log.split("==> Train (algo-2) <==")[1]
    described = json.loads(next((folder.folder / ".sagewright/runs").glob("*/jobs/*-Train-*/describe.json")).read_text())
    assert described["EnableManagedSpotTraining"] is True and described["StoppingCondition"]["MaxWaitTimeInSeconds"] == 7200
    assert described["CheckpointConfig"]["S3Uri"].endswith("/Train/checkpoints")
    assert described["InputDataConfig"][0]["InputMode"] == "FastFile"
