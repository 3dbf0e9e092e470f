"""The HTTP contract of a container with many models, with the answers of multi-model-server 1.1.11 (observed)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from pipelines.local.serving.http import Receive, Scope, Send, TooLarge, TooSlow, body_of, headers_of, respond, respond_json, stream
from pipelines.local.serving.many_models import ApiError, Loaded, ManyModels

LARGEST_BODY_BYTES = 6 * 2**20
PAGE = 100


@dataclass(frozen=True)
class ManyModelsApp:
    """Answer as such a container does."""

    models: ManyModels

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what goes wrong is a JSON document with code, type and message."""
        if scope["type"] != "http":
            return
        parts = [unquote(part) for part in scope["raw_path"].decode("latin-1").strip("/").split("/")]
        act = ROUTES.get((scope["method"], parts[0], len(parts), parts[2] if len(parts) > 2 else ""))
        try:
            if act is None:
                raise ApiError(404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document.")
            await act(self, parts, scope, receive, send)
        except ApiError as error:
            await respond_json(send, error.code, {"code": error.code, "type": error.kind, "message": str(error)})
        except TooLarge:
            await respond_json(
                send, 413, {"code": 413, "type": "RequestEntityTooLargeException", "message": "Request entity too large"}, {"connection": "close"}
            )
        except TooSlow:
            await respond_json(send, 408, {"code": 408, "type": "RequestTimeoutException", "message": "Request timeout"}, {"connection": "close"})

    async def _ping(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        await respond_json(send, 200, {"status": "Healthy"})

    async def _load(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        try:
            asked = json.loads(await body_of(headers_of(scope), receive, LARGEST_BODY_BYTES))
        except ValueError:
            raise ApiError(400, "BadRequestException", "The request body is not JSON") from None
        if not isinstance(asked, dict) or not isinstance(asked.get("url"), str):
            raise ApiError(400, "BadRequestException", "Parameter url is required.")
        name = asked.get("model_name")
        if not isinstance(name, str) or not name:
            raise ApiError(400, "BadRequestException", "Parameter model_name is required.")
        await respond_json(send, 200, {"status": await self.models.load(name, asked["url"])})

    async def _list(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        limit, start = (_number(asked, name, usual) for name, usual in (("limit", PAGE), ("next_page_token", 0)))
        names = sorted(self.models.loaded)
        shown = [{"modelName": name, "modelUrl": self.models.loaded[name].url} for name in names[start : start + limit]]
        more = {"nextPageToken": str(start + limit)} if start + limit < len(names) else {}
        await respond_json(send, 200, {**more, "models": shown})

    async def _describe(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        await respond_json(send, 200, self._described(parts[1], self.models.find(parts[1])))

    def _described(self, name: str, entry: Loaded) -> dict[str, Any]:
        workers = [{"id": str(pid), "status": "READY", "gpu": False, "memoryUsage": entry.size_bytes} for pid in self.models.server.pids(name)]
        count = self.models.server.workers
        scaled = {"runtime": "python", "minWorkers": count, "maxWorkers": count, "batchSize": 1, "maxBatchDelay": 100, "loadedAtStartup": False}
        return {"modelName": name, "modelUrl": entry.url, **scaled, "workers": workers}

    async def _unload(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        await respond_json(send, 200, {"status": await self.models.unload(parts[1])})

    async def _invoke(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        self.models.find(parts[1])
        reply = await self.models.invoke(parts[1], headers, await body_of(headers, receive, LARGEST_BODY_BYTES))
        if reply.parts is None:
            await respond(send, reply.status, reply.headers, reply.body)
        else:
            await stream(send, receive, reply)


def _number(asked: Mapping[str, list[str]], name: str, usual: int) -> int:
    text = asked.get(name, [str(usual)])[0]
    if not text.isdecimal():
        raise ApiError(400, "BadRequestException", f"Invalid {name}: {text}")
    return int(text)


Act = Callable[[ManyModelsApp, list[str], Scope, Receive, Send], Awaitable[None]]
# Method, first part of the path, number of parts, third part.
ROUTES: Mapping[tuple[str, str, int, str], Act] = {
    ("GET", "ping", 1, ""): ManyModelsApp._ping,
    ("POST", "models", 1, ""): ManyModelsApp._load,
    ("GET", "models", 1, ""): ManyModelsApp._list,
    ("GET", "models", 2, ""): ManyModelsApp._describe,
    ("DELETE", "models", 2, ""): ManyModelsApp._unload,
    ("POST", "models", 3, "invoke"): ManyModelsApp._invoke,
}
