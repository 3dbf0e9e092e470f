"""Expressions: `Get`, `Std:Join` and `Std:JsonGet`, as a pure function of (expression, scope)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.errors import UsageError

SUBSCRIPT = re.compile(r"\.(?P<name>[A-Za-z0-9_\-]+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]|\[\"(?P<double>[^\"]+)\"\]")
NAME_MEMBERS = ("OutputName", "InputName", "MetricName", "ChannelName", "Name")


class ExpressionError(UsageError):
    """Refuse an expression that cannot be read or has no value."""


@dataclass(frozen=True)
class Path:
    """Hold a `Get` path: its first word and what follows, names as text and list positions as integers."""

    root: str
    segments: tuple[str | int, ...]


@dataclass(frozen=True)
class Reference:
    """State that a value reads something: `kind` is the path's root, `name` the parameter or step."""

    kind: str
    name: str
    path: Path
    json_path: str
    property_file: str | None = None


class Scope(Protocol):
    """Give expressions their values."""

    def parameter(self, name: str) -> Any:
        """Return a parameter's value; raise KeyError when there is none."""

    def execution(self, name: str) -> Any:
        """Return a variable of the execution; raise KeyError when there is none."""

    def step(self, name: str) -> Mapping[str, Any]:
        """Return a step's properties in Describe shape; raise KeyError when there are none yet."""

    def property_file(self, step: str, name: str) -> Any:
        """Return a property file's parsed JSON."""

    def s3_json(self, uri: str) -> Any:
        """Return an object's parsed JSON."""


def _segments(text: str, what: str) -> tuple[str | int, ...]:
    found: list[str | int] = []
    position = 0
    while position < len(text):
        match = SUBSCRIPT.match(text, position)
        if match is None:
            expected = ".name, [0] or ['name']"
            raise ExpressionError(f"cannot read {what} from {text[position : position + 40]!r}", where=text[:120], expected=expected)
        parts = match.groupdict()
        found.append(int(parts["index"]) if parts["index"] else parts["name"] or parts["quoted"] or parts["double"])
        position = match.end()
    return tuple(found)


def parse_path(text: str) -> Path:
    """Return the path that a `Get` names.

    Raises:
        ExpressionError: it is not a path.
    """
    match = re.match(r"[A-Za-z]+", text)
    if match is None:
        raise ExpressionError("this is not a path", where=f"Get {text[:120]!r}", expected="Parameters.Name, Steps.Name.Member or Execution.Name")
    return Path(match.group(), _segments(text[match.end() :], "the path"))


def json_get(document: Any, path: str) -> Any:
    """Return what a JsonPath of the documented subset names: `a.b['k'][0]`; a name of digits is a key, and `$.` in front is optional.

    Raises:
        ExpressionError: the path uses something else (`..`, `*`, filters), or names nothing.
    """
    text = path[1:] if path.startswith("$") else path
    text = text if text.startswith((".", "[")) or not text else f".{text}"
    value = document
    for segment in _segments(text, "the JsonPath"):
        try:
            value = value[int(segment)] if isinstance(value, list) else value[str(segment)]
        except (KeyError, IndexError, TypeError, ValueError):
            known = ", ".join(map(str, list(value)[:8])) if isinstance(value, dict) else type(value).__name__
            raise ExpressionError(f"the JSON has no {segment!r}", where=f"JsonGet {path!r}", got=known) from None
    return value


def _descend(value: Any, segments: tuple[str | int, ...], text: str) -> Any:
    for segment in segments:
        try:
            value = _member(value, segment)
        except (KeyError, IndexError, TypeError, StopIteration):
            known = ", ".join(map(str, list(value)[:12])) if isinstance(value, Mapping) else type(value).__name__
            raise ExpressionError(f"there is no {segment!r} in {text}", where=f"Get {text!r}", got=known) from None
    return value


def _member(value: Any, segment: str | int) -> Any:
    """Return one member; a list is also subscripted by the name that its entries carry."""
    if isinstance(value, list) and isinstance(segment, str):
        return next(item for item in value if isinstance(item, Mapping) and segment in [item.get(key) for key in NAME_MEMBERS])
    return value[segment]


