"""A deployment as one value: the very requests of CreateModel, CreateEndpointConfig, CreateEndpoint, alarms and Application Auto Scaling.

The local store and AWS are given the same one. Names are made from the content, so that deploying the same thing twice changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VARIANT = "AllTraffic"
DIGEST_CHARACTERS = 8
LONGEST_NAME = 63
OF_MODEL = ("InferenceExecutionConfig", "VpcConfig", "EnableNetworkIsolation", "Tags")


@dataclass(frozen=True)
class Settings:
    """Say how a model is to be served; empty members are left to the service's defaults."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    capture: Mapping[str, Any] = field(default_factory=dict)
    serverless: Mapping[str, Any] = field(default_factory=dict)
    asynchronous: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    guardrails: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[Mapping[str, Any]] = ()
    scaling: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    shadow: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """Hold the requests that bring an endpoint about."""

    endpoint: str
    model: Mapping[str, Any]
    config: Mapping[str, Any]
    guardrails: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[Mapping[str, Any]] = ()
    scaling: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the requests by operation."""
        last = {"DeploymentConfig": dict(self.guardrails)} if self.guardrails else {}
        return {
            "CreateModel": dict(self.model),
            "CreateEndpointConfig": dict(self.config),
            "CreateEndpoint": {"EndpointName": self.endpoint, "EndpointConfigName": self.config["EndpointConfigName"], **last},
            **({"PutMetricAlarm": [dict(alarm) for alarm in self.alarms]} if self.alarms else {}),
            **({"ApplicationAutoScaling": dict(self.scaling)} if self.scaling else {}),
        }


def of_package(package: Mapping[str, Any], endpoint: str, settings: Settings, role_arn: str) -> Deployment:
    """Return the deployment of a model package, as DescribeModelPackage tells of it."""
    container = {"ModelPackageName": package["ModelPackageArn"], **({"Environment": dict(settings.environment)} if settings.environment else {})}
    return of_containers([container], endpoint, settings, role_arn)


def of_update(package: Mapping[str, Any], endpoint: str, config: Mapping[str, Any], role_arn: str) -> Deployment:
    """Return the deployment that puts another model package behind an endpoint and leaves the rest of its configuration as it is."""
    model = {"Containers": [{"ModelPackageName": package["ModelPackageArn"]}], "ExecutionRoleArn": role_arn}
    name = _named(endpoint, model)
    first, *others = config["ProductionVariants"]
    kept = {key: value for key, value in config.items() if key not in ("EndpointConfigName", "EndpointConfigArn", "CreationTime")}
    request = {**kept, "ProductionVariants": [{**first, "ModelName": name}, *others]}
    return Deployment(endpoint, {"ModelName": name, **model}, {"EndpointConfigName": _named(endpoint, request), **request})


def of_model(model: Mapping[str, Any], endpoint: str, settings: Settings) -> Deployment:
    """Return the deployment of a model that is there already, as DescribeModel tells of it."""
    request = {key: value for key, value in model.items() if key in ("PrimaryContainer", "Containers", "ExecutionRoleArn", *OF_MODEL)}
    return _deployment(str(model["ModelName"]), request, endpoint, settings)


def of_containers(containers: Sequence[Mapping[str, Any]], endpoint: str, settings: Settings, role_arn: str) -> Deployment:
    """Return the deployment of a model of these container definitions."""
    model: dict[str, Any] = {"Containers": [dict(each) for each in containers], "ExecutionRoleArn": role_arn}
    if len(containers) == 1 and "ModelPackageName" not in containers[0]:
        model = {"PrimaryContainer": dict(containers[0]), "ExecutionRoleArn": role_arn}
    return _deployment(_named(endpoint, model), model, endpoint, settings)


def _deployment(model_name: str, model: Mapping[str, Any], endpoint: str, settings: Settings) -> Deployment:
    variant = {"VariantName": VARIANT, "ModelName": model_name, "InitialVariantWeight": 1.0, **_capacity(settings)}
    config: dict[str, Any] = {"ProductionVariants": [variant]}
    for key, value in (("DataCaptureConfig", settings.capture), ("AsyncInferenceConfig", settings.asynchronous)):
        if value:
            config[key] = dict(value)
    if settings.shadow:
        config["ShadowProductionVariants"] = [dict(settings.shadow)]
    name = _named(endpoint, config)
    return Deployment(
        endpoint, {"ModelName": model_name, **model}, {"EndpointConfigName": name, **config}, settings.guardrails, settings.alarms, settings.scaling
    )


def _capacity(settings: Settings) -> dict[str, Any]:
    if settings.serverless:
        return {"ServerlessConfig": dict(settings.serverless)}
    return {"InstanceType": settings.instance_type, "InitialInstanceCount": settings.instance_count}


def _named(endpoint: str, request: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{endpoint[: LONGEST_NAME - DIGEST_CHARACTERS - 1].rstrip('-')}-{digest}"
