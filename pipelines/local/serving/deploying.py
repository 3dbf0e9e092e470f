"""Deploy here: write the records of a model, an endpoint configuration and an endpoint, and see to it that the endpoint answers."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.definition.deployment import Deployment
from pipelines.definition.shapes import check_request
from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.fleet import make_fleet
from pipelines.local.serving.host import CAUGHT, settled
from pipelines.local.serving.records import Records

LOOK_EVERY_S = 0.05
LONGEST_UPDATE_S = 14_400.0
SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)


@dataclass(frozen=True)
class Here:
    """Hold where and by what is deployed; `folder` is for containers that are only tried out."""

    records: Records
    machine: Machine
    folder: Path
    arn_prefix: str = "arn:aws:sagemaker:us-east-1:000000000000:"


def create_model(here: Here, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write a model's record and return it, in the shape of DescribeModelOutput.

    Raises:
        ClientFault: the request is not as CreateModel takes it.
    """
    _check("CreateModel", {**request, "ModelName": name})
    _refuse_another(here.records, "model", name, request)
    record = {**request, "ModelName": name, "ModelArn": f"{here.arn_prefix}model/{name.lower()}", "CreationTime": _now()}
    here.records.write("model", name, record)
    return record


def create_config(here: Here, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write an endpoint configuration and return it, in the shape of DescribeEndpointConfigOutput.

    Raises:
        ClientFault: the request is not as CreateEndpointConfig takes it, or names a model that is not there.
    """
    _check("CreateEndpointConfig", {**request, "EndpointConfigName": name})
    _check_variants(request)
    _refuse_another(here.records, "endpoint configuration", name, request)
    for variant in [*request["ProductionVariants"], *(request.get("ShadowProductionVariants") or [])]:
        if variant.get("ModelName"):
            here.records.read("model", variant["ModelName"])
    record = {**request, "EndpointConfigName": name, "EndpointConfigArn": f"{here.arn_prefix}endpoint-config/{name.lower()}", "CreationTime": _now()}
    here.records.write("endpoint configuration", name, record)
    return record


MADE_BY_US = frozenset({"ModelName", "ModelArn", "EndpointConfigName", "EndpointConfigArn", "CreationTime"})


def _refuse_another(records: Records, kind: str, name: str, request: Mapping[str, Any]) -> None:
    """Refuse to overwrite what endpoints may use; writing the same again changes nothing.

    Raises:
        ClientFault: there is another one of this name.
    """
    if not records.has(kind, name):
        return
    kept = {key: value for key, value in records.read(kind, name).items() if key not in MADE_BY_US}
    if json.loads(json.dumps(kept, default=str)) != json.loads(json.dumps(dict(request), default=str)):
        raise ClientFault(f"Cannot create already existing {kind} {name!r}: it is another one; give the new one another name")


def _check_variants(request: Mapping[str, Any]) -> None:
    """Refuse what CreateEndpointConfig refuses of variants.

    Raises:
        ClientFault: two have one name, or one has both instances and serverless, or neither.
    """
    variants = [*request["ProductionVariants"], *(request.get("ShadowProductionVariants") or [])]
    names = [variant["VariantName"] for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ClientFault(f"two variants are called {twice!r}; expected a name of its own for each")
    for variant in variants:
        if bool(variant.get("ServerlessConfig")) == bool(variant.get("InstanceType")):
            got = "both" if variant.get("InstanceType") else "neither"
            raise ClientFault(f"variant {variant['VariantName']!r}: got {got} of InstanceType and ServerlessConfig; expected one of them")
        if variant.get("ServerlessConfig"):
            _check_serverless(request, variant)


def _check_serverless(request: Mapping[str, Any], variant: Mapping[str, Any]) -> None:
    """Refuse what the service has no serverless endpoint with, and memory that it does not have.

    Raises:
        ClientFault: there is data capture or asynchronous inference, or the memory is no step of 1024 MB.
    """
    others = [member for member in ("DataCaptureConfig", "AsyncInferenceConfig") if request.get(member)]
    if others:
        raise ClientFault(f"the service has no serverless endpoint with {others[0]}; got both, expected one of them")
    memory = variant["ServerlessConfig"]["MemorySizeInMB"]
    if memory not in SERVERLESS_MB:
        raise ClientFault(f"variant {variant['VariantName']!r}: got MemorySizeInMB {memory}; expected one of {', '.join(map(str, SERVERLESS_MB))}")


def create_or_update(
    here: Here, name: str, config: str, deployment: Mapping[str, Any] | None = None, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Make an endpoint, or move one to another configuration, wait until that has ended, and return its record (DescribeEndpointOutput).

    While `sagewright serve` runs it does the work; else the containers are started once, to see that they become healthy, and stopped again.

    Raises:
        ClientFault: there is no such configuration, the endpoint is being updated, or the request is not as the service takes it.
    """
    here.records.read("endpoint configuration", config)
    _check("CreateEndpoint", {"EndpointName": name, "EndpointConfigName": config, **({"DeploymentConfig": deployment} if deployment else {})})
    with here.records.changing():
        record = _pending(here, name, config, deployment)
        served = here.records.is_served(name)
        if served:
            here.records.write("endpoint", name, record)
    if served:
        return _wait(here.records, name, tell)
    reason = asyncio.run(_tried_out(here, config, name))
    before = str(record["EndpointConfigName"])
    kept = reason and before != config
    told = f"The update to {config} was rolled back: {reason}" if kept else reason
    done = settled(record, here.records, config=before if kept else config, status="InService" if kept or not reason else "Failed", reason=told)
    with here.records.changing():
        taken_up = not reason and here.records.is_served(name)  # a server was started meanwhile
        here.records.write("endpoint", name, record if taken_up else done)
    return _wait(here.records, name, tell) if taken_up else done


def _pending(here: Here, name: str, config: str, deployment: Mapping[str, Any] | None) -> dict[str, Any]:
    new = {"PendingDeploymentSummary": {"EndpointConfigName": config, "StartTime": _now()}, **({"PendingDeploymentConfig": deployment} if deployment else {})}
    if here.records.has("endpoint", name):
        record = here.records.read("endpoint", name)
        if record.get("PendingDeploymentSummary") and here.records.is_served(name):
            raise ClientFault(f"endpoint {name}: cannot update an endpoint that is {record['EndpointStatus']}; wait until it is InService or Failed")
        if record.get("EndpointStatus") != "Failed":
            return {**record, **new, "EndpointStatus": "Updating"}
    arn = f"{here.arn_prefix}endpoint/{name.lower()}"
    return {"EndpointName": name, "EndpointArn": arn, "EndpointConfigName": config, "CreationTime": _now(), **new, "EndpointStatus": "Creating"}


def _wait(records: Records, name: str, tell: Callable[[str], None]) -> dict[str, Any]:
    tell(f"{name}: the server that runs brings it about")
    ends_at = time.monotonic() + LONGEST_UPDATE_S
    while time.monotonic() < ends_at:
        record = records.read("endpoint", name)
        if not record.get("PendingDeploymentSummary"):
            return record
        if not records.is_served(name):
            break
        time.sleep(LOOK_EVERY_S)
    raise ClientFault(f"endpoint {name}: the server ended before the deployment did; run `sagewright serve`, which takes it up again")


async def _tried_out(here: Here, config: str, name: str) -> str:
    """Start the containers of a configuration, stop them, and return why they did not become healthy, empty when they did."""
    folder = boxes.fresh(here.folder, name)
    try:
        fleet = make_fleet(here.machine, here.records, here.records.read("endpoint configuration", config), folder)
        await fleet.start()
    except CAUGHT as error:
        boxes.clear(folder)
        return str(error)
    await fleet.close()
    shutil.rmtree(folder, ignore_errors=True)
    return ""


def apply(here: Here, deployment: Deployment, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Bring a deployment about and return the endpoint's record.

    Raises:
        ClientFault: a request is not as the service takes it, or what it names is not there.
    """
    for alarm in deployment.alarms:
        here.records.write("alarm", alarm["AlarmName"], alarm)
    create_model(here, deployment.model["ModelName"], _without(deployment.model, "ModelName"))
    create_config(here, deployment.config["EndpointConfigName"], _without(deployment.config, "EndpointConfigName"))
    record = create_or_update(here, deployment.endpoint, deployment.config["EndpointConfigName"], deployment.guardrails or None, tell)
    if deployment.scaling:
        with here.records.changing():
            record = {**here.records.read("endpoint", deployment.endpoint), "Scaling": dict(deployment.scaling)}
            here.records.write("endpoint", deployment.endpoint, record)
    return record


def _without(request: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != key}


def _check(operation: str, request: Mapping[str, Any]) -> None:
    problems = [problem for problem in check_request(operation, request, operation, frozenset()) if problem.severity == "error"]
    if problems:
        raise ClientFault("; ".join(str(problem) for problem in problems[:5]))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
