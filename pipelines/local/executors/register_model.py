"""Run a RegisterModel step: CreateModelPackage in the local registry."""

from __future__ import annotations

from pipelines.errors import UsageError
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.model_packages import named


def execute(step_run: StepRun) -> Outcome:
    """Register a version, once an execution and step, and return DescribeModelPackageOutput as the step's properties.

    Raises:
        ClientFault: the request names no group, or a model, a metrics file or a baseline that is not there.
    """
    specification = step_run.arguments.get("InferenceSpecification") or {}
    for container in specification.get("Containers", []):
        uri = container.get("ModelDataUrl")
        if uri and not step_run.run.store.exists(uri):
            raise ClientFault(f"could not find model data at {uri}")
    for member in ("ModelMetrics", "DriftCheckBaselines"):
        for place, uri in named.source_uris(step_run.arguments.get(member)).items():
            if not step_run.run.store.exists(uri):
                raise ClientFault(f"{member}.{place}: could not find an object at {uri}")
    token = f"{step_run.run.execution_id}/{step_run.step.name}"
    try:
        package = step_run.run.registry.register(step_run.arguments, arn_prefix=step_run.run.arn_prefix, token=token)
    except UsageError as error:
        raise ClientFault(str(error)) from None
    return Outcome("Succeeded", package)
