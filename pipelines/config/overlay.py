"""Layers of configuration: flags over parameters file over profile over YAML over defaults, with the origin of every key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KEY = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
WHOLE_KEY = re.compile(r"[^.\[\]]+(\[\d{1,6}\]|\.[^.\[\]]+)*")


# From the weakest layer to the strongest; a default has no origin in a file.
SOURCES = ("default", "yaml", "profile", "params file", "flag")


@dataclass(frozen=True)
class Origin:
    """State which layer gave a value, in which file and on which line (from 1); for a flag, `file` is the flag itself."""

    source: str
    file: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """Return `file:line`, or the flag."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def strength(self) -> int:
        """Return a number that is greater for a layer that wins."""
        return SOURCES.index(self.source)


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every leaf; an empty mapping or list is a leaf."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from flatten(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)) and value:
        for index, item in enumerate(value):
            yield from flatten(item, f"{key}[{index}]")
    else:
        yield key, value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with another layer on it: mappings are merged key by key, everything else is replaced."""
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def nested(key: str, value: Any, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layer that sets one dotted key, e.g. `gate[0].at_least`; a list is taken from the base and changed in one place.

    Raises:
        KeyError: the key does not lead anywhere in a list of the base.
    """
    if not WHOLE_KEY.fullmatch(key):
        raise KeyError(key)
    parts = [match[1] or int(match[2]) for match in KEY.finditer(key)]
    result = _placed(parts, value, base)
    assert isinstance(result, dict)
    return result


def _placed(parts: list[Any], value: Any, base: Any) -> Any:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(first, int):
        if not isinstance(base, (list, tuple)) or first >= len(base):
            raise KeyError(first)
        return _in_list(first, rest, value, base)
    below = base.get(first) if isinstance(base, Mapping) else None
    return {first: _placed(rest, value, below)}


def _in_list(place: int, rest: list[Any], value: Any, base: Any) -> list[Any]:
    changed = _placed(rest, value, base[place])
    whole = merged(base[place], changed) if isinstance(base[place], Mapping) else changed
    return [whole if index == place else item for index, item in enumerate(base)]
