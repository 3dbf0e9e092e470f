"""A multi-model variant: fetch a target model when it is asked for, load it, and unload what was not used for longest when memory runs out."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

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
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
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
            return await self.models.invoke(name, headers, body, timeout_s)
        except ApiError as error:
            raise _model_error(error) from None
        finally:
            self._in_use[name] -= 1
            if not self.cached and not self._in_use[name] and name in self.models.loaded:
                await self.models.unload(name)

    async def _ready(self, name: str, target: str) -> None:
        entry = self.models.loaded.get(name)
        if entry and entry.ready.is_set():
            return
        async with self._locks[name]:
            if name not in self.models.loaded:
                await self._fetch(name, target)
                await self._load(name)

    async def _fetch(self, name: str, target: str) -> None:
        """Unpack a model's archive into the container.

        Raises:
            RuntimeFault: there is no such archive, or it cannot be unpacked.
        """
        folder = self.models.server.ml / "models" / name / "model"
        if folder.is_dir():
            return
        uri = f"{self.prefix.rstrip('/')}/{target.lstrip('/')}"
        if len(target) > LARGEST_NAME or not self._exists(uri):
            raise invalid(f"Failed to download model data({uri}). Please ensure that there is an object located at the URL.")
        try:
            await asyncio.get_running_loop().run_in_executor(None, boxes.fetch_model, self.store, {"ModelDataUrl": uri}, folder)
        except ClientFault as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise invalid(f"Failed to extract model data archive({uri}): {error}") from None

    def _exists(self, uri: str) -> bool:
        try:
            return self.store.path(uri).is_file()
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
                    shutil.rmtree(self.models.server.ml / "models" / name, ignore_errors=True)
                    raise

    async def _evict(self) -> bool:
        """Unload the model that was not used for longest, with its files; tell whether there was one that nobody is using."""
        for name, entry in list(self.models.loaded.items()):
            if entry.ready.is_set() and not self._in_use[name]:
                await self.models.unload(name)
                shutil.rmtree(self.models.server.ml / "models" / name, ignore_errors=True)
                return True
        return False


def _model_error(error: ApiError) -> RuntimeFault:
    if error.code == INSUFFICIENT:
        return RuntimeFault("ModelNotReadyException", 429, f"There is no memory for the target model now; try again. {error}")
    said = {"OriginalStatusCode": error.code, "OriginalMessage": str(error)}
    return RuntimeFault("ModelError", 424, f'Received server error ({error.code}) from primary with message "{error}".', **said)
