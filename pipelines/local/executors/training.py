"""Run a Training step: CreateTrainingJob in a sandbox (AWS developer guide, "Use your own training algorithms")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local import container, instances
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.images import builtin_metric_definitions, plan_training, requirements
from pipelines.local.images.requirements import Wanted
from pipelines.local.images.script_mode import ARCHIVE
from pipelines.local.images.training_environment import decode
from pipelines.local.instances import Ended, Instance
from pipelines.local.job import JobResult
from pipelines.local.metrics import final_metrics
from pipelines.local.pipes import Piped, Pipes

FOLDERS = ("input/config", "input/data", "model", "output/data", "code", "checkpoints")


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeTrainingJobResponse as the step's properties.

    Raises:
        ClientFault: a channel is empty, or a setting cannot be used.
    """
    request = {**step_run.arguments, "TrainingJobName": step_run.job_name}
    hyperparameters = {name: str(value) for name, value in (request.get("HyperParameters") or {}).items()}
    made = instances.prepare(step_run, _instance_count(request), FOLDERS)
    started = step_run.timestamp()
    pipes = [piped for instance in made for piped in _fill(step_run, request, hyperparameters, instance)]
    with Pipes(pipes) as piped:
        ended = _start(step_run, request, hyperparameters, made)
    if piped.problems and ended.result.reason == "exited":
        raise ClientFault("; ".join(piped.problems))
    result = ended.result
    failure = container.failure_reason(result, ended.instance.job_dir, "failure")
    artifacts = _upload(step_run, request, made, complete=failure is None, stopped=result.reason != "exited")
    definitions = _metric_definitions(request, hyperparameters)
    metrics = final_metrics(instances.log_lines(step_run.job_dir), definitions)
    properties = _describe(step_run, request, result, failure, started, artifacts, metrics)
    container.write_json(step_run.job_dir / "describe.json", {**properties, "LocalExecution": {"Isolation": result.isolation, "Seconds": result.seconds}})
    status = "Stopped" if result.reason == "stopped" else "Failed" if failure else "Succeeded"
    return Outcome(status, properties, metrics, failure)


def _instance_count(request: Mapping[str, Any]) -> int:
    resources = request.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups") or []
    if len(groups) > 1:
        raise ClientFault("ResourceConfig.InstanceGroups: a heterogeneous cluster does not run locally; expected one group")
    return int(groups[0]["InstanceCount"] if groups else resources.get("InstanceCount", 1))


def _image(request: Mapping[str, Any]) -> str:
    image = request["AlgorithmSpecification"].get("TrainingImage")
    if not image:
        raise ClientFault("AlgorithmSpecification.AlgorithmName does not run locally; expected TrainingImage")
    return str(image)


