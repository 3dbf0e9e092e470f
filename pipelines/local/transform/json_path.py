"""The part of JSONPath that InputFilter and OutputFilter take (AWS developer guide, "Associate Prediction Results with Input Records").

`$`, `.name`, `*`, `['a','b']`, `[1,3,-1]`, `[a:b]`, and numbers and slices in one list as the API reference has it (`$[0,5:]`). A slice ends before its
second number, as AWS's own samples use it (`$[0:-1]` leaves out the last column) and as JsonPath has it; the guide's prose says "inclusive".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.transform.bad_data import BadData

LENGTH = 63
_NAME = r"""(?:'[^']*'|"[^"]*")"""
_ITEM = r"(?:-?\d*\s*:\s*-?\d*|-?\d+)"
_TOKEN = re.compile(
    rf"\.?\[\s*(?:(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)|(?P<items>{_ITEM}(?:\s*,\s*{_ITEM})*)|(?P<every>\*))\s*\]"
    r"|\.(?:(?P<any>\*)|(?P<name>[^.\[\]*'\"\s$?@()]+))"
)
Pick = Callable[[Any], Any]


@dataclass(frozen=True)
class JsonPath:
    """Hold a path that was read: its text, whether it goes by position only, what it picks, and the same for a plain row, quicker."""

    text: str
    by_position: bool
    pick: Pick
    columns: Callable[[Any], Any] | None = None

    @property
    def is_root(self) -> bool:
        """Tell whether the path picks everything."""
        return self.text.strip() == "$"

    def row(self, values: Sequence[str]) -> list[str]:
        """Return what the path picks of a CSV row.

        Raises:
            BadData: the row has no such column.
        """
        if self.columns is not None:
            try:
                return list(self.columns(values))
            except IndexError:
                pass  # said in words below
        picked = self.pick(values)
        return list(picked) if isinstance(picked, (list, tuple)) else [picked]


def parse(text: str, where: str) -> JsonPath:
    """Read a path.

    Raises:
        UsageError: the service does not know this form.
    """
    path, at, steps = text.strip(), 1, list[re.Match[str]]()
    while path.startswith("$") and at < len(path) and (found := _TOKEN.match(path, at)):
        steps.append(found)
        at = found.end()
    if not path.startswith("$") or at != len(path) or len(text) > LENGTH:
        expected = f"$ followed by .name, .*, ['a','b'], [1,3,-1] or [2:5], at most {LENGTH} characters"
        raise UsageError("this JSONPath is not one that batch transform takes", where=where, got=repr(text), expected=expected)
    pick: Pick = _itself
    for step in reversed(steps):
        pick = _step(step, pick)
    return JsonPath(path, not any(step["names"] or step["name"] for step in steps), pick, _columns(steps))


def _columns(steps: Sequence[re.Match[str]]) -> Callable[[Any], Any] | None:
    """Return the quick way for the paths that CSV files mostly get, one slice or several numbers; None for others."""
    items = [_item(text) for text in (steps[0]["items"] or "").split(",") if text] if len(steps) == 1 else []
    if len(items) == 1:
        return itemgetter(items[0]) if isinstance(items[0], slice) else None
    return itemgetter(*items) if items and not any(isinstance(item, slice) for item in items) else None


def _itself(value: Any) -> Any:
    return value


def _step(found: re.Match[str], then: Pick) -> Pick:
    if found["name"]:
        return _member(found["name"], then)
    if found["names"]:
        names = [name[1:-1] for name in re.findall(_NAME, found["names"])]
        return _member(names[0], then) if len(names) == 1 else _members(names, then)
    if found["items"]:
        items = [_item(text) for text in found["items"].split(",")]
        return _element(items[0], then) if len(items) == 1 and isinstance(items[0], int) else _elements(items, then)
    return _every(then)


def _item(text: str) -> int | slice:
    if ":" not in text:
        return int(text)
    start, end = (int(part) if part.strip() else None for part in text.split(":"))
    return slice(start, end)


def _member(name: str, then: Pick) -> Pick:
    def pick(value: Any) -> Any:
        if not isinstance(value, dict) or name not in value:
            raise BadData(f"there is no attribute {name!r} in {_short(value)}")
        return then(value[name])

    return pick


def _members(names: Sequence[str], then: Pick) -> Pick:
    """Pick several attributes as one object; those that are not there are left out, as JsonPath does."""

    def pick(value: Any) -> Any:
        if not isinstance(value, dict):
            raise BadData(f"there are no attributes {', '.join(map(repr, names))} in {_short(value)}")
        return {name: then(value[name]) for name in names if name in value}

    return pick


def _element(index: int, then: Pick) -> Pick:
    def pick(value: Any) -> Any:
        return then(_at(value, index))

    return pick


def _elements(items: Sequence[int | slice], then: Pick) -> Pick:
    def pick(value: Any) -> Any:
        picked: list[Any] = []
        for item in items:
            picked += _list(value)[item] if isinstance(item, slice) else [_at(value, item)]
        return picked if then is _itself else [then(each) for each in picked]

    return pick


def _every(then: Pick) -> Pick:
    def pick(value: Any) -> Any:
        return [then(each) for each in (value.values() if isinstance(value, dict) else _list(value))]

    return pick


def _list(value: Any) -> Any:
    if not isinstance(value, list):
        raise BadData(f"this is no array: {_short(value)}")
    return value


def _at(value: Any, index: int) -> Any:
    """Return an element; an index outside is an error (API reference, DataProcessing, OutputFilter)."""
    if not -len(_list(value)) <= index < len(value):
        raise BadData(f"index {index} is outside of a record of {len(value)}: {_short(value)}")
    return value[index]


def _short(value: Any) -> str:
    return repr(value)[:80]
