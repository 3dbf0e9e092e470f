"""The part of JMESPath that Clarify's configurations use: `a.b`, `"a b"`, `a[0]`, `a[*].b`, `a[].b`, `[a, b.c]`."""

from __future__ import annotations

import re
from typing import Any, List, Sequence, Tuple

from jobkit.failure import JobError

NAME = r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_\-]*'
SEVERAL = r'(?:"(?:[^"\\]|\\.)*"|[A-Za-z_,.\s\-0-9]|\[[^\[\]]*\])+'
PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\[[^\[\]]*\]|[^,"\[])+')
STEP = re.compile(r"\.?(?:(?P<name>{})|\[(?P<index>-?\d+)\]|(?P<each>\[\*\]|\[\])|\[(?P<several>{})\])".format(NAME, SEVERAL))


def search(path: str, value: Any) -> Any:
    """Return what a path finds in parsed JSON, None where it finds nothing. Unlike JMESPath, `[*]` keeps a None, so that rows stay in step.

    Raises:
        JobError: the path has a part that this job does not know, such as a filter or a function.
    """
    return _walk(steps(path), value)


def steps(path: str) -> Sequence[Tuple[str, str]]:
    """Return the parts of a path as (kind, text), kind being name, index, each or several.

    Raises:
        JobError: a part of it is none that this job knows.
    """
    made: List[Tuple[str, str]] = []
    place = 0
    while place < len(path):
        found = STEP.match(path, place)
        if not found:
            raise JobError("the path {!r}: got {!r}, expected a name, [0], [*] or [a, b]".format(path, path[place:]))
        made.append((found.lastgroup or "", found.group(found.lastgroup or 0)))
        place = found.end()
    return made


def _walk(parts: Sequence[Tuple[str, str]], value: Any) -> Any:
    for place, (kind, text) in enumerate(parts):
        if kind == "each":
            return [_walk(parts[place + 1 :], item) for item in value] if isinstance(value, list) else None
        value = STEPS[kind](text, value)
    return value


def _name(text: str, value: Any) -> Any:
    key = text[1:-1].replace('\\"', '"') if text.startswith('"') else text
    return value.get(key) if isinstance(value, dict) else None


def _index(text: str, value: Any) -> Any:
    place = int(text)
    return value[place] if isinstance(value, list) and -len(value) <= place < len(value) else None


def _several(text: str, value: Any) -> Any:
    return [search(part.strip(), value) for part in PART.findall(text)]


STEPS = {"name": _name, "index": _index, "several": _several}
