"""What is monitored: an endpoint that is deployed here with the registered version behind it, or a version alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.faults import ClientFault
from pipelines.local.home import Home
from pipelines.local.registry import GROUP
from pipelines.local.serving.records import NAME, Records


@dataclass(frozen=True)
class Subject:
    """Hold what is monitored; `endpoint` is empty for a version alone, and `captures` are the places where its requests are kept, newest variant first."""

    name: str
    package: Mapping[str, Any]
    endpoint: str = ""
    captures: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Return the model package group."""
        return str(self.package.get("ModelPackageGroupName", ""))

    @property
    def version(self) -> str:
        """Return the version as the command line names it."""
        return f"{self.group}/{self.package['ModelPackageVersion']}"

    @property
    def model_uri(self) -> str:
        """Return where the version's model.tar.gz is, an empty text when it has none."""
        containers = (self.package.get("InferenceSpecification") or {}).get("Containers") or [{}]
        return str(containers[0].get("ModelDataUrl") or "")


def find(home: Path, name: str) -> Subject:
    """Return the endpoint of this name, else the version GROUP/NUMBER, or the newest approved version of a group.

    Raises:
        UsageError: there is neither, or no registered version is behind the endpoint.
    """
    records = Records(home)
    if NAME.fullmatch(name) and records.has("endpoint", name):
        return _of_endpoint(home, records, name)
    group, _, number = name.partition("/")
    registry = Home(home).registry
    if GROUP.fullmatch(group) and group in registry.groups() and (not number or number.isdigit()):
        package = registry.version(group, int(number)) if number else registry.version(group, status="Approved")
        return Subject(group, package)
    known = ", ".join(dict.fromkeys([*records.names("endpoint"), *registry.groups()])) or "none yet"
    hint = "Of an endpoint that is deleted name its version, GROUP/NUMBER, and where its data was captured with --captured."
    raise UsageError("there is no such endpoint and no such version here", where=name[:80], expected=f"one of: {known}", hint=hint)


def _of_endpoint(home: Path, records: Records, name: str) -> Subject:
    try:
        config = records.read("endpoint configuration", records.read("endpoint", name)["EndpointConfigName"])
        variants = config["ProductionVariants"]
        arns = [arn for variant in variants for arn in _packages(records.read("model", variant["ModelName"]))]
    except ClientFault as error:
        raise UsageError(str(error), where=name) from None
    if not arns:
        hint = "Name a version with --version GROUP/NUMBER, or deploy a registered one."
        raise UsageError("the endpoint serves a model that no version stands behind", where=name, hint=hint)
    group, number = arns[0].rsplit("/", 2)[-2:]
    return Subject(name, _registered(home, group, int(number)), name, _places(config, name))


def captures(home: Path, name: str) -> tuple[str, ...]:
    """Return where an endpoint keeps its requests, nothing when it does not or there is none of this name."""
    records = Records(home)
    if not NAME.fullmatch(name) or not records.has("endpoint", name):
        return ()
    try:
        return _places(records.read("endpoint configuration", records.read("endpoint", name)["EndpointConfigName"]), name)
    except ClientFault as error:
        raise UsageError(str(error), where=name) from None


def _places(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    capture = config.get("DataCaptureConfig") or {}
    if not capture:
        return ()
    return tuple(f"{str(capture['DestinationS3Uri']).rstrip('/')}/{name}/{variant['VariantName']}" for variant in config["ProductionVariants"])


def _packages(model: Mapping[str, Any]) -> list[str]:
    containers = model.get("Containers") or [model.get("PrimaryContainer") or {}]
    return [str(each["ModelPackageName"]) for each in containers if each.get("ModelPackageName")]


def _registered(home: Path, group: str, number: int) -> Mapping[str, Any]:
    """Return a version by its group's name in an ARN, which is in lower case."""
    registry = Home(home).registry
    exact = next((known for known in registry.groups() if known.lower() == group.lower()), group)
    return registry.version(exact, number)
