"""Experiments by the command: what scripts log, the record, lists, comparisons, deletion, MLflow."""

from __future__ import annotations

import fcntl
import io
import json
import subprocess
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.functional.conftest import ROLE, ROOT, Command, definition, processing

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
TRAIN = """
import argparse, math, os
from pathlib import Path
from jobkit import Run
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
given, _ = parser.parse_known_args()
with Run() as run:
    run.log_parameters({"rate_squared": given.rate ** 2, "note": "a|b"})
    for epoch in range(5):
        run.log_metric("loss", given.rate / (epoch + 1), step=epoch)
    run.log_metric("last", math.nan)
    Path("/tmp/plot.txt").write_text("plot")
    run.log_file("/tmp/plot.txt", "plots/one.txt")
    if given.rate > 5:
        raise ValueError("too fast")
Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(str(given.rate))
"""
SCORE = """
import json, os, sys
from jobkit import Run
with Run() as run:
    run.log_metric("score", float(open("/opt/ml/processing/input/data/value.txt").read()))
    run.log_file(__file__, "score.py")
"""


def jobkit_files():
    return {f"jobkit/{name}": (ROOT / "jobkit" / name).read_text() for name in ("__init__.py", "run.py", "paths.py")}


def archive(files):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as packed:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            packed.addfile(entry, io.BytesIO(text.encode()))
    return body.getvalue()


