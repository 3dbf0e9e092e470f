"""A model that is being served: one container, or an inference pipeline of several (AWS developer guide, "Inference pipelines")."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes
from pipelines.local.serving.boxes import Container, Machine
from pipelines.local.serving.http import whole
from pipelines.local.serving.link import Reply
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, ONLY, NotHealthy

MODEL_FOLDER = "/opt/ml/model"
STARTUP_TIMEOUT_S = 240.0
# With one /opt/ml for all, a second container would wait for ever.
ONE_AT_A_TIME = "symlink"
MOST_CONTAINERS = 15


async def all_or_none(starts: Sequence[Awaitable[None]], close: Callable[[], Awaitable[None]]) -> None:
    """Wait until all have started; when one fails, or nobody waits any more, close what has started.

    Raises:
        NotHealthy: what the first that failed said.
    """
    try:
        started = await asyncio.gather(*starts, return_exceptions=True)
    except asyncio.CancelledError:
        await close()
        raise
    failed = [error for error in started if isinstance(error, BaseException)]
    if failed:
        await close()
        raise failed[0]


@dataclass(frozen=True)
class ServedModel:
    """Hold the containers of a model in their order, with their host names; `direct` ones are asked by name, others one after the other."""

    containers: Sequence[Container]
    hostnames: Sequence[str]
    direct: bool = False
    multi_model: bool = False

    async def start(self, timeout_s: float = STARTUP_TIMEOUT_S) -> None:
        """Start every container at once and wait until all are healthy.

        Raises:
            NotHealthy: one did not become healthy in time; the others are stopped.
        """
        await all_or_none([self._start(each, timeout_s) for each in self.containers], self.close)

    async def _start(self, container: Container, timeout_s: float) -> None:
        begun = time.monotonic()
        await container.start(timeout_s)
        if not self.multi_model:
            await container.load(ONLY, MODEL_FOLDER, max(0.0, timeout_s - (time.monotonic() - begun)))

    def healthy(self) -> bool:
        """Tell whether every container is."""
        return self.multi_model or all(container.healthy() for container in self.containers)

    def parameters(self) -> Mapping[str, Any] | None:
        """Return what the first container tells a batch transform."""
        return None if self.multi_model else self.containers[0].parameters()

    async def invoke(self, headers: Mapping[str, str], body: bytes, *, hostname: str = "", timeout_s: float = INVOCATION_TIMEOUT_S) -> Reply:
        """Answer a request: of a pipeline, each container gets what the one before it answered, in that content type; the first that fails ends it."""
        if self.direct or len(self.containers) == 1:
            return await self._asked(hostname).invoke(headers, body, timeout_s=timeout_s)
        ends_at = time.monotonic() + timeout_s
        for container in self.containers[:-1]:
            inner = {name: value for name, value in headers.items() if name != "accept"}
            reply = await whole(await container.invoke(inner, body, timeout_s=ends_at - time.monotonic()))
            if reply.status >= 300:
                return reply
            body, headers = reply.body, {**headers, "content-type": reply.headers.get("content-type", "")}
        return await self.containers[-1].invoke(headers, body, timeout_s=ends_at - time.monotonic())

    def _asked(self, hostname: str) -> Container:
        return self.containers[list(self.hostnames).index(hostname) if self.direct else 0]

    async def close(self) -> None:
        """Stop every container."""
        await asyncio.gather(*(container.close() for container in self.containers))


def serve_model(
    machine: Machine, definitions: Sequence[Mapping[str, Any]], name: str, folder: Path, environment: Mapping[str, str] | None = None, *, direct: bool = False
) -> ServedModel:
    """Return a model that is not started yet, of container definitions as CreateModel takes them.

    Raises:
        ClientFault: a model or an image cannot be served here.
    """
    resolved = boxes.resolve(machine, definitions)
    if not 1 <= len(resolved) <= MOST_CONTAINERS:
        raise ClientFault(f"{name}: a model has 1 to {MOST_CONTAINERS} containers; got {len(resolved)}")
    if len(resolved) > 1 and machine.launcher.layer() == ONE_AT_A_TIME:
        raise ClientFault(f"{name}: {len(resolved)} containers cannot run together here, where one job at a time has /opt/ml; run with --isolation shim")
    cores = max(1, machine.cores // len(resolved))
    made = [
        boxes.make(machine, each, f"{name}/{number}" if number else name, folder / f"container-{number}" if number else folder, environment or {}, cores)
        for number, each in enumerate(resolved)
    ]
    hosts = [str(each.get("ContainerHostname") or f"container-{number}") for number, each in enumerate(resolved)]
    return ServedModel(made, hosts, direct, any(each.get("Mode") == "MultiModel" for each in resolved))


__all__ = ["MODEL_FOLDER", "STARTUP_TIMEOUT_S", "NotHealthy", "ServedModel", "serve_model"]
