"""Serve a model for as long as a block lasts, on a port of this machine: for batch transform and checks that speak HTTP with it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pipelines.local.context import Run
from pipelines.local.faults import ClientFault
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.contract import ContainerApp
from pipelines.local.serving.http import App
from pipelines.local.serving.served_model import NotHealthy, ServedModel, serve_model

LONGEST_INVOCATION_S = 3600.0
# A batch transform with MaxPayloadInMB 0 sends a whole object.
LARGEST_BODY_BYTES = 2**30
BACKLOG = 512


@contextmanager
def hosted(run: Run, name: str, containers: Sequence[Mapping[str, Any]], folder: Path, *, environment: Mapping[str, str], cores: int) -> Iterator[str]:
    """Serve a model (container definitions of CreateModel: Image, ModelDataUrl, Environment ...) and yield its base URL once it is healthy.

    `folder` gets the container's /opt/ml and log.txt; `environment` is added to each container's.

    Raises:
        ClientFault: the model cannot be served here, or did not become healthy.
    """
    machine = replace(machine_of(run), cores=cores)
    model = serve_model(machine, containers, name, folder, environment)
    with answering(model, _app(model), name) as url:
        yield url


class Served(Protocol):
    """Start and stop what answers."""

    async def start(self) -> None:
        """Start and wait until it is healthy.

        Raises:
            NotHealthy: it does not become so.
        """

    async def close(self) -> None:
        """Stop."""


@contextmanager
def answering(served: Served, app: App, name: str) -> Iterator[str]:
    """Start what `app` answers with, yield the base URL, and stop it when the block ends, however it does.

    Raises:
        ClientFault: it did not become healthy.
    """
    listener = listening(0)
    ready: Future[None] = Future()
    stop = threading.Event()
    thread = threading.Thread(target=_serve, args=(served, app, listener, ready, stop), name=f"serve {name}", daemon=True)
    thread.start()
    try:
        try:
            ready.result()
        except NotHealthy as error:
            raise ClientFault(f"the model did not become healthy: {error}") from None
        yield url_of(listener)
    finally:
        stop.set()
        thread.join()
        listener.close()


def machine_of(run: Run) -> Machine:
    """Return what containers of an execution are made with."""
    return Machine(run.store, run.registry, run.launcher, run.images, run.region)


def listening(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: the port is in use, or not allowed.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket; an address of IPv6 stands in brackets."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _serve(served: Served, app: App, listener: socket.socket, ready: Future[None], stop: threading.Event) -> None:
    from pipelines.local.serving.loop import new_loop

    loop = new_loop()
    try:
        loop.run_until_complete(_until_stopped(served, app, listener, ready, stop))
    finally:
        loop.close()


async def _until_stopped(served: Served, app: App, listener: socket.socket, ready: Future[None], stop: threading.Event) -> None:
    from pipelines.local.serving.loop import HttpServer

    server: HttpServer | None = None
    try:
        await served.start()
        server = HttpServer(app, listener)
        await server.start()
    except BaseException as error:  # noqa: BLE001  handed to the thread that waits
        try:
            await served.close()
        finally:
            ready.set_exception(error)
        return
    ready.set_result(None)
    await asyncio.get_running_loop().run_in_executor(None, stop.wait)
    await server.close()
    await served.close()


def _app(model: ServedModel) -> App:
    return ContainerApp(model, LONGEST_INVOCATION_S, LARGEST_BODY_BYTES)
