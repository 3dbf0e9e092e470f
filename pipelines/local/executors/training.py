"""Run a Training step: CreateTrainingJob in a sandbox (AWS developer guide, "Use your own training algorithms")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local import container
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.images import builtin_metric_definitions, plan_training
from pipelines.local.job import JobResult
from pipelines.local.metrics import final_metrics

FOLDERS = ("input/config", "input/data", "model", "output/data", "code", "checkpoints")


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeTrainingJobResponse as the step's properties.

    Raises:
        ClientFault: a channel is empty, or a setting cannot be used.
    """
    request = {**step_run.arguments, "TrainingJobName": step_run.job_name}
    hyperparameters = {name: str(value) for name, value in (request.get("HyperParameters") or {}).items()}
    ml = container.prepare(step_run, FOLDERS)
    started = step_run.timestamp()
    _write_config(request, hyperparameters, ml)
    _fetch(step_run, request, hyperparameters, ml)
    result = _start(step_run, request, hyperparameters)
    failure = container.failure_reason(result, step_run, "failure")
    artifacts = _upload(step_run, request, ml, complete=failure is None or (result.reason != "exited" and any((ml / "model").iterdir())))
    definitions = _metric_definitions(request, hyperparameters)
    metrics = final_metrics(container.log_lines(step_run.job_dir / "log.txt"), definitions)
    properties = _describe(step_run, request, result, failure, started, artifacts, metrics)
    container.write_json(step_run.job_dir / "describe.json", {**properties, "LocalExecution": {"Isolation": result.isolation, "Seconds": result.seconds}})
    status = "Stopped" if result.reason == "stopped" else "Failed" if failure else "Succeeded"
    return Outcome(status, properties, metrics, failure)


def _image(request: Mapping[str, Any]) -> str:
    image = request["AlgorithmSpecification"].get("TrainingImage")
    if not image:
        raise ClientFault("AlgorithmSpecification.AlgorithmName does not run locally; expected TrainingImage")
    return str(image)


