"""Send requests as a plan says and record what comes back.

Closed load: so many connections, each sends as soon as it has its answer. Open load: requests are due at times of their own; one that finds no
connection free waits, and its latency counts from when it was due, so that a slow server cannot hide behind requests that were never sent.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.loadtest.connection import Connection
from pipelines.loadtest.recorder import Recorder
from pipelines.loadtest.requests import Target
from pipelines.loadtest.schedule import Phase, due, total_s

TICK_S, SPIN_S, PAUSE_S = 0.05, 0.002, 0.05


@dataclass(frozen=True)
class Plan:
    """Say what to send: request bytes in turn, closed load over `connections`, or open load of `phases` over at most `connections`; times in seconds."""

    target: Target
    requests: Sequence[bytes]
    connections: int
    duration_s: float
    phases: Sequence[Phase] = ()
    timeout_s: float = 60.0


@dataclass
class Outcome:
    """Hold what was measured: the recorder, wall and processor seconds, requests that were due, sent anew, and without an answer when it was stopped."""

    recorder: Recorder = field(default_factory=Recorder)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    started: int = 0
    resent: int = 0
    unfinished: int = 0
    interrupted: bool = False


def drive(plan: Plan, on_tick: Callable[[Outcome, float], None] = lambda outcome, now: None) -> Outcome:
    """Drive the load to its end, or until Ctrl-C, and return what was measured; `on_tick` is called twenty times a second with the seconds so far."""
    try:
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    except ImportError:
        loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_Driver(plan, loop, on_tick).run())
    finally:
        _deaf(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _deaf(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.remove_signal_handler(signal.SIGINT)
    except (NotImplementedError, ValueError, RuntimeError):
        pass


class _Driver:
    """Hold connections, waiting requests and the clock of one load."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop, on_tick: Callable[[Outcome, float], None]) -> None:
        self.plan, self.loop, self.on_tick = plan, loop, on_tick
        self.outcome = Outcome()
        self.bodies: Iterator[bytes] = itertools.cycle(plan.requests)
        self.connections: set[Connection] = set()
        self.idle: list[Connection] = []
        self.waiting: deque[float] = deque()
        self.flying = 0
        self.ended = False
        self.drained = asyncio.Event()
        self.stopped = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.tls = ssl.create_default_context() if plan.target.tls else None
        self.began = 0.0

    def now(self) -> float:
        """Return the seconds since the load began."""
        return time.perf_counter() - self.began

    async def run(self) -> Outcome:
        """Run the load, drain what is on its way, and return what was measured."""
        self._listen()
        self.began, cpu = time.perf_counter(), time.process_time()
        ticker = self.loop.create_task(self._tick())
        load = self.loop.create_task(self._open() if self.plan.phases else self._closed())
        stop = self.loop.create_task(self.stopped.wait())
        await asyncio.wait({load, stop}, return_when=asyncio.FIRST_COMPLETED)
        self.ended = True
        if not self.stopped.is_set() and self.flying + len(self.waiting):
            drain = self.loop.create_task(self.drained.wait())
            await asyncio.wait({drain, stop}, return_when=asyncio.FIRST_COMPLETED)
            drain.cancel()
        self._finish(cpu)
        await self._leave([ticker, load, stop])
        return self.outcome

    def _finish(self, cpu_before: float) -> None:
        outcome = self.outcome
        outcome.seconds, outcome.cpu_seconds = self.now(), time.process_time() - cpu_before
        outcome.interrupted = self.stopped.is_set()
        outcome.unfinished = self.flying + len(self.waiting)
        outcome.recorder.end(outcome.seconds)

    async def _leave(self, tasks: list[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
        for connection in list(self.connections):
            connection.busy = False
            connection.close()
        every = [*tasks, *self.tasks]
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        await asyncio.sleep(0)

    def _listen(self) -> None:
        try:
            self.loop.add_signal_handler(signal.SIGINT, self.stopped.set)
        except (NotImplementedError, ValueError, RuntimeError):  # not the main thread, or no such signals here
            pass

    async def _tick(self) -> None:
        """Give up requests that take too long, and tell how it goes."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self.now()
            for connection in list(self.connections):
                if connection.busy and connection.deadline <= now:
                    connection.give_up("timeout")
            self.on_tick(self.outcome, now)

    async def _closed(self) -> None:
        for _ in range(self.plan.connections):
            self._begin(self._connection(), self.now())
        await asyncio.sleep(self.plan.duration_s)

    async def _open(self) -> None:
        for when in due(self.plan.phases):
            await self._wait(when)
            self.outcome.recorder.lag.record_value(max(1, round((self.now() - when) * 1e6)))
            self._arrive(when)
        await self._wait(total_s(self.plan.phases))

    async def _wait(self, when: float) -> None:
        """Wait for a time; the last part turns in the loop, whose timers are no finer than a millisecond."""
        while (left := when - self.now()) > 0:
            await asyncio.sleep(left - SPIN_S * 0.75 if left > SPIN_S else 0)

    def _arrive(self, when: float) -> None:
        if self.idle:
            self._begin(self.idle.pop(), when)
        elif len(self.connections) < self.plan.connections:
            self._begin(self._connection(), when)
        else:
            self.waiting.append(when)

    def _connection(self) -> Connection:
        connection = Connection(self._finished)
        self.connections.add(connection)
        return connection

    def _begin(self, connection: Connection, intended: float) -> None:
        self.outcome.started += 1
        self.flying += 1
        self._send(connection, next(self.bodies), intended)

    def _send(self, connection: Connection, request: bytes, intended: float) -> None:
        now = self.now()
        if connection.open:
            connection.start(request, intended, now, now + self.plan.timeout_s)
            return
        self.connections.discard(connection)  # one object has one transport: what is still told of the old one is nobody's
        task = self.loop.create_task(self._connect(self._connection(), request, intended))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, connection: Connection, request: bytes, intended: float) -> None:
        where, sent = self.plan.target, self.now()
        try:
            making = self.loop.create_connection(lambda: connection, where.host, where.port, ssl=self.tls)
            await asyncio.wait_for(making, self.plan.timeout_s)
        except (OSError, asyncio.TimeoutError) as error:
            connection.intended, connection.sent = intended, sent
            kind = "timeout" if isinstance(error, (TimeoutError, asyncio.TimeoutError)) else f"not connected: {error.strerror or type(error).__name__}"
            self._record(connection, kind)
            await asyncio.sleep(0 if self.ended else PAUSE_S)
            self._next(connection)
            return
        connection.start(request, intended, sent, self.now() + self.plan.timeout_s)

    def _finished(self, connection: Connection, outcome: str) -> None:
        if outcome and connection.stale and not self.stopped.is_set():
            self.outcome.resent += 1
            connection.used = 0
            self._send(connection, connection.request, connection.intended)
            return
        self._record(connection, outcome)
        self._next(connection)

    def _record(self, connection: Connection, outcome: str) -> None:
        self.flying -= 1
        self.outcome.recorder.record(connection.intended, connection.sent, self.now(), outcome)

    def _next(self, connection: Connection) -> None:
        """Give a free connection its next request, when there is one."""
        if self.waiting:
            self._begin(connection, self.waiting.popleft())
        elif self.plan.phases:
            self.idle.append(connection)
        elif not self.ended:
            self._begin(connection, self.now())
        if self.ended and not self.flying and not self.waiting:
            self.drained.set()
