"""When a version may be deleted: not while it is approved, and not while an endpoint of this home uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipelines.local.home import Home
from pipelines.local.registry import Package


def delete(home: Home, group: str, number: int, *, force: bool, reason: str = "", by: str | None = None) -> Package:
    """Delete a version and return what it was.

    Raises:
        UsageError: there is no such version, or it is in use and `force` is not given.
    """
    return home.registry.delete(group, number, refusal=lambda package: None if force else refusal(home, package), reason=reason, by=by)


def refusal(home: Home, package: Package) -> str | None:
    """Return why a version is not to be deleted, None when it can be."""
    if package["ModelApprovalStatus"] == "Approved":
        return "it is approved"
    users = ", ".join(endpoints(home, package["ModelPackageArn"]))
    return f"endpoint {users} uses it" if users else None


def endpoints(home: Home, arn: str) -> list[str]:
    """Return the endpoints of this home that use a model package, sorted: by a model that names it, and a configuration that names the model."""
    models = _naming(home, "models", {arn})
    configs = _naming(home, "endpoint-configs", {arn, *models})
    return sorted(_naming(home, "endpoints", {arn, *configs}))


def _naming(home: Home, kind: str, wanted: set[str]) -> set[str]:
    """Return the documents of a kind, by their names, in which one of these stands as a text."""
    return {path.stem for path in (home.root / kind).glob("*.json") if any(_names(path.read_text(), each) for each in wanted)}


def _names(text: str, arn: str) -> bool:
    try:
        return arn in _strings(json.loads(text))
    except ValueError:  # half a document: what it names counts all the same
        return f'"{arn}"' in text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(part)
