"""Schedules of monitoring. Verified against moto, an overlay for what it lacks, and botocore's model; never against AWS."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import boto3
import pytest

from pipelines.author.monitoring import compose
from pipelines.aws import monitoring
from pipelines.definition.checks import check
from pipelines.definition.schedules import Watch, monitor_requests, pipeline_requests
from pipelines.definition.shapes import check_request
from pipelines.errors import CloudError, UsageError
from tests.functional.conftest import IMAGE, Command

ROLE = "arn:aws:iam::123456789012:role/ml"
BASELINES = {
    "data-quality": {"constraints": "s3://bkt/dq/constraints.json", "statistics": "s3://bkt/dq/statistics.json"},
    "model-quality": {"constraints": "s3://bkt/mq/constraints.json"},
    "bias": {"config": "s3://bkt/bias/analysis_config.json", "post_training": "s3://bkt/bias/analysis.json"},
    "explainability": {"config": "s3://bkt/ex/analysis_config.json", "constraints": "s3://bkt/ex/analysis.json"},
}
LIMITS = {
    "data-quality": {"features": [{"name": "age"}, {"name": "income"}], "monitoring_config": {"distribution_constraints": {"comparison_threshold": 0.2}}},
    "model-quality": {"binary_classification_constraints": {"recall": {"threshold": 0.9, "comparison_operator": "LessThanThreshold"}}},
}
WATCH = Watch(
    "loans",
    tuple(BASELINES),
    "cron(0 * ? * * *)",
    ROLE,
    "arn:aws:iam::123456789012:role/scheduler",
    "s3://bkt/monitoring",
    "s3://bkt/captured/loans/AllTraffic",
    "us-east-1",
    6,
    BASELINES,
    "s3://bkt/model.tar.gz",
    "s3://bkt/truth",
    images=dict.fromkeys(BASELINES, "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"),
    limits=LIMITS,
    topic="arn:aws:sns:us-east-1:123456789012:alarms",
)


def actions(done):
    return {each.action for each in done}


def test_the_requests_to_model_monitor_are_such_as_botocore_takes():
    requests = monitor_requests(WATCH)
    for operation, listed in requests.items():
        if operation != "PutMetricAlarm":
            for request in listed if isinstance(listed, list) else [listed]:
                assert not list(check_request(operation, request, operation, frozenset()))
    assert [each["MonitoringScheduleConfig"]["MonitoringType"] for each in requests["CreateMonitoringSchedule"]] == [
        *("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
    ]
    given = requests["CreateModelQualityJobDefinition"]["ModelQualityJobInput"]
    assert given["EndpointInput"]["StartTimeOffset"] == "-PT6H" and given["GroundTruthS3Input"] == {"S3Uri": "s3://bkt/truth"}
    alarms = {each["MetricName"]: each for each in requests["PutMetricAlarm"]}
    assert alarms["feature_baseline_drift_income"]["Threshold"] == 0.2
    assert (alarms["recall"]["Threshold"], alarms["recall"]["ComparisonOperator"]) == (0.9, "LessThanThreshold")


def test_monitors_are_created_once_left_alone_and_updated_when_they_differ(aws, calls):
    connection = monitoring.session("us-east-1")
    assert actions(monitoring.put_monitors(connection, monitor_requests(WATCH))) == {"created"}
    assert actions(monitoring.put_monitors(connection, monitor_requests(WATCH))) == {"unchanged"}
    changed = monitoring.put_monitors(connection, monitor_requests(replace(WATCH, expression="cron(0 6 ? * * *)", hours=24)))
    found = {(each.what, each.action) for each in changed}
    assert ("monitoring schedule", "updated") in found and ("ModelQuality job definition", "created") in found
    described = boto3.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName="loans-bias")
    assert described["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"] == "cron(0 6 ? * * *)"


def test_model_monitor_takes_hours_only():
    with pytest.raises(UsageError, match="Model Monitor does not take this schedule"):
        monitor_requests(replace(WATCH, expression="cron(30 6 ? * 2-6 *)"))


def test_the_pipeline_passes_the_deep_check_and_fails_with_what_was_found():
    composed = compose(WATCH, IMAGE)
    document = json.loads(composed.definition)
    assert [problem for problem in check(document) if problem.severity == "error"] == []
    assert compose(WATCH, IMAGE) == composed
    names = [step["Name"] for step in document["Steps"]]
    assert names[:2] == ["DataQuality", "DataQualityHolds"] and len(names) == 8
    failed = document["Steps"][1]["Arguments"]["ElseSteps"][0]
    assert failed["Type"] == "Fail" and failed["Arguments"]["ErrorMessage"]["Std:Join"]["Values"][1]["Std:JsonGet"]["Path"] == "message"
    assert any(uri.endswith("/jobkit/drift/job.py") for uri in composed.objects)
    inputs = {each["InputName"] for each in document["Steps"][4]["Arguments"]["ProcessingInputs"]}
    assert inputs == {"code", "captured", "model", "ground_truth", "baseline_config", "baseline_post_training"}


def test_a_schedule_starts_the_pipeline_and_an_alarm_hears_its_failures(aws, calls):
    connection = monitoring.session("us-east-1")
    requests = pipeline_requests(WATCH, compose(WATCH, IMAGE).definition)
    assert actions(monitoring.put_schedules(connection, requests)) == {"created"}
    assert actions(monitoring.put_schedules(connection, requests)) == {"unchanged"}
    changed = pipeline_requests(replace(WATCH, hours=12), "{}")
    assert [each.action for each in monitoring.put_schedules(connection, changed)] == ["updated", "unchanged"]
    found = boto3.client("scheduler").get_schedule(Name="loans-monitoring")
    assert found["Target"]["Arn"] == "arn:aws:sagemaker:us-east-1:123456789012:pipeline/loans-monitoring"
    assert found["Target"]["SageMakerPipelineParameters"]["PipelineParameterList"] == [{"Name": "Hours", "Value": "12"}]
    alarm = boto3.client("cloudwatch").describe_alarms(AlarmNames=["loans-monitoring-failed"])["MetricAlarms"][0]
    assert alarm["Namespace"] == "AWS/Sagemaker/ModelBuildingPipeline" and alarm["AlarmActions"] == [WATCH.topic]


def deployed(bucket: str) -> None:
    """Put a version with a baseline of its data behind an endpoint of the account."""
    client, s3 = boto3.client("sagemaker"), boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="dq/constraints.json", Body=json.dumps(LIMITS["data-quality"]).encode())
    client.create_model_package_group(ModelPackageGroupName="loans")
    kept = {"ModelDataQuality": {"Constraints": {"ContentType": "application/json", "S3Uri": f"s3://{bucket}/dq/constraints.json"}}}
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    arn = client.create_model_package(
        ModelPackageGroupName="loans",
        DriftCheckBaselines=kept,
        InferenceSpecification={"Containers": [container], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]},
    )["ModelPackageArn"]
    client.create_model(ModelName="loans", Containers=[{"ModelPackageName": arn}], ExecutionRoleArn=ROLE)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    variant = {"VariantName": "AllTraffic", "ModelName": "loans", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "InitialVariantWeight": 1.0}
    client.create_endpoint_config(EndpointConfigName="loans", ProductionVariants=[variant], DataCaptureConfig=capture)
    client.create_endpoint(EndpointName="loans", EndpointConfigName="loans")


def test_the_command_finds_the_version_behind_the_endpoint_and_schedules_what_it_has_baselines_for(aws, tmp_path):
    deployed("bkt-1")
    command = Command(tmp_path, **{name: value for name, value in os.environ.items() if name.startswith("AWS_")})
    first = command("monitor", "schedule", "loans", "--cron", "hourly", "--role-arn", ROLE)
    assert first.code == 0, first.err
    assert "created  pipeline  loans-monitoring" in first.out and "created  schedule" in first.out and "bias is not watched" in first.out
    again = command("monitor", "schedule", "loans", "--cron", "hourly", "--role-arn", ROLE, "--output", "json")
    assert {each["action"] for each in again.json["done"]} == {"unchanged"}
    assert [step["Name"] for step in _definition()["Steps"]] == ["DataQuality", "DataQualityHolds"]
    refused = command("monitor", "schedule", "loans", "--kind", "bias", "--role-arn", ROLE)
    assert refused.code == 2 and "DriftCheckBaselines.Bias.ConfigFile" in refused.err and "add `bias:" in refused.err
    assert command("monitor", "schedule", "gone", "--role-arn", ROLE).code == 6


def _definition():
    return json.loads(boto3.client("sagemaker").describe_pipeline(PipelineName="loans-monitoring")["PipelineDefinition"])


def test_the_doctor_says_what_an_account_can_use(aws, tmp_path, monkeypatch):
    command = Command(tmp_path, **{name: value for name, value in os.environ.items() if name.startswith("AWS_")})
    told = command("doctor", "--aws").out
    assert "ok       Model Monitor:   sagemaker:ListMonitoringSchedules is answered" in told and "ok       Scheduler:" in told

    def refused(connection, **arguments):
        raise CloudError("sagemaker:ListMonitoringSchedules failed: this service takes no new customers", got="AccessDeniedException")

    monkeypatch.setattr(monitoring, "session", refused)
    assert [(name, ok) for name, ok, _ in monitoring.availability("us-east-1")] == [("Model Monitor", False), ("Clarify", False), ("Scheduler", False)]


def test_the_command_makes_monitors_where_the_account_has_them(aws, tmp_path):
    deployed("bkt-2")
    command = Command(tmp_path, **{name: value for name, value in os.environ.items() if name.startswith("AWS_")})
    done = command("monitor", "schedule", "loans", "--service", "model-monitor", "--cron", "hourly", "--role-arn", ROLE, "--output", "json")
    assert done.code == 0, done.err
    made = {each["what"]: each["action"] for each in done.json["done"]}
    assert made == {"DataQuality job definition": "created", "monitoring schedule": "created", "alarm": "created"}
    described = boto3.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName="loans-data-quality")
    assert described["MonitoringScheduleConfig"]["MonitoringType"] == "DataQuality"
    assert command("monitor", "schedule", "loans", "--service", "model-monitor", "--cron", "30 6 * * 1", "--role-arn", ROLE).code == 2
