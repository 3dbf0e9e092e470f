"""The little of HTTP that the ASGI applications here share: a body within its limits, and an answer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any

from pipelines.local.serving.link import Reply, WorkerLost

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# A client that has not sent its whole request by then is sent away.
BODY_TIMEOUT_S = 60.0
DRAINED_TIMES = 4


class TooLarge(Exception):
    """Say that a body exceeds its limit."""


class TooSlow(Exception):
    """Say that a body did not arrive in time, or the client went away."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers by name in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def body_of(headers: Mapping[str, str], receive: Receive, most_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return a request's body.

    Raises:
        TooLarge: it has more than `most_bytes` bytes.
        TooSlow: it did not arrive within `timeout_s` seconds, or the client went away.
    """
    try:
        return await _in_time(_body(headers, receive, most_bytes), timeout_s)
    except asyncio.TimeoutError:
        raise TooSlow() from None


async def _in_time(work: Coroutine[Any, Any, bytes], timeout_s: float) -> bytes:
    """Wait for work that is mostly done at once; `wait_for` makes a task of it before Python 3.12, which costs a short request 5 % of its time.

    Raises:
        TimeoutError: it was not done in time.
    """
    if sys.version_info < (3, 11):
        return await asyncio.wait_for(work, timeout_s)
    async with asyncio.timeout(timeout_s):
        return await work


async def _body(headers: Mapping[str, str], receive: Receive, most_bytes: int) -> bytes:
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return _within(body, most_bytes)
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        await _drain(receive, int(said) - len(body), most_bytes)
        raise TooLarge()
    return await _rest(body, receive, most_bytes)


async def _next(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise TooSlow()
    return message


async def _rest(body: bytes, receive: Receive, most_bytes: int) -> bytes:
    parts, size_bytes, more = [body], len(body), True
    while more:
        message = await _next(receive)
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        if size_bytes > most_bytes:
            raise TooLarge()
        more = message.get("more_body", False)
    return b"".join(parts)


async def _drain(receive: Receive, said_bytes: int, most_bytes: int) -> None:
    """Read what is not much more than allowed, so that the client hears the answer before it is done sending."""
    seen = 0
    while said_bytes <= DRAINED_TIMES * most_bytes and seen < said_bytes:
        message = await _next(receive)
        seen += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _within(body: bytes, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        raise TooLarge()
    return body


async def respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Send a whole answer; 204 and 304 have no body."""
    told = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    bare = status in (204, 304)
    if not bare:
        told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": b"" if bare else body})


async def respond_json(send: Send, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
    """Send a JSON document."""
    await respond(send, status, {"content-type": "application/json", **(headers or {})}, json.dumps(value).encode())


async def whole(reply: Reply) -> Reply:
    """Return an answer in one piece, a streamed one put together; one that broke off on the way is a 500."""
    if reply.parts is None:
        return reply
    try:
        return Reply(reply.status, reply.headers, b"".join([part async for part in reply.parts]))
    except WorkerLost as error:
        return Reply(500, {"content-type": "text/plain; charset=utf-8"}, f"The answer broke off. {error}".encode())


async def stream(send: Send, receive: Receive, reply: Reply) -> None:
    """Send an answer part by part; one that breaks off leaves the client with an incomplete body, as a container that died would."""
    assert reply.parts
    told = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": told})
    try:
        if not await sent_parts(send, receive, reply.parts):
            return
    except WorkerLost:
        return
    await send({"type": "http.response.body", "body": b""})


async def sent_parts(send: Send, receive: Receive, parts: Any, encode: Callable[[bytes], bytes] = bytes) -> bool:
    """Send the parts of an answer as they come; returns False as soon as the client has gone, whoever makes the parts being told.

    Raises:
        WorkerLost: they break off.
    """
    gone = asyncio.ensure_future(receive())
    try:
        async with aclosing(parts):
            async for part in parts:
                if gone.done() and gone.result()["type"] == "http.disconnect":
                    return False
                await send({"type": "http.response.body", "body": encode(part), "more_body": True})
        return True
    finally:
        gone.cancel()