def document(*, cached=False):
    training = {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"\[metric\] loss=([-+.0-9eE]+);"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://bkt/code/sourcedir.tar.gz",
            "rate": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rate"}]}},
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bkt/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    steps = [
        {"Name": "Fit", "Type": "Training", "Arguments": training},
        processing("Score", "score.py", outputs=("experiment",), inputs={"data": "s3://bkt/data/value.txt"}, DependsOn=["Fit"]),
    ]
    steps = [{**step, "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}} for step in steps] if cached else steps
    return definition(*steps, parameters=({"Name": "Rate", "Type": "String", "DefaultValue": "0.5"},))


def prepare(command):
    command.put("s3://bkt/code/sourcedir.tar.gz", archive({"train.py": TRAIN, **jobkit_files()}))
    for name, text in {"score.py": SCORE, **jobkit_files()}.items():
        command.put(f"s3://bkt/code/{name}", text)
    command.put("s3://bkt/data/value.txt", "0.75")
    return command


@pytest.fixture
def experiment(sagewright):
    return prepare(sagewright)


def with_folder_of_code(body):
    """Let the processing job's code input be the folder, so that jobkit lies beside the script."""
    for step in body["Steps"]:
        for item in step["Arguments"].get("ProcessingInputs", []):
            if item["InputName"] == "code":
                item["S3Input"]["S3Uri"] = "s3://bkt/code/"
    return body


def run(command, *arguments, cached=False):
    done = command.run(with_folder_of_code(document(cached=cached)), *arguments)
    return done, done.json["execution_arn"].rsplit("/", 1)[-1]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return the command, and the ids of two runs with different rates, the second with its steps' results cached."""
    command = prepare(Command(tmp_path_factory.mktemp("two")))
    runs = [run(command, "-p", f"Rate={rate}", cached=True) for rate in ("0.5", "0.25")]
    assert [done.code for done, _ in runs] == [0, 0], runs[0][0].err
    return command, *(name for _, name in runs)


def record(command, name):
    return json.loads((command.folder / f".sagewright/runs/{name}/experiment.json").read_text())


def test_the_record_has_what_the_run_was_made_of_and_what_it_came_to(two):
    command, first, second = two
    kept = record(command, first)
    assert kept["parameters"] == {"Rate": "0.5"}
    assert kept["hyperparameters"] == {"Fit.rate": "0.5"}
    assert kept["logged"] == {"Fit.rate_squared": 0.25, "Fit.note": "a|b"}
    assert kept["metrics"] == {"Fit.loss": 0.1, "Fit.last": None, "Score.score": 0.75}
    assert kept["curves"] == {"Fit.loss": {"steps": [0, 1, 2, 3, 4], "values": [0.5, 0.25, 0.5 / 3, 0.125, 0.1]}}
    assert kept["files"]["Fit.plots/one.txt"]["bytes"] == 4
    assert kept["artefacts"]["Fit.model"]["bytes"] > 0
    assert len(kept["artefacts"]["Fit.model"]["sha256"]) == 64
    assert kept["data"]["Score.data"]["uri"] == "s3://bkt/data/value.txt"
    assert set(kept["code"]) == {"Fit", "Score"}
    assert kept["environment"]["libraries"]["numpy"]
    assert kept["steps"]["Fit"]["logged"] == "completed"
    assert kept["steps"]["Fit"]["isolation"]
    assert record(command, second)["steps"]["Score"]["reused_from"] == first


def test_what_the_cache_gave_has_its_metrics_and_curves_and_says_whose_they_are(experiment):
    _, first = run(experiment, cached=True)
    _, second = run(experiment, cached=True)
    assert record(experiment, second)["curves"] == record(experiment, first)["curves"] != {}
    assert record(experiment, second)["metrics"] == record(experiment, first)["metrics"]
    assert record(experiment, second)["steps"]["Fit"]["reused_from"] == first


def test_a_script_that_fails_leaves_what_it_logged(experiment):
    done, name = run(experiment, "-p", "Rate=10")
    assert done.code == 1
    kept = record(experiment, name)
    assert (kept["status"], kept["steps"]["Fit"]["logged"], kept["metrics"]["Fit.loss"]) == ("Failed", "failed", 2.0)
    assert "too fast" in kept["failure_reason"]


def test_a_processing_script_without_a_declared_output_is_read_from_its_log(experiment):
    body = with_folder_of_code(document())
    body["Steps"] = [step for step in body["Steps"] if step["Name"] == "Score"]
    body["Steps"][0].pop("DependsOn")
    body["Steps"][0]["Arguments"]["ProcessingOutputConfig"] = {"Outputs": []}
    done = experiment.run(body)
    assert done.code == 0, done.err
    assert record(experiment, done.json["execution_arn"].rsplit("/", 1)[-1])["metrics"] == {"Score.score": 0.75}


@pytest.mark.parametrize(("dirty", "branch"), [(False, "main"), (True, "main")])
def test_the_commit_of_the_project_is_recorded(experiment, dirty, branch):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments], cwd=experiment.folder, check=True, capture_output=True)

    (experiment.folder / "notes.txt").write_text("one")
    git("init", "-b", branch)
    git("add", "notes.txt")
    git("commit", "-m", "first")
    (experiment.folder / "notes.txt").write_text("two" if dirty else "one")
    _, name = run(experiment)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=experiment.folder, check=True, capture_output=True, text=True).stdout.strip()
    assert record(experiment, name)["git"] == {"commit": commit, "branch": branch, "dirty": dirty}


def test_without_git_a_run_works_and_has_no_commit(experiment, tmp_path):
    (tmp_path / "empty").mkdir()
    _, name = run(Command(experiment.folder, PATH=str(tmp_path / "empty")))
    assert record(experiment, name)["git"] is None


def test_runs_are_sorted_by_any_column_best_first(two):
    command, first, second = two

    def listed(*arguments):
        return [row["run"] for row in command("runs", *arguments, "--output", "json").json]

    assert listed("--sort", "loss", "--columns", "loss") == [second, first]
    assert listed("--sort", "loss", "--columns", "loss", "--descending") == [first, second]
    assert listed("--sort", "parameters.Rate", "--columns", "status") == [first, second]
    assert listed("--sort", "hyperparameters.Fit.rate", "--limit", "1") == [first]
    rows = command("runs", "--columns", "status, loss,rate_squared,git.commit", "--output", "json")
    assert rows.code == 2
    rows = command("runs", "--columns", "status, loss,rate_squared", "--output", "json").json
    assert rows[1] == {"run": first, "status": "Succeeded", "loss": 0.1, "rate_squared": 0.25}
    assert command("runs", "--columns", "loss", "--output", "csv").out.splitlines()[0] == "run,loss"
    assert "| run | note |" in command("runs", "--columns", "note", "--output", "md").out


