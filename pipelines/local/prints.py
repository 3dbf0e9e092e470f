"""Prints of what a step read and wrote: size and time of each object, by which a cached result is known to be of what lies there now.

The service's cache key holds paths only (contracts, "Caching"); it takes a result even when an object was overwritten since. Here such a step runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.store import Store

MOST_OBJECTS = 20_000
Prints = dict[str, dict[str, list[int]]]


def take(store: Store, uris: Iterable[str]) -> Prints:
    """Return for each URI its objects with size and time; one below which there are too many, or none can be, has none."""
    return {uri: _objects(store, uri) for uri in dict.fromkeys(uris)}


def _objects(store: Store, uri: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    try:
        for item in store.matching(uri):
            stat = item.path.stat()
            found[item.uri] = [stat.st_size, stat.st_mtime_ns]
            if len(found) > MOST_OBJECTS:
                return {}
    except (UsageError, OSError):
        return {}
    return found


def changed(store: Store, kept: Prints) -> str | None:
    """Return the first object that is not as it was, None when all are."""
    for uri, before in kept.items():
        now = _objects(store, uri)
        if now != before:
            return min(name for name in {*now, *before} if now.get(name) != before.get(name))
    return None


def uris_in(value: Any) -> Iterator[str]:
    """Yield the S3 URIs in a request."""
    if isinstance(value, str) and value.startswith("s3://"):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        yield from uris_in(part)
