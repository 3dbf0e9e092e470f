"""Ask an endpoint once: start it, send one request through the Runtime API's own code, stop it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.loop import new_loop
from pipelines.local.serving.model_server import NotHealthy
from pipelines.local.serving.records import Records
from pipelines.local.serving.runtime import RuntimeApp


def ask_once(machine: Machine, records: Records, folder: Path, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Return status and body of the answer.

    Raises:
        ClientFault: the endpoint cannot be started.
    """
    loop = new_loop()
    try:
        return loop.run_until_complete(_ask(machine, records, folder, name, headers, body))
    finally:
        loop.close()


async def _ask(machine: Machine, records: Records, folder: Path, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    endpoint = Endpoint(name, machine, records, boxes.fresh(folder, name))
    config = records.read("endpoint configuration", records.read("endpoint", name)["EndpointConfigName"])
    try:
        await endpoint.start(config)
    except NotHealthy as error:
        raise ClientFault(f"endpoint {name} does not start: {error}. See {endpoint.folder}.") from None
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/endpoints/{name}/invocations",
        "query_string": b"",
        "headers": [(key.encode(), value.encode("latin-1", "replace")) for key, value in headers.items()],
    }
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    try:
        await RuntimeApp(lambda _: endpoint)(scope, receive, send)
    finally:
        await endpoint.close()
    status = int(sent[0]["status"])
    if status < 300:
        shutil.rmtree(endpoint.folder, ignore_errors=True)  # else its log is of interest
    return status, b"".join(message.get("body", b"") for message in sent[1:])