def test_an_unknown_column_is_an_error_that_names_the_nearest(two):
    done = two[0]("runs", "--sort", "lost")
    assert (done.code, done.out) == (2, "")
    assert "Did you mean 'loss'?" in done.err
    assert two[0]("runs", "--ascending").code == 2


def test_runs_alone_is_what_it_was(two):
    done = two[0]("runs")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["RUN", "PIPELINE", "STATUS", "STARTED", "SECONDS", "METRICS"]
    assert {row["status"] for row in two[0]("runs", "--output", "json").json} == {"Succeeded"}


def test_a_comparison_says_what_differs_and_nothing_else(two):
    command, first, second = two
    view = command("compare", first, second, "--output", "json").json
    assert {each["name"]: each["values"] for each in view["differences"]} == {
        "parameters.Rate": ["0.5", "0.25"],
        "hyperparameters.Fit.rate": ["0.5", "0.25"],
        "logged.Fit.rate_squared": [0.25, 0.0625],
    }
    assert [(each["name"], each["values"], each["deltas"]) for each in view["metrics"]] == [("Fit.loss", [0.1, 0.05], [None, -0.05])]
    assert list(view["curves"]) == ["Fit.loss"]
    text = command("compare", first[:6], "latest")
    assert text.code == 0
    assert "0.05 (-0.05)" in text.out
    assert "●" in text.out
    assert "\x1b" not in text.out


def test_a_comparison_for_a_pull_request_is_markdown(two):
    command, first, second = two
    lines = command("compare", first, second, "--output", "md").out.splitlines()
    assert lines[0] == f"| run | `{first}` | `{second}` |"
    assert "| Fit.loss | 0.1 | 0.05 (-0.05) |" in lines
    assert not any("●" in line for line in lines)


def test_output_that_takes_ascii_only_gets_a_chart_of_ascii(two):
    command, first, second = two
    done = Command(command.folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")("compare", first, second)
    assert done.code == 0, done.err
    assert done.out.isascii()
    assert "o" in done.out


@pytest.mark.parametrize("name", ["curves.svg", "curves.png"])
def test_curves_are_drawn_to_a_file(two, tmp_path, name):
    command, first, second = two
    done = command("compare", first, second, "--chart", tmp_path / name)
    assert done.code == 0, done.err
    body = (tmp_path / name).read_bytes()
    if name.endswith("svg"):
        tree = ElementTree.fromstring(body)
        assert len(tree.findall(".//{http://www.w3.org/2000/svg}polyline")) == 2
    else:
        assert body.startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir() if "curves" in path.name] == [name]


@pytest.mark.parametrize("arguments", [["latest"], ["latest", "latest"], ["latest", "nosuchrun"], ["--chart", "x.gif"], ["--chart", "no/such/x.svg"]])
def test_what_cannot_be_compared_is_refused(two, arguments):
    command, first, second = two
    done = command("compare", *([first, second] if arguments[0] == "--chart" else []), *arguments)
    assert (done.code, done.out) == (2, "")
    assert "expected" in done.err


