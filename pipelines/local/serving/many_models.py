"""A container with many models (AWS developer guide, "Build your own container for multi-model endpoints"): load, list, describe, unload, invoke."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipelines.local.serving.link import Reply
from pipelines.local.serving.model_server import INVOCATION_TIMEOUT_S, ModelServer, NotHealthy

BELOW = "/opt/ml/models/"
PRIVATE = re.compile(r"^Private_\w+:\s+(\d+) kB$", re.MULTILINE)
LOAD_TIMEOUT_S = 240.0


class ApiError(Exception):
    """Carry an answer of multi-model-server's API that is no success."""

    def __init__(self, code: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.code, self.kind = code, kind


@dataclass
class Loaded:
    """Hold a model that is loaded, or is being loaded: where from, how many bytes of memory its processes have for themselves, whether it has answered."""

    url: str
    size_bytes: int = 0
    answered: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class ManyModels:
    """Keep models in the workers of one container, as long as they fit into `memory_bytes` together."""

    server: ModelServer
    memory_bytes: int

    def __post_init__(self) -> None:
        """Begin with nothing loaded."""
        self.loaded: OrderedDict[str, Loaded] = OrderedDict()

    async def load(self, name: str, url: str) -> str:
        """Load a model from a folder below /opt/ml/models and return the status text.

        Raises:
            ApiError: 409, it is loaded already; 404, nothing lies there; 507, there is no memory for it; 500, it cannot be loaded.
        """
        if name in self.loaded:
            raise ApiError(409, "ConflictStatusException", f"Model {name} is already registered.")
        folder = self._folder(url)
        guess = self._guess(folder)
        if self.used_bytes() + guess > self.memory_bytes:
            raise ApiError(
                507, "InsufficientMemoryException", f"There is no memory for model {name}: {self.used_bytes()} of {self.memory_bytes} bytes are used"
            )
        entry = self.loaded[name] = Loaded(url, guess)
        try:
            await self.server.load(name, url, LOAD_TIMEOUT_S)
        except NotHealthy as error:
            if self.loaded.get(name) is entry:
                del self.loaded[name]
            raise ApiError(500, "InternalServerException", f"Failed to load model {name}: {error}") from None
        self._measure(name, entry)
        entry.ready.set()
        return "Workers scaled"

    def _measure(self, name: str, entry: Loaded) -> None:
        entry.size_bytes = sum(map(private_bytes, self.server.pids(name))) or entry.size_bytes

    def _folder(self, url: str) -> Path:
        place = PurePosixPath(url)
        inside = url.startswith(BELOW) and place != PurePosixPath(BELOW) and ".." not in place.parts
        folder = self.server.ml / place.relative_to("/opt/ml") if inside else None
        if folder is None or not folder.is_dir():
            raise ApiError(404, "ModelNotFoundException", f"Model not found at: {url}")
        return folder

    def _guess(self, folder: Path) -> int:
        """Return the memory a model will need: what the last one needed, its files at least."""
        files = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        known = [entry.size_bytes for entry in self.loaded.values() if entry.ready.is_set()]
        return max(files, sum(known) // len(known) if known else 0)

    def used_bytes(self) -> int:
        """Return the memory of all models together."""
        return sum(entry.size_bytes for entry in self.loaded.values())

    def find(self, name: str) -> Loaded:
        """Return a loaded model.

        Raises:
            ApiError: 404, it is not loaded.
        """
        if name not in self.loaded:
            raise ApiError(404, "ModelNotFoundException", f"Model not found: {name}")
        return self.loaded[name]

    async def unload(self, name: str) -> str:
        """Unload a model and return the status text.

        Raises:
            ApiError: 404, it is not loaded.
        """
        self.find(name)
        del self.loaded[name]
        await self.server.unload(name)
        return f'Model "{name}" unregistered'

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes, timeout_s: float = INVOCATION_TIMEOUT_S) -> Reply:
        """Answer with one model; the one that was used last is unloaded last.

        A model is measured again when it has answered for the first time: much of what it needs it only takes then.

        Raises:
            ApiError: 404, it is not loaded.
        """
        entry = self.find(name)
        self.loaded.move_to_end(name)
        reply = await self.server.invoke(headers, body, model=name, timeout_s=timeout_s)
        if not entry.answered and self.loaded.get(name) is entry:
            entry.answered = True
            self._measure(name, entry)
        return reply


def private_bytes(pid: int) -> int:
    """Return the memory that a process shares with none, 0 where the system does not tell."""
    try:
        return 1024 * sum(map(int, PRIVATE.findall(Path(f"/proc/{pid}/smaps_rollup").read_text())))
    except OSError:
        return 0
