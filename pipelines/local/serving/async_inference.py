"""Asynchronous inference (AWS developer guide, "Asynchronous inference"): requests that lie in S3, answered one by one into S3."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.serving.invocation import Invocation, RuntimeFault, invalid
from pipelines.local.serving.link import Reply
from pipelines.local.store import Store, split_uri

LARGEST_BODY_BYTES = 2**30
USUAL_CONCURRENCY = 4
RESPONSE_IN_NOTIFICATION_BYTES = 128 * 1024
TIMEOUT_S = (1, 900, 3600)
TTL_S = (60, 21600, 21600)
# What waits is in memory.
MOST_WAITING, MOST_WAITING_BYTES = 10_000, 256 * 2**20


@dataclass(frozen=True)
class Accepted:
    """Hold where the answer to an asynchronous request will lie, or why there is none."""

    inference_id: str
    output: str
    failure: str


@dataclass
class AsyncQueue:
    """Answer the requests of one endpoint; `config` is its AsyncInferenceConfig, `answer` asks a variant and waits so many seconds."""

    store: Store
    config: Mapping[str, Any]
    answer: Callable[[Invocation, float], Awaitable[Reply]]
    notify: Callable[[str, Mapping[str, Any]], None] = lambda topic, message: None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Take the limit from the configuration."""
        client = self.config.get("ClientConfig") or {}
        self._waiting_bytes = 0
        self._gate = asyncio.Semaphore(int(client.get("MaxConcurrentInvocationsPerInstance") or USUAL_CONCURRENCY))

    def accept(self, invocation: Invocation) -> Accepted:
        """Queue a request and tell where its answer will be.

        Raises:
            RuntimeFault: it names no object that is there, brings no body either, or has times beyond their limits; or too many wait already.
        """
        location = invocation.option("inputlocation")
        if bool(location) == bool(invocation.body):
            raise invalid("Exactly one of Body and InputLocation is required.")
        self._refuse_when_full(len(invocation.body))
        times = _seconds(invocation, "invocationtimeoutseconds", TIMEOUT_S), _seconds(invocation, "requestttlseconds", TTL_S)
        if location:
            self._look_for(location)
        accepted = self._places(invocation, location)
        task = asyncio.get_running_loop().create_task(self._process(location, invocation, accepted, *times))
        self.tasks.add(task)
        self._waiting_bytes += len(invocation.body)
        task.add_done_callback(partial(self._gone, len(invocation.body)))
        return accepted

    def _gone(self, size_bytes: int, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._waiting_bytes -= size_bytes

    def _refuse_when_full(self, size_bytes: int) -> None:
        if len(self.tasks) >= MOST_WAITING or self._waiting_bytes + size_bytes > MOST_WAITING_BYTES:
            raise RuntimeFault("ServiceUnavailable", 503, f"{len(self.tasks)} asynchronous requests wait already; try again.")

    def _look_for(self, location: str) -> None:
        try:
            found = self.store.path(location)
        except UsageError:
            raise invalid(f"InputLocation {location[:200]!r} is no S3 URI of an object.") from None
        if not found.is_file():
            raise invalid(f"InputLocation {location}: there is no such object.")
        if found.stat().st_size > LARGEST_BODY_BYTES:
            raise invalid(f"InputLocation {location} has {found.stat().st_size} bytes; expected at most {LARGEST_BODY_BYTES}.")

    def _places(self, invocation: Invocation, location: str) -> Accepted:
        """Return where answer and failure will lie: below the configuration's paths, S3OutputPathExtension added, as Filename or one made up."""
        output = self.config["OutputConfig"]
        path = output.get("S3OutputPath") or (f"s3://{split_uri(location)[0]}/async" if location else "")
        given, extension = invocation.option("filename"), invocation.option("s3outputpathextension").strip("/")
        name = given or f"{uuid.uuid4()}.out"
        below = f"/{extension}" if extension else ""
        failed = str(output.get("S3FailurePath") or path).rstrip("/")
        places = f"{str(path).rstrip('/')}{below}/{name}", f"{failed}{below}/{name.removesuffix('.out')}-error.out"
        try:
            for place in places:
                split_uri(place)
        except UsageError as error:
            raise invalid(f"the answer cannot be stored: {error}") from None
        return Accepted(invocation.option("inference-id") or str(uuid.uuid4()), *places)

    async def _process(self, location: str, asked: Invocation, accepted: Accepted, timeout_s: float, ttl_s: float) -> None:
        try:
            await asyncio.wait_for(self._gate.acquire(), ttl_s)
        except asyncio.TimeoutError:
            await self._fail(accepted, location, f"the request waited longer than its {ttl_s:.0f} s")
            return
        try:
            await self._answer(location, asked, accepted, timeout_s)
        except (RuntimeFault, UsageError, OSError) as error:
            await self._fail(accepted, location, str(error))
        finally:
            self._gate.release()

    async def _answer(self, location: str, asked: Invocation, accepted: Accepted, timeout_s: float) -> None:
        body = await _threaded(self.store.read, location) if location else asked.body
        reply = await self.answer(Invocation(asked.headers, body), timeout_s)
        if reply.status >= 300:
            said = reply.body[:1000].decode("utf-8", "replace")
            await self._fail(accepted, location, f"Received error ({reply.status}) from the container with message {said!r}")
            return
        await _threaded(self.store.put_bytes, accepted.output, reply.body)
        told = {"contentType": reply.headers.get("content-type", ""), "outputLocation": accepted.output}
        if "SUCCESS_NOTIFICATION_TOPIC" in self._included() and len(reply.body) <= RESPONSE_IN_NOTIFICATION_BYTES:
            told["responseBody"] = reply.body.decode("utf-8", "replace")
        self._tell("SuccessTopic", accepted, {"requestParameters": {"inputLocation": location}, "responseParameters": told})

    def _included(self) -> Sequence[str]:
        return (self.config["OutputConfig"].get("NotificationConfig") or {}).get("IncludeInferenceResponseIn") or ()

    async def _fail(self, accepted: Accepted, location: str, why: str) -> None:
        try:
            await _threaded(self.store.put_bytes, accepted.failure, why.encode())
        except OSError as error:
            why = f"{why}; and that cannot be stored: {error}"
        self._tell("ErrorTopic", accepted, {"requestParameters": {"inputLocation": location}, "failureReason": why, "failureLocation": accepted.failure})

    def _tell(self, key: str, accepted: Accepted, members: Mapping[str, Any]) -> None:
        topic = (self.config["OutputConfig"].get("NotificationConfig") or {}).get(key)
        if topic:
            status = "Completed" if key == "SuccessTopic" else "Failed"
            self.notify(topic, {"inferenceId": accepted.inference_id, "invocationStatus": status, **members})

    async def close(self) -> None:
        """Give up what still waits."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _threaded(work: Callable[..., Any], *given: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work, *given)


def _seconds(invocation: Invocation, name: str, limits: tuple[int, int, int]) -> float:
    least, usual, most = limits
    text = invocation.option(name)
    if text and not (text.isdecimal() and least <= int(text) <= most):
        raise invalid(f"{name} must be a whole number of seconds from {least} to {most}; got {text[:40]!r}.")
    return float(text or usual)


def notification(topic: str, message: Mapping[str, Any]) -> bytes:
    """Return a line that keeps what Amazon SNS would have sent."""
    return (json.dumps({"TopicArn": topic, "Message": message}) + "\n").encode()
