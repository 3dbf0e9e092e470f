from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest

from pipelines.local.context import Run, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.journal import StepState
from pipelines.local.results import transformed
from pipelines.local.transform.job import execute

CONTAINER = {"Image": "image", "ModelDataUrl": "s3://bkt/model.tar.gz"}
AT_S = 1_766_000_000.0  # 2025-12-17 19:33:20 UTC


@pytest.fixture
def step(tmp_path, store):
    """Return a function that makes a step's run with a request; what it reports is collected."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/my-model.json").write_text(json.dumps({"ModelName": "my-model", "PrimaryContainer": CONTAINER}))
    launcher = SimpleNamespace(layer=lambda: "none")
    run = Run(tmp_path, tmp_path / "run", store, None, launcher, lambda: AT_S, "pipe", "abc", AT_S)
    reported: list[tuple[str, dict]] = []

    def made(**changes):
        source = {"S3DataType": changes.pop("S3DataType", "S3Prefix"), "S3Uri": changes.pop("S3Uri", "s3://bkt/in")}
        arguments = {
            "ModelName": "my-model",
            "TransformInput": {"DataSource": {"S3DataSource": source}, "SplitType": "Line", "ContentType": "text/csv", **changes.pop("Input", {})},
            "TransformOutput": {"S3OutputPath": "s3://bkt/out/", "AssembleWith": "Line", "Accept": "text/csv"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
            **changes,
        }
        return StepRun(run, SimpleNamespace(name="Batch"), arguments, None, report=lambda event, **members: reported.append((event, members)))

    made.reported = reported
    return made


def test_a_step_gives_what_describe_transform_job_gives(step, store, model):
    store.put_bytes("s3://bkt/in/a.csv", b"1\n2\n")
    step_run = step(MaxPayloadInMB=1, BatchStrategy="MultiRecord", Environment={"A": "b"})
    done = execute(step_run, model.hosted)
    assert done.status == "Succeeded" and store.read("s3://bkt/out/a.csv.out") == b"1\n2\n"
    described = done.properties
    assert described["TransformJobStatus"] == "Completed" and described["TransformJobArn"].endswith(f":transform-job/{step_run.job_name}")
    assert described["CreationTime"] == described["TransformEndTime"] == "2025-12-17T19:33:20.000+00:00"
    assert model.asked["containers"] == [CONTAINER] and model.headers[0]["Content-Type"] == "text/csv" and model.headers[0]["Accept"] == "text/csv"
    assert model.asked["environment"] == {"A": "b", "SAGEMAKER_BATCH": "true", "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1"}
    kept = json.loads((step_run.job_dir / "describe.json").read_text())
    assert (kept["LocalExecution"]["Files"], kept["LocalExecution"]["Records"], kept["LocalExecution"]["Bytes"]) == (1, 2, 4)
    assert step.reported == [("transform_advanced", {"files": 1, "files_of": 1, "size_bytes": 4, "size_bytes_of": 4, "records": 2, "told": False})]
    log = (step_run.job_dir / "log.txt").read_text()
    assert log == "serving\n2025-12-17T19:33:20.000:[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD\n"
    assert sorted(path.name for path in step_run.job_dir.iterdir()) == ["describe.json", "log.txt"]


def test_a_step_with_a_bad_file_fails_and_says_which(step, store, model):
    store.put_bytes("s3://bkt/in/a.csv", b"bad\n")
    store.put_bytes("s3://bkt/in/sub/b.csv", b"good\n")
    model.reply = lambda body: (415, b"what?") if body == b"bad\n" else body
    step_run = step(DataCaptureConfig={"DestinationS3Uri": "s3://bkt/captured"})
    done = execute(step_run, model.hosted)
    reason = "ClientError: See job logs for more information (1 of 2 files failed): bkt/in/a.csv: ClientError: 415 Message: what?"
    assert (done.status, done.failure_reason, done.properties["FailureReason"]) == ("Failed", reason, reason)
    assert [item.relative for item in store.list("s3://bkt/out")] == ["sub/b.csv.out"]
    assert "[sagemaker logs]: bkt/in/a.csv: ClientError: 415\n" in (step_run.job_dir / "log.txt").read_text()
    captured = {item.relative: json.loads(item.path.read_text()) for item in store.list("s3://bkt/captured")}
    assert captured == {
        f"input/2025/12/17/19/{step_run.job_name}.jsonl": [{"prefix": "s3://bkt/in/"}, "sub/b.csv"],
        f"output/2025/12/17/19/{step_run.job_name}.jsonl": [{"prefix": "s3://bkt/out/"}, "sub/b.csv.out"],
    }


def test_the_container_says_what_the_request_does_not(step, store, model):
    store.put_bytes("s3://bkt/in/a.csv", b"1\n2\n3\n")
    model.parameters = b'{"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 6}'
    assert execute(step(), model.hosted).status == "Succeeded"
    assert sorted(model.bodies) == [b"1", b"2", b"3"] and store.read("s3://bkt/out/a.csv.out") == b"1\n2\n3\n"


def test_a_manifest_names_the_files(step, store, model):
    store.put_bytes("s3://bkt/any/x/a.csv", b"1\n")
    store.put_bytes("s3://bkt/any/b.csv", b"2\n")
    store.put_bytes("s3://bkt/list.manifest", json.dumps([{"prefix": "s3://bkt/any/"}, "x/a.csv"]).encode())
    step_run = step(S3DataType="ManifestFile", S3Uri="s3://bkt/list.manifest")
    done = execute(step_run, model.hosted)
    assert [item.relative for item in store.list("s3://bkt/out")] == ["x/a.csv.out"]
    assert transformed(done.properties, store) == "s3://bkt/out"


def test_a_manifest_that_names_a_folder_is_refused(step, store, model):
    store.put_bytes("s3://bkt/any/x/a.csv", b"1\n")
    store.put_bytes("s3://bkt/any/x/b.csv", b"2\n")
    store.put_bytes("s3://bkt/list.manifest", json.dumps([{"prefix": "s3://bkt/any/"}, "x"]).encode())
    with pytest.raises(ClientFault, match="two objects would be written to x.out"):
        execute(step(S3DataType="ManifestFile", S3Uri="s3://bkt/list.manifest"), model.hosted)


def test_one_object_has_one_output(step, store, model):
    store.put_bytes("s3://bkt/in/a.csv", b"1\n")
    done = execute(step(S3Uri="s3://bkt/in/a.csv"), model.hosted)
    assert transformed(done.properties, store) == "s3://bkt/out/a.csv.out" and store.exists("s3://bkt/out/a.csv.out")
    assert transformed({"TrainingJobName": "x"}, store) is None


def test_nothing_starts_when_something_is_missing(step, store, model):
    with pytest.raises(ClientFault, match="no S3 objects found under s3://bkt/in"):
        execute(step(), model.hosted)
    store.put_bytes("s3://bkt/in/a.csv", b"1\n")
    with pytest.raises(ClientFault, match='Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/other"'):
        execute(step(ModelName="other"), model.hosted)
    with pytest.raises(ClientFault, match="AugmentedManifestFile does not run locally"):
        execute(step(S3DataType="AugmentedManifestFile"), model.hosted)
    with pytest.raises(ClientFault, match="MaxPayloadInMB"):
        execute(step(MaxPayloadInMB=1000), model.hosted)
    assert model.bodies == [] and not store.exists("s3://bkt/out")


def test_a_stopped_execution_stops_the_job(step, store, model):
    store.put_bytes("s3://bkt/in/a.csv", b"1\n")
    step_run = step()
    step_run.run.stopping.set()
    done = execute(step_run, model.hosted)
    assert (done.status, done.properties["TransformJobStatus"]) == ("Stopped", "Stopped") and not store.exists("s3://bkt/out")
    assert isinstance(step_run.run.stopping, threading.Event) and "FailureReason" not in done.properties


def test_progress_is_told_in_words():
    from pipelines.commands.progress import advanced_words

    done = {"files": 0, "files_of": 1, "size_bytes": 43, "size_bytes_of": 100, "records": 1_200_000}
    assert advanced_words(StepState("B", "Transform", advanced=done)) == "1,200,000 records, 43 %"
    many = {**done, "files": 2, "files_of": 7, "records": 0}
    assert advanced_words(StepState("B", "Transform", advanced=many)) == "2 of 7 files, 43 %"
    assert advanced_words(StepState("B", "Transform", advanced={**many, "files": 7, "records": 9})) == "9 records, 7 files"
