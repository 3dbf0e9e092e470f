"""Builders of definitions that the pictures are tried on, and three such definitions."""

from __future__ import annotations

from typing import Any

from pipelines.definition.model import Definition, parse


def step(name: str, kind: str = "Processing", after: list[Any] | None = None, reads: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Return a raw step; `reads` names steps whose output it takes, `after` is its DependsOn."""
    inputs = [{"Get": f"Steps.{source}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"} for source in reads or []]
    return {"Name": name, "Type": kind, "Arguments": {"Inputs": inputs, **more.pop("arguments", {})}, **({"DependsOn": after} if after else {}), **more}


def at_least(path: str, parameter: str, kind: str = "GreaterThanOrEqualTo", source: str = "Evaluate") -> dict[str, Any]:
    """Return a raw comparison of a number in a step's property file with a parameter."""
    left = {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{source}.PropertyFiles.EvaluationReport"}, "Path": path}}
    return {"Type": kind, "LeftValue": left, "RightValue": {"Get": f"Parameters.{parameter}"}}


def condition(name: str, conditions: list[Any], yes: list[Any], no: list[Any], **more: Any) -> dict[str, Any]:
    """Return a raw Condition step."""
    return {"Name": name, "Type": "Condition", "Arguments": {"Conditions": conditions, "IfSteps": yes, "ElseSteps": no}, **more}


def definition(*steps: Any) -> Definition:
    """Return a definition that holds raw steps."""
    return parse({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": list(steps)})


def hotel() -> Definition:
    """Return the shape that a configuration compiles to."""
    gate = [
        at_least("binary_classification_metrics.accuracy.value", "MinAccuracy"),
        at_least("binary_classification_metrics.confusion_matrix.1.0", "MaxFalseNegative", "LessThanOrEqualTo"),
    ]
    cluster = {"ProcessingResources": {"ClusterConfig": {"InstanceType": {"Get": "Parameters.ProcessingInstanceType"}, "InstanceCount": 1}}}
    return definition(
        step(
            "Preprocess",
            DisplayName="Clean and split the bookings",
            Description="Drops duplicates, splits, then fits the recipe on the training rows.",
            CacheConfig={"Enabled": True, "ExpireAfter": "P30D"},
            RetryPolicies=[{"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "MaxAttempts": 5}],
            arguments=cluster,
        ),
        step("Train", "Training", reads=["Preprocess"], DisplayName="Train XGBoost", CacheConfig={"Enabled": True, "ExpireAfter": "P30D"}),
        step("Evaluate", reads=["Preprocess", "Train"], DisplayName="Measure on the test rows"),
        condition(
            "QualityGate",
            gate,
            [step("Register", "RegisterModel", reads=["Train"], DisplayName="Register the model", arguments={"ModelPackageGroupName": "hotel-bookings"})],
            [
                {
                    "Name": "QualityGateFailed",
                    "Type": "Fail",
                    "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["Missed", {"Get": "Parameters.MinAccuracy"}]}}},
                }
            ],
            DisplayName="Good enough?",
        ),
    )


def every_kind() -> Definition:
    """Return a definition with a ForEach, conditions inside conditions, triggers, an order-only dependency and a long name."""
    inner = condition(
        "Deploy_Or_Not",
        [{"Type": "Equals", "LeftValue": {"Get": "Parameters.Deploy"}, "RightValue": True}],
        [step("Endpoint", "Endpoint", reads=["Model"])],
        [],
    )
    checks = [
        {"Type": "Or", "Conditions": [at_least("a.auc.value", "MinAuc"), {"Type": "Not", "Condition": at_least("a.f1.value", "MinF1", "LessThan")}]},
        {"Type": "In", "QueryValue": {"Get": "Parameters.Stage"}, "Values": ["test", "production"]},
    ]
    body = [step("FitOne", "Training", reads=["Split"]), step("ScoreOne", reads=["FitOne"])]
    return definition(
        step("Profile"),
        step("Split", reads=["Profile"], DisplayName="A display name that is so long that it cannot stand in two lines of any card in the picture"),
        {"Name": "PerCountry", "Type": "ForEach", "Arguments": {"IterableItems": ["PT", "GB"], "MaxConcurrency": 2, "ForEachBody": body}},
        step("Evaluate", reads=["Split"], after=["PerCountry"]),
        condition("Gate", checks, [step("Model", "Model"), step("Batch", "Transform", reads=["Model", "Split"]), inner], [step("Tell", "Lambda")]),
        step("Alarm", "Callback", after=[{"Step": "Evaluate", "Trigger": "Failed"}, {"Step": "PerCountry", "Trigger": "Any"}]),
    )


def large() -> Definition:
    """Return a definition of 100 steps: ten strands that meet in gates."""
    steps = [step("Ingest")]
    for strand in range(10):
        names = [f"Strand{strand}-{index}" for index in range(7)]
        for index, name in enumerate(names):
            steps.append(step(name, ["Processing", "Training", "ClarifyCheck"][index % 3], reads=[names[index - 1]] if index else ["Ingest"]))
        steps.append(step(f"Merge{strand}", reads=[names[-1], names[2], f"Strand{(strand + 3) % 10}-1"]))
    final = [step(f"Publish{index}", "Lambda", reads=[f"Merge{index}"]) for index in range(10)]
    steps.append(
        condition("Gate", [at_least("x.accuracy.value", "MinAccuracy", source="Merge9")], final, [step(f"Tell{index}", "Callback") for index in range(8)])
    )
    return definition(*steps)
