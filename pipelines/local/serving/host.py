"""All endpoints of a home, served by one process: start what is deployed, follow what changes, and say so in the records."""

from __future__ import annotations

import asyncio
import shutil
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.errors import SagewrightError
from pipelines.local.faults import ClientFault, StepFault
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.endpoint import Endpoint
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, NotHealthy
from pipelines.local.serving.records import Records

LOOK_EVERY_S = 0.25
REASON_CHARACTERS = 1024
# Whatever can be wrong with a record, a model or this machine ends one deployment, and not the server.
CAUGHT = (ClientFault, NotHealthy, SagewrightError, StepFault, OSError, ValueError, KeyError, TypeError)


@dataclass
class Host:
    """Serve the endpoints of a home, all or those named in `only`; `speed` makes the waits of updates shorter."""

    machine: Machine
    records: Records
    folder: Path
    only: Collection[str] = ()
    speed: float = 1.0
    tell: Callable[[str], None] = lambda text: None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: dict[str, int] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._starting: set[str] = set()

    def find(self, name: str) -> Endpoint | None:
        """Return an endpoint that answers."""
        found = self.endpoints.get(name)
        return found if found and found.fleet else None

    def starts(self, name: str) -> bool:
        """Tell whether an endpoint is being started."""
        return name in self._starting

    def names(self) -> list[str]:
        """Return the endpoints to serve."""
        return [name for name in self.records.names("endpoint") if not self.only or name in self.only]

    async def start(self) -> None:
        """Start every endpoint and wait until each answers or has failed."""
        shutil.rmtree(self.folder, ignore_errors=True)  # what an earlier server left
        self._look()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def follow(self) -> None:
        """Follow changes until cancelled; records that cannot be read for a while, as on a disk that is gone, are looked at again."""
        said = ""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._look()
                said = ""
            except OSError as error:
                if str(error) != said:
                    said = str(error)
                    self.tell(f"what is deployed cannot be read: {said}")

    def _look(self) -> None:
        names = self.names()
        for name in [name for name in self.endpoints if name not in names and name not in self._busy]:
            self._work(name, self._remove(name))
        for name in names:
            change = self.records.change_of("endpoint", name)
            if self._seen.get(name) != change and name not in self._busy:
                self._seen[name] = change
                if name not in self.endpoints:
                    self._starting.add(name)
                self._work(name, self._bring_about(name))

    def _work(self, name: str, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._busy[name] = task
        task.add_done_callback(partial(self._ended, name))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        """End a deployment that met what nobody thought of, so that whoever waits for it hears why and the server goes on."""
        self._busy.pop(name, None)
        if task.cancelled() or not (error := task.exception()):
            return
        self.tell(f"a defect of Sagewright, please report it:\n{''.join(traceback.format_exception(error))}")
        reason = f"a defect of Sagewright: {type(error).__name__}: {error}"
        try:
            record = self.records.read("endpoint", name)
            status = "InService" if name in self.endpoints else "Failed"
            self._settle(name, record, config=str(record["EndpointConfigName"]), status=status, reason=reason)
        except CAUGHT as also:
            self.tell(f"{name}: {reason}; and that cannot be recorded: {also}")

    async def _remove(self, name: str) -> None:
        endpoint = self.endpoints.pop(name)
        await endpoint.close(INVOCATION_TIMEOUT_S)
        self._seen.pop(name, None)
        self.tell(f"{name}: deleted")

    async def _bring_about(self, name: str) -> None:
        """Start an endpoint, or update it, as its record says."""
        try:
            record = self.records.read("endpoint", name)
            pending = (record.get("PendingDeploymentSummary") or {}).get("EndpointConfigName")
            current = str(record["EndpointConfigName"])
            more = bool(pending and pending != current)
            if name not in self.endpoints:
                await self._create(name, record, current, more=more)
            elif not more and pending:
                self._settle(name, record, config=current, status="InService")
            if more and name in self.endpoints:
                await self._update(name, record, str(pending))
        except CAUGHT as error:
            self.tell(f"{name}: {type(error).__name__}: {error}")
        finally:
            self._starting.discard(name)

    async def _create(self, name: str, record: Mapping[str, Any], config: str, *, more: bool) -> None:
        """Start an endpoint; when there is `more` to come, an update that an earlier server did not finish, the record stays as it is."""
        endpoint = Endpoint(name, self.machine, self.records, self.folder, self.speed, self.tell)
        try:
            await endpoint.start(self.records.read("endpoint configuration", config))
        except CAUGHT as error:
            self._settle(name, record, config=config, status="Failed", reason=str(error))
            return
        self.endpoints[name] = endpoint
        if not more:
            self._settle(name, record, config=config, status="InService")
        if not self.records.has("endpoint", name):  # deleted meanwhile
            await self._remove(name)

    async def _update(self, name: str, record: Mapping[str, Any], config: str) -> None:
        self.tell(f"{name}: updating to {config}")
        try:
            reason = await self.endpoints[name].update(self.records.read("endpoint configuration", config), record.get("PendingDeploymentConfig"))
        except CAUGHT as error:
            reason = str(error)
        kept = str(record["EndpointConfigName"])
        told = f"The update to {config} was rolled back: {reason}" if reason else ""
        self._settle(name, record, config=kept if reason else config, status="InService", reason=told)

    def _settle(self, name: str, record: Mapping[str, Any], *, config: str, status: str, reason: str = "") -> None:
        """Write how a deployment ended; an endpoint that was deleted meanwhile stays so."""
        with self.records.changing():
            if not self.records.has("endpoint", name):
                return
            self.records.write("endpoint", name, settled(record, self.records, config=config, status=status, reason=reason))
            self._seen[name] = self.records.change_of("endpoint", name)
        self.tell(f"{name}: {status}{f', {reason}' if reason else f' ({config})'}")

    async def close(self) -> None:
        """Stop every endpoint."""
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints.values()))


def settled(record: Mapping[str, Any], records: Records, *, config: str, status: str, reason: str = "") -> dict[str, Any]:
    """Return an endpoint's record once a deployment has ended."""
    deployment = record.get("PendingDeploymentConfig")
    kept = {key: value for key, value in record.items() if key not in ("PendingDeploymentSummary", "PendingDeploymentConfig", "FailureReason")}
    known = records.has("endpoint configuration", config)
    variants = records.read("endpoint configuration", config).get("ProductionVariants", []) if known else []
    return {
        **kept,
        **({"LastDeploymentConfig": deployment} if deployment else {}),
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "ProductionVariants": [_summary(each) for each in variants],
        "LastModifiedTime": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        **({"FailureReason": reason[:REASON_CHARACTERS]} if reason else {}),
    }


def _summary(variant: Mapping[str, Any]) -> dict[str, Any]:
    weight, count = variant.get("InitialVariantWeight", 1.0), variant.get("InitialInstanceCount", 1)
    counts = {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    return {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight, **counts}
