"""Asynchronous inference (AWS developer guide, "Asynchronous inference"): requests that lie in S3, answered one by one into S3."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.serving.invocation import Invocation, RuntimeFault, invalid
from pipelines.local.serving.link import Reply
from pipelines.local.store import Store, split_uri

LARGEST_BODY_BYTES = 2**30
USUAL_CONCURRENCY = 4
TIMEOUT_S = (1, 900, 3600)
TTL_S = (60, 21600, 21600)


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
        self._gate = asyncio.Semaphore(int(client.get("MaxConcurrentInvocationsPerInstance") or USUAL_CONCURRENCY))

    def accept(self, invocation: Invocation) -> Accepted:
        """Queue a request and tell where its answer will be.

        Raises:
            RuntimeFault: it names no object that is there, or times beyond their limits.
        """
        location = invocation.option("inputlocation")
        timeout_s, ttl_s = _seconds(invocation, "invocationtimeoutseconds", TIMEOUT_S), _seconds(invocation, "requestttlseconds", TTL_S)
        try:
            found = self.store.path(location).is_file()
        except UsageError:
            raise invalid(f"InputLocation {location[:200]!r} is no S3 URI of an object.") from None
        if not found:
            raise invalid(f"InputLocation {location}: there is no such object.")
        output = self.config["OutputConfig"]
        name, inference_id = uuid.uuid4(), invocation.option("inference-id") or str(uuid.uuid4())
        path = str(output.get("S3OutputPath") or f"s3://{split_uri(location)[0]}/async").rstrip("/")
        failed = str(output.get("S3FailurePath") or path).rstrip("/")
        accepted = Accepted(inference_id, f"{path}/{name}.out", f"{failed}/{name}-error.out")
        asked = Invocation({**invocation.headers, "content-type": invocation.headers.get("x-amzn-sagemaker-content-type", "")}, b"")
        task = asyncio.get_running_loop().create_task(self._process(location, asked, accepted, timeout_s, ttl_s))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return accepted

    async def _process(self, location: str, asked: Invocation, accepted: Accepted, timeout_s: float, ttl_s: float) -> None:
        try:
            await asyncio.wait_for(self._gate.acquire(), ttl_s)
        except asyncio.TimeoutError:
            self._fail(accepted, location, f"the request waited longer than its {ttl_s:.0f} s")
            return
        try:
            body = await asyncio.get_running_loop().run_in_executor(None, self.store.read, location)
            reply = await self.answer(Invocation(asked.headers, body), timeout_s)
        except (RuntimeFault, UsageError) as error:
            self._fail(accepted, location, str(error))
            return
        finally:
            self._gate.release()
        if reply.status >= 400:
            self._fail(accepted, location, f"Received error ({reply.status}) from the container with message {reply.body[:1000].decode('utf-8', 'replace')!r}")
            return
        self.store.put_bytes(accepted.output, reply.body)
        self._tell("SuccessTopic", accepted, {"requestParameters": {"inputLocation": location}, "responseParameters": {"outputLocation": accepted.output}})

    def _fail(self, accepted: Accepted, location: str, why: str) -> None:
        self.store.put_bytes(accepted.failure, why.encode())
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


def _seconds(invocation: Invocation, name: str, limits: tuple[int, int, int]) -> float:
    least, usual, most = limits
    text = invocation.option(name)
    if text and not (text.isdigit() and least <= int(text) <= most):
        raise invalid(f"{name} must be a whole number of seconds from {least} to {most}; got {text[:40]!r}.")
    return float(text or usual)


def notification(topic: str, message: Mapping[str, Any]) -> bytes:
    """Return a line that keeps what Amazon SNS would have sent."""
    return (json.dumps({"TopicArn": topic, "Message": message}) + "\n").encode()
