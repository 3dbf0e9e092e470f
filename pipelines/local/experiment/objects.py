"""Objects of the local S3 by content: SHA-256, bytes and files of what lies at a URI."""

from __future__ import annotations

import hashlib
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.store import Store

BLOCK_BYTES = 1 << 20


def fingerprint(store: Store, uri: str) -> dict[str, Any]:
    """Return URI, SHA-256, bytes and number of files; no hash when nothing lies there (any more).

    The hash of one object is that of its bytes, the hash of a folder that of each `<path>` + NUL + bytes in order, as keys of local data are made from.
    """
    try:
        items = list(store.list(uri))
    except UsageError:
        items = []
    if not items:
        return {"uri": uri, "sha256": None, "bytes": 0, "files": 0}
    digest, single = hashlib.sha256(), len(items) == 1 and items[0].uri == uri
    for item in items:
        digest.update(b"" if single else f"{item.relative}\0".encode())
        with open(item.path, "rb") as handle:
            for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
                digest.update(block)
    return {"uri": uri, "sha256": digest.hexdigest(), "bytes": sum(item.path.stat().st_size for item in items), "files": len(items)}
