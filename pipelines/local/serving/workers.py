"""The workers of one container: which model each has, who is free, and who waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipelines.local.serving.link import Link, Reply

LONGEST_QUEUE = 1000
# How much the latest answer counts for how long an answer usually takes.
LEARNED = 0.125


class Busy(Exception):
    """Say that too many requests wait already."""


class NotLoaded(Exception):
    """Carry why a model's worker could not load it, or why there will be none any more."""


@dataclass
class Crew:
    """Hold the workers of one model: which loading they are of, all, those that are free, and the requests that wait for one."""

    loading: int = 0
    links: set[Link] = field(default_factory=set)
    idle: deque[Link] = field(default_factory=deque)
    waiting: deque[asyncio.Future[Link]] = field(default_factory=deque)
    parameters: Mapping[str, Any] | None = None
    given_up: str = ""
    usual_s: float = 0.0
    first: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def welcome(self, link: Link, hello: Mapping[str, Any]) -> None:
        """Take a new worker, or hear why there is none."""
        if "error" in hello:
            if not self.links:
                self.give_up(str(hello["error"]))
            return
        self.links.add(link)
        self.given_up = ""
        self.parameters = hello.get("parameters")
        if not self.first.done():
            self.first.set_result(None)
        self.free(link)

    def is_loaded(self) -> bool:
        """Tell whether the model has been loaded once."""
        return self.first.done() and not self.first.cancelled() and self.first.exception() is None

    def give_up(self, why: str) -> None:
        """Fail whoever waits for a worker, and whoever will ask, until one comes."""
        self.given_up = why
        if not self.first.done():
            self.first.set_exception(NotLoaded(why))
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_exception(NotLoaded(why))
        self.waiting.clear()

    def forget(self, link: Link) -> None:
        """Let go of a worker that is gone."""
        self.links.discard(link)
        if link in self.idle:
            self.idle.remove(link)

    def free(self, link: Link) -> None:
        """Hand a worker that has nothing to do to the first request that waits."""
        while link.alive and self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(link)
                return
        if link.alive and link in self.links:
            self.idle.append(link)

    async def ask(self, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        """Have the next free worker answer a request, which may wait and be answered for `timeout_s` seconds.

        One that has waited so long that an answer would usually come too late is refused: else, once more is asked than can be answered, all would be late.

        Raises:
            Busy: too many requests wait already, or none became free in time.
            NotLoaded: there is no worker, and none will come.
            WorkerLost, TimedOut: see `Link.ask`.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            waits = not self.idle
            link = await self._wait(begun + timeout_s) if waits else self.idle.popleft()
            if not link.alive:
                continue
            asked_at = loop.time()
            left_s = timeout_s - (asked_at - begun)
            if waits and left_s < self.usual_s:
                self.free(link)
                raise Busy()
            reply = await link.ask(headers, body, max(0.0, left_s), partial(self.free, link), asked_at - begun if waits else 0.0)
            self.usual_s += LEARNED * (loop.time() - asked_at - self.usual_s)
            return reply

    async def _wait(self, ends_at: float) -> Link:
        if self.given_up and not self.links:
            raise NotLoaded(self.given_up)
        if len(self.waiting) >= LONGEST_QUEUE:
            raise Busy()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Link] = loop.create_future()
        self.waiting.append(waiter)
        overdue = loop.call_at(ends_at, _give_up_waiting, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None:
                self.free(waiter.result())
            raise
        finally:
            overdue.cancel()
            self._forget_waiter(waiter)

    def _forget_waiter(self, waiter: asyncio.Future[Link]) -> None:
        if waiter in self.waiting:
            self.waiting.remove(waiter)


def _give_up_waiting(waiter: asyncio.Future[Link]) -> None:
    if not waiter.done():
        waiter.set_exception(Busy())
