"""What is deployed here: models, endpoint configurations and endpoints, one JSON file each, in the shapes of the service's Describe calls."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipelines.local.faults import ClientFault

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
KINDS = {"model": "models", "endpoint configuration": "endpoint-configs", "endpoint": "endpoints", "alarm": "alarms"}
SERVER = ".server"
LOCK = ".endpoints.lock"
# Who looks whether there is a server holds its lock for a moment.
TRIES, AGAIN_S = 10, 0.02


@dataclass(frozen=True)
class Records:
    """Keep the records below `home`."""

    home: Path

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """Return a record.

        Raises:
            ClientFault: there is none of this name, or its file is damaged.
        """
        path = self._path(kind, name)
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except OSError:
            known = ", ".join(self.names(kind)) or "none yet"
            raise ClientFault(f"there is no {kind} {name!r} here; known: {known}") from None
        except ValueError:
            found = {}
        if not isinstance(found, dict) or not found:
            raise ClientFault(f"{path} is damaged: it holds no {kind}; delete the file or restore it")
        return found

    def has(self, kind: str, name: str) -> bool:
        """Tell whether there is such a record."""
        return self._path(kind, name).is_file()

    def write(self, kind: str, name: str, record: Mapping[str, Any]) -> None:
        """Write a record in one piece."""
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{uuid.uuid4().hex}.partial")
        partial.write_text(json.dumps(record, sort_keys=True, indent=1, default=str) + "\n")
        os.replace(partial, path)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the one who reads and writes records while the block lasts; it is to be short, since others wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / LOCK, "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def delete(self, kind: str, name: str) -> None:
        """Delete a record.

        Raises:
            ClientFault: there is none of this name.
        """
        if not self.has(kind, name):
            self.read(kind, name)
        self._path(kind, name).unlink(missing_ok=True)

    def names(self, kind: str) -> list[str]:
        """Return the names of all records of a kind, sorted."""
        return sorted(path.stem for path in (self.home / KINDS[kind]).glob("*.json") if NAME.fullmatch(path.stem))

    def change_of(self, kind: str, name: str) -> int:
        """Return a number that is another one after every write, 0 when there is no record."""
        try:
            return self._path(kind, name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _path(self, kind: str, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ClientFault(f"{name[:80]!r} is no name of a {kind}; expected 1 to 63 letters, digits and inner hyphens")
        return self.home / KINDS[kind] / f"{name}.json"

    @contextmanager
    def serving(self) -> Iterator[bool]:
        """Be the one server of these endpoints while the block lasts; yields False when another one is."""
        folder = self.home / KINDS["endpoint"]
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / SERVER, "a") as handle:
            if not _taken(handle):
                yield False
                return
            try:
                yield True
            finally:
                handle.truncate(0)

    def announce(self, url: str, only: Collection[str] = ()) -> None:
        """Say where the server of these endpoints answers, nowhere as a container, and for which when not for all, while `serving`."""
        (self.home / KINDS["endpoint"] / SERVER).write_text("\n".join([url, *sorted(only)]))

    def _announced(self) -> list[str]:
        return (self.home / KINDS["endpoint"] / SERVER).read_text().splitlines() if self._is_held() else []

    def url(self) -> str:
        """Return where a server of these endpoints answers, empty when none runs."""
        return next(iter(self._announced()), "")

    def is_served(self, name: str) -> bool:
        """Tell whether a server of these endpoints runs and takes care of this one."""
        if not self._is_held():
            return False
        only = self._announced()[1:]
        return not only or name in only

    def _is_held(self) -> bool:
        if not (self.home / KINDS["endpoint"] / SERVER).is_file():
            return False
        with open(self.home / KINDS["endpoint"] / SERVER, "a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _taken(handle: IO[str]) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(AGAIN_S)
    return False
