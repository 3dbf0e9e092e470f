"""The requests that make monitoring recur: Model Monitor's job definitions and schedules, or a schedule that starts a pipeline of ours; and alarms on both.

Checked against botocore's model and moto, never against AWS itself. Names carry a hash of the content where the service cannot update (job definitions).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.definition.cron import check_monitor
from pipelines.definition.monitoring import KINDS

INPUT, OUTPUT = "/opt/ml/processing/input/endpoint", "/opt/ml/processing/output"
DIGEST_CHARACTERS, LONGEST_NAME = 8, 63
# CloudWatch takes so many alarms for one schedule before it becomes a heap: the first columns of the baseline count.
MOST_ALARMS = 50
Request = dict[str, Any]


@dataclass(frozen=True)
class Watch:
    """Say what is watched and how.

    `baselines` are URIs by kind and folder of the job's input; `limits` are constraints.json by kind, where they could be read, for the alarms; `images` are
    those of the service by kind; `hours` is the span that each run looks back; `topic` an SNS topic that hears the alarms; `truth` where ground truth arrives.
    """

    endpoint: str
    kinds: Sequence[str]
    expression: str
    role_arn: str
    scheduler_role_arn: str
    output_uri: str
    captured_uri: str
    region: str
    hours: int
    baselines: Mapping[str, Mapping[str, str]]
    model_uri: str = ""
    truth: str = ""
    problem: str = "BinaryClassification"
    instance_type: str = "ml.m5.xlarge"
    images: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    topic: str = ""

    def name(self, kind: str = "") -> str:
        """Return the name of the pipeline and its schedule, or of the schedule of a kind."""
        return f"{self.endpoint[:40].rstrip('-')}-{kind or 'monitoring'}"

    @property
    def partition_and_account(self) -> tuple[str, str]:
        """Return what the ARN of the role tells, e.g. aws and 123456789012."""
        parts = self.role_arn.split(":")
        return parts[1], parts[4]


def _alarm(watch: Watch, name: str, what: str, metric: Request) -> Request:
    actions = {"AlarmActions": [watch.topic]} if watch.topic else {}
    common = {"EvaluationPeriods": 1, "TreatMissingData": "notBreaching", "ActionsEnabled": bool(watch.topic)}
    return {"AlarmName": name[:255], "AlarmDescription": what, **common, **metric, **actions}


# A pipeline of ours


def pipeline_requests(watch: Watch, definition: str) -> dict[str, Any]:
    """Return the requests of `--service pipeline` by operation; the pipeline is created or updated before its schedule."""
    name = watch.name()
    partition, account = watch.partition_and_account
    pipeline = {"PipelineName": name, "PipelineDefinition": definition, "RoleArn": watch.role_arn, "PipelineDescription": _told(watch)}
    target = {
        "Arn": f"arn:{partition}:sagemaker:{watch.region}:{account}:pipeline/{name.lower()}",
        "RoleArn": watch.scheduler_role_arn,
        "SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "Hours", "Value": str(watch.hours)}]},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
    }
    schedule = {
        "Name": name,
        "Description": _told(watch),
        "ScheduleExpression": watch.expression,
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": target,
    }
    metric = {
        "Namespace": "AWS/Sagemaker/ModelBuildingPipeline",
        "MetricName": "ExecutionFailed",
        "Dimensions": [{"Name": "PipelineName", "Value": name}],
        "Statistic": "Sum",
        "Period": 300,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    words = f"Monitoring of {watch.endpoint} found drift, or could not look; the execution's FailureReason says what."
    return {"CreatePipeline": pipeline, "CreateSchedule": [schedule], "PutMetricAlarm": [_alarm(watch, f"{name}-failed", words, metric)]}


def _told(watch: Watch) -> str:
    return f"Holds what {watch.endpoint} captured against the baseline of training: {', '.join(watch.kinds)}"


# Model Monitor


def monitor_requests(watch: Watch) -> dict[str, Any]:
    """Return the requests of `--service model-monitor` by operation.

    Raises:
        UsageError: the service does not take this schedule.
    """
    expression = check_monitor(watch.expression)
    requests: dict[str, Any] = {}
    schedules, alarms = [], []
    for kind in watch.kinds:
        service = KINDS[kind].monitoring_type
        definition = _named(watch.name(kind), DEFINITIONS[kind](watch))
        requests[f"Create{service}JobDefinition"] = definition
        schedules.append(
            {
                "MonitoringScheduleName": watch.name(kind),
                "MonitoringScheduleConfig": {
                    "ScheduleConfig": {"ScheduleExpression": expression},
                    "MonitoringJobDefinitionName": definition["JobDefinitionName"],
                    "MonitoringType": service,
                },
            }
        )
        alarms += _of_limits(watch, kind)
    return {**requests, "CreateMonitoringSchedule": schedules, "PutMetricAlarm": alarms}


def _named(start: str, request: Request) -> Request:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:DIGEST_CHARACTERS]
    return {"JobDefinitionName": f"{start[: LONGEST_NAME - DIGEST_CHARACTERS - 1]}-{digest}", **request}


def _definition(watch: Watch, kind: str, baseline: Request, specification: Request, given: Request) -> Request:
    service = KINDS[kind].monitoring_type
    resources = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": watch.instance_type, "VolumeSizeInGB": 30}}
    output = {"S3Uri": f"{watch.output_uri}/{kind}", "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {
        f"{service}BaselineConfig": baseline,
        f"{service}AppSpecification": {"ImageUri": watch.images[kind], **specification},
        f"{service}JobInput": given,
        f"{service}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "JobResources": resources,
        "RoleArn": watch.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def _endpoint(watch: Watch, **more: Any) -> Request:
    return {"EndpointInput": {"EndpointName": watch.endpoint, "LocalPath": INPUT, "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", **more}}


def _answers(watch: Watch) -> Request:
    """Return where label and probability stand in the CSV answer of a package of ours, and the span that is looked at."""
    binary = {"InferenceAttribute": "1", "ProbabilityAttribute": "0", "ProbabilityThresholdAttribute": 0.5}
    places = binary if watch.problem == "BinaryClassification" else {"InferenceAttribute": "0"}
    return {**places, "StartTimeOffset": f"-PT{watch.hours}H", "EndTimeOffset": "-PT0H"}


def _resources(watch: Watch, kind: str, **folders: str) -> Request:
    return {f"{name}Resource": {"S3Uri": watch.baselines[kind][folder]} for name, folder in folders.items() if folder in watch.baselines[kind]}


def _data_quality(watch: Watch) -> Request:
    baseline = _resources(watch, "data-quality", Constraints="constraints", Statistics="statistics")
    return _definition(watch, "data-quality", baseline, {"Environment": {"publish_cloudwatch_metrics": "Enabled"}}, _endpoint(watch))


def _model_quality(watch: Watch) -> Request:
    given = {**_endpoint(watch, **_answers(watch)), "GroundTruthS3Input": {"S3Uri": watch.truth}}
    specification = {"ProblemType": watch.problem, "Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    return _definition(watch, "model-quality", _resources(watch, "model-quality", Constraints="constraints"), specification, given)


def _bias(watch: Watch) -> Request:
    folder = "post_training" if "post_training" in watch.baselines["bias"] else "pre_training"
    given = {**_endpoint(watch, **_answers(watch)), "GroundTruthS3Input": {"S3Uri": watch.truth}}
    specification = {"ConfigUri": watch.baselines["bias"]["config"], "Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    return _definition(watch, "bias", _resources(watch, "bias", Constraints=folder), specification, given)


def _explainability(watch: Watch) -> Request:
    baseline = _resources(watch, "explainability", Constraints="constraints")
    specification = {"ConfigUri": watch.baselines["explainability"]["config"], "Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    return _definition(watch, "explainability", baseline, specification, _endpoint(watch))


DEFINITIONS: Mapping[str, Callable[[Watch], Request]] = {
    "data-quality": _data_quality,
    "model-quality": _model_quality,
    "bias": _bias,
    "explainability": _explainability,
}


def _of_limits(watch: Watch, kind: str) -> list[Request]:
    """Return an alarm for every column or metric that the baseline bounds.

    Namespaces and names are those of the developer guide's pages; of bias and explanations they have dimensions that only the service's job knows, so that
    there is no alarm: their violations are in the schedule's executions.
    """
    if kind not in ALARMS or kind not in watch.limits:
        return []
    return [_alarm(watch, f"{watch.name(kind)}-{name}", f"{kind} of {watch.endpoint}: {name}", metric) for name, metric in ALARMS[kind](watch)][:MOST_ALARMS]


def _metric(watch: Watch, kind: str, name: str, threshold: float, operator: str) -> Request:
    dimensions = [{"Name": "Endpoint", "Value": watch.endpoint}, {"Name": "MonitoringSchedule", "Value": watch.name(kind)}]
    place = {"Namespace": f"aws/sagemaker/Endpoints/{kind.replace('quality', 'metrics')}", "MetricName": name, "Dimensions": dimensions}
    return {**place, "Statistic": "Average", "Period": 3600, "Threshold": threshold, "ComparisonOperator": operator}


def _drifts(watch: Watch) -> list[tuple[str, Request]]:
    limits = watch.limits["data-quality"]
    compared = (limits.get("monitoring_config") or {}).get("distribution_constraints") or {}
    threshold, kind = float(compared.get("comparison_threshold", 0.1)), "data-quality"
    names = [str(feature["name"]) for feature in limits.get("features") or ()]
    return [(name, _metric(watch, kind, f"feature_baseline_drift_{name}", threshold, "GreaterThanThreshold")) for name in names]


def _bounds(watch: Watch) -> list[tuple[str, Request]]:
    groups = [group for name, group in watch.limits["model-quality"].items() if name.endswith("_constraints")]
    bounds = [(name, limit) for group in groups for name, limit in group.items()]
    return [(name, _metric(watch, "model-quality", name, float(limit["threshold"]), str(limit["comparison_operator"]))) for name, limit in bounds]


ALARMS: Mapping[str, Callable[[Watch], list[tuple[str, Request]]]] = {"data-quality": _drifts, "model-quality": _bounds}