def _get(text: Any, scope: Scope) -> Any:
    if not isinstance(text, str):
        raise ExpressionError("Get takes a path as text", got=type(text).__name__)
    path = parse_path(text)
    if path.root not in ROOTS or not path.segments:
        raise ExpressionError("this path leads nowhere here", where=f"Get {text!r}", expected=f"one of: {', '.join(ROOTS)}")
    try:
        return ROOTS[path.root](path, scope, text)
    except KeyError as error:
        raise ExpressionError(f"{error.args[0]!r} has no value at this point", where=f"Get {text!r}") from None


ROOTS: Mapping[str, Callable[[Path, Scope, str], Any]] = {
    "Parameters": lambda path, scope, text: scope.parameter(str(path.segments[0])),
    "Execution": lambda path, scope, text: scope.execution(str(path.segments[0])),
    "Steps": lambda path, scope, text: _descend(scope.step(str(path.segments[0])), path.segments[1:], text),
}


def text_of(value: Any) -> str:
    """Return a value as `Std:Join` writes it: numbers as Python's shortest form, booleans as `true` and `false`."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _join(body: Any, scope: Scope) -> str:
    if not isinstance(body, Mapping) or not isinstance(body.get("Values"), list):
        raise ExpressionError("Std:Join takes On and a list of Values", got=str(body)[:80])
    return str(body.get("On", "")).join(text_of(evaluate(value, scope)) for value in body["Values"])


def _json_get(body: Any, scope: Scope) -> Any:
    if not isinstance(body, Mapping) or not isinstance(body.get("Path"), str):
        raise ExpressionError("Std:JsonGet takes a Path and a PropertyFile or S3Uri", got=str(body)[:80])
    if "S3Uri" in body:
        return json_get(scope.s3_json(str(evaluate(body["S3Uri"], scope))), body["Path"])
    step, name = property_file_of(body)
    try:
        document = scope.property_file(step, name)
    except KeyError:
        raise ExpressionError(f"step {step} has no property file {name!r} at this point", where=f"JsonGet {body['Path']!r}") from None
    return json_get(document, body["Path"])


def property_file_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return (step, property file) that a JsonGet reads.

    Raises:
        ExpressionError: it names none.
    """
    file = body.get("PropertyFile")
    path = parse_path(str(file["Get"])) if isinstance(file, Mapping) and "Get" in file else None
    if path is None or len(path.segments) != 3 or path.segments[1] != "PropertyFiles":
        raise ExpressionError("PropertyFile has another form", got=str(file)[:80], expected='{"Get": "Steps.NAME.PropertyFiles.NAME"}')
    return str(path.segments[0]), str(path.segments[2])


FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {"Get": _get, "Std:Join": _join, "Std:JsonGet": _json_get}


def expression_kind(value: Any) -> str | None:
    """Return `Get`, `Std:Join` or `Std:JsonGet` when the value is an expression, else None."""
    return next(iter(value)) if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in FUNCTIONS else None


def evaluate(value: Any, scope: Scope) -> Any:
    """Return the value with every expression in it, however deep, replaced by what it stands for.

    Raises:
        ExpressionError: one cannot be read, or what it reads is not there.
    """
    kind = expression_kind(value)
    if kind:
        return FUNCTIONS[kind](value[kind], scope)
    if isinstance(value, Mapping):
        return {key: evaluate(item, scope) for key, item in value.items()}
    return [evaluate(item, scope) for item in value] if isinstance(value, list) else value


def references(value: Any, json_path: str = "$") -> tuple[Reference, ...]:
    """Return everything that the expressions in a value read, in order of appearance; a path that cannot be read is left to the checks."""
    return tuple(_references(value, json_path))


def _references(value: Any, where: str) -> Iterator[Reference]:
    kind = expression_kind(value)
    if kind == "Get":
        yield from _get_reference(value["Get"], where)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{where}[{index}]")


def _get_reference(text: Any, where: str) -> Iterator[Reference]:
    try:
        path = parse_path(text) if isinstance(text, str) else None
    except ExpressionError:
        path = None
    if path and path.segments:
        file = str(path.segments[2]) if len(path.segments) == 3 and path.segments[1] == "PropertyFiles" else None
        yield Reference(path.root, str(path.segments[0]), path, where, file)
