"""Make monitoring recur in an account: create or update what `pipelines.definition.schedules` asks for.

Checked against moto and botocore's model, never against AWS itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.aws.faults import explained
from pipelines.aws.objects import split_uri
from pipelines.definition.schedules import Request
from pipelines.errors import CloudError, UsageError

ABSENT = ("ResourceNotFound", "ResourceNotFoundException", "ValidationException")
KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


@dataclass(frozen=True)
class Done:
    """State what was done to which resource: `action` is created, updated or unchanged."""

    what: str
    name: str
    action: str


@dataclass(frozen=True)
class Deployed:
    """Hold what an endpoint in the account serves: DescribeModelPackage of it, and where its first variant captures (empty: nowhere)."""

    package: Mapping[str, Any]
    captured_uri: str


def session(region: str | None) -> Any:
    """Return a boto3 session.

    Raises:
        CloudError: the profile or the region cannot be used.
    """
    with explained("connect to AWS", "your credentials"):
        import boto3

        return boto3.Session(region_name=region)


def deployed(connection: Any, endpoint: str) -> Deployed:
    """Return what an endpoint serves.

    Raises:
        UsageError: no registered version is behind it.
        CloudError: AWS refused a call, e.g. because there is no such endpoint.
    """
    client = connection.client("sagemaker")
    with explained("sagemaker:DescribeEndpoint", endpoint):
        config_name = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    with explained("sagemaker:DescribeEndpointConfig", config_name):
        config = client.describe_endpoint_config(EndpointConfigName=config_name)
    variant = config["ProductionVariants"][0]
    with explained("sagemaker:DescribeModel", variant["ModelName"]):
        model = client.describe_model(ModelName=variant["ModelName"])
    containers = [*(model.get("Containers") or []), *([model["PrimaryContainer"]] if model.get("PrimaryContainer") else [])]
    arn = next((each["ModelPackageName"] for each in containers if each.get("ModelPackageName")), None)
    if arn is None:
        raise UsageError("the endpoint serves a model that no version stands behind", where=endpoint, hint="Give --version GROUP/NUMBER of this machine.")
    with explained("sagemaker:DescribeModelPackage", arn):
        package = client.describe_model_package(ModelPackageName=arn)
    capture = config.get("DataCaptureConfig") or {}
    place = f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant['VariantName']}" if capture else ""
    return Deployed({key: value for key, value in package.items() if key != "ResponseMetadata"}, place)


def read_json(connection: Any, uri: str) -> dict[str, Any] | None:
    """Return a JSON object of S3, None when it is not there or may not be read: it only says which alarms there are."""
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    try:
        found = json.loads(connection.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except (ClientError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def has(connection: Any, uri: str) -> bool:
    """Tell whether there is an object that may be read."""
    from botocore.exceptions import ClientError

    if not uri:
        return False
    bucket, key = split_uri(uri)
    try:
        connection.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def put_monitors(connection: Any, requests: Mapping[str, Any]) -> list[Done]:
    """Create what is missing of Model Monitor's job definitions, schedules and alarms, and update what differs.

    A job definition cannot be updated; its name carries the hash of its content, so another content is another one.

    Raises:
        CloudError: AWS refused a call, as it does where the account has no Model Monitor.
    """
    client, done = connection.client("sagemaker"), []
    for kind in KINDS:
        request = requests.get(f"Create{kind}JobDefinition")
        if request is not None:
            done.append(_job_definition(client, kind, request))
    done += [_monitoring_schedule(client, request) for request in requests.get("CreateMonitoringSchedule", ())]
    return done + _alarms(connection, requests.get("PutMetricAlarm", ()))


def _job_definition(client: Any, kind: str, request: Request) -> Done:
    name, snake = request["JobDefinitionName"], _snake(kind)
    describe, create = getattr(client, f"describe_{snake}_job_definition"), getattr(client, f"create_{snake}_job_definition")
    if _found(f"sagemaker:Describe{kind}JobDefinition", name, lambda: describe(JobDefinitionName=name)) is not None:
        return Done(f"{kind} job definition", name, UNCHANGED)
    with explained(f"sagemaker:Create{kind}JobDefinition", name):
        create(**request)
    return Done(f"{kind} job definition", name, CREATED)


def _snake(kind: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).lstrip("_")


def _monitoring_schedule(client: Any, request: Request) -> Done:
    name = request["MonitoringScheduleName"]
    present = _found("sagemaker:DescribeMonitoringSchedule", name, lambda: client.describe_monitoring_schedule(MonitoringScheduleName=name))
    if present is None:
        with explained("sagemaker:CreateMonitoringSchedule", name):
            client.create_monitoring_schedule(**request)
        return Done("monitoring schedule", name, CREATED)
    if present["MonitoringScheduleConfig"] == request["MonitoringScheduleConfig"]:
        return Done("monitoring schedule", name, UNCHANGED)
    with explained("sagemaker:UpdateMonitoringSchedule", name):
        client.update_monitoring_schedule(**request)
    return Done("monitoring schedule", name, UPDATED)


def put_schedules(connection: Any, requests: Mapping[str, Any]) -> list[Done]:
    """Create or update the schedules that start a pipeline, and the alarms; the pipeline itself is `pipelines.aws.upsert`'s.

    Raises:
        CloudError: AWS refused a call.
    """
    client = connection.client("scheduler")
    done = [_schedule(client, request) for request in requests.get("CreateSchedule", ())]
    return done + _alarms(connection, requests.get("PutMetricAlarm", ()))


def _schedule(client: Any, request: Request) -> Done:
    name = request["Name"]
    present = _found("scheduler:GetSchedule", name, lambda: client.get_schedule(Name=name))
    if present is None:
        with explained("scheduler:CreateSchedule", name):
            client.create_schedule(**request)
        return Done("schedule", name, CREATED)
    if all(present.get(member) == value for member, value in request.items()):
        return Done("schedule", name, UNCHANGED)
    with explained("scheduler:UpdateSchedule", name):
        client.update_schedule(**request)
    return Done("schedule", name, UPDATED)


def _alarms(connection: Any, wanted: Sequence[Request]) -> list[Done]:
    client, done = connection.client("cloudwatch"), []
    for request in wanted:
        name = request["AlarmName"]
        with explained("cloudwatch:DescribeAlarms", name):
            present = next(iter(client.describe_alarms(AlarmNames=[name])["MetricAlarms"]), None)
        same = present is not None and all(present.get(member) == value for member, value in request.items())
        if not same:
            with explained("cloudwatch:PutMetricAlarm", name):
                client.put_metric_alarm(**request)
        done.append(Done("alarm", name, UNCHANGED if same else UPDATED if present else CREATED))
    return done


def _found(action: str, name: str, ask: Callable[[], Any]) -> Any:
    """Return what a description says, None when there is no such thing.

    Raises:
        CloudError: AWS refused the call for another reason.
    """
    from botocore.exceptions import ClientError

    with explained(action, name):
        try:
            return ask()
        except ClientError as error:
            told = error.response["Error"]
            absent = told["Code"] in ABSENT and (told["Code"] != "ValidationException" or "not find" in told["Message"] or "not exist" in told["Message"])
            if not absent:
                raise
    return None


# What an account can use


def availability(region: str | None) -> list[tuple[str, bool, str]]:
    """Return for Model Monitor, Clarify and EventBridge Scheduler whether the account answers a call that changes nothing, and what it says.

    Both services take no new customers; how the service refuses these calls to others is not published, so the text of the answer is told as it is.
    Clarify has no call of its own that is cheap: the list of its monitors stands for it.
    """
    asked: Sequence[tuple[str, str, Callable[[Any], Any], str]] = (
        ("Model Monitor", "sagemaker", lambda client: client.list_monitoring_schedules(MaxResults=1), "sagemaker:ListMonitoringSchedules"),
        ("Clarify", "sagemaker", lambda client: client.list_model_bias_job_definitions(MaxResults=1), "sagemaker:ListModelBiasJobDefinitions"),
        ("Scheduler", "scheduler", lambda client: client.list_schedules(MaxResults=1), "scheduler:ListSchedules"),
    )
    found = []
    for name, service, ask, action in asked:
        try:
            connection = session(region)
            with explained(action, "this account"):
                ask(connection.client(service))
            found.append((name, True, f"{action} is answered; whether new jobs may be started shows only when one is"))
        except CloudError as error:
            found.append((name, False, str(error)))
    return found
