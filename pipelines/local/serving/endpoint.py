"""One endpoint that answers: its variants, the traffic between old and new ones, shadow copies, captured data, asynchronous requests."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes, updating
from pipelines.local.serving.async_inference import AsyncQueue, notification
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.capture import Capture
from pipelines.local.serving.fleet import Fleet, Variant, make_fleet, shadow
from pipelines.local.serving.http import whole
from pipelines.local.serving.invocation import Invocation, RuntimeFault, invalid
from pipelines.local.serving.link import Reply
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, NotHealthy
from pipelines.local.serving.records import Records

FLUSH_EVERY_S, LOOK_EVERY_S = 5.0, 0.02
MOST_SHADOWS = 100
NOTIFICATIONS = "notifications.jsonl"


@dataclass
class Endpoint:
    """Serve one endpoint by its name; `folder` holds the containers, `speed` makes waits of an update shorter."""

    name: str
    machine: Machine
    records: Records
    folder: Path
    speed: float = 1.0
    tell: Callable[[str], None] = lambda text: None

    def __post_init__(self) -> None:
        """Begin with nothing that runs."""
        self.fleet: Fleet | None = None
        self._next: Fleet | None = None
        self._share = 0.0
        self._capture: Capture | None = None
        self._queue: AsyncQueue | None = None
        self._queues: list[AsyncQueue] = []
        self._old: list[Fleet] = []
        self._flushed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._revision = 0

    async def start(self, config: Mapping[str, Any]) -> None:
        """Start the variants of an endpoint configuration.

        Raises:
            ClientFault: a model cannot be served here.
            NotHealthy: a container does not become healthy.
        """
        self.fleet = await self._started(config)
        self._follow(config)
        self._keep(self._flushing())

    async def _started(self, config: Mapping[str, Any]) -> Fleet:
        self._revision += 1
        folder = self.folder / f"{self.name}-{self._revision}"
        try:
            fleet = await asyncio.get_running_loop().run_in_executor(None, make_fleet, self.machine, self.records, config, folder)
        except BaseException:
            await asyncio.get_running_loop().run_in_executor(None, boxes.clear, folder)  # what was unpacked before it failed
            raise
        await fleet.start()
        return fleet

    def _follow(self, config: Mapping[str, Any]) -> None:
        """Take capture and asynchronous inference from a configuration; what was queued before is still answered."""
        if self._capture:
            self._capture.flush()
        captured = config.get("DataCaptureConfig")
        self._capture = Capture(self.machine.store, self.name, captured, self.tell) if captured else None
        queued = config.get("AsyncInferenceConfig")
        self._queue = AsyncQueue(self.machine.store, queued, self._answer_later, self._notify) if queued else None
        self._queues = [each for each in (*self._queues, self._queue) if each and (each.tasks or each is self._queue)]

    async def update(self, config: Mapping[str, Any], deployment: Mapping[str, Any] | None) -> str | None:
        """Replace the variants by those of another configuration and return None, or why the old ones were kept.

        Weights alone change in place. The old variants answer until the new ones are healthy, and then by the deployment configuration.

        Raises:
            ClientFault: a model cannot be served here, or an alarm is not known.
            NotHealthy: a container does not become healthy.
        """
        assert self.fleet
        if _same_but_weights(self.fleet.config, config):
            self.fleet.reweigh(config)
            self.fleet.config = config
            return None
        count = sum(int(each.get("InitialInstanceCount", 1)) for each in config["ProductionVariants"])
        shift = updating.plan(deployment, lambda name: self.records.read("alarm", name), count)
        self._next = await self._started(config)
        rolled_back = await updating.carry_out(shift, self._next, self._route, self.speed)
        old, self.fleet = (self._next, self.fleet) if rolled_back else (self.fleet, self._next)
        self._next, self._share = None, 0.0
        if not rolled_back:
            self._follow(config)
        self._old.append(old)
        self._keep(self._drained(old))
        return rolled_back

    def _route(self, share: float) -> None:
        self._share = share

    def _now(self) -> Fleet:
        assert self.fleet
        return self._next if self._next and random.random() < self._share else self.fleet

    @property
    def asynchronous(self) -> AsyncQueue | None:
        """Return the queue of an asynchronous endpoint, None of any other."""
        return self._queue

    async def invoke(self, invocation: Invocation, timeout_s: float = INVOCATION_TIMEOUT_S) -> tuple[Reply, Variant]:
        """Answer an invocation and tell which variant did.

        Raises:
            RuntimeFault: see `Variant.invoke`; or the endpoint takes asynchronous requests only.
        """
        if self._queue is not None:
            raise invalid(f"Endpoint {self.name} is asynchronous: use InvokeEndpointAsync.")
        if invocation.option("enable-explanations"):
            raise invalid(f"Endpoint {self.name} has no ExplainerConfig; ask a packaged model for `Accept: application/json; explain=shap` instead.")
        return await self._ask(invocation, timeout_s)

    async def _ask(self, invocation: Invocation, timeout_s: float) -> tuple[Reply, Variant]:
        fleet = self._now()
        variant = fleet.choose(invocation.option("target-variant"))
        for each in fleet.shadowed() if fleet.shadows and len(self._tasks) < MOST_SHADOWS else ():
            self._keep(shadow(each, invocation))
        reply = await variant.invoke(invocation, timeout_s)
        if self._capture and reply.status < 400 and self._capture.wanted():
            reply = self._captured(self._capture, variant.name, invocation, reply)
        return reply, variant

    def _captured(self, capture: Capture, variant: str, invocation: Invocation, reply: Reply) -> Reply:
        """Capture an answer, a streamed one when it has ended, and return it."""
        if reply.parts is not None:
            return replace(reply, parts=self._copied(capture, variant, invocation, reply, reply.parts))
        if capture.add(variant, invocation, reply):
            self._flushed.set()
        return reply

    async def _copied(
        self, capture: Capture, variant: str, invocation: Invocation, reply: Reply, parts: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        kept: list[bytes] = []
        async with aclosing(parts):
            async for part in parts:
                kept.append(part)
                yield part
        self._captured(capture, variant, invocation, Reply(reply.status, reply.headers, b"".join(kept)))
        if capture is not self._capture:  # an update has replaced it meanwhile
            capture.flush()

    async def _answer_later(self, invocation: Invocation, timeout_s: float) -> Reply:
        return await whole((await self._ask(invocation, timeout_s))[0])

    def _notify(self, topic: str, message: Mapping[str, Any]) -> None:
        try:
            with open(self.records.home / NOTIFICATIONS, "ab") as handle:
                handle.write(notification(topic, message))
        except OSError as error:
            self.tell(f"{self.name}: a notification to {topic} cannot be kept: {error}")

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flushing(self) -> None:
        """Write what was captured, every few seconds or when there is much of it."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._flushed.wait(), FLUSH_EVERY_S)
            self._flushed.clear()
            if self._capture:
                await asyncio.get_running_loop().run_in_executor(None, self._capture.flush)

    async def close(self, grace_s: float = 0.0) -> None:
        """Stop every container, once it has answered what it was asked or `grace_s` seconds are over, and write what was captured."""
        ends_at = asyncio.get_running_loop().time() + grace_s
        fleets = [fleet for fleet in (self.fleet, self._next, *self._old) if fleet]
        while any(fleet.running() for fleet in fleets) and asyncio.get_running_loop().time() < ends_at:
            await asyncio.sleep(LOOK_EVERY_S)
        for queue in self._queues:
            await queue.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(fleet.close() for fleet in fleets))
        if self._capture:
            self._capture.flush()

    async def _drained(self, fleet: Fleet) -> None:
        """Stop variants once they have answered what they were asked."""
        while fleet.running():
            await asyncio.sleep(LOOK_EVERY_S)
        await fleet.close()
        self._old.remove(fleet)


WEIGHED = frozenset({"InitialVariantWeight"})
NOT_SERVED = frozenset({"EndpointConfigName", "EndpointConfigArn", "CreationTime"})


def _same_but_weights(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    def bare(config: Mapping[str, Any]) -> Any:
        variants = [{key: value for key, value in each.items() if key not in WEIGHED} for each in config["ProductionVariants"]]
        return {**{key: value for key, value in config.items() if key not in NOT_SERVED}, "ProductionVariants": variants}

    return bool(bare(one) == bare(other))


Tell = Callable[[str], None]
__all__ = ["ClientFault", "Endpoint", "NotHealthy", "RuntimeFault", "Tell"]
