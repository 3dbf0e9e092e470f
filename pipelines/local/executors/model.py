"""Run a Model step: CreateModel, kept as a record for batch transform and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.local import container
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault


def execute(step_run: StepRun) -> Outcome:
    """Record the model below `<home>/models` and return DescribeModelOutput as the step's properties.

    Raises:
        ClientFault: the model data of a container is not there.
    """
    request = step_run.arguments
    for definition in _containers(request):
        uri = definition.get("ModelDataUrl")
        if uri and not step_run.run.store.exists(uri):
            raise ClientFault(f"could not find model data at {uri}")
    name = step_run.job_name
    properties = {
        **request,
        "ModelName": name,
        "ModelArn": f"{step_run.run.arn_prefix}model/{name}",
        "CreationTime": step_run.timestamp(),
    }
    container.write_json(step_run.run.home / "models" / f"{name}.json", properties)
    return Outcome("Succeeded", properties)


def _containers(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    primary = request.get("PrimaryContainer")
    return [*([primary] if primary else []), *(request.get("Containers") or [])]
