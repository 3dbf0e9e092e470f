"""One HTTP/1.1 connection that stays open and has one request on it at a time; whoever drives it is called back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools

CLOSED_EARLY = "connection closed"


class Connection(asyncio.Protocol):
    """Send a request's bytes and call `finished(connection, outcome)` when its response has come: empty for a status of 200 to 299."""

    def __init__(self, finished: Callable[[Connection, str], None]) -> None:
        self.finished = finished
        self.transport: asyncio.Transport | None = None
        self.busy = False
        self.used = 0
        self.answered = False
        self.intended = self.sent = self.deadline = 0.0
        self.request = b""
        self.parser: Any = None
        self.length_known = False

    @property
    def open(self) -> bool:
        """Tell whether a request can be sent."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def stale(self) -> bool:
        """Tell whether the server closed the connection while it was idle, as it may: nothing of an answer came, and it had served before."""
        return self.used > 0 and not self.answered

    def start(self, request: bytes, intended: float, sent: float, deadline: float) -> None:
        """Send a request; times are those of whoever measures."""
        self.request, self.intended, self.sent, self.deadline = request, intended, sent, deadline
        self.busy, self.answered, self.length_known = True, False, False
        if self.transport is not None:
            self.transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]
        self.parser = httptools.HttpResponseParser(self)
        self.used = 0

    def data_received(self, data: bytes) -> None:
        """Read a part of a response."""
        self.answered = True
        if not self.busy:
            self.close()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            self._end("no HTTP response")

    def eof_received(self) -> bool:
        """End a response that ends where the connection does."""
        if self.busy and self.parser and self.parser.get_status_code() and not self.length_known and self.answered:
            self.on_message_complete()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that the request on it has no response."""
        self.transport = None
        self._end("connection reset" if isinstance(error, ConnectionResetError) else CLOSED_EARLY)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note whether the response says where it ends."""
        self.length_known = self.length_known or name.lower() in (b"content-length", b"transfer-encoding")

    def on_message_complete(self) -> None:
        """Hand the status over; close when the server wants that."""
        status = self.parser.get_status_code()
        if status < 200:
            return
        if not self.parser.should_keep_alive():
            self.close()
        self.used += 1
        self._end("" if status < 300 else f"status {status}")

    def give_up(self, outcome: str) -> None:
        """End the request without a response."""
        self.answered = True  # not stale: it is not sent again
        self.close()
        self._end(outcome)

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    def _end(self, outcome: str) -> None:
        if self.busy:
            self.busy = False
            self.finished(self, outcome)
