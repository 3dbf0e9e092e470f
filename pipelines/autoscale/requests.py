"""A policy as Application Auto Scaling takes it: RegisterScalableTarget, PutScalingPolicy, PutScheduledAction (botocore model), and alarms of step scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.autoscale.policies import IN_MINUTES, OUT_MINUTES, Policy, Scheduled, StepScaling, TargetTracking

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
METRIC = "SageMakerVariantInvocationsPerInstance"


def requests(policy: Policy, endpoint: str, variant: str) -> dict[str, Any]:
    """Return the requests by operation, each a list in the order in which they are sent.

    Step scaling has alarms of its own (PutMetricAlarm of CloudWatch): their AlarmActions are the PolicyARN that PutScalingPolicy will return.
    """
    target = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/{variant}", "ScalableDimension": DIMENSION}
    found: dict[str, Any] = {"RegisterScalableTarget": [{**target, "MinCapacity": policy.least, "MaxCapacity": policy.most}]}
    if isinstance(policy.scaling, TargetTracking):
        found["PutScalingPolicy"] = [_tracking(policy.scaling, target, endpoint)]
    elif policy.scaling:
        found["PutScalingPolicy"] = _steps(policy.scaling, target, endpoint)
        found["PutMetricAlarm"] = _alarms(policy.scaling, endpoint, variant)
    if policy.scheduled:
        found["PutScheduledAction"] = _actions(policy.scheduled, policy.most, target, endpoint)
    return found


def _tracking(scaling: TargetTracking, target: Mapping[str, str], endpoint: str) -> dict[str, Any]:
    configuration = {
        "TargetValue": scaling.target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
        "ScaleOutCooldown": scaling.out_cooldown_s,
        "ScaleInCooldown": scaling.in_cooldown_s,
    }
    return {**target, "PolicyName": f"{endpoint}-target", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": configuration}


def _steps(scaling: StepScaling, target: Mapping[str, str], endpoint: str) -> list[dict[str, Any]]:
    """Return one policy for each direction; bounds count from the threshold of its alarm."""
    above = [bound - scaling.steps[0][0] for bound, _ in scaling.steps]
    below = [bound - scaling.in_steps[0][0] for bound, _ in scaling.in_steps]
    out = [_step(low, high, change) for low, high, (_, change) in zip(above, [*above[1:], None], scaling.steps, strict=False)]
    back = [_step(low, high, change) for high, low, (_, change) in zip(below, [*below[1:], None], scaling.in_steps, strict=False)]
    parts = [("out", out, scaling.out_cooldown_s), ("in", back, scaling.in_cooldown_s)]
    return [
        {**target, "PolicyName": f"{endpoint}-step-{name}", "PolicyType": "StepScaling", **_configuration(steps, wait)} for name, steps, wait in parts if steps
    ]


def _configuration(steps: list[dict[str, Any]], cooldown_s: int) -> dict[str, Any]:
    own = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": cooldown_s, "MetricAggregationType": "Average"}
    return {"StepScalingPolicyConfiguration": own}


def _step(low: float | None, high: float | None, change: int) -> dict[str, Any]:
    bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
    return {**{name: float(value) for name, value in bounds.items() if value is not None}, "ScalingAdjustment": change}


def _alarms(scaling: StepScaling, endpoint: str, variant: str) -> list[dict[str, Any]]:
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "InvocationsPerInstance",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        "Statistic": "Sum",
        "Period": 60,
    }
    parts = [("out", scaling.steps, OUT_MINUTES, "GreaterThanThreshold"), ("in", scaling.in_steps, IN_MINUTES, "LessThanThreshold")]
    return [
        {
            "AlarmName": f"{endpoint}-step-{name}",
            **metric,
            "EvaluationPeriods": minutes,
            "Threshold": scaling.threshold + steps[0][0],
            "ComparisonOperator": operator,
        }
        for name, steps, minutes, operator in parts
        if steps
    ]


def _actions(scheduled: Scheduled, most: int, target: Mapping[str, str], endpoint: str) -> list[dict[str, Any]]:
    return [
        {
            **target,
            "ScheduledActionName": f"{endpoint}-{minute // 60:02}{minute % 60:02}",
            "Schedule": f"cron({minute % 60} {minute // 60} * * ? *)",
            "ScalableTargetAction": {"MinCapacity": min(least, most), "MaxCapacity": most},
        }
        for minute, least in scheduled.actions
    ]
