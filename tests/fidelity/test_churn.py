"""Built-in XGBoost against the real service: the log lines of a real training job, the predictions of a real batch transform, to the last digit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from tests.functional.conftest import ROOT, Command

SHARED = ROOT.parent / "shared/data"
CHURN = SHARED / "churn"
EXAMPLE = ROOT / "examples/churn-builtin/definition.json"
# Read as the container reads a request: rows of numbers without header.
PREDICT = """
import sys, numpy, xgboost
rows = numpy.loadtxt(sys.argv[2], delimiter=",", dtype="float32")
booster = xgboost.Booster()
booster.load_model(sys.argv[1])
for value in booster.predict(xgboost.DMatrix(rows), validate_features=False):
    print(repr(float(value)))
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHURN.is_dir(), reason=f"{CHURN} is not here")]


@pytest.fixture(scope="module")
def reference():
    return json.loads((SHARED / "reference.json").read_text())["xgboost_builtin_churn"]


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    folder = tmp_path_factory.mktemp("churn")
    return Command(folder, SAGEWRIGHT_CACHE=str(ROOT / ".venv/sagewright-cache"))


def trained(command, *arguments):
    data = ["-p", f"TrainData={CHURN / 'train.csv'}", "-p", f"ValidationData={CHURN / 'validation.csv'}", "-p", f"BatchData={CHURN / 'batch.csv'}"]
    done = command("run", EXAMPLE, *data, "--output", "json", "--quiet", *arguments, timeout_s=300)
    assert done.code == 0, done.err
    with tarfile.open(done.json["outputs"]["Train.model"]) as packed:
        (command.folder / "xgboost-model").write_bytes(packed.extractfile("xgboost-model").read())
    return done.json, command("logs", done.json["execution_arn"].rsplit("/", 1)[-1], "Train").out


def test_log_and_predictions_are_those_of_the_service(command, reference):
    told, log = trained(command, "--images", "pinned")
    shown = log.replace("\t", "#011").splitlines()
    assert [line for line in reference["log_lines"] if line not in shown] == []
    (pinned,) = (each for each in command("images", "list", "--output", "json").json if each["name"].startswith("sagemaker-xgboost-1.5-1-"))
    # The environment holds what jobs read tables with, too; NumPy 1 and the newest pyarrow do not go together.
    subprocess.run([pinned["python"], "-W", "ignore", "-c", "import pyarrow.parquet, pandas, sklearn"], check=True)
    script = [pinned["python"], "-W", "ignore", "-c", PREDICT, command.folder / "xgboost-model", SHARED / reference["batch_transform"]["input"]]
    predicted = subprocess.run(list(map(str, script)), capture_output=True, text=True, check=True).stdout.split()
    wanted = (SHARED / reference["batch_transform"]["output"]).read_text().split()
    assert len(predicted) == len(wanted) == 665
    assert max(abs(float(ours) - float(theirs)) for ours, theirs in zip(predicted, wanted, strict=True)) == 0.0
    # The file that our batch transform writes is that of the service, byte for byte.
    assert Path(told["outputs"]["BatchTransform.output"]).read_bytes() == (SHARED / reference["batch_transform"]["output"]).read_bytes()


def test_the_newest_image_is_no_worse(command):
    told, _ = trained(command, "-p", "XGBoostVersion=3.2-0")
    assert told["metrics"]["Train.validation:error"] <= 0.068


def test_the_same_version_is_not_made_twice_and_goes_when_it_is_removed(command, tmp_path):
    cache = Command(tmp_path, SAGEWRIGHT_CACHE=str(tmp_path / "cache"))
    assert cache("images", "list").out.startswith("none made yet")
    assert "versions of this image are not known" in cache("images", "make", "pytorch-training:2.1").err
    assert cache("images", "remove", "sagemaker-xgboost-1.5-1").code == 2
    command("images", "make", "sagemaker-xgboost:1.5-1", timeout_s=300)
    before = command("images", "list").out
    assert "installing" not in command("images", "make", "sagemaker-xgboost:1.5-1").out and command("images", "list").out == before


def test_an_environment_below_tmp_is_reached_by_jobs_with_a_tmp_of_their_own(command, tmp_path):
    """The whole of the bookings pipeline on the newest image's versions, with the cache where a job's private /tmp would hide it."""
    cache = Command(tmp_path, SAGEWRIGHT_CACHE=str(tmp_path / "cache"))
    assert cache("sample", "hotel-bookings").code == 0
    done = cache("run", "--images", "pinned", "-p", "TuningJobs=2", "--output", "json", "--quiet", timeout_s=300)
    assert done.code == 0, done.err
    assert done.json["metrics"]["Evaluate.accuracy"] > 0.8
    assert "sagemaker-xgboost-3.2-0-py" in cache("images", "list").out


def test_the_endpoint_answers_what_the_service_answered(command, reference):
    """99 of the 100 rows of endpoint-payload.csv are rows of the batch, whose answers of the real service are known."""
    told, _ = trained(command, "--images", "pinned")
    deployed = command("deploy", "--model", told["models"]["Model"], "--endpoint", "churn", "--images", "pinned", timeout_s=120)
    assert deployed.code == 0, deployed.err
    rows = (CHURN / "endpoint-payload.csv").read_text().split()
    batch = dict(zip((CHURN / "batch.csv").read_text().split(), (SHARED / reference["batch_transform"]["output"]).read_text().split(), strict=True))
    known = {tuple(map(float, row.split(","))): answer for row, answer in batch.items()}
    with served(command, "--images", "pinned") as url:
        client = boto3.client("sagemaker-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="x")
        answered = client.invoke_endpoint(EndpointName="churn", ContentType="text/csv", Body="\n".join(rows))["Body"].read().decode().split(",")
    pairs = [(ours, known[numbers]) for row, ours in zip(rows, answered, strict=True) if (numbers := tuple(map(float, row.split(",")))) in known]
    assert len(pairs) == 99
    assert [ours for ours, theirs in pairs if ours != theirs] == []


@contextmanager
def served(command, *arguments):
    """Run `sagewright serve` on a free port while the block lasts and yield its URL."""
    words = [sys.executable, "-m", "pipelines", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(words, cwd=command.folder, env={**os.environ, **command.environment, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert line.startswith("SageMaker Runtime on "), line
        yield line.split()[3]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
