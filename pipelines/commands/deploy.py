"""sagewright deploy"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import RunFailed, UsageError

if TYPE_CHECKING:
    from pipelines.definition.deployment import Deployment

LOCAL_ROLE = "arn:aws:iam::000000000000:role/SagewrightLocal"
ALARMS = {
    "errors": ("Invocation5XXErrors", "Average", 0.01),
    "latency": ("ModelLatency", "p99", 1000.0),
    "model-errors": ("InvocationModelErrors", "Average", 0.01),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("deploy")(deploy)


def deploy(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP, GROUP/NUMBER or a model package ARN; the newest approved version if none is named.")] = "",
    model: Annotated[str, typer.Option("--model", help="Name of a model that a Model step made, in the place of a registered one.")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", "-e", help="Name of the endpoint; the group's name if absent.")] = "",
    instance_type: Annotated[str, typer.Option("--instance-type", help="SageMaker instance type.")] = "ml.m5.large",
    instances: Annotated[int, typer.Option("--instances", min=1, help="How many instances.")] = 1,
    capture: Annotated[str, typer.Option("--capture", help="s3:// place for captured requests and answers.")] = "",
    capture_percent: Annotated[int, typer.Option("--capture-percent", min=1, max=100, help="Share of the invocations that is captured.")] = 100,
    serverless_mb: Annotated[int, typer.Option("--serverless-mb", min=0, help="Memory of a serverless endpoint in MB: 1024, 2048 … 6144.")] = 0,
    async_to: Annotated[str, typer.Option("--async-to", help="s3:// place for the answers of an asynchronous endpoint.")] = "",
    shift: Annotated[str, typer.Option("--shift", help="How an update moves traffic: all-at-once, canary:PERCENT:WAIT_S or linear:PERCENT:WAIT_S.")] = "",
    alarm: Annotated[list[str] | None, typer.Option("--alarm", help="Take an update back when errors>PERCENT, or latency>MILLISECONDS. Repeatable.")] = None,
    scaling: Annotated[
        Path | None, typer.Option("--scaling", help="Requests of a scaling policy, as `autoscale --requests` writes them; kept with it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Deploy a version that is not approved, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the requests of the deployment and change nothing.")] = False,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    images: flags.ImagesFlag = flags.Images.host,
    image_map: flags.ImageMapFlag = None,
    keep_warm: flags.KeepWarmFlag = 0.0,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Deploy a registered model to an endpoint of this machine; the endpoint of a running `sagewright serve` changes without losing a request.

    Example: sagewright deploy hotel-bookings --shift canary:10:60 --alarm "errors>1"
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.serving_machine import machine, say
    from pipelines.definition.deployment import Settings, of_model, of_package
    from pipelines.local.home import Home
    from pipelines.local.serving import deploying
    from pipelines.local.serving.deploying import Here
    from pipelines.local.serving.records import Records

    if bool(model) == bool(version):
        raise UsageError("one model is deployed", where="deploy", got="both" if model else "none", expected="GROUP[/NUMBER] or --model NAME")
    package = _package(home, version, force) if version else {}
    name = endpoint or (str(package["ModelPackageName"]) if package else model)
    alarms = [_alarm(text, name) for text in alarm or ()]
    kinds = _capture(capture, capture_percent), _serverless(serverless_mb), _asynchronous(async_to)
    settings = Settings(instance_type, instances, *kinds, {}, _guardrails(shift, alarms), alarms, _scaling(scaling, name))
    deployment = of_package(package, name, settings, LOCAL_ROLE) if package else of_model(_model(home, model), name, settings)
    if dry_run:
        print_json(deployment.as_json())
        return 0
    with machine(home, isolation.value, images.value, image_map, cold=False, keep_minutes=keep_warm) as made:
        record = deploying.apply(Here(Records(home), made, Home(home).root / "serving" / "tried"), deployment, say)
    return _report(record, deployment, output)


def deploy_package(home: Path, package: Mapping[str, Any], endpoint: str) -> dict[str, Any]:
    """Put a model package behind an endpoint, which keeps its configuration when it is there, and return the endpoint's record.

    Raises:
        UsageError: the package cannot be served here.
    """
    from pipelines.commands.serving_machine import machine, say
    from pipelines.definition.deployment import Settings, of_package, of_update
    from pipelines.local.serving import deploying
    from pipelines.local.serving.deploying import Here
    from pipelines.local.serving.records import Records

    records = Records(home)
    with machine(home, "auto", "host", None, cold=False) as made:
        if records.has("endpoint", endpoint):
            config = records.read("endpoint configuration", records.read("endpoint", endpoint)["EndpointConfigName"])
            deployment = of_update(package, endpoint, config, LOCAL_ROLE)
        else:
            deployment = of_package(package, endpoint, Settings(), LOCAL_ROLE)
        return deploying.apply(Here(records, made, home / "serving" / "tried"), deployment, say)


def _package(home: Path, version: str, force: bool) -> Mapping[str, Any]:
    from pipelines.commands.registry import parse_version
    from pipelines.local.home import Home

    group, number = parse_version(version)
    registry = Home(home).registry
    if number is not None or force:
        package = registry.version(group, number)
    else:
        approved = [each for each in registry.versions(group) if each["ModelApprovalStatus"] == "Approved"]
        if not approved:
            hint = f"Approve one (`sagewright approve {group}`), name one (`{group}/1`), or take the newest with --force."
            raise UsageError(f"group {group!r} has no approved version", where="deploy", hint=hint)
        package = approved[0]
    if package["ModelApprovalStatus"] != "Approved" and not force:
        told = f"{group}/{package['ModelPackageVersion']}"
        raise UsageError(f"{told} is {package['ModelApprovalStatus']}", where="deploy", expected="Approved", hint="`sagewright approve` it, or use --force.")
    return package


def _model(home: Path, name: str) -> Mapping[str, Any]:
    from pipelines.local.faults import ClientFault
    from pipelines.local.serving.records import Records

    try:
        return Records(home).read("model", name)
    except ClientFault as error:
        raise UsageError(str(error), where="--model") from None


def _capture(uri: str, percent: int) -> dict[str, Any]:
    if not uri:
        return {}
    options = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    types = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json", "application/jsonlines"]}
    rest = {"DestinationS3Uri": uri, "CaptureOptions": options, "CaptureContentTypeHeader": types}
    return {"EnableCapture": True, "InitialSamplingPercentage": percent, **rest}


def _serverless(memory_mb: int) -> dict[str, Any]:
    return {"MemorySizeInMB": memory_mb, "MaxConcurrency": 20} if memory_mb else {}


def _asynchronous(uri: str) -> dict[str, Any]:
    return {"OutputConfig": {"S3OutputPath": uri}} if uri else {}


def _guardrails(shift: str, alarms: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = {"all-at-once": ("ALL_AT_ONCE", ""), "canary": ("CANARY", "CanarySize"), "linear": ("LINEAR", "LinearStepSize")}
    kind, *numbers = (shift or "all-at-once").split(":")
    if kind not in kinds or len(numbers) > 2 or not all(text.isdecimal() for text in numbers):
        raise UsageError("this is no way to move traffic", where="--shift", got=shift, expected="all-at-once, canary:PERCENT:WAIT_S or linear:PERCENT:WAIT_S")
    if kind == "canary" and numbers and not 1 <= int(numbers[0]) <= 50:
        raise UsageError("a canary is at most half of the capacity", where="--shift", got=numbers[0], expected="1 to 50 percent")
    percent, wait_s = [*map(int, numbers), *(10, 60)[len(numbers) :]]
    named, size = kinds[kind]
    sized = {size: {"Type": "CAPACITY_PERCENT", "Value": percent}} if size else {}
    routing = {"Type": named, "WaitIntervalInSeconds": wait_s if size or alarms else 0, **sized}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": each["AlarmName"]} for each in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}, **rollback} if shift or alarms else {}


def _alarm(text: str, endpoint: str) -> dict[str, Any]:
    """Return the alarm that `errors>1` (percent) or `latency>200` (milliseconds, p99) means, as PutMetricAlarm takes it."""
    what, sign, bound = text.replace(" ", "").partition(">")
    if what not in ALARMS or not sign or not bound.rstrip("%ms").replace(".", "", 1).isdecimal():
        raise UsageError("this is no alarm", where="--alarm", got=text, expected="errors>PERCENT, model-errors>PERCENT or latency>MILLISECONDS")
    metric, statistic, unit = ALARMS[what]
    key = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
    names = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]
    shape = {"Namespace": "AWS/SageMaker", "MetricName": metric, key: statistic, "Dimensions": names, "Period": 60, "EvaluationPeriods": 1}
    return {
        "AlarmName": f"{endpoint[:40]}-{what}",
        **shape,
        "Threshold": float(bound.rstrip("%ms")) * unit,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


SCALING = frozenset({"RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction", "PutMetricAlarm"})


def _scaling(file: Path | None, endpoint: str) -> dict[str, Any]:
    """Return the requests of a scaling policy, which must be for this endpoint."""
    import json

    if file is None:
        return {}
    try:
        found = json.loads(file.read_text())
        targets = {str(request["ResourceId"]) for request in found["RegisterScalableTarget"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"these are no requests of a scaling policy: {error}", where=str(file), expected="what `autoscale --requests` writes") from None
    if not set(found) <= SCALING or not all(target.startswith(f"endpoint/{endpoint}/") for target in targets):
        wanted = f"endpoint/{endpoint}/variant/..."
        raise UsageError("these requests are of another endpoint", where=str(file), got=", ".join(sorted(targets))[:200], expected=wanted)
    return dict(found)


def _report(record: Mapping[str, Any], deployment: Deployment, output: flags.Output) -> int:
    from pipelines.commands.printing import print_json

    reason = record.get("FailureReason")
    if output is flags.Output.json:
        print_json({"endpoint": record, "requests": deployment.as_json()})
    else:
        print(f"{record['EndpointName']}: {record['EndpointStatus']} ({record['EndpointConfigName']})")
    if reason:
        raise RunFailed(str(reason), where=str(record["EndpointName"]))
    return 0
