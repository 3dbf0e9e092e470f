"""An event loop and an HTTP server within it; imported only where something is served, since that takes 0.2 s."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from pipelines.local.serving.http import App

KEEP_ALIVE_S = 75
LONGEST_GOODBYE_S = 30.0


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a fast event loop where there is one."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


class HttpServer:
    """Serve an ASGI application on a listening socket, in the loop that runs.

    uvicorn's own `serve` looks only ten times a second whether it is to end, and takes the signals of the command; its parts do neither.
    """

    def __init__(self, app: App, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        self._server, self._listener = uvicorn.Server(config), listener
        self._server.lifespan = config.lifespan_class(config)

    async def start(self) -> None:
        """Begin to accept connections."""
        await self._server.startup(sockets=[self._listener])

    async def close(self) -> None:
        """Accept nothing more, answer what is under way, and hang up."""
        for server in self._server.servers:
            server.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=LONGEST_GOODBYE_S)
