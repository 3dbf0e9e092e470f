"""The variants of one endpoint configuration, running: production variants by weight, shadow variants that answer nobody."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.processes import usable_memory_bytes
from pipelines.local.serving import boxes
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.http import whole
from pipelines.local.serving.invocation import Invocation, RuntimeFault, invalid
from pipelines.local.serving.link import Reply
from pipelines.local.serving.many_models import ManyModels
from pipelines.local.serving.measures import Measures
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, ModelServer
from pipelines.local.serving.records import Records
from pipelines.local.serving.served_model import STARTUP_TIMEOUT_S, ServedModel, all_or_none, serve_model
from pipelines.local.serving.target_models import TargetModels

MEMORY_MB = "SAGEWRIGHT_MODEL_MEMORY_MB"
SHARE_OF_MEMORY = 0.7


@dataclass
class Variant:
    """Hold one variant that runs: its description, its model, the target models of a multi-model one, and what it counts."""

    described: Mapping[str, Any]
    model: ServedModel
    targets: TargetModels | None = None
    measures: Measures = field(default_factory=Measures)
    running: int = 0

    @property
    def name(self) -> str:
        """Return the variant's name."""
        return str(self.described["VariantName"])

    async def start(self) -> None:
        """Start the containers.

        Raises:
            NotHealthy: one does not become healthy.
        """
        await self.model.start(float(self.described.get("ContainerStartupHealthCheckTimeoutInSeconds") or STARTUP_TIMEOUT_S))

    async def invoke(self, invocation: Invocation, timeout_s: float = INVOCATION_TIMEOUT_S) -> Reply:
        """Answer an invocation and count it.

        Raises:
            RuntimeFault: it names a target model or container where there is none, or too many come at once.
        """
        limit = (self.described.get("ServerlessConfig") or {}).get("MaxConcurrency")
        if limit is not None and self.running >= int(limit):
            raise RuntimeFault("ThrottlingException", 429, f"Rate exceeded: {limit} invocations at once is the MaxConcurrency of this serverless variant")
        begun, status = time.perf_counter(), 500
        self.running += 1
        try:
            reply = await self._answer(invocation, timeout_s)
            status = reply.status
            if reply.parts is None:
                return reply
            self.running += 1  # until the last part is sent
            return replace(reply, parts=self._held(reply.parts))
        except RuntimeFault as error:
            status = error.status
            raise
        finally:
            self.running -= 1
            self.measures.add(status, time.perf_counter() - begun)

    async def _held(self, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(parts):
                async for part in parts:
                    yield part
        finally:
            self.running -= 1

    async def _answer(self, invocation: Invocation, timeout_s: float) -> Reply:
        target, hostname = invocation.option("target-model"), invocation.option("target-container-hostname")
        headers = invocation.passed_on()
        if self.targets:
            if not target:
                raise invalid("TargetModel is required: the endpoint hosts many models.")
            return await self.targets.invoke(target, headers, invocation.body, timeout_s)
        if target:
            raise invalid("TargetModel is given, and the endpoint does not host many models.")
        if self.model.direct and hostname not in self.model.hostnames:
            raise invalid(f"TargetContainerHostname must be one of {', '.join(self.model.hostnames)}; got {hostname!r}.")
        if hostname and not self.model.direct:
            raise invalid("TargetContainerHostname is given, and the containers of this model are not invoked directly.")
        return await self.model.invoke(headers, invocation.body, hostname=hostname, timeout_s=timeout_s)


@dataclass
class Fleet:
    """Run the variants of an endpoint configuration."""

    config: Mapping[str, Any]
    variants: Sequence[Variant]
    shadows: Sequence[Variant]
    folder: Path

    async def start(self) -> None:
        """Start every variant and wait until all are healthy.

        Raises:
            NotHealthy: one does not become healthy; the others are stopped.
        """
        await all_or_none([each.start() for each in self.all()], self.close)

    def all(self) -> tuple[Variant, ...]:
        """Return the production and the shadow variants."""
        return (*self.variants, *self.shadows)

    def running(self) -> int:
        """Return how many invocations are being answered."""
        return sum(each.running for each in self.all())

    async def close(self) -> None:
        """Stop every variant and remove its files, all but the logs."""
        await asyncio.gather(*(each.model.close() for each in self.all()))
        await asyncio.get_running_loop().run_in_executor(None, boxes.clear, self.folder)

    def choose(self, name: str) -> Variant:
        """Return the variant of a name, or one by the weights.

        Raises:
            RuntimeFault: there is none of this name.
        """
        if name:
            found = next((each for each in self.variants if each.name == name), None)
            if found is None:
                raise invalid(f"Variant {name} not found; the endpoint has {', '.join(each.name for each in self.variants)}.")
            return found
        weights = [float(each.described.get("InitialVariantWeight", 1.0)) for each in self.variants]
        return self.variants[0] if len(weights) == 1 else random.choices(self.variants, weights if any(weights) else None)[0]

    def shadowed(self) -> list[Variant]:
        """Return the shadow variants that get a copy of the next invocation, each by its weight over that of the production variants."""
        base = sum(float(each.described.get("InitialVariantWeight", 1.0)) for each in self.variants) or 1.0
        return [each for each in self.shadows if random.random() < float(each.described.get("InitialVariantWeight", 1.0)) / base]

    def reweigh(self, config: Mapping[str, Any]) -> None:
        """Take the weights of another description of the same variants."""
        weights = {each["VariantName"]: each.get("InitialVariantWeight", 1.0) for each in config["ProductionVariants"]}
        for variant in self.variants:
            variant.described = {**variant.described, "InitialVariantWeight": weights[variant.name]}


async def shadow(variant: Variant, invocation: Invocation) -> None:
    """Let a shadow variant answer; its answer is counted and goes nowhere."""
    try:
        await whole(await variant.invoke(invocation))
    except RuntimeFault:
        return


def make_fleet(machine: Machine, records: Records, config: Mapping[str, Any], folder: Path) -> Fleet:
    """Return the variants of an endpoint configuration, not started yet; their containers live below `folder`.

    Raises:
        ClientFault: a model is not there or cannot be served here.
    """
    described = [*config["ProductionVariants"], *(config.get("ShadowProductionVariants") or [])]
    shared = replace(machine, cores=max(1, machine.cores // len(described)))
    made = [_variant(shared, records, each, folder / each["VariantName"]) for each in described]
    count = len(config["ProductionVariants"])
    return Fleet(config, made[:count], made[count:], folder)


def _variant(machine: Machine, records: Records, described: Mapping[str, Any], folder: Path) -> Variant:
    name = described.get("ModelName")
    if not name:
        raise ClientFault(f"variant {described['VariantName']}: it has no ModelName; inference components do not run locally")
    record = records.read("model", str(name))
    definitions = record.get("Containers") or [each for each in [record.get("PrimaryContainer")] if each]
    if not definitions:
        raise ClientFault(f"model {name} has no container")
    direct = (record.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    job = f"{folder.parent.name}/{described['VariantName']}"
    environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"} if described.get("ServerlessConfig") else {}
    model = serve_model(machine, definitions, job, folder, environment, direct=direct)
    return Variant(described, model, _targets(machine, definitions[0], model) if model.multi_model else None)


def _targets(machine: Machine, definition: Mapping[str, Any], model: ServedModel) -> TargetModels:
    server = model.containers[0]
    if not isinstance(server, ModelServer):
        raise ClientFault("a container of your own with many models does not run locally; the images of XGBoost and scikit-learn do")
    given = str((definition.get("Environment") or {}).get(MEMORY_MB, ""))
    memory_bytes = int(given) * 2**20 if given.isdecimal() else int(usable_memory_bytes() * SHARE_OF_MEMORY)
    cached = (definition.get("MultiModelConfig") or {}).get("ModelCacheSetting") != "Disabled"
    return TargetModels(machine.store, str(definition.get("ModelDataUrl", "")), ManyModels(server, memory_bytes), cached)
