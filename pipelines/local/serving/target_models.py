"""A multi-model variant: fetch a target model when it is asked for, load it, and unload what was not used for longest when memory runs out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes
from pipelines.local.serving.invocation import RuntimeFault, invalid
from pipelines.local.serving.link import Reply
from pipelines.local.serving.many_models import ApiError, ManyModels
from pipelines.local.store import Store

INSUFFICIENT, CONFLICT = 507, 409
LARGEST_NAME = 1024


@dataclass
class TargetModels:
    """Serve the model archives below an S3 prefix by their names; without `cached` a model is unloaded after each answer."""

    store: Store
    prefix: str
    models: ManyModels
    cached: bool = True

    def __post_init__(self) -> None:
        """Begin with nothing loaded."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._in_use: Counter[str] = Counter()

    async def invoke(self, target: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        """Answer with a model, which is loaded first when it is not.

        Raises:
            RuntimeFault: there is no such model, or it cannot be loaded.
        """
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        self._in_use[name] += 1
        try:
            await self._ready(name, target)
            reply = await self.models.invoke(name, headers, body, timeout_s)
            if reply.parts is None:
                return reply
            self._in_use[name] += 1  # until the last part is sent
            return replace(reply, parts=self._held(name, reply.parts))
        except ApiError as error:
            raise _model_error(error) from None
        finally:
            await self._done(name)

    async def _held(self, name: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(parts):
                async for part in parts:
                    yield part
        finally:
            await self._done(name)

    async def _done(self, name: str) -> None:
        """Count one use less; a model that nobody uses is forgotten, or unloaded where models are not kept."""
        self._in_use[name] -= 1
        if self._in_use[name]:
            return
        del self._in_use[name]
        self._locks.pop(name, None)
        if not self.cached and name in self.models.loaded:
            await self._unload(name)

    async def _unload(self, name: str) -> None:
        await self.models.unload(name)
        gone = self._folder(name).with_name(f".{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            self._folder(name).rename(gone)  # at once, since the next request may want the name
        await asyncio.get_running_loop().run_in_executor(None, lambda: shutil.rmtree(gone, ignore_errors=True))

    def _folder(self, name: str) -> Path:
        return self.models.server.ml / "models" / name

    async def _ready(self, name: str, target: str) -> None:
        entry = self.models.loaded.get(name)
        if entry and entry.ready.is_set():
            return
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self.models.loaded:
                await self._fetch(name, target)
                await self._load(name)

    async def _fetch(self, name: str, target: str) -> None:
        """Unpack a model's archive into the container.

        Raises:
            RuntimeFault: there is no such archive, or it cannot be unpacked.
        """
        folder, partial = self._folder(name) / "model", self._folder(name) / "partial"
        if folder.is_dir():
            return
        uri = f"{self.prefix.rstrip('/')}/{target.lstrip('/')}"
        if len(target) > LARGEST_NAME or not self._exists(uri):
            raise invalid(f"Failed to download model data({uri}). Please ensure that there is an object located at the URL.")
        try:
            await asyncio.get_running_loop().run_in_executor(None, boxes.fetch_model, self.store, {"ModelDataUrl": uri}, partial)
            partial.rename(folder)  # whole or not at all
        except (ClientFault, OSError) as error:
            shutil.rmtree(self._folder(name), ignore_errors=True)
            raise invalid(f"Failed to extract model data archive({uri}): {error}") from None

    def _exists(self, uri: str) -> bool:
        try:
            return not uri.endswith("/") and self.store.path(uri).is_file()
        except UsageError:
            return False

    async def _load(self, name: str) -> None:
        while True:
            try:
                await self.models.load(name, f"/opt/ml/models/{name}/model")
                return
            except ApiError as error:
                if error.code == CONFLICT:
                    return
                if error.code != INSUFFICIENT or not await self._evict():
                    shutil.rmtree(self._folder(name), ignore_errors=True)
                    raise

    async def _evict(self) -> bool:
        """Unload the model that was not used for longest, with its files; tell whether there was one that nobody is using."""
        for name, entry in list(self.models.loaded.items()):
            if entry.ready.is_set() and not self._in_use[name]:
                await self._unload(name)
                return True
        return False


def _model_error(error: ApiError) -> RuntimeFault:
    if error.code == INSUFFICIENT:
        return RuntimeFault("ModelNotReadyException", 429, f"There is no memory for the target model now; try again. {error}")
    said = {"OriginalStatusCode": error.code, "OriginalMessage": str(error)}
    return RuntimeFault("ModelError", 424, f'Received server error ({error.code}) from primary with message "{error}".', **said)