def _channels(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return request.get("InputDataConfig") or ()


def _mode(request: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    return str(channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File"))


def _fill(step_run: StepRun, request: Mapping[str, Any], hyperparameters: Mapping[str, str], instance: Instance) -> list[Piped]:
    """Put configuration, code and data below an instance's /opt/ml, and return the channels that are piped instead."""
    _write_config(request, hyperparameters, instance)
    _fetch_code(step_run, hyperparameters, instance.ml)
    checkpoints = (request.get("CheckpointConfig") or {}).get("S3Uri")
    if checkpoints and step_run.run.store.exists(checkpoints):
        place = request["CheckpointConfig"].get("LocalPath", "/opt/ml/checkpoints")
        container.download(step_run.run.store, {"S3Uri": checkpoints}, container.real_path(instance.ml, place))
    found = [_fetch(step_run, request, channel, instance) for channel in _channels(request)]
    return [piped for piped in found if piped]


def _write_config(request: Mapping[str, Any], hyperparameters: Mapping[str, str], instance: Instance) -> None:
    config = instance.ml / "input" / "config"
    channels = {
        channel["ChannelName"]: {
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
            "TrainingInputMode": _mode(request, channel),
            "S3DistributionType": channel["DataSource"].get("S3DataSource", {}).get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        for channel in _channels(request)
    }
    container.write_json(config / "hyperparameters.json", hyperparameters)
    container.write_json(config / "inputdataconfig.json", channels)
    container.write_json(config / "resourceconfig.json", instance.resource_config(_instance_type(request)))
    if request.get("CheckpointConfig"):
        container.write_json(config / "checkpointconfig.json", {"LocalPath": request["CheckpointConfig"].get("LocalPath", "/opt/ml/checkpoints")})


def _instance_type(request: Mapping[str, Any]) -> str:
    resources = request.get("ResourceConfig") or {}
    return str(resources.get("InstanceType") or next((group["InstanceType"] for group in resources.get("InstanceGroups", [])), "local"))


def _fetch(step_run: StepRun, request: Mapping[str, Any], channel: Mapping[str, Any], instance: Instance) -> Piped | None:
    """Copy a channel's files, or return what is to be piped; FastFile is a copy, too: the job sees the same files."""
    name, source, mode = channel["ChannelName"], channel["DataSource"].get("S3DataSource"), _mode(request, channel)
    if source is None:
        raise ClientFault(f"channel {name!r}: only S3DataSource runs locally; got {sorted(channel['DataSource'])}")
    described = {**source, "CompressionType": channel.get("CompressionType")}
    if mode != "Pipe":
        container.download(step_run.run.store, described, instance.ml / "input" / "data" / name, instance.share)
        return None
    files = container.objects(step_run.run.store, described, instance.share)
    unzip, wrap = channel.get("CompressionType") == "Gzip", channel.get("RecordWrapperType") == "RecordIO"
    return Piped(instance.ml / "input" / "data" / name, [item.path for item in files], unzip, wrap)


def _fetch_code(step_run: StepRun, hyperparameters: Mapping[str, str], ml: Path) -> None:
    """Put the archive that script mode runs where the program unpacks it: /opt/ml/code/sourcedir.tar.gz."""
    uri = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
    if not uri.startswith("s3://"):
        return
    try:
        (ml / "code" / ARCHIVE).write_bytes(step_run.run.store.read(uri))
    except UsageError as error:
        raise ClientFault(str(error)) from None


def _start(step_run: StepRun, request: Mapping[str, Any], hyperparameters: Mapping[str, str], made: Sequence[Instance]) -> Ended:
    images, image = step_run.run.images, _image(request)
    command = plan_training(image, request, hyperparameters, images.mapped(image))
    identity = {
        "TRAINING_JOB_NAME": step_run.job_name,
        "TRAINING_JOB_ARN": f"{step_run.run.arn_prefix}training-job/{step_run.job_name}",
        "AWS_REGION": step_run.run.region,
    }
    environment = {**command.environment, **identity, **(request.get("Environment") or {})}
    isolated = bool(request.get("EnableNetworkIsolation", False))
    try:
        python = requirements.environment(_wanted(made[0], hyperparameters), images.python(image), network=not isolated, tell=images.tell)
    except requirements.InstallError as error:
        (made[0].ml / "output" / "failure").write_text(str(error))
        (made[0].job_dir / "log.txt").write_text(f"{error}\n")
        return Ended(JobResult(1, "exited", 0.0, step_run.run.launcher.layer()), made[0])
    stopping = request.get("StoppingCondition")
    return instances.run(step_run, made, image, command, environment, stopping, network_isolation=isolated, python=python)


def _wanted(instance: Instance, hyperparameters: Mapping[str, str]) -> Wanted:
    """Return what the script wants installed, of a job in script mode."""
    archive, program = instance.ml / "code" / ARCHIVE, str(decode(hyperparameters.get("sagemaker_program", "")))
    return Wanted.of(archive.read_bytes(), program) if program and archive.is_file() else Wanted()


def _upload(step_run: StepRun, request: Mapping[str, Any], made: Sequence[Instance], *, complete: bool, stopped: bool) -> str:
    """Upload /opt/ml/model when the job is `complete`, /opt/ml/output/data always, checkpoints when configured; return the model's URI, empty without one.

    A job that is stopped leaves what its model folder holds then (AWS API reference, StopTrainingJob: "so the results of the training is not lost"). What
    several instances leave is put together; of a file of one name the first instance's stays.
    """
    store, output = step_run.run.store, request["OutputDataConfig"]
    ml = made[0].ml
    checkpoints = request.get("CheckpointConfig") or {}
    kept = container.real_path(ml, checkpoints.get("LocalPath", "/opt/ml/checkpoints"))
    for folder in (ml / "model", ml / "output" / "data", kept):
        folder.mkdir(parents=True, exist_ok=True)  # a script may have taken it away
        for instance in made[1:]:
            _join(instance.ml / folder.relative_to(ml), folder)
    _tell_what_is_left_out(step_run, ml / "model")
    base = f"{output['S3OutputPath'].rstrip('/')}/{step_run.job_name}/output"
    packed = output.get("CompressionType", "GZIP") != "NONE"
    artifacts = f"{base}/model.tar.gz" if packed else f"{base}/model/"
    has_model = complete or (stopped and any((ml / "model").iterdir()))
    if has_model and packed:
        store.put_bytes(artifacts, container.pack(ml / "model"))
    elif has_model:
        store.put_tree(artifacts, ml / "model")
    if any((ml / "output" / "data").iterdir()):
        store.put_bytes(f"{base}/output.tar.gz", container.pack(ml / "output" / "data"))
    if checkpoints.get("S3Uri"):
        store.put_tree(checkpoints["S3Uri"], kept)
    return artifacts if has_model else ""


def _tell_what_is_left_out(step_run: StepRun, model: Path) -> None:
    odd = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir()))
    if odd:
        step_run.run.images.tell(f"{step_run.job_name}: links and special files are left out of the model: {', '.join(odd)[:300]}")


def _join(source: Path, target: Path) -> None:
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        place = target / file.relative_to(source)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)


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
