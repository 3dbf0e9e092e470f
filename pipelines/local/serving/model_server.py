"""A container of an image whose server is ours: its job in the sandbox, and the workers that connect from it."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import SagewrightError
from pipelines.local import container
from pipelines.local.faults import StepFault
from pipelines.local.images.serving import frames
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.launcher import Launcher
from pipelines.local.serving.link import Link, Reply, TimedOut, WorkerLost
from pipelines.local.serving.workers import Busy, Crew, NotLoaded

INVOCATION_TIMEOUT_S = 60.0
LARGEST_BACKLOG = 512
# A container that ends by itself is started again: soon, and later each time that it does not live long.
SOON_S, LATE_S, RESTART_TIMEOUT_S = 0.2, 10.0, 240.0
STOP_AGAIN_S = 0.5
# The name of the one model of a container that serves one.
ONLY = ""


class NotHealthy(Exception):
    """Carry why a container did not become healthy."""


@dataclass
class ModelServer:
    """Run a container and hand requests to its workers; one event loop owns it.

    `workers` is how many processes each model gets.
    """

    spec: JobSpec
    launcher: Launcher
    workers: int

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self._crews: dict[str, Crew] = {}
        self._loadings = itertools.count(1)
        self._folders: dict[str, str] = {}
        self._restart: asyncio.Task[None] | None = None
        self._closing = False
        self._begun_at, self._pause_s = 0.0, SOON_S / 2
        self._links: set[Link] = set()
        self._server: asyncio.AbstractServer | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[str] | None = None

    @property
    def ml(self) -> Path:
        """Return the real /opt/ml."""
        return self.spec.job_dir / "opt" / "ml"

    async def start(self, timeout_s: float) -> None:
        """Start the container's master process.

        Raises:
            NotHealthy: the container ended, or did not start in time.
        """
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: Link(self._hello, self._lost), sock=_bound(self.ml))
        await self._launch(timeout_s)

    async def _launch(self, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._ended, self._master, self._begun_at = loop.create_future(), loop.create_future(), loop.time()
        self._thread = threading.Thread(target=self._run, args=(loop,), name=self.spec.name, daemon=True)
        self._thread.start()
        await self._until(self._master, timeout_s)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the container to its end, in a thread, and tell the loop why it ended."""
        try:
            result = self.launcher.run(self.spec)
            why = container.failure_reason(result, self.spec.job_dir, "failure") or self._calm(result)
        except (SagewrightError, StepFault) as error:
            why = str(error)
        try:
            loop.call_soon_threadsafe(self._over, why)
        except RuntimeError:
            return  # the loop is closed: nobody wants to know any more

    @staticmethod
    def _calm(result: JobResult) -> str:
        return f"the container ended ({result.reason}, exit code {result.exit_code})"

    def _over(self, why: str) -> None:
        if self._ended and not self._ended.done():
            self._ended.set_result(why)
        again = not self._closing and any(crew.is_loaded() for crew in self._crews.values())
        for crew in self._crews.values():
            if not (again and crew.is_loaded()):
                crew.give_up(why)
        if again:
            self._restart = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        """Start a container anew that ended by itself, with the models it had; requests wait meanwhile."""
        lived_s = asyncio.get_running_loop().time() - self._begun_at
        self._pause_s = SOON_S if lived_s > 2 * LATE_S else min(LATE_S, 2 * self._pause_s)
        await asyncio.sleep(self._pause_s)
        try:
            await self._launch(RESTART_TIMEOUT_S)
            for model in list(self._crews):
                self._start_workers(model)
        except NotHealthy as error:
            for crew in self._crews.values():
                crew.give_up(str(error))

    async def _until(self, wanted: asyncio.Future[Any], timeout_s: float) -> Any:
        assert self._ended
        await asyncio.wait({wanted, self._ended}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        if self._ended.done():
            raise NotHealthy(self._ended.result())
        raise NotHealthy(f"the container did not become healthy within {timeout_s:.0f} s")

    def _hello(self, link: Link, hello: Mapping[str, Any]) -> None:
        self._links.add(link)
        if hello["role"] == "master":
            self._master.set_result(link)
        elif (crew := self._crews.get(link.model)) and crew.loading == hello["loading"]:
            crew.welcome(link, hello)
        else:
            link.kill()  # of a model that was unloaded, perhaps to be loaded again

    def _lost(self, link: Link) -> None:
        self._links.discard(link)
        if link.model in self._crews:
            self._crews[link.model].forget(link)

    async def load(self, model: str, folder: str, timeout_s: float) -> None:
        """Start a model's workers on the files of a folder below /opt/ml, and wait for the first.

        Raises:
            NotHealthy: the model cannot be loaded, or not in time.
        """
        crew = self._crews[model] = Crew(next(self._loadings))
        self._folders[model] = folder
        try:
            self._start_workers(model)
            await self._until(crew.first, timeout_s)
        except (NotLoaded, NotHealthy) as error:
            if self._crews.get(model) is crew:
                await self.unload(model)
            raise NotHealthy(str(error)) from None

    def _start_workers(self, model: str) -> None:
        if not (self._master.done() and self._master.result().alive):
            raise NotHealthy("the container is not running")
        self._master.result().tell(
            {"do": "start", "model": model, "folder": self._folders[model], "workers": self.workers, "loading": self._crews[model].loading}
        )

    async def unload(self, model: str) -> None:
        """Stop a model's workers."""
        crew = self._crews.pop(model)
        self._folders.pop(model, None)
        crew.give_up("the model is not served any more")
        crew.first.exception()  # has been looked at, whoever waited
        if self._master.done() and self._master.result().alive:
            self._master.result().tell({"do": "stop", "model": model})
        for link in list(crew.links):
            link.kill()

    def healthy(self, model: str = ONLY) -> bool:
        """Tell whether a worker of the model is there."""
        crew = self._crews.get(model)
        return bool(crew and crew.links)

    def pids(self, model: str = ONLY) -> list[int]:
        """Return the process ids of a model's workers."""
        return [link.pid for link in self._crews[model].links]

    def parameters(self, model: str = ONLY) -> Mapping[str, Any] | None:
        """Return what the image answers to GET /execution-parameters, None where it has no such path."""
        return self._crews[model].parameters if model in self._crews else None

    async def invoke(self, headers: Mapping[str, str], body: bytes, *, model: str = ONLY, timeout_s: float = INVOCATION_TIMEOUT_S) -> Reply:
        """Answer a request to /invocations; what goes wrong in the container is an answer as well: 500, 503 or 504."""
        crew = self._crews.get(model)
        try:
            return await crew.ask(headers, body, timeout_s) if crew else _said(503, "The model is not served any more.")
        except WorkerLost as error:
            return _said(500, f"The process that answered died. {error}")
        except TimedOut:
            return _said(504, f"There was no answer within {timeout_s:.0f} s.")
        except NotLoaded as error:
            return _said(503, f"There is no worker: {error}")
        except Busy:
            return _said(503, "All workers are busy, and too many requests wait.")

    async def close(self) -> None:
        """End the container: SIGTERM, and after its grace SIGKILL."""
        self._closing = True
        if self._restart:
            self._restart.cancel()
        for model in list(self._crews):
            await self.unload(model)
        if self._thread:
            await ended(self._thread, self.launcher, self.spec.name)
        for link in list(self._links):
            link._transport.close()
        if self._server:
            self._server.close()
        (self.ml / frames.SOCKET).unlink(missing_ok=True)


async def ended(thread: threading.Thread, launcher: Launcher, name: str) -> None:
    """Stop a job and wait for the thread that runs it; the job is told again, since it may have been about to start when it was told first."""
    while thread.is_alive():
        launcher.stop(name)
        await asyncio.get_running_loop().run_in_executor(None, thread.join, STOP_AGAIN_S)


def _said(status: int, text: str) -> Reply:
    return Reply(status, {"content-type": "text/plain; charset=utf-8"}, text.encode())


def _bound(folder: Path) -> socket.socket:
    """Return a listening socket in a folder whose path may be longer than a socket's may be: it is named through a descriptor."""
    listener = socket.socket(socket.AF_UNIX)
    (folder / frames.SOCKET).unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        place = f"/proc/self/fd/{descriptor}/{frames.SOCKET}" if os.path.isdir("/proc/self/fd") else str(folder / frames.SOCKET)
        listener.bind(place)
    finally:
        os.close(descriptor)
    listener.listen(LARGEST_BACKLOG)
    listener.setblocking(False)
    return listener