def test_an_older_run_has_a_record_as_well(experiment):
    _, name = run(experiment)
    folder = experiment.folder / f".sagewright/runs/{name}"
    (folder / "experiment.json").unlink()
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    events[0].pop("provenance")
    (folder / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    shown = experiment("runs", "show", name, "--output", "json").json
    assert shown["metrics"]["Fit.loss"] == 0.1
    assert shown["environment"] == {"images": "host"}
    assert (folder / "experiment.json").is_file()
    assert "metrics.Score.score" in experiment("runs", "show").out
    _, other = run(experiment, "-p", "Rate=1")
    assert f"Libraries and git were not recorded for: {name}." in experiment("compare", name, other).out


def test_runs_are_deleted_whole_and_what_others_need_stays(experiment):
    _, first = run(experiment, cached=True)
    _, second = run(experiment, "-p", "Rate=10", cached=True)
    assert experiment("runs", "delete", first).code == 2
    assert first in experiment("runs", "delete", first, "--dry-run").out
    assert experiment("runs", "delete").code == 2
    assert experiment("runs", "delete", first, "--failed").code == 2
    done = experiment("runs", "delete", "--failed", "--yes", "--output", "json")
    assert done.json["deleted"] == [second]
    done = experiment("runs", "delete", first, "--yes")
    assert f"deleted: {first} Succeeded" in done.out
    assert not list((experiment.folder / ".sagewright/runs").iterdir())
    assert not list((experiment.folder / ".sagewright/trash").iterdir())
    _, third = run(experiment, cached=True)
    kept = record(experiment, third)
    assert (kept["metrics"]["Fit.loss"], kept["steps"]["Fit"]["reused_from"]) == (0.1, first)
    assert kept["logged"] == {"Fit.rate_squared": 0.25, "Fit.note": "a|b"}


def test_the_age_of_runs_chooses(experiment):
    _, name = run(experiment)
    assert experiment("runs", "delete", "--older-than", "1d", "--yes").out == "no such run\n"
    assert experiment("runs", "delete", "--older-than", "0s", "--dry-run", "--output", "json").json["deleted"] == [name]
    assert "expected 30d, 12h" in experiment("runs", "delete", "--older-than", "soon", "--yes").err


def test_a_run_that_a_process_executes_is_never_deleted(experiment):
    _, name = run(experiment)
    with open(experiment.folder / f".sagewright/runs/{name}/.lock") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = experiment("runs", "delete", name, "--yes", "--force")
        assert done.code == 2
        assert "a process is executing it" in done.err
        assert experiment("runs", "delete", "--older-than", "0s", "--yes", "--output", "json").json["kept"] == {name: "a process is executing it"}
    assert (experiment.folder / f".sagewright/runs/{name}/experiment.json").is_file()


def test_a_run_that_registered_a_model_is_kept_without_force(experiment):
    body = definition(
        {
            "Name": "Register",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": "group",
                "InferenceSpecification": {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bkt/data/value.txt"}]},
            },
        }
    )
    done = experiment.run(body)
    assert done.code == 0, done.err
    name = done.json["execution_arn"].rsplit("/", 1)[-1]
    refused = experiment("runs", "delete", name, "--yes")
    assert refused.code == 2
    assert "it registered group/1" in refused.err
    assert experiment("runs", "delete", name, "--yes", "--force").code == 0
    assert experiment("registry", "show", "group/1").code == 0


FAKE = Path(__file__).parent / "fake_mlflow"


def told(folder):
    return [json.loads(line) for line in (folder / "mlflow.jsonl").read_text().splitlines()]


def test_the_record_is_sent_to_mlflow_and_not_twice(two, tmp_path):
    command, first, _ = two
    client = Command(command.folder, PYTHONPATH=f"{ROOT}:{FAKE}", FAKE_MLFLOW=str(tmp_path))
    done = client("runs", "send", first, "--tracking-uri", "http://127.0.0.1:1", "--experiment", "mine", "--output", "json")
    assert done.code == 0, done.err
    assert done.json == {"tracking_uri": "http://127.0.0.1:1", "experiment": "mine", "run_id": "run-1", "sent": True}
    calls = told(tmp_path)
    metrics = [metric for call in calls if call["call"] == "log_batch" for metric in call.get("metrics", [])]
    assert [metric for metric in metrics if metric[0] == "Fit.loss"] == [
        ["Fit.loss", value, step] for step, value in enumerate([0.5, 0.25, 0.5 / 3, 0.125, 0.1])
    ]
    assert ["Score.score", 0.75, 0] in metrics
    assert not any(name == "Fit.last" for name, _, _ in metrics)
    params = [param for call in calls if call["call"] == "log_batch" for param in call.get("params", [])]
    assert sorted(params) == [["hyperparameters.Fit.rate", "0.5"], ["logged.Fit.note", "a|b"], ["logged.Fit.rate_squared", "0.25"], ["parameters.Rate", "0.5"]]
    assert sorted(call["file"] for call in calls if call["call"] == "log_artifact") == [
        "experiment.json",
        "files/Fit/plots/one.txt",
        "files/Score/score.py",
    ]
    assert calls[-1] == {"call": "set_terminated", "status": "FINISHED"}
    again = client("runs", "send", first, "--tracking-uri", "http://127.0.0.1:1", "--experiment", "mine", "--output", "json")
    assert again.json["sent"] is False
    assert len(told(tmp_path)) == len(calls)


def test_a_server_that_is_down_is_an_error_of_send_and_mlflow_that_is_missing_names_the_extra(two, tmp_path):
    command, first, _ = two
    client = Command(command.folder, PYTHONPATH=f"{ROOT}:{FAKE}", FAKE_MLFLOW=str(tmp_path), FAKE_MLFLOW_DOWN="1")
    done = client("runs", "send", first, "--tracking-uri", "http://127.0.0.1:1")
    assert done.code == 6
    assert "MLflow did not take the record" in done.err
    assert "has no tracking URI" in command("runs", "send", first).err
    missing = command("runs", "send", first, "--tracking-uri", "http://127.0.0.1:1")
    assert missing.code == 2
    assert "pip install 'sagewright[mlflow]'" in missing.err


@pytest.mark.parametrize("down", [False, True])
def test_a_configuration_sends_every_run_and_a_server_that_is_down_fails_none(bookings, tmp_path, down):
    (tmp_path / "told").mkdir()
    variables = {"FAKE_MLFLOW": str(tmp_path / "told"), **({"FAKE_MLFLOW_DOWN": "1"} if down else {})}
    client = Command(bookings.folder, PYTHONPATH=f"{ROOT}:{FAKE}", **variables)
    done = client("run", "--set", "tuning.jobs=2", "--set", "mlflow.tracking_uri=http://127.0.0.1:1", "--output", "json")
    assert done.code == 0, done.err
    assert "compiling" not in done.err
    name = done.json["execution_arn"].rsplit("/", 1)[-1]
    kept = record(bookings, name)
    assert set(kept["curves"]) == {"Tune.train:auc", "Tune.validation:auc"}
    assert len(kept["curves"]["Tune.validation:auc"]["steps"]) == 100
    assert len(kept["searches"]["Tune"]["jobs"]) == 2
    assert kept["data"]["InputData"]["sha256"][:16] in kept["parameters"]["InputData"]
    assert "mlflow" not in (bookings.folder / f".sagewright/runs/{name}/definition.json").read_text().replace("MlflowConfig", "")
    if down:
        assert f"sagewright runs send {name}" in done.err
        done = Command(bookings.folder, PYTHONPATH=f"{ROOT}:{FAKE}", FAKE_MLFLOW=str(tmp_path / "told"))("runs", "send", name)
        assert done.code == 0, done.err
    calls = told(tmp_path / "told")
    assert calls[-1]["status"] == "FINISHED"
    assert sum(metric[0] == "Tune.validation_auc" for call in calls if call["call"] == "log_batch" for metric in call["metrics"]) == 100


def test_mlflow_in_the_environment_alone_sends_nothing(experiment, tmp_path):
    client = Command(experiment.folder, PYTHONPATH=f"{ROOT}:{FAKE}", FAKE_MLFLOW=str(tmp_path), MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert run(client)[0].code == 0
    assert not (tmp_path / "mlflow.jsonl").exists()
