"""Run a Processing step: CreateProcessingJob in a sandbox (AWS developer guide, "How to build your own processing container")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.local import container, instances, tables
from pipelines.local.checks import predictor
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.images import plan_processing
from pipelines.local.images.analyzers import asks_a_model
from pipelines.local.instances import Ended, Instance
from pipelines.local.metrics import report_metrics

BELOW = "/opt/ml/processing/"


@dataclass(frozen=True)
class Additions:
    """Hold what a step of another type gives its processing job beside the request: variables, files by container path, and the model that it asks."""

    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    model_name: str | None = None


def execute(step_run: StepRun, added: Additions = Additions()) -> Outcome:
    """Run one attempt and return DescribeProcessingJobResponse as the step's properties.

    Raises:
        ClientFault: an input is not there, a path or setting cannot be used, or the model that the job asks does not start.
    """
    request = _named_outputs(step_run)
    made = instances.prepare(step_run, request["ProcessingResources"]["ClusterConfig"]["InstanceCount"], ("config", "output", "processing"))
    started = step_run.timestamp()
    for instance in made:
        _fill(step_run, request, instance, added)
    try:
        ended = _run(step_run, request, made, added)
    except ClientFault:
        if not step_run.run.stopping.is_set():
            raise
        return Outcome("Stopped", failure_reason="the execution was stopped")
    result = ended.result
    failure = container.failure_reason(result, ended.instance.job_dir, "message")
    if result.exit_code == 0 and failure is None:
        for instance in made:
            _upload(step_run, request, instance.ml)
    properties = _describe(step_run, request, ended, failure, started)
    container.write_json(step_run.job_dir / "describe.json", {**properties, "LocalExecution": {"Isolation": result.isolation, "Seconds": result.seconds}})
    status = "Stopped" if result.reason == "stopped" else "Failed" if failure else "Succeeded"
    return Outcome(status, properties, _metrics(step_run, properties) if status == "Succeeded" else {}, failure)


def _fill(step_run: StepRun, request: Mapping[str, Any], instance: Instance, added: Additions) -> None:
    """Put everything that the job finds into an instance's /opt/ml."""
    _write_config(step_run, request, instance)
    _fetch_inputs(step_run, request, instance)
    for path, body in added.files.items():
        file = container.real_path(instance.ml, path, below=BELOW)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    for output in _outputs(request):
        container.real_path(instance.ml, output["S3Output"]["LocalPath"], below=BELOW).mkdir(parents=True, exist_ok=True)


def _run(step_run: StepRun, request: Mapping[str, Any], made: Sequence[Instance], added: Additions) -> Ended:
    if not asks_a_model(request["AppSpecification"]["ImageUri"]):
        return _start(step_run, request, made, added.environment)
    with predictor.answering(step_run, request, made, added.model_name) as variables:
        return _start(step_run, request, made, {**added.environment, **variables})


def _outputs(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs", [])
    return [output for output in outputs if "S3Output" in output and not output.get("AppManaged")]


def _named_outputs(step_run: StepRun) -> dict[str, Any]:
    return {**step_run.arguments, "ProcessingJobName": step_run.job_name}


def _write_config(step_run: StepRun, request: Mapping[str, Any], instance: Instance) -> None:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    inputs = [_described_input(item) for item in request.get("ProcessingInputs", [])]
    specification = {"ContainerEntrypoint": None, "ContainerArguments": None, **request["AppSpecification"]}
    config = {
        "ProcessingJobArn": f"{step_run.run.arn_prefix}processing-job/{step_run.job_name}",
        "ProcessingJobName": step_run.job_name,
        "AppSpecification": specification,
        "Environment": request.get("Environment", {}),
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"KmsKeyId": None, "Outputs": [], **(request.get("ProcessingOutputConfig") or {})},
        "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": None, **cluster}},
        "RoleArn": request["RoleArn"],
        "StoppingCondition": request.get("StoppingCondition", {"MaxRuntimeInSeconds": int(instances.DEFAULT_RUNTIME_S)}),
    }
    container.write_json(instance.ml / "config" / "processingjobconfig.json", config)
    container.write_json(instance.ml / "config" / "resourceconfig.json", instance.resource_config(cluster["InstanceType"]))


def _described_input(item: Mapping[str, Any]) -> dict[str, Any]:
    if "S3Input" not in item:
        return dict(item)
    defaults = {"S3DataDistributionType": "FullyReplicated", "S3DataType": "S3Prefix", "S3InputMode": "File", "S3CompressionType": "None"}
    return {**item, "S3Input": {**defaults, "S3DownloadMode": "StartOfJob", **item["S3Input"]}}


def _fetch_inputs(step_run: StepRun, request: Mapping[str, Any], instance: Instance) -> None:
    for item in request.get("ProcessingInputs", []):
        if "S3Input" not in item:
            tables.fetch(step_run, item, instance.ml)
            continue
        source = item["S3Input"]
        if source.get("S3InputMode", "File") != "File":
            raise ClientFault(f"input {item.get('InputName')!r}: S3InputMode {source['S3InputMode']} does not run locally; expected File")
        container.download(step_run.run.store, source, container.real_path(instance.ml, source["LocalPath"], below=BELOW), instance.share)


def _start(step_run: StepRun, request: Mapping[str, Any], made: Sequence[Instance], added: Mapping[str, str]) -> Ended:
    image = request["AppSpecification"]["ImageUri"]
    command = plan_processing(image, request, step_run.run.images.mapped(image))
    instance_type = request["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    identity = {"PROCESSING_JOB_NAME": step_run.job_name, "AWS_REGION": step_run.run.region, "SM_CURRENT_INSTANCE_TYPE": instance_type}
    environment = {**command.environment, **identity, **(request.get("Environment") or {}), **added}
    isolated = bool((request.get("NetworkConfig") or {}).get("EnableNetworkIsolation", False))
    return instances.run(step_run, made, image, command, environment, request.get("StoppingCondition"), network_isolation=isolated)


def _upload(step_run: StepRun, request: Mapping[str, Any], ml: Path) -> None:
    for output in _outputs(request):
        folder = container.real_path(ml, output["S3Output"]["LocalPath"], below=BELOW)
        step_run.run.store.put_tree(output["S3Output"]["S3Uri"], folder)


def _describe(step_run: StepRun, request: Mapping[str, Any], ended: Ended, failure: str | None, started: str) -> dict[str, Any]:
    status = "Stopped" if ended.result.reason != "exited" else "Failed" if failure else "Completed"
    described = {
        **request,
        "ProcessingInputs": [_described_input(item) for item in request.get("ProcessingInputs", [])],
        "ProcessingJobArn": f"{step_run.run.arn_prefix}processing-job/{step_run.job_name}",
        "ProcessingJobStatus": status,
        "CreationTime": started,
        "ProcessingStartTime": started,
        "ProcessingEndTime": step_run.timestamp(),
    }
    said = container.message(ended.instance.ml / "output" / "message")
    return {**described, **({"ExitMessage": said} if said else {}), **({"FailureReason": failure} if failure else {})}


def _metrics(step_run: StepRun, properties: Mapping[str, Any]) -> dict[str, float]:
    """Read the metrics that the step's property files report, for people to see; conditions read the files themselves."""
    places = {output["OutputName"]: output["S3Output"]["S3Uri"].rstrip("/") for output in _outputs(properties)}
    files = [step_run.run.store.path(f"{places[file.output_name]}/{file.file_path}") for file in step_run.step.property_files if file.output_name in places]
    found: dict[str, float] = {}
    for file in files:
        found.update(report_metrics(container.read_json(file)))
    return found
