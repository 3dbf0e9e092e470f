"""The service's own model, from botocore's data, as a type checker: required and unknown members, types, enums, ranges, patterns.

Only the data file is read; no botocore code is imported and no client made. Where a value is an expression, its type is left open.
"""

from __future__ import annotations

import difflib
import functools
import gzip
import importlib.resources
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.definition.expressions import expression_kind
from pipelines.errors import Problem

MODEL = "data/sagemaker/2017-07-24/service-2.json"
LETTERS = {r"\p{L}": "a-zA-Z\u00c0-\uffff", r"\p{Z}": r"\s", r"\p{N}": r"0-9", r"\p{M}": ""}
Shape = Mapping[str, Any]


@functools.lru_cache(maxsize=1)
def model() -> Mapping[str, Any]:
    """Return botocore's model of SageMaker as it lies in the installed package."""
    folder = importlib.resources.files("botocore")
    packed = folder.joinpath(f"{MODEL}.gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else folder.joinpath(MODEL).read_bytes()
    found: Mapping[str, Any] = json.loads(raw)
    return found


def shape(name: str) -> Shape:
    """Return a shape by name."""
    found: Shape = model()["shapes"][name]
    return found


def request_shape(operation: str) -> str:
    """Return the name of an operation's request shape."""
    return str(model()["operations"][operation]["input"]["shape"])


def check_request(operation: str, arguments: Mapping[str, Any], path: str, without: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong with a request; `without` are members that the service fills in and a definition leaves out."""
    yield from _structure(request_shape(operation), arguments, path, without)


def _check(name: str, value: Any, path: str) -> Iterator[Problem]:
    if expression_kind(value):
        return
    kind = shape(name)["type"]
    checker = CHECKERS.get(kind)
    if checker:
        yield from checker(name, value, path)


def _structure(name: str, value: Any, path: str, without: frozenset[str] = frozenset()) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _wrong_type(path, value, "an object")
        return
    members = shape(name).get("members", {})
    for key, item in value.items():
        if key in members:
            if item is not None:
                yield from _check(members[key]["shape"], item, f"{path}.{key}")
            continue
        near = difflib.get_close_matches(str(key), members, 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(sorted(members))[:300]}."
        yield Problem(f"{path}.{key}", f"{name} has no such member", hint, code="unknown-member")
    for key in shape(name).get("required", []):
        if value.get(key) is None and key not in without:
            yield Problem(path, f"{key} is missing", f"{name} needs it.", code="missing-member")


def _wrong_type(path: str, value: Any, expected: str) -> Problem:
    text = repr(value)
    return Problem(path, f"wrong type: got {text[:60]} ({type(value).__name__}), expected {expected}", code="type")


def _list(name: str, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield _wrong_type(path, value, "a list")
        return
    yield from _range(name, len(value), path, "entries")
    for index, item in enumerate(value):
        yield from _check(shape(name)["member"]["shape"], item, f"{path}[{index}]")


def _map(name: str, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _wrong_type(path, value, "an object")
        return
    yield from _range(name, len(value), path, "entries")
    for key, item in value.items():
        yield from _check(shape(name)["key"]["shape"], key, f"{path}.{key}")
        yield from _check(shape(name)["value"]["shape"], item, f"{path}.{key}")


def _string(name: str, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _wrong_type(path, value, "text")
        return
    enum = shape(name).get("enum")
    if enum and value not in enum:
        near = difflib.get_close_matches(value, enum, 1, 0.4)
        known = f"Use one of {', '.join(enum[:12])}{' …' if len(enum) > 12 else ''}."
        yield Problem(path, f"{value[:80]!r} is not in the enum {name}", f"Did you mean {near[0]}?" if near else known, code="enum")
        return
    yield from _range(name, len(value), path, "characters")
    pattern = compiled(str(shape(name).get("pattern", "")))
    if pattern and not pattern.fullmatch(value):
        yield Problem(path, f"{value[:80]!r} does not have the form of {name}", f"Pattern: {shape(name)['pattern'][:160]}", code="pattern")


@functools.lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """Return the service's (Java) pattern as a Python one, None when it is empty or cannot be translated."""
    for java, python in LETTERS.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


def _number(kinds: type[int] | tuple[type[int], type[float]], expected: str) -> Callable[[str, Any, str], Iterator[Problem]]:
    def check(name: str, value: Any, path: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, kinds):
            yield _wrong_type(path, value, expected)
            return
        yield from _range(name, value, path, "")

    return check


def _boolean(name: str, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield _wrong_type(path, value, "true or false")


def _range(name: str, size: float, path: str, unit: str) -> Iterator[Problem]:
    low, high = shape(name).get("min"), shape(name).get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        bounds = f"{'' if low is None else low} to {'' if high is None else high}".strip()
        yield Problem(path, f"out of range: got {size} {unit}".rstrip(), f"{name} takes {bounds}.", code="range")


CHECKERS: Mapping[str, Callable[[str, Any, str], Iterator[Problem]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number(int, "a whole number"),
    "long": _number(int, "a whole number"),
    "float": _number((int, float), "a number"),
    "double": _number((int, float), "a number"),
    "boolean": _boolean,
}


def resolve(name: str, segments: tuple[str | int, ...]) -> str | None:
    """Return what is wrong with a property path below a Describe shape, None when it leads somewhere."""
    for index, segment in enumerate(segments):
        current = shape(name)
        if current["type"] == "structure":
            members = current.get("members", {})
            if segment not in members:
                near = difflib.get_close_matches(str(segment), members, 1, 0.5)
                return f"there is no {segment!r} in {name}{f'; did you mean {near[0]}?' if near else ''}"
            name = members[segment]["shape"]
        elif current["type"] == "list":
            name = current["member"]["shape"]
        elif current["type"] == "map":
            name = current["value"]["shape"]
        else:
            return f"{segments[index - 1]!r} is {current['type']} and has no {segment!r}"
    return None
