"""The SageMaker Runtime API over HTTP, for unmodified clients: InvokeEndpoint, InvokeEndpointAsync, InvokeEndpointWithResponseStream."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pipelines.local.serving import eventstream
from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.fleet import Variant
from pipelines.local.serving.http import (
    BODY_TIMEOUT_S,
    Receive,
    Scope,
    Send,
    TooLarge,
    TooSlow,
    body_of,
    headers_of,
    respond,
    respond_json,
    sent_parts,
    stream,
    whole,
)
from pipelines.local.serving.invocation import PREFIX, Invocation, RuntimeFault, invalid
from pipelines.local.serving.link import Reply, WorkerLost

LARGEST_BODY_BYTES, LARGEST_SERVERLESS_BYTES, LARGEST_STREAMED_BYTES = 6 * 2**20, 4 * 2**20, 25 * 2**20
STREAM_TIMEOUT_S = 480.0
STARTUP_PATIENCE_S, STARTUP_LOOK_S = 50.0, 0.02
LARGEST_MESSAGE = 2000
LARGEST_ASYNC_BYTES = 128_000
# Characters of the headers, as botocore's model has them.
LONGEST_OPTION = 1024
LONGEST_OPTIONS = {
    **dict.fromkeys(("target-variant", "target-container-hostname", "inference-component"), 63),
    **dict.fromkeys(("inference-id", "enable-explanations", "prefix-aware-id"), 64),
    "session-id": 256,
    "filename": 32,
    "s3outputpathextension": 512,
}
PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
CUSTOM = "x-amzn-sagemaker-custom-attributes"
# The digits that the variant of a UUID may have in its place (RFC 9562, 4.1).
VARIANT_DIGITS = "89ab"
NOT_HERE = {"session-id": "stateful sessions", "inference-component": "inference components"}


@dataclass(frozen=True)
class RuntimeApp:
    """Answer the operations of the Runtime API for the endpoints that `find` returns by name, None for one that is not served.

    `starts` tells whether such a one is being started.
    """

    find: Callable[[str], Endpoint | None]
    region: str = "us-east-1"
    account: str = "000000000000"
    starts: Callable[[str], bool] = lambda name: False
    tell: Callable[[str], None] = lambda text: None
    body_timeout_s: float = BODY_TIMEOUT_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/ping":
            await respond(send, 200, {}, b"")
            return
        try:
            await self._answer(scope, receive, send)
        except RuntimeFault as error:
            await _fail(send, error)
        except TooLarge:
            limit = _largest_bytes(scope["path"])
            await respond_json(send, 413, {"message": f"HTTP content length exceeded {limit} bytes."}, {"x-amzn-errortype": "413", "connection": "close"})
        except TooSlow:
            await _fail(send, RuntimeFault("ServiceUnavailable", 503, "The request did not arrive in time."), {"connection": "close"})
        except Exception as error:  # the boundary of a request: one fails, the server goes on
            # The words of the event loop when the client is gone: nobody is left to hear of it.
            if isinstance(error, RuntimeError) and "closed=True" in str(error):
                return
            self.tell(f"a defect of Sagewright, please report it:\n{''.join(traceback.format_exception(error))}")
            await _fail(send, RuntimeFault("InternalFailure", 500, f"A defect of Sagewright: {type(error).__name__}."))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = PATH.fullmatch(scope["path"])
        if match is None:
            raise RuntimeFault("UnknownOperationException", 404, f"There is no operation at {scope['path'][:200]}.")
        if scope["method"] != "POST":
            raise RuntimeFault("UnknownOperationException", 405, f"{scope['method']} is not allowed here; expected POST.")
        headers = headers_of(scope)
        body = await body_of(headers, receive, _largest_bytes(scope["path"]), self.body_timeout_s)
        name = unquote(match[1])
        endpoint = await self._started(name) if NAME.fullmatch(name) else None
        if endpoint is None:
            raise invalid(f"Endpoint {name[:200]} of account {self.account} not found.")
        invocation = Invocation(headers if match[2] == "invocations" else _renamed(headers), body)
        _check(invocation)
        await OPERATIONS[match[2]](self, endpoint, invocation, receive, send)

    async def _started(self, name: str) -> Endpoint | None:
        """Return an endpoint; one that is being started is waited for.

        Raises:
            RuntimeFault: it does not start in time.
        """
        ends_at = time.monotonic() + STARTUP_PATIENCE_S
        while (endpoint := self.find(name)) is None and self.starts(name):
            if time.monotonic() > ends_at:
                raise RuntimeFault("ServiceUnavailable", 503, f"Endpoint {name} is starting; try again.")
            await asyncio.sleep(STARTUP_LOOK_S)
        return endpoint

    async def _invoke(self, endpoint: Endpoint, invocation: Invocation, receive: Receive, send: Send) -> None:
        if _serverless(endpoint) and len(invocation.body) > LARGEST_SERVERLESS_BYTES:
            raise invalid(f"A request to a serverless endpoint has at most {LARGEST_SERVERLESS_BYTES} bytes; got {len(invocation.body)}.")
        reply, variant = await endpoint.invoke(invocation)
        if reply.status >= 300:
            raise self._model_error(endpoint, variant, await whole(reply))
        told = _told(reply, variant)
        if reply.parts is None:
            await respond(send, 200, told, reply.body)
        else:
            await stream(send, receive, Reply(200, told, b"", reply.parts))

    async def _invoke_async(self, endpoint: Endpoint, invocation: Invocation, receive: Receive, send: Send) -> None:
        queue = endpoint.asynchronous
        if queue is None:
            raise invalid(f"Endpoint {endpoint.name} is not asynchronous; its configuration has no AsyncInferenceConfig.")
        if len(invocation.body) > LARGEST_ASYNC_BYTES:
            raise invalid(f"Body has {len(invocation.body)} bytes; expected at most {LARGEST_ASYNC_BYTES}. Put it into S3 and name it as InputLocation.")
        accepted = queue.accept(invocation)
        places = {"x-amzn-sagemaker-outputlocation": accepted.output, "x-amzn-sagemaker-failurelocation": accepted.failure}
        await respond_json(send, 202, {"InferenceId": accepted.inference_id}, {**places, "x-amzn-requestid": _request_id()})

    async def _invoke_stream(self, endpoint: Endpoint, invocation: Invocation, receive: Receive, send: Send) -> None:
        reply, variant = await endpoint.invoke(invocation, STREAM_TIMEOUT_S)
        if reply.status >= 300:
            raise self._model_error(endpoint, variant, await whole(reply))
        told = _told(reply, variant)
        told["x-amzn-sagemaker-content-type"] = told.pop("content-type", "")
        told["content-type"] = eventstream.CONTENT_TYPE
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()]}
        )
        try:
            if not await sent_parts(send, receive, _parts_of(reply), eventstream.part):
                return
            last = b""
        except WorkerLost as error:
            said = {"Message": str(error) or "The model's process died.", "ErrorCode": error.code}
            last = eventstream.failure("ModelStreamError", json.dumps(said).encode())
        await send({"type": "http.response.body", "body": last})

    def _model_error(self, endpoint: Endpoint, variant: Variant, reply: Reply) -> RuntimeFault:
        """Return what the service makes of a container's failure."""
        said = reply.body[:LARGEST_MESSAGE].decode("utf-8", "replace")
        side = "client" if reply.status < 500 else "server"
        container = variant.model.hostnames[0] if len(variant.model.hostnames) > 1 else "primary"
        logs = f"arn:aws:logs:{self.region}:{self.account}:log-group:/aws/sagemaker/Endpoints/{endpoint.name}"
        where = variant.model.containers[0].spec.job_dir / "log.txt"
        text = f'Received {side} error ({reply.status}) from {container} with message "{said}". See {where} for more information.'
        return RuntimeFault("ModelError", 424, text, OriginalStatusCode=reply.status, OriginalMessage=said, LogStreamArn=logs)


