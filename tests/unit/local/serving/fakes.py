"""Containers that are none: what endpoints, variants and servers do can be tried without a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.fleet import Fleet, Variant
from pipelines.local.serving.invocation import Invocation
from pipelines.local.serving.link import Reply
from pipelines.local.serving.model_server import NotHealthy
from pipelines.local.serving.served_model import ServedModel

Answer = Callable[[dict, bytes], Awaitable[Reply]]


async def echo(headers: dict, body: bytes) -> Reply:
    return Reply(200, {"content-type": headers.get("content-type", "text/plain")}, body)


def saying(body: bytes, status: int = 200, after_s: float = 0.0) -> Answer:
    async def answer(headers: dict, given: bytes) -> Reply:
        if after_s:
            await asyncio.sleep(after_s)
        return Reply(status, {"content-type": "text/plain"}, body)

    return answer


class FakeContainer:
    """Answer by a function; a request that comes before the start or after the close is counted as lost."""

    def __init__(self, answer: Answer = echo, fails: str = "") -> None:
        self.answer, self.fails = answer, fails
        self.started = self.closed = False
        self.seen: list[tuple[dict, bytes]] = []

    async def start(self, timeout_s: float) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise NotHealthy(self.fails)
        self.started = True

    async def load(self, model: str, folder: str, timeout_s: float) -> None:
        pass

    def healthy(self, model: str = "") -> bool:
        return self.started and not self.closed

    def parameters(self, model: str = "") -> dict | None:
        return {"MaxConcurrentTransforms": 1}

    async def invoke(self, headers: dict, body: bytes, *, model: str = "", timeout_s: float = 60.0) -> Reply:
        self.seen.append((dict(headers), body))
        if not self.healthy():
            return Reply(503, {"content-type": "text/plain"}, b"LOST")
        reply = await self.answer(headers, body)
        return reply if self.healthy() else Reply(503, {"content-type": "text/plain"}, b"LOST")

    async def close(self) -> None:
        self.closed = True


def fake_model(*answers: Answer, **rest: Any) -> ServedModel:
    containers = [FakeContainer(answer) for answer in answers or (echo,)]
    return ServedModel(containers, [f"container-{number}" for number in range(len(containers))], **rest)


def asked(body: bytes = b"x", **options: str) -> Invocation:
    """Return an invocation; `target_variant` is the header X-Amzn-SageMaker-Target-Variant."""
    named = {f"x-amzn-sagemaker-{name.replace('_', '-')}": value for name, value in options.items() if name not in ("content_type", "accept")}
    plain = {name.replace("_", "-"): value for name, value in options.items() if name in ("content_type", "accept")}
    return Invocation({"content-type": "text/csv", **plain, **named}, body)


class FakeEndpoint(Endpoint):
    """Be an endpoint whose variants answer by the functions of `answers`, by their ModelName."""

    answers: dict[str, Any]

    async def _started(self, config: Any) -> Fleet:
        described = [*config["ProductionVariants"], *(config.get("ShadowProductionVariants") or [])]
        made = []
        for each in described:
            answer = self.answers[each["ModelName"]]
            model = answer if isinstance(answer, ServedModel) else fake_model(answer)
            made.append(Variant(each, model))
        count = len(config["ProductionVariants"])
        fleet = Fleet(config, made[:count], made[count:], Path(self.folder) / "none")
        await fleet.start()
        return fleet


def plain_config(*variants: tuple[str, str, float], shadows: tuple[tuple[str, str, float], ...] = (), **rest: Any) -> dict[str, Any]:
    """Return an endpoint configuration of (name, model, weight)."""

    def each(name: str, model: str, weight: float) -> dict[str, Any]:
        return {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight, "InitialInstanceCount": 1}

    shadow = {"ShadowProductionVariants": [each(*one) for one in shadows]} if shadows else {}
    return {"ProductionVariants": [each(*one) for one in variants], **shadow, **rest}
