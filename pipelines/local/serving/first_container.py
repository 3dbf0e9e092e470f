"""The container contract of an endpoint that is served: what its first variant's container answers on port 8080 of its instance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.local.serving.contract import ContainerApp
from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.http import Receive, Scope, Send, respond
from pipelines.local.serving.many_models_app import ManyModelsApp


@dataclass(frozen=True)
class FirstContainer:
    """Answer as the container behind an endpoint's first variant does, 503 as long as there is none; `find` returns the endpoint."""

    find: Callable[[], Endpoint | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = self.find()
        if endpoint is None or endpoint.fleet is None:
            if scope["type"] == "http":
                await respond(send, 503, {"content-type": "text/plain"}, b"the container is not healthy yet")
            return
        variant = endpoint.fleet.variants[0]
        app = ManyModelsApp(variant.targets.models) if variant.targets else ContainerApp(variant.model)
        await app(scope, receive, send)
