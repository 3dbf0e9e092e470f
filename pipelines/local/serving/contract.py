"""The HTTP contract of a serving container as an ASGI application (AWS developer guide, "Use your own inference code with hosting services")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pipelines.local.serving.http import BODY_TIMEOUT_S, Receive, Scope, Send, TooLarge, TooSlow, body_of, headers_of, respond, respond_json, stream
from pipelines.local.serving.served_model import ServedModel

# A request of an endpoint; batch transform may send up to 100 MB.
LARGEST_BODY_BYTES = 6 * 2**20
TEXT = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True)
class ContainerApp:
    """Answer as the container of a model does; `timeout_s` is how long an invocation may take."""

    model: ServedModel
    timeout_s: float = 60.0
    largest_body_bytes: int = LARGEST_BODY_BYTES
    body_timeout_s: float = BODY_TIMEOUT_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        act = ROUTES.get(scope["path"])
        if act is None:
            await respond(send, 404, TEXT, b"Not Found")
        elif scope["method"] not in act:
            await respond(send, 405, {**TEXT, "allow": ", ".join(act)}, b"Method Not Allowed")
        else:
            await act[scope["method"]](self, scope, receive, send)

    async def _ping(self, scope: Scope, receive: Receive, send: Send) -> None:
        healthy = self.model.healthy()
        await respond(send, 200 if healthy else 503, TEXT, b"" if healthy else b"no worker is healthy")

    async def _parameters(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.model.parameters()
        if found is None:
            await respond(send, 404, TEXT, b"Not Found")
        else:
            await respond_json(send, 200, found)

    async def _invoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        try:
            body = await body_of(headers, receive, self.largest_body_bytes, self.body_timeout_s)
        except TooLarge:
            await respond(send, 413, {**TEXT, "connection": "close"}, b"Request Entity Too Large")
            return
        except TooSlow:
            await respond(send, 408, {**TEXT, "connection": "close"}, b"Request Timeout")
            return
        reply = await self.model.invoke(headers, body, timeout_s=self.timeout_s)
        if reply.parts is None:
            await respond(send, reply.status, reply.headers, reply.body)
        else:
            await stream(send, receive, reply)


Act = Callable[[ContainerApp, Scope, Receive, Send], Awaitable[None]]
ROUTES: Mapping[str, Mapping[str, Act]] = {
    "/ping": {"GET": ContainerApp._ping, "HEAD": ContainerApp._ping},
    "/execution-parameters": {"GET": ContainerApp._parameters},
    "/invocations": {"POST": ContainerApp._invoke},
}
