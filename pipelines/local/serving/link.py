"""A connection to one worker: a request at a time, an answer in one piece or in several."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local.images.serving import frames

Frame = tuple[Mapping[str, Any], bytes]


class WorkerLost(Exception):
    """Say that the worker died over a request."""


class TimedOut(Exception):
    """Say that the worker did not answer in time."""


@dataclass(frozen=True)
class Reply:
    """Hold a worker's answer: status, headers, and the body, or the parts of a streamed one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parts: AsyncIterator[bytes] | None = None


class Link(asyncio.Protocol):
    """Speak with one process of a container; `hello` hears its first frame, `lost` that it is gone."""

    def __init__(self, hello: Callable[[Link, Mapping[str, Any]], None], lost: Callable[[Link], None]) -> None:
        self._hello, self._lost = hello, lost
        self._buffer = bytearray()
        self._head: Mapping[str, Any] | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._queue: asyncio.Queue[Frame | None] | None = None
        self._transport: Any = None
        self._abandoned: Callable[[], None] | None = None
        self.alive, self.model, self.pid = True, "", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits for an answer."""
        self.alive = False
        if self._answer and not self._answer.done():
            self._answer.set_exception(WorkerLost())
        if self._queue:
            self._queue.put_nowait(None)
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        self._buffer += data
        while len(self._buffer) >= frames.LENGTHS.size:
            head_bytes, body_bytes = frames.LENGTHS.unpack_from(self._buffer)
            end = frames.LENGTHS.size + head_bytes + body_bytes
            if len(self._buffer) < end:
                return
            head = json.loads(self._buffer[frames.LENGTHS.size : frames.LENGTHS.size + head_bytes])
            body = bytes(self._buffer[end - body_bytes : end])
            del self._buffer[:end]
            self._take(head, body)

    def _take(self, head: Mapping[str, Any], body: bytes) -> None:
        if "role" in head:
            self.model, self.pid = str(head.get("model", "")), int(head["pid"])
            self._hello(self, head)
        elif self._abandoned is not None:
            if not head.get("more"):
                done, self._abandoned = self._abandoned, None
                done()
        elif self._queue is not None:
            self._queue.put_nowait((head, body))
        elif self._answer and not self._answer.done():
            if head.get("more"):
                self._queue = asyncio.Queue()
            self._answer.set_result((head, body))

    def tell(self, header: Mapping[str, Any]) -> None:
        """Send a frame that is not answered."""
        self._transport.write(frames.packed(header))

    async def ask(self, headers: Mapping[str, str], body: bytes, timeout_s: float, done: Callable[[], None]) -> Reply:
        """Send a request and return the answer; `done` is called once the worker is free again.

        Raises:
            WorkerLost: the worker died over it.
            TimedOut: there was no answer in time; the worker is killed.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(frames.packed(headers, body))
        timer = asyncio.get_running_loop().call_later(timeout_s, self._give_up)
        try:
            head, first = await self._answer
        except asyncio.CancelledError:
            self._answer, self._abandoned = None, done  # the worker is not free before it has answered
            raise
        except (WorkerLost, TimedOut):
            done()
            raise
        finally:
            timer.cancel()
        if self._queue is None:
            self._answer = None
            done()
            return Reply(head["status"], head["headers"], first)
        return Reply(head["status"], head["headers"], b"", self._parts(first, done))

    def _give_up(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(TimedOut())
            self.kill()

    async def _parts(self, first: bytes, done: Callable[[], None]) -> AsyncIterator[bytes]:
        """Yield the parts of a streamed answer.

        Raises:
            WorkerLost: the worker died, or its code failed, on the way.
        """
        assert self._queue
        try:
            yield first
            while (frame := await self._queue.get()) is not None and frame[0].get("more"):
                yield frame[1]
            if frame is None or "error" in frame[0]:
                raise WorkerLost(frame[0]["error"] if frame else "")
        finally:
            ended = self._queue.empty()
            self._queue = self._answer = None
            if not ended or not self.alive:
                self.kill()  # the rest would be taken for the next answer
            done()

    def kill(self) -> None:
        """End the process; its master starts another one."""
        self.alive = False
        try:
            os.kill(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._transport.close()
