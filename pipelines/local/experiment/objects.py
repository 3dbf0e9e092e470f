"""Objects of the local S3 by content: SHA-256, bytes and files of what lies at a URI."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.store import Store, StoredObject

BLOCK_BYTES = 1 << 20
# From this size on the hash of unchanged objects is remembered, so that a run whose data are large and cached does not read them again.
REMEMBERED_BYTES = 8 << 20
FOLDER = "digests"


def fingerprint(store: Store, uri: str) -> dict[str, Any]:
    """Return URI, SHA-256, bytes and number of files; no hash when nothing lies there (any more).

    The hash of one object is that of its bytes, the hash of a folder that of each `<path>` + NUL + bytes in order, as keys of local data are made from.
    Objects of the same size and time of change as before are taken for unchanged.
    """
    try:
        items = list(store.matching(uri))
    except UsageError:
        items = []
    if not items:
        return {"uri": uri, "sha256": None, "bytes": 0, "files": 0}
    states = [item.path.stat() for item in items]
    size_bytes = sum(state.st_size for state in states)
    seen = [[item.relative, state.st_size, state.st_mtime_ns] for item, state in zip(items, states, strict=True)]
    memory = store.root.parent / FOLDER / f"{hashlib.sha256(json.dumps([uri, seen]).encode()).hexdigest()[:32]}.txt"
    digest = _remembered(memory) if size_bytes >= REMEMBERED_BYTES else None
    if digest is None:
        digest = _digest(items, single=len(items) == 1 and items[0].uri == uri)
        if size_bytes >= REMEMBERED_BYTES:
            _remember(memory, digest)
    return {"uri": uri, "sha256": digest, "bytes": size_bytes, "files": len(items)}


def _digest(items: Sequence[StoredObject], *, single: bool) -> str:
    digest = hashlib.sha256()
    for item in items:
        digest.update(b"" if single else f"{item.relative}\0".encode())
        with open(item.path, "rb") as handle:
            for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
                digest.update(block)
    return digest.hexdigest()


def _remembered(memory: Path) -> str | None:
    try:
        text = memory.read_text()
    except OSError:
        return None
    return text if len(text) == 64 else None


def _remember(memory: Path, digest: str) -> None:
    partial = memory.with_suffix(f".{os.getpid()}.partial")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(digest)
        os.replace(partial, memory)
    except OSError:  # a disk that is full or can only be read: hashed again the next time
        pass
