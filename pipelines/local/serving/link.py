"""A connection to one worker: a request at a time, an answer in one piece or in several."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local.images.serving import frames
from pipelines.local.images.serving.frames import Frame

# Parts of a streamed answer that wait for the client before the worker has to wait, too.
MOST_PARTS = 16
BROKEN, TOO_LATE = "StreamBroken", "ModelInvocationTimeExceeded"


class WorkerLost(Exception):
    """Say that the worker died over a request or that its code failed in the middle of an answer; `code` is that of ModelStreamError."""

    def __init__(self, why: str = "", code: str = BROKEN) -> None:
        super().__init__(why)
        self.code = code


class TimedOut(Exception):
    """Say that the worker did not answer in time; it `goes_on` where it had been asked too late to be blamed."""

    def __init__(self, goes_on: bool = False) -> None:
        super().__init__()
        self.goes_on = goes_on


@dataclass(frozen=True)
class Reply:
    """Hold a worker's answer: status, headers, and the body, or the parts of a streamed one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parts: AsyncGenerator[bytes, None] | None = None


class Link(asyncio.Protocol):
    """Speak with one process of a container; `hello` hears its first frame, `lost` that it is gone."""

    def __init__(self, hello: Callable[[Link, Mapping[str, Any]], None], lost: Callable[[Link], None]) -> None:
        self._hello, self._lost = hello, lost
        self._incoming = frames.Incoming()
        self._answer: asyncio.Future[Frame] | None = None
        self._queue: asyncio.Queue[Frame | None] | None = None
        self._transport: Any = None
        self._abandoned: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late = False
        self.alive, self.model, self.pid = True, "", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits for an answer."""
        self.alive = False
        self._calm()
        if self._answer and not self._answer.done():
            self._answer.set_exception(WorkerLost())
        if self._queue:
            self._queue.put_nowait(None)
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        self._incoming.feed(data)
        while (frame := self._incoming.next()) is not None:
            self._take(*frame)

    def _take(self, head: Mapping[str, Any], body: bytes) -> None:
        if "role" in head:
            self.model, self.pid = str(head.get("model", "")), int(head["pid"])
            self._hello(self, head)
        elif self._abandoned is not None:
            if not head.get("more"):
                done, self._abandoned = self._abandoned, None
                self._calm()
                done()
        elif self._queue is not None:
            self._queue.put_nowait((head, body))
            if self._queue.qsize() >= MOST_PARTS:
                self._transport.pause_reading()
        elif self._answer and not self._answer.done():
            if head.get("more"):
                self._queue = asyncio.Queue()
            self._answer.set_result((head, body))

    def tell(self, header: Mapping[str, Any]) -> None:
        """Send a frame that is not answered."""
        self._transport.write(frames.packed(header))

    async def ask(self, headers: Mapping[str, str], body: bytes, timeout_s: float, done: Callable[[], None], waited_s: float = 0.0) -> Reply:
        """Send a request and return the answer, which may take `timeout_s` seconds to its last part; `done` is called once the worker is free again.

        A request that `waited_s` seconds for the worker takes none of these from it: the worker is killed so much later.

        Raises:
            WorkerLost: the worker died over it.
            TimedOut: there was no answer in time.
        """
        if not self.alive:
            raise WorkerLost()
        loop = asyncio.get_running_loop()
        answer = self._answer = loop.create_future()
        self._late, self._timer = False, loop.call_later(timeout_s, self._give_up, waited_s, done)
        self._transport.write(frames.request(headers, body))
        try:
            head, first = await answer
        except asyncio.CancelledError:
            self._abandon(answer, done)
            raise
        except (WorkerLost, TimedOut) as error:
            if not (isinstance(error, TimedOut) and error.goes_on):
                self._free(done)
            raise
        if self._queue is not None:
            return Reply(head["status"], head["headers"], b"", self._parts(first, done))
        self._free(done)
        return _whole(head, first)

    def _abandon(self, answer: asyncio.Future[Frame], done: Callable[[], None]) -> None:
        """Go on without whoever asked; the worker is not free before it has answered, and is killed when it does not in time."""
        if answer.cancelled():
            self._answer, self._abandoned = None, done
        elif answer.exception() is not None:
            return  # nobody was left to hear of it: the worker is gone, or goes on and is free when it has answered
        elif self._queue is not None:
            self.kill()  # the rest would be taken for the next answer
        else:
            self._free(done)

    def _free(self, done: Callable[[], None]) -> None:
        self._calm()
        self._answer = None
        done()

    def _calm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, more_s: float, done: Callable[[], None]) -> None:
        """Tell whoever asked that there is no answer; the worker is killed, at once or when it has had `more_s` seconds more."""
        if self._answer and self._answer.done() and not self._answer.cancelled() and self._queue is None:
            return  # the answer has just come, and whoever asked is about to take it
        self._late = True
        waits = self._answer if self._answer and not self._answer.done() else None
        if waits and more_s > 0:
            self._answer, self._abandoned = None, done
            self._timer = asyncio.get_running_loop().call_later(more_s, self._give_up, 0.0, done)
        else:
            self.kill()
        if waits:
            waits.set_exception(TimedOut(goes_on=self.alive))

    async def _parts(self, first: bytes, done: Callable[[], None]) -> AsyncGenerator[bytes, None]:
        """Yield the parts of a streamed answer.

        Raises:
            WorkerLost: the worker died, its code failed on the way, or its time was over.
        """
        assert self._queue
        ended = False
        try:
            yield first
            while (frame := await self._queue.get()) is not None and frame[0].get("more"):
                yield frame[1]
                if self._queue.qsize() < MOST_PARTS // 2:
                    self._transport.resume_reading()
            ended = frame is not None
            if frame is None or "error" in frame[0]:
                raise self._why(frame)
        finally:
            self._queue = None
            if not ended:
                self.kill()  # the rest would be taken for the next answer
            self._free(done)

    def _why(self, last: Frame | None) -> WorkerLost:
        if last is not None:
            return WorkerLost(str(last[0]["error"]))
        return WorkerLost("The answer took too long.", TOO_LATE) if self._late else WorkerLost()

    def kill(self) -> None:
        """End the process; its master starts another one."""
        if not self.alive:
            return  # by now another process may have its id
        self.alive = False
        try:
            os.kill(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._transport.close()


def _whole(head: Mapping[str, Any], body: bytes) -> Reply:
    """Return an answer in one piece; one that should have been streamed and failed before its first part is an error."""
    if "error" in head:
        return Reply(500, {"content-type": "text/plain; charset=utf-8"}, str(head["error"]).encode())
    return Reply(head["status"], head["headers"], body)
