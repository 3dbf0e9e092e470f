"""A container that brings its own HTTP server: what `images.map` says under `serve`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import SagewrightError
from pipelines.local import container
from pipelines.local.faults import StepFault
from pipelines.local.job import JobSpec
from pipelines.local.launcher import Launcher
from pipelines.local.serving.link import TOO_LATE, Reply, WorkerLost
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, LATE_S, ONLY, RESTART_TIMEOUT_S, SOON_S, NotHealthy, ended

if TYPE_CHECKING:
    import httpx

PING_TIMEOUT_S, PING_AGAIN_S = 2.0, 0.05
# Of hop to hop; and the encodings of an answer, which is decoded here, not by the client.
NOT_PASSED_ON = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer", "server", "date"}
    | {"accept-encoding", "content-encoding"}
)


@dataclass
class HttpContainer:
    """Run a container and speak HTTP with it, on the port that SAGEMAKER_BIND_TO_PORT tells it; `claim` is closed once the port is nobody's."""

    spec: JobSpec
    launcher: Launcher
    claim: socket.socket | None = None

    def __post_init__(self) -> None:
        """Begin with nothing."""
        import httpx

        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.spec.environment['SAGEMAKER_BIND_TO_PORT']}", trust_env=False)
        self._thread: threading.Thread | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ended = ""
        self._healthy = False
        self._parameters: Mapping[str, Any] | None = None

    async def start(self, timeout_s: float) -> None:
        """Start the container and ask /ping until it answers 200; one that ends later is started again, with the pauses that ours have.

        Raises:
            NotHealthy: the container ended, or did not become healthy in time.
        """
        await self._launch(timeout_s)
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        pause_s = SOON_S / 2
        while True:
            begun = asyncio.get_running_loop().time()
            await asyncio.get_running_loop().run_in_executor(None, self._joined)
            lived_s = asyncio.get_running_loop().time() - begun
            pause_s = SOON_S if lived_s > 2 * LATE_S else min(LATE_S, 2 * pause_s)
            await asyncio.sleep(pause_s)
            with contextlib.suppress(NotHealthy):  # requests hear of it; the next try is later
                await self._launch(RESTART_TIMEOUT_S)

    def _joined(self) -> None:
        if self._thread:
            self._thread.join()

    async def _launch(self, timeout_s: float) -> None:
        self._ended = ""
        self._thread = threading.Thread(target=self._run, name=self.spec.name, daemon=True)
        self._thread.start()
        ends_at = asyncio.get_running_loop().time() + timeout_s
        while not await self._ping():
            if self._ended:
                raise NotHealthy(self._ended)
            if asyncio.get_running_loop().time() > ends_at:
                where = f"{self._client.base_url} within {timeout_s:.0f} s"
                raise NotHealthy(f"the container did not answer /ping on {where}; it must listen on SAGEMAKER_BIND_TO_PORT")
            await asyncio.sleep(PING_AGAIN_S)
        self._healthy = True

    def _run(self) -> None:
        try:
            result = self.launcher.run(self.spec)
            said = container.failure_reason(result, self.spec.job_dir, "failure")
            self._ended = said or f"the container ended ({result.reason}, exit code {result.exit_code})"
        except (SagewrightError, StepFault) as error:
            self._ended = str(error)
        self._healthy = False

    async def _ping(self) -> bool:
        import httpx

        try:
            return (await self._client.get("/ping", timeout=PING_TIMEOUT_S)).status_code == 200
        except httpx.HTTPError:
            return False

    async def load(self, model: str, folder: str, timeout_s: float) -> None:
        """Ask for what batch transform wants to know; the model is loaded by the container itself."""
        import httpx

        try:
            answer = await self._client.get("/execution-parameters", timeout=PING_TIMEOUT_S)
            self._parameters = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            self._parameters = None

    def healthy(self, model: str = ONLY) -> bool:
        """Tell whether the container runs."""
        return self._healthy

    def parameters(self, model: str = ONLY) -> Mapping[str, Any] | None:
        """Return what it answered to GET /execution-parameters, None when it has no such path."""
        return self._parameters

    async def invoke(self, headers: Mapping[str, str], body: bytes, *, model: str = ONLY, timeout_s: float = INVOCATION_TIMEOUT_S) -> Reply:
        """Pass a request to /invocations on; no answer at all is one, too: 502 or 504."""
        try:
            return await asyncio.wait_for(self._ask(headers, body, timeout_s), timeout_s)
        except asyncio.TimeoutError:
            return Reply(504, {"content-type": "text/plain"}, f"There was no answer within {timeout_s:.0f} s.".encode())

    async def _ask(self, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        import httpx

        # Bytes, since httpx takes texts of ASCII only.
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items() if name not in NOT_PASSED_ON]
        request = self._client.build_request("POST", "/invocations", headers=sent, content=body, timeout=timeout_s)
        try:
            answer = await self._client.send(request, stream=True)
            told = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in NOT_PASSED_ON}
            if answer.headers.get("transfer-encoding", "").lower() == "chunked":
                return Reply(answer.status_code, told, b"", _parts(answer, asyncio.get_running_loop().time() + timeout_s))
            return Reply(answer.status_code, told, await answer.aread())
        except httpx.TimeoutException:
            raise asyncio.TimeoutError() from None
        except httpx.HTTPError as error:
            return Reply(502, {"content-type": "text/plain"}, f"The container did not answer: {type(error).__name__}".encode())

    async def close(self) -> None:
        """End the container: SIGTERM, and after its grace SIGKILL."""
        if self._keeper:
            self._keeper.cancel()
        await self._client.aclose()
        if self._thread:
            await ended(self._thread, self.launcher, self.spec.name)
        if self.claim:
            self.claim.close()


async def _parts(answer: httpx.Response, ends_at: float) -> AsyncGenerator[bytes, None]:
    """Yield the parts of a streamed answer.

    Raises:
        WorkerLost: they break off, or the time is over.
    """
    import httpx

    try:
        async for part in answer.aiter_bytes():
            yield part
            if asyncio.get_running_loop().time() > ends_at:
                raise WorkerLost("The answer took too long.", TOO_LATE)
    except httpx.TimeoutException:
        raise WorkerLost("The answer took too long.", TOO_LATE) from None
    except httpx.HTTPError as error:
        raise WorkerLost(f"The answer broke off: {type(error).__name__}") from None
    finally:
        await answer.aclose()
