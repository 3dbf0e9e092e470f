"""An event loop and an HTTP server within it; imported only where something is served, since that takes 0.2 s."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipelines.local.serving.http import App

KEEP_ALIVE_S = 75
# A client that has not sent the head of its request by then, or sends a longer one, is sent away; uvicorn would wait and keep it.
HEAD_TIMEOUT_S, LARGEST_HEAD_BYTES = 60.0, 1 << 16
# A client that takes nothing of its answer for so long is cut off, and what waits for it is given up.
UNREAD_TIMEOUT_S = 60.0
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
LONGEST_GOODBYE_S = 30.0
HEAD = b"HTTP/1.1 "


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a fast event loop where there is one."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


class OneWrite:
    """Be a transport that sends the head of an answer with its body: two writes would wake the client twice, and cost a tenth of a short request.

    A head whose body is not there yet goes out before the loop waits again.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._head = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep a head for a moment, send anything else behind the head that is kept."""
        head, self._head = self._head, b""
        if not head and data.startswith(HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(head + data if head else data)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """Speak HTTP as uvicorn does, with limits for the head of a request, and for clients that do not read."""

    _head_bytes, _headers_bytes, _timer, _unread = 0, 0, None, None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, but not for ever."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self._wait()

    def _wait(self) -> None:
        self._calm()
        self._head_bytes, self._timer = 0, self.loop.call_later(HEAD_TIMEOUT_S, self._hang_up)

    def _hang_up(self) -> None:
        """Close the connection, at once when the client does not take what it was sent: uvicorn would wait for that without end."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Let an idle client go."""
        if not self.transport.is_closing():
            self._hang_up()

    def pause_writing(self) -> None:
        """Wait for a client that does not read as fast as it is sent to, but not for ever."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on sending."""
        self._read()
        super().resume_writing()

    def _read(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None

    def _calm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        before = self._timer
        super().data_received(data)
        if self._timer is None or self._timer is not before:
            return
        self._head_bytes += len(data)
        if self._head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless all of them together are too large."""
        self._headers_bytes += len(name) + len(value)
        if self._headers_bytes > LARGEST_HEAD_BYTES:
            raise ValueError("the head of the request is too large")
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with a request that cannot be read."""
        if self._headers_bytes > LARGEST_HEAD_BYTES:
            self._refuse()
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Begin to wait for a head's end."""
        super().on_message_begin()
        self._headers_bytes = 0
        self._wait()

    def on_headers_complete(self) -> None:
        """Wait for it no longer."""
        self._calm()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._calm()
        self._read()
        super().connection_lost(exc)


class HttpServer:
    """Serve an ASGI application on a listening socket, in the loop that runs.

    uvicorn's own `serve` looks only ten times a second whether it is to end, and takes the signals of the command; its parts do neither.
    """

    def __init__(self, app: App, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        self._server, self._listener = uvicorn.Server(config), listener
        self._server.lifespan = config.lifespan_class(config)

    async def start(self) -> None:
        """Begin to accept connections."""
        await self._server.startup(sockets=[self._listener])

    async def close(self, goodbye_s: float = LONGEST_GOODBYE_S) -> None:
        """Accept nothing more, answer what is under way and done in `goodbye_s` seconds, and hang up."""
        for server in self._server.servers:
            server.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            _, left = await asyncio.wait(set(state.tasks), timeout=goodbye_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        for connection in list(state.connections):
            connection.transport.close()
