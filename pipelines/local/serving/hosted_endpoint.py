"""Serve an endpoint behind the Runtime API for as long as a block lasts: for jobs that invoke a model as they do on the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.local.context import Run
from pipelines.local.instances import ONE_AT_A_TIME
from pipelines.local.launcher import ColdLauncher, Launcher
from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.hosted import answering, machine_of
from pipelines.local.serving.records import Records
from pipelines.local.serving.runtime import RuntimeApp


@dataclass(frozen=True)
class _Configured:
    """Start an endpoint by its configuration."""

    endpoint: Endpoint
    config: Mapping[str, Any]

    async def start(self) -> None:
        await self.endpoint.start(self.config)

    async def close(self) -> None:
        await self.endpoint.close()


@contextmanager
def hosted_endpoint(run: Run, name: str, config: Mapping[str, Any], folder: Path, *, cores: int) -> Iterator[str]:
    """Serve an endpoint under `name` by an endpoint configuration (DescribeEndpointConfigOutput) and yield the URL of the Runtime API.

    `folder` gets the containers, each with its log.

    Raises:
        ClientFault: a model cannot be served here, or did not become healthy.
    """
    with _launcher_beside(run) as launcher:
        endpoint = Endpoint(name, replace(machine_of(run), cores=cores, launcher=launcher), Records(run.home), folder)
        app = RuntimeApp(lambda wanted: endpoint if wanted == name else None, run.region, run.account)
        with answering(_Configured(endpoint, config), app, name) as url:
            yield url


@contextmanager
def _launcher_beside(run: Run) -> Iterator[Launcher]:
    """Yield what launches containers that run beside a job: where one job at a time has the machine's /opt/ml, they get theirs by the shim."""
    if run.launcher.layer() != ONE_AT_A_TIME:
        yield run.launcher
        return
    launcher = ColdLauncher("shim")
    try:
        yield launcher
    finally:
        launcher.close()


def config_of_model(name: str, instances: int = 1) -> dict[str, Any]:
    """Return the endpoint configuration of one model, which gets all traffic."""
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": instances, "InitialVariantWeight": 1.0}
    return {"EndpointConfigName": name, "ProductionVariants": [variant]}
