"""A load generator for benchmarks: closed load over keep-alive connections, from one process that does as little as it can."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """State what was measured: requests a second, and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


class Caller(asyncio.Protocol):
    """Send the same request again as soon as the answer is there; answers must have a Content-Length."""

    def __init__(self, request: bytes, ends_at: float, latencies: list[float], done: asyncio.Future[None]) -> None:
        self.request, self.ends_at, self.latencies, self.done = request, ends_at, latencies, done
        self.buffer, self.failed, self.wanted = b"", 0, -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.wanted < 0:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            text = self.buffer[:head].lower()
            self.failed += not self.buffer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
            at = text.find(b"content-length:")
            self.wanted = head + 4 + int(text[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < self.wanted:
            return
        now = time.perf_counter()
        self.latencies.append(now - self.began)
        self.buffer, self.wanted = b"", -1
        if now < self.ends_at:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.failed += error is not None
        if not self.done.done():
            self.done.set_result(None)


async def _measure(port: int, request: bytes, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    begun, latencies = time.perf_counter(), []
    callers = []
    for _ in range(connections):
        done = loop.create_future()
        caller = Caller(request, begun + seconds, latencies, done)
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    took = time.perf_counter() - begun
    latencies.sort()
    return Load(len(latencies) / took, *(1e3 * latencies[int(len(latencies) * part)] for part in (0.5, 0.99)), sum(caller.failed for caller in callers))


def measure(port: int, path: str, body: bytes, content_type: str, connections: int, seconds: float, accept: str = "text/csv") -> Load:
    """Drive `POST path` of 127.0.0.1:port for so many seconds and return what was measured."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nAccept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    import uvloop

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(_measure(port, head.encode() + body, connections, seconds))
    finally:
        loop.close()
