"""Tuning steps run by the command: strategies, ends of trials good and bad, stop and resume."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.functional.conftest import ROLE, ROOT, definition

SCRIPT = """
import argparse, math, os, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
for name, kind in (("width", float), ("mode", str), ("pause", float)):
    parser.add_argument("--" + name, type=kind, default={"width": 0.0, "mode": "ok", "pause": 0.0}[name])
given, _ = parser.parse_known_args()
def tell(value):
    print(f"score={value};", flush=True)
if given.mode == "crash":
    raise ValueError("no such luck")
if given.mode == "hang":
    time.sleep(600)
if given.mode == "hungry":
    hoard = [bytearray(1 << size) for size in range(36, 50)]
for epoch in range(10):
    time.sleep(given.pause)
    if given.mode != "silent":
        tell(math.nan if given.mode == "nan" else 1 - (given.width - 0.3) ** 2 - 0.5 / (epoch + 1))
Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(str(given.width))
"""
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def archive(text):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as packed:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(text.encode())
        packed.addfile(entry, io.BytesIO(text.encode()))
    return body.getvalue()


def tuning(ranges, jobs=8, *, strategy="Random", parallel=2, early="Off", runtime_s=60, static=None, **config):
    specification = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [{"Name": "score", "Regex": "score=(.*?);"}]}
    fixed = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://my-bucket/code/sourcedir.tar.gz", **(static or {})}
    arguments = {
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "TrainingJobEarlyStoppingType": early,
            "ParameterRanges": ranges,
            "RandomSeed": 5,
            **config.pop("config", {}),
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": specification,
            "StaticHyperParameters": fixed,
            "OutputDataConfig": {"S3OutputPath": "s3://my-bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "RoleArn": ROLE,
            "StoppingCondition": {"MaxRuntimeInSeconds": runtime_s},
        },
        **config,
    }
    return definition({"Name": "Tune", "Type": "Tuning", "Arguments": arguments})


X = {"ContinuousParameterRanges": [{"Name": "width", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]}


def modes(*names):
    return {"CategoricalParameterRanges": [{"Name": "mode", "Values": list(names)}]}


@pytest.fixture
def tuner(sagewright):
    """Return the command in a folder whose local S3 holds the script."""
    sagewright.put("s3://my-bucket/code/sourcedir.tar.gz", archive(SCRIPT))
    return sagewright


def described(command, run):
    (file,) = (file for file in (command.folder / ".sagewright/runs").glob(f"{run}*/jobs/*/describe.json") if "TrainingJobSummaries" in file.read_text())
    return json.loads(file.read_text())


def ran(command, document, *arguments, code=0):
    done = command.run(document, *arguments)
    assert done.code == code, done.err
    return described(command, done.json["execution_arn"].rsplit("/", 1)[-1]), done.json


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_trials_end_best_first_and_the_best_has_a_model(tuner, strategy):
    found, told = ran(tuner, tuning(X, 7, strategy=strategy))
    values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in found["TrainingJobSummaries"]]
    assert len(values) == 7 and values == sorted(values, reverse=True)
    assert found["BestTrainingJob"] == found["TrainingJobSummaries"][0] and found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"]["Completed"] == found["ObjectiveStatusCounters"]["Succeeded"] == 7
    assert told["metrics"]["Tune.score"] == values[0] and len(found["HyperParameterTuningJobName"]) <= 32
    with tarfile.open(told["outputs"]["Tune.model"]) as model:
        assert float(model.extractfile("model.txt").read()) == float(found["BestTrainingJob"]["TunedHyperParameters"]["width"])
    assert tuner("trials", "--output", "json").json[0]["width"] == found["BestTrainingJob"]["TunedHyperParameters"]["width"]
    assert tuner("trials", "--output", "md").out.count("\n") == 9
    assert "==> Tune #3 <==" in tuner("logs").out


def test_the_same_seed_tries_the_same_values_however_many_run_side_by_side(tuner):
    found = [ran(tuner, tuning(X, 5, parallel=parallel))[0] for parallel in (1, 2)]
    tried = [
        sorted((each["TrainingJobName"].rsplit("-", 2)[1], each["TunedHyperParameters"]["width"]) for each in one["TrainingJobSummaries"]) for one in found
    ]
    assert tried[0] == tried[1]


def test_each_bad_end_of_a_trial_is_its_own_and_the_job_goes_on(tuner):
    names = ("ok", "crash", "silent", "nan", "hang", "hungry")
    found, _ = ran(tuner, tuning(modes(*names), strategy="Grid", runtime_s=3))
    ends = {each["TunedHyperParameters"]["mode"]: each for each in found["TrainingJobSummaries"]}
    assert {name: (ends[name]["TrainingJobStatus"], ends[name]["ObjectiveStatus"]) for name in names} == {
        "ok": ("Completed", "Succeeded"),
        "crash": ("Failed", "Failed"),
        "silent": ("Completed", "Failed"),
        "nan": ("Completed", "Failed"),
        "hang": ("Stopped", "Failed"),
        "hungry": ("Failed", "Failed"),
    }
    assert "no such luck" in ends["crash"]["FailureReason"] and "MaxRuntimeExceeded" in ends["hang"]["FailureReason"]
    assert "MemoryError" in ends["hungry"]["FailureReason"]
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"mode": "ok"}
    assert found["TrainingJobStatusCounters"] == {"Completed": 3, "InProgress": 0, "NonRetryableError": 2, "RetryableError": 0, "Stopped": 1}


def test_a_job_without_one_good_trial_fails_after_five(tuner):
    found, told = ran(tuner, tuning({**X, **modes("crash")}, 20), code=1)
    assert "No training job succeeded after" in told["failure_reason"] and "no such luck" in told["failure_reason"]
    assert 5 <= len(found["TrainingJobSummaries"]) <= 7


def test_the_median_rule_stops_the_worse_trials(tuner):
    found, _ = ran(tuner, tuning(X, 12, early="Auto", static={"pause": "0.05"}))
    stopped = [each for each in found["TrainingJobSummaries"] if each["TrainingJobStatus"] == "Stopped"]
    assert stopped and found["BestTrainingJob"]["TrainingJobStatus"] == "Completed"
    best = found["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert all(each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] < best for each in stopped)


def test_hyperband_gives_few_trials_all_rounds(tuner):
    band = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 10}}}
    found, _ = ran(tuner, tuning(X, 12, strategy="Hyperband", static={"pause": "0.05"}, config=band))
    assert found["TrainingJobStatusCounters"]["Stopped"] >= 3 and found["TrainingJobStatusCounters"]["Completed"] >= 1


def number(summary):
    return int(summary["TrainingJobName"].rsplit("-", 2)[1])


def test_a_job_ends_when_its_criteria_are_met(tuner):
    found, _ = ran(tuner, tuning(X, 40, config={"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": -10.0}}))
    assert len(found["TrainingJobSummaries"]) <= 4
    stuck = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    found, _ = ran(tuner, tuning(X, 40, config={"TuningJobCompletionCriteria": stuck}))
    # Jobs that ran when it ended may still have become the best.
    assert 4 <= len(found["TrainingJobSummaries"]) < 40 and found["HyperParameterTuningJobStatus"] == "Completed"


def test_a_job_starts_from_the_trials_of_an_earlier_one(tuner):
    first, _ = ran(tuner, tuning(X, 6))
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": first["HyperParameterTuningJobName"]}]}
    second, _ = ran(tuner, tuning(X, 3, strategy="Bayesian", WarmStartConfig={**warm, "WarmStartType": "IdenticalDataAndAlgorithm"}))
    overall = second["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert overall >= first["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    gone = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "elsewhere"}], "WarmStartType": "TransferLearning"}
    done = tuner.run(tuning(X, 3, WarmStartConfig=gone))
    assert done.code == 1 and "no tuning job 'elsewhere' was run here" in done.json["failure_reason"]


def test_a_warm_start_needs_the_same_objective_and_for_identical_the_same_image(tuner):
    first, _ = ran(tuner, tuning(X, 1))
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": first["HyperParameterTuningJobName"]}]}
    downwards = tuning(X, 1, WarmStartConfig={**warm, "WarmStartType": "TransferLearning"})
    downwards["Steps"][0]["Arguments"]["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] = "Minimize"
    assert "is Maximize score, of this job Minimize score" in tuner.run(downwards).json["failure_reason"]
    newer = tuning(X, 1, WarmStartConfig={**warm, "WarmStartType": "IdenticalDataAndAlgorithm"})
    newer["Steps"][0]["Arguments"]["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = IMAGE.replace("1.4-2", "1.2-1")
    assert "had other training images" in tuner.run(newer).json["failure_reason"]


def test_ctrl_c_stops_within_two_seconds_and_resume_keeps_the_finished_trials(tuner):
    (tuner.folder / "p.json").write_text(json.dumps(tuning(X, 8, static={"pause": "0.08"})))
    command = [sys.executable, "-m", "pipelines", "run", "p.json", "--quiet", "--output", "json"]
    environment = {**{key: value for key, value in os.environ.items() if not key.startswith("AWS_")}, "PYTHONPATH": str(ROOT), "CI": "true"}
    process = subprocess.Popen(command, cwd=tuner.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ended = wait_for_trials(tuner.folder, 3)
    at = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - at < 4  # two seconds, and what a busy machine adds
    assert jobs_alive(tuner.folder) == []
    resumed = tuner("resume", "--output", "json", "--quiet")
    assert resumed.code == 0, resumed.err
    found = described(tuner, resumed.json["execution_arn"].rsplit("/", 1)[-1])
    names = {each["TrainingJobName"] for each in found["TrainingJobSummaries"]}
    assert len(names) == 8 and ended <= names
    events = [json.loads(line) for line in next((tuner.folder / ".sagewright/runs").glob("*/journal.jsonl")).read_text().splitlines()]
    started = [event["name"] for event in events if event["event"] == "trial_started"]
    assert all(started.count(name) == 1 for name in ended)


def wait_for_trials(folder, count):
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        lines = [line for file in (folder / ".sagewright/runs").glob("*/journal.jsonl") for line in file.read_text().splitlines()]
        ended = {event["trial"]["trial"]["name"] for event in map(json.loads, lines) if event["event"] == "trial_ended"}
        if len(ended) >= count:
            return ended
        time.sleep(0.02)
    raise AssertionError("no trials ended")


def jobs_alive(folder):
    text = str(folder).encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            known = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if text in known or b"train.py" in known:
            found.append(pid)
    return found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strategy": "Hyperband", "early": "Auto"}, "must be Off"),
        ({"strategy": "Grid"}, "categorical ranges only"),
        ({"static": {"width": "1"}}, "has a range and a static value"),
    ],
)
def test_a_request_that_contradicts_itself_fails_before_any_trial(tuner, changes, says):
    done = tuner.run(tuning(X, 3, **changes))
    assert done.code == 1 and says in done.json["failure_reason"]