def _check(invocation: Invocation) -> None:
    """Refuse options beyond the limits of the API, and those that nothing here does."""
    for name, value in invocation.headers.items():
        if name not in ("content-type", "accept") and not name.startswith(PREFIX):
            continue
        most = LONGEST_OPTIONS.get(name.removeprefix(PREFIX), LONGEST_OPTION)
        if len(value) > most:
            raise invalid(f"{name} has {len(value)} characters; expected at most {most}.")
        if not value.isascii():
            raise invalid(f"{name} holds characters that are not ASCII.")
    for option, what in NOT_HERE.items():
        if invocation.option(option):
            raise invalid(f"{what} do not run locally.")


def _largest_bytes(path: str) -> int:
    return LARGEST_STREAMED_BYTES if path.endswith("stream") else LARGEST_BODY_BYTES


def _renamed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with the content types where the container expects them; two operations send them under names of their own."""
    given = {plain: headers[PREFIX + plain] for plain in ("content-type", "accept") if PREFIX + plain in headers}
    return {**headers, **given}


def _serverless(endpoint: Endpoint) -> bool:
    return bool(endpoint.fleet and any(each.described.get("ServerlessConfig") for each in endpoint.fleet.variants))


def _told(reply: Reply, variant: Variant) -> dict[str, str]:
    """Return the headers of an answer."""
    custom = {CUSTOM: reply.headers[CUSTOM]} if CUSTOM in reply.headers else {}
    kind = reply.headers.get("content-type", "application/octet-stream")
    return {"content-type": kind, "x-amzn-invoked-production-variant": variant.name, "x-amzn-requestid": _request_id(), **custom}


def _request_id() -> str:
    """Return a random UUID of version 4; `uuid.uuid4` asks the system for its bits, which is a twentieth of the work of a short request."""
    bits = f"{random.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{VARIANT_DIGITS[int(bits[16], 16) & 3]}{bits[17:20]}-{bits[20:]}"


async def _parts_of(reply: Reply) -> Any:
    if reply.parts is None:
        yield reply.body
        return
    async with aclosing(reply.parts) as parts:
        async for part in parts:
            yield part


async def _fail(send: Send, error: RuntimeFault, headers: Mapping[str, str] | None = None) -> None:
    body = {"Message" if error.members else "message": str(error), **error.members}
    await respond_json(send, error.status, body, {"x-amzn-errortype": error.kind, "x-amzn-requestid": _request_id(), **(headers or {})})


Operation = Callable[[RuntimeApp, Endpoint, Invocation, Receive, Send], Awaitable[None]]
OPERATIONS: Mapping[str, Operation] = {
    "invocations": RuntimeApp._invoke,
    "async-invocations": RuntimeApp._invoke_async,
    "invocations-response-stream": RuntimeApp._invoke_stream,
}
