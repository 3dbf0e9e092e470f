"""The model behind its URL: keep-alive connections, one a thread; retries as ModelClientConfig says."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from pipelines.local.transform.bad_data import BadData

BLOCK_BYTES = 1 << 20
PAUSE_S = 0.1
MESSAGE_BYTES = 600
PING_TIMEOUT_S = 30.0
Body = bytes | Callable[[], Iterable[bytes]]
Take = Callable[[bytes], Any]


class Gone(BadData):
    """Say that there is no model server any more, so that no other file can be transformed."""


class Aborted(Exception):
    """End a request because the job is stopped."""


class Refused(BadData):
    """Carry a model's answer that is an error: its HTTP status and what it said."""

    def __init__(self, status: int, said: bytes) -> None:
        text = said[:MESSAGE_BYTES].decode("utf-8", "replace").strip()
        # Both as the service's data log has them.
        head = f"ClientError: {status}" if status < 500 else f"Bad HTTP status received from algorithm: {status}"
        super().__init__(f"{head}\n\nMessage:\n{text}" if text else head)
        self.status = status


class Client:
    """Send mini-batches to POST /invocations of one model server."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float, retries: int) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._headers, self._timeout_s, self._retries = dict(headers), timeout_s, retries
        self._mine, self._lock = threading.local(), threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._aborted = threading.Event()

    def invoke(self, body: bytes) -> bytes:
        """Return the model's answer to a mini-batch.

        Raises:
            BadData: the model refuses it, or fails or gives no answer also when asked again.
            Aborted: `abort` was called.
        """
        blocks = list[bytes]()
        self._with_retries(body, blocks.append, blocks.clear)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def stream(self, body: Callable[[], Iterable[bytes]], sink: IO[bytes]) -> None:
        """Send a body of any length in chunks and write the answer to a file.

        Raises:
            BadData: the model refuses it, or fails or gives no answer also when asked again.
            Aborted: `abort` was called.
        """

        def again() -> None:
            sink.seek(0)
            sink.truncate()

        self._with_retries(body, sink.write, again)

    def abort(self) -> None:
        """Break off every request; none can be sent from now on."""
        self._aborted.set()
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def close(self) -> None:
        """Close the connections; none is in use."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _with_retries(self, body: Body, take: Take, again: Callable[[], Any]) -> None:
        for attempt in range(self._retries + 1):
            try:
                self._ask(body, take)
                return
            except Refused as refusal:
                if refusal.status < 500 or attempt == self._retries:
                    raise
            except BadData:
                self._drop()  # the file could not be read to its end
                raise
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if attempt == self._retries and not self._aborted.is_set():
                    raise _unanswered(error, self._timeout_s) from None
            again()
            if self._aborted.wait(PAUSE_S * 2**attempt):
                raise Aborted

    def _ask(self, body: Body, take: Take) -> None:
        if self._aborted.is_set():
            raise Aborted
        ends_at = time.monotonic() + self._timeout_s
        answer = self._answer(body)
        refused = bytearray()
        good = 200 <= answer.status < 300
        while block := answer.read(BLOCK_BYTES):
            if good:
                take(block)
            elif len(refused) < MESSAGE_BYTES:
                refused += block
            if time.monotonic() > ends_at:
                raise TimeoutError
        if answer.length:  # http.client does not mind an answer that is cut off when it is read in blocks
            raise http.client.IncompleteRead(b"", answer.length)
        if answer.will_close:
            self._drop()
        if not good:
            raise Refused(answer.status, bytes(refused))

    def _answer(self, body: Body) -> http.client.HTTPResponse:
        """Send a request on this thread's connection; when that was closed while nothing went over it, once more on a new one."""
        used = getattr(self._mine, "connection", None) is not None
        try:
            return self._send(body)
        except (ConnectionError, http.client.BadStatusLine):
            if not used or self._aborted.is_set():
                raise
            self._drop()
            return self._send(body)

    def _send(self, body: Body) -> http.client.HTTPResponse:
        connection = self._connection()
        try:
            if callable(body):
                headers = {**self._headers, "Transfer-Encoding": "chunked"}
                connection.request("POST", "/invocations", body(), headers, encode_chunked=True)
            else:
                connection.request("POST", "/invocations", body, self._headers)
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise
            # A server may answer, and close, before it has read all: 413.
            answer = connection.getresponse()
            answer.will_close = True
            return answer
        if self._aborted.is_set():
            raise Aborted
        return connection.getresponse()

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s, blocksize=BLOCK_BYTES)
            self._mine.connection = connection
            with self._lock:
                self._open.add(connection)
        return connection

    def _drop(self) -> None:
        connection = getattr(self._mine, "connection", None)
        if connection is not None:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            self._mine.connection = None


def execution_parameters(url: str) -> Mapping[str, Any]:
    """Return what GET /execution-parameters says; nothing when the container does not have it, which is its right."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=PING_TIMEOUT_S)
    try:
        connection.request("GET", "/execution-parameters")
        answer = connection.getresponse()
        found = json.loads(answer.read(BLOCK_BYTES)) if answer.status == 200 else {}
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}


def _unanswered(error: Exception, timeout_s: float) -> BadData:
    """Return the fault of a request that nobody answered; the first words are the service's."""
    if isinstance(error, ConnectionRefusedError):
        return Gone("Unable to get response from algorithm: the model server has ended")
    said = f"no answer within {timeout_s:g} seconds" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
    return BadData(f"Unable to get response from algorithm: {said}")


def _shut(connection: http.client.HTTPConnection) -> None:
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
