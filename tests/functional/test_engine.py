"""The engine on small definitions: order, branches, caching, retries, resuming, selection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.functional.conftest import ROOT, definition, processing

WRITE = "import os; open('/opt/ml/processing/out/x.txt', 'w').write('made')"
CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
REPORT = """
import json
matrix = {"0": {"0": 5, "1": 1}, "1": {"0": 2, "1": 7}}
json.dump({"binary_classification_metrics": {"accuracy": {"value": 0.8}, "confusion_matrix": matrix}}, open("/opt/ml/processing/out/e.json", "w"))
"""


def out_of(step: str) -> dict:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}


def statuses(done) -> dict[str, str]:
    return {step["name"]: step["status"] for step in done.json["steps"]}


def gate(bar: float, *, metadata: dict | None = None) -> dict:
    report = processing("Report", "report.py", outputs=("out",), PropertyFiles=[{"PropertyFileName": "E", "OutputName": "out", "FilePath": "e.json"}], **CACHED)
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Report.PropertyFiles.E"}, "Path": "binary_classification_metrics.accuracy.value"}}
    cell = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Report.PropertyFiles.E"}, "Path": "binary_classification_metrics.confusion_matrix.1.0"}}
    conditions = [
        {"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": {"Get": "Parameters.Bar"}},
        {"Type": "LessThanOrEqualTo", "LeftValue": cell, "RightValue": 2},
    ]
    stop = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["accuracy is", value]}}}}
    branches = {"Conditions": conditions, "IfSteps": [processing("Yes", "write.py", outputs=("out",))], "ElseSteps": [stop]}
    parameters = ({"Name": "Bar", "Type": "Float", "DefaultValue": bar},)
    return definition(report, {"Name": "Gate", "Type": "Condition", "Arguments": branches}, parameters=parameters, Metadata=metadata or {})


@pytest.fixture
def ready(sagewright):
    sagewright.put("s3://bkt/code/write.py", WRITE)
    sagewright.put("s3://bkt/code/report.py", REPORT)
    sagewright.put("s3://bkt/code/read.py", "print(open('/opt/ml/processing/input/data/x.txt').read())")
    sagewright.put("s3://bkt/code/bad.py", "import sys; print('on its way'); sys.exit('it broke')")
    return sagewright


def test_a_step_reads_what_an_earlier_one_wrote(ready):
    done = ready.run(definition(processing("Read", "read.py", inputs={"data": out_of("Make")}), processing("Make", "write.py", outputs=("out",))))
    assert (done.code, statuses(done)) == (0, {"Make": "Succeeded", "Read": "Succeeded"})
    assert "made" in ready("logs").out


def test_the_result_has_the_documented_members(ready):
    told = ready.run(definition(processing("Make", "write.py", outputs=("out",)))).json
    members = {"status", "execution_arn", "definition_sha256", "seconds", "steps", "outputs", "metrics", "model_package_arn", "run_dir"}
    assert members <= set(told)
    assert set(told["steps"][0]) == {"name", "type", "status", "seconds", "cache", "failure_reason"}
    assert Path(told["outputs"]["Make.out"], "x.txt").read_text() == "made"


def test_a_gate_that_opens_takes_the_if_branch(ready):
    assert statuses(ready.run(gate(0.5))) == {"Report": "Succeeded", "Gate": "Succeeded", "Yes": "Succeeded"}


def test_a_strangers_fail_step_is_exit_1_and_says_its_message(ready):
    done = ready.run(gate(0.9))
    assert (done.code, done.json["status"]) == (1, "Failed")
    assert "accuracy is 0.8" in done.json["failure_reason"]
    assert done.json["missed"] == ["accuracy is 0.8, the bar is >= 0.9"]


@pytest.mark.parametrize(("kind", "code"), [("quality", 3), ("guard", 4), ("else", 1)])
def test_a_gate_of_ours_has_its_own_exit_code(ready, kind, code):
    assert ready.run(gate(0.9, metadata={"sagewright.gate.Stop": kind})).code == code


def test_a_changed_threshold_reuses_everything_before_the_gate(ready):
    ready.run(gate(0.5))
    done = ready.run(gate(0.5), "-p", "Bar=0.99")
    assert {step["name"]: step["cache"] for step in done.json["steps"]}["Report"] == "hit"
    assert done.code == 1


def test_a_miss_says_what_changed(ready):
    first = processing("Make", "write.py", outputs=("out",), **CACHED)
    assert ready.run(definition(first)).json["steps"][0]["cache"] == "miss: first run of this step"
    assert ready.run(definition(first)).json["steps"][0]["cache"] == "hit"
    changed = processing("Make", "write.py", outputs=("out",), arguments={"Environment": {"A": "1"}}, **CACHED)
    assert "Environment changed" in ready.run(definition(changed)).json["steps"][0]["cache"]
    assert ready.run(definition(first), "--no-cache").json["steps"][0]["cache"] == "miss: --no-cache"


def test_instance_type_and_output_place_are_not_part_of_the_key(ready):
    ready.run(definition(processing("Make", "write.py", outputs=("out",), **CACHED)))
    larger = {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50}}}
    done = ready.run(definition(processing("Make", "write.py", outputs=("out",), arguments=larger, **CACHED)))
    assert done.json["steps"][0]["cache"] == "hit"


def test_a_result_whose_output_is_gone_is_not_reused(ready):
    step = definition(processing("Make", "write.py", outputs=("out",), **CACHED))
    uri = ready.run(step).json["outputs"]["Make.out"]
    os.remove(f"{uri}/x.txt")
    os.rmdir(uri)
    assert "is gone" in ready.run(step).json["steps"][0]["cache"]


def test_a_failing_script_says_its_last_words_and_stops_what_depends_on_it(ready):
    done = ready.run(definition(processing("Bad", "bad.py", outputs=("out",)), processing("Read", "read.py", inputs={"data": out_of("Bad")})))
    assert (done.code, statuses(done)) == (1, {"Bad": "Failed"})
    assert "it broke" in done.json["failure_reason"] and "exit code: 1" in done.json["failure_reason"]


def test_resume_runs_only_what_did_not_succeed(ready):
    document = definition(
        processing("Make", "write.py", outputs=("out",)), processing("Read", "read.py", inputs={"data": out_of("Make"), "more": "s3://bkt/later/"})
    )
    failed = ready.run(document)
    assert (failed.code, statuses(failed)) == (1, {"Make": "Succeeded", "Read": "Failed"})
    ready.put("s3://bkt/later/y.txt", "here")
    resumed = ready("resume", "--output", "json", "--cold", "--quiet")
    assert (resumed.code, statuses(resumed)) == (0, {"Make": "Succeeded", "Read": "Succeeded"})
    events = journal(resumed)
    assert sum(event["event"] == "step_started" and event["step"] == "Make" for event in events) == 1


def test_resuming_a_run_that_succeeded_changes_nothing(ready):
    ready.run(definition(processing("Make", "write.py", outputs=("out",))))
    assert ready("resume").code == 0


def test_a_fault_is_retried_as_often_as_the_policy_says(ready):
    policy = [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 2.0}]
    document = definition(processing("Make", "write.py", outputs=("out",), RetryPolicies=policy))
    assert ready.run(document, "--fault", "Make=Step.THROTTLING:2").code == 0
    failed = ready.run(document, "--fault", "Make=Step.THROTTLING:3")
    assert failed.code == 1 and "Step.THROTTLING" in failed.json["failure_reason"]
    assert ready.run(document, "--fault", "Make=SageMaker.CAPACITY_ERROR").code == 1


def test_only_runs_one_step_on_the_results_of_an_earlier_run(ready):
    document = definition(processing("Make", "write.py", outputs=("out",)), processing("Read", "read.py", inputs={"data": out_of("Make")}))
    assert "needs an earlier run" in ready.run(document, "--only", "Read").err
    ready.run(document)
    done = ready.run(document, "--only", "Read")
    assert {step["name"]: step["cache"] for step in done.json["steps"]} == {"Make": "selective", "Read": ""} or done.json["steps"][0]["cache"] == "selective"
    assert ready.run(document, "--until", "Make").json["steps"][0]["name"] == "Make"
    assert "Did you mean Read" in ready.run(document, "--only", "Reed").err


def test_a_recovery_step_runs_when_another_fails(ready):
    bad = processing("Bad", "bad.py")
    recover = processing("Recover", "write.py", outputs=("out",), DependsOn=[{"Step": "Bad", "Trigger": "Failed"}])
    after = processing("After", "write.py", outputs=("out",), DependsOn=["Bad"])
    done = ready.run(definition(bad, recover, after))
    assert (done.json["status"], statuses(done)) == ("CompletedWithFailures", {"Bad": "Failed", "Recover": "Succeeded"})


def test_steps_that_are_ready_run_side_by_side_within_the_limit(ready):
    ready.put("s3://bkt/code/slow.py", "import time; time.sleep(1)")
    steps = [processing(f"S{n}", "slow.py") for n in range(3)]
    overlap = [_most_at_once(ready.run(definition(*steps), *flags)) for flags in ((), ("--max-parallel", "1"))]
    assert overlap == [3, 1]


def journal(done) -> list[dict]:
    return [json.loads(line) for line in Path(done.json["run_dir"], "journal.jsonl").read_text().splitlines()]


def _most_at_once(done) -> int:
    moments = journal(done)
    running, most = 0, 0
    for event in moments:
        running += {"step_started": 1, "step_ended": -1}.get(event["event"], 0)
        most = max(most, running)
    return most


def test_a_step_type_that_cannot_run_here_is_refused_before_anything_starts(ready):
    later = {"Name": "Ask", "Type": "Lambda", "Arguments": {}, "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    done = ready.run(definition(processing("Make", "write.py", outputs=("out",)), later))
    assert done.code == 2 and "a Lambda step does not run locally" in done.err
    assert not (ready.folder / ".sagewright/runs").exists()


def test_a_second_engine_on_the_same_run_is_refused(ready):
    ready.put("s3://bkt/code/slow.py", "import time; time.sleep(5)")
    (ready.folder / "p.json").write_text(json.dumps(definition(processing("Slow", "slow.py"))))
    first = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "run", "p.json", "--cold", "--quiet"], cwd=ready.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        _wait_for(ready.folder / ".sagewright/runs", "step_started")
        assert "another process is executing this run" in ready("resume").err
    finally:
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 130


def _wait_for(runs, event: str) -> None:
    for _ in range(300):
        if any(event in path.read_text() for path in runs.glob("*/journal.jsonl")):
            return
        time.sleep(0.1)
    raise AssertionError(f"no {event}")


def test_ctrl_c_stops_the_jobs_and_the_run_can_be_resumed(ready):
    ready.put("s3://bkt/code/slow.py", "import time, os; time.sleep(0 if os.path.exists('/tmp/x') else 600)")
    (ready.folder / "p.json").write_text(json.dumps(definition(processing("Slow", "slow.py"))))
    first = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "run", "p.json", "--cold", "--quiet"], cwd=ready.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    _wait_for(ready.folder / ".sagewright/runs", "step_started")
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 130
    ready.put("s3://bkt/code/slow.py", "print('now quick')")
    assert ready("resume", "--quiet", "--cold").code == 0


def test_a_parameter_that_names_a_local_file_is_stored_under_its_hash(ready):
    ready.put("s3://bkt/code/show.py", "import os; print(sorted(os.listdir('/opt/ml/processing/input/data')))")
    (ready.folder / "my data.csv").write_text("a\n1\n")
    parameter = {"Name": "InputData", "Type": "String", "DefaultValue": "s3://bkt/none/"}
    document = definition(processing("Show", "show.py", inputs={"data": {"Get": "Parameters.InputData"}}), parameters=(parameter,))
    done = ready.run(document, "-p", "InputData=my data.csv")
    assert done.code == 0 and done.json["parameters"]["InputData"].endswith("/my data.csv")
    assert "['my data.csv']" in ready("logs").out
    assert "there is no such file" in ready.run(document, "-p", "InputData=absent.csv").err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("-p", "Bar=high"), "expected Float"),
        (("-p", "Barr=1"), "Did you mean Bar"),
        (("-p", "Bar"), "NAME=VALUE"),
        (("--params-file", "none.yaml"), "no such file"),
        (("--profile", "prod"), "no --profile"),
        (("--isolation", "docker"), "docker"),
        (("--max-parallel", "0"), "greater than or equal to 1"),
    ],
)
def test_a_wrong_flag_is_exit_2_with_one_message(ready, flags, words):
    done = ready.run(gate(0.5), *flags)
    assert done.code == 2 and words in done.err
