"""What a run takes of the latest approved version of a group: the model to compare with, and the baselines of its checks.

A pipeline cannot look up the registry itself, so these are parameters, which the definition's metadata mark; whoever starts an execution gives them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipelines.definition.model import Definition
from pipelines.errors import UsageError
from pipelines.local.registry import Registry

MARK = "sagewright.approved."
SEGMENT = re.compile(r"(\w+)|\[(\d+)\]")
# Of these files it is the folder that a job takes, since others lie beside them.
IN_FOLDER = ".json"


def values(registry: Registry, definition: Definition) -> dict[str, str]:
    """Return the values of the marked parameters; those whose group has no approved version, or one that lacks the file, keep their default."""
    found: dict[str, str] = {}
    for key, text in definition.metadata.items():
        if not key.startswith(MARK) or not isinstance(text, str):
            continue
        group, _, path = text.partition(":")
        try:
            uri = _at(registry.version(group, status="Approved"), path)
        except UsageError:
            continue  # no version of the group is approved
        if isinstance(uri, str):
            found[key.removeprefix(MARK)] = uri.rpartition("/")[0] if uri.endswith(IN_FOLDER) else uri
    return found


def _at(document: Mapping[str, Any], path: str) -> Any:
    """Return what a path such as `A.B[0].C` names, None when there is nothing."""
    value: Any = document
    for name, index in SEGMENT.findall(path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value