def _channels(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return request.get("InputDataConfig") or ()


def _write_config(request: Mapping[str, Any], hyperparameters: Mapping[str, str], ml: Path) -> None:
    config = ml / "input" / "config"
    channels = {
        channel["ChannelName"]: {
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
            "TrainingInputMode": channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File"),
            "S3DistributionType": channel["DataSource"].get("S3DataSource", {}).get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        for channel in _channels(request)
    }
    container.write_json(config / "hyperparameters.json", hyperparameters)
    container.write_json(config / "inputdataconfig.json", channels)
    container.write_json(config / "resourceconfig.json", container.resource_config(_instance_type(request)))
    if request.get("CheckpointConfig"):
        container.write_json(config / "checkpointconfig.json", {"LocalPath": request["CheckpointConfig"].get("LocalPath", "/opt/ml/checkpoints")})


def _instance_type(request: Mapping[str, Any]) -> str:
    resources = request.get("ResourceConfig") or {}
    return str(resources.get("InstanceType") or next((group["InstanceType"] for group in resources.get("InstanceGroups", [])), "local"))


def _fetch(step_run: StepRun, request: Mapping[str, Any], hyperparameters: Mapping[str, str], ml: Path) -> None:
    store = step_run.run.store
    for channel in _channels(request):
        name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
        mode = channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File")
        if source is None or mode == "Pipe":
            raise ClientFault(f"channel {name!r}: only S3DataSource in File or FastFile mode runs locally; got {mode} {sorted(channel['DataSource'])}")
        container.download(store, {**source, "CompressionType": channel.get("CompressionType")}, ml / "input" / "data" / name)
    _fetch_code(step_run, hyperparameters, ml)
    checkpoints = (request.get("CheckpointConfig") or {}).get("S3Uri")
    if checkpoints and store.exists(checkpoints):
        store.download(checkpoints, container.real_path(ml, request["CheckpointConfig"].get("LocalPath", "/opt/ml/checkpoints")))


def _fetch_code(step_run: StepRun, hyperparameters: Mapping[str, str], ml: Path) -> None:
    """Put the archive that script mode runs where the program unpacks it: /opt/ml/code/sourcedir.tar.gz."""
    uri = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
    if not uri.startswith("s3://"):
        return
    try:
        (ml / "code" / "sourcedir.tar.gz").write_bytes(step_run.run.store.read(uri))
    except UsageError as error:
        raise ClientFault(str(error)) from None


def _start(step_run: StepRun, request: Mapping[str, Any], hyperparameters: Mapping[str, str]) -> JobResult:
    command = plan_training(_image(request), request, hyperparameters)
    identity = {
        "TRAINING_JOB_NAME": step_run.job_name,
        "TRAINING_JOB_ARN": f"{step_run.run.arn_prefix}training-job/{step_run.job_name}",
        "AWS_REGION": step_run.run.region,
    }
    environment = {**command.environment, **identity, **(request.get("Environment") or {})}
    isolated = bool(request.get("EnableNetworkIsolation", False))
    return container.run_job(step_run, _image(request), command, environment, request.get("StoppingCondition"), network_isolation=isolated)


def _upload(step_run: StepRun, request: Mapping[str, Any], ml: Path, *, complete: bool) -> str:
    """Upload /opt/ml/model when `complete`, /opt/ml/output/data always, checkpoints when configured; return the model's URI, empty without one.

    A job that is stopped leaves what its model folder holds then (AWS API reference, StopTrainingJob: "so the results of the training is not lost").
    """
    store, output = step_run.run.store, request["OutputDataConfig"]
    base = f"{output['S3OutputPath'].rstrip('/')}/{step_run.job_name}/output"
    packed = output.get("CompressionType", "GZIP") != "NONE"
    artifacts = f"{base}/model.tar.gz" if packed else f"{base}/model/"
    if complete and packed:
        store.put_bytes(artifacts, container.pack(ml / "model"))
    elif complete:
        store.put_tree(artifacts, ml / "model")
    if any((ml / "output" / "data").iterdir()):
        store.put_bytes(f"{base}/output.tar.gz", container.pack(ml / "output" / "data"))
    checkpoints = request.get("CheckpointConfig") or {}
    if checkpoints.get("S3Uri"):
        store.put_tree(checkpoints["S3Uri"], container.real_path(ml, checkpoints.get("LocalPath", "/opt/ml/checkpoints")))
    return artifacts if complete else ""


def _metric_definitions(request: Mapping[str, Any], hyperparameters: Mapping[str, str]) -> list[dict[str, str]]:
    own = request["AlgorithmSpecification"].get("MetricDefinitions") or []
    return [*builtin_metric_definitions(_image(request), hyperparameters), *own]


def _describe(
    step_run: StepRun, request: Mapping[str, Any], result: JobResult, failure: str | None, started: str, artifacts: str, metrics: Mapping[str, float]
) -> dict[str, Any]:
    stopped = result.reason != "exited"
    status = "Stopped" if stopped else "Failed" if failure else "Completed"
    ended = step_run.timestamp()
    seconds = round(result.seconds)
    described = {
        **request,
        "TrainingJobArn": f"{step_run.run.arn_prefix}training-job/{step_run.job_name}",
        "TrainingJobStatus": status,
        "SecondaryStatus": "MaxRuntimeExceeded" if result.reason == "timeout" else status,
        "CreationTime": started,
        "TrainingStartTime": started,
        "TrainingEndTime": ended,
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
        "FinalMetricDataList": [{"MetricName": name, "Value": value, "Timestamp": ended} for name, value in metrics.items()],
    }
    why = {"FailureReason": failure} if failure else {}
    return {**described, **why, **({"ModelArtifacts": {"S3ModelArtifacts": artifacts}} if artifacts else {})}
