"""YAML as plain values with the line of each key: safe, strict about duplicate keys, and proof against alias bombs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import ConfigError

FILE_BYTES = 1_048_576
NODES = 20_000
DEPTH = 40
MERGE = "tag:yaml.org,2002:merge"
# What PyYAML's constructors raise on a text that does not fit its tag, e.g. 2015-13-45, !!bool maybe, !!timestamp x or an integer of 5,000 digits.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, yaml.constructor.ConstructorError)


@dataclass(frozen=True)
class Document:
    """Hold a file's values and the line (from 1) on which each dotted key stands."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[str, int]


class _Loader(yaml.SafeLoader):
    """Stop composing at the limits, so that a large or deep file costs no more than a small one."""

    nodes = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.nodes, self.depth = self.nodes + 1, self.depth + 1
        if self.nodes > NODES or self.depth > DEPTH:
            raise yaml.MarkedYAMLError(problem=_TOO_MUCH if self.nodes > NODES else _TOO_DEEP, problem_mark=self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TOO_MUCH = f"the file grows beyond {NODES} values or {DEPTH} levels once its aliases are followed"
_TOO_DEEP = f"the file is nested deeper than {DEPTH} levels"


class _Reader:
    """Turn composed nodes into values; each use of an alias counts anew, so that a bomb runs into the limit."""

    def __init__(self, place: str, *, has_lines: bool = True) -> None:
        self._place, self._has_lines, self._count = place, has_lines, 0
        self._loader = yaml.SafeLoader("")
        self.lines: dict[str, int] = {"": 1}
        self.problems: list[tuple[str, str]] = []

    def value(self, node: yaml.Node, key: str, depth: int = 0) -> Any:
        self._count += 1
        if self._count > NODES or depth > DEPTH:
            raise ConfigError(_TOO_MUCH, where=self.place(node), hint="Write the values out.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, self._mark(f"{key}[{index}]", item), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, key)

    def _scalar(self, node: yaml.Node, key: str) -> Any:
        try:
            value = self._loader.construct_object(node)
            return _paired(value) if isinstance(value, str) else value
        except UNREADABLE:
            tag = str(node.tag).rpartition(":")[2]
            self.problem(node, f"{key}: {str(node.value)[:60]!r} cannot be read as YAML's {tag}. Put it in quotes if it is text.")
            return None

    def _mapping(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name_node, item in node.value:
            name = name_node.value if isinstance(name_node, yaml.ScalarNode) and name_node.tag != MERGE else None
            if not name:
                hint = "Merge keys (<<) are not supported; write the values out." if name_node.tag == MERGE else ""
                self.problem(name_node, f"a key must be plain text. {hint}".strip())
            elif name in found:
                self.problem(name_node, f"the key {name!r} stands twice. Remove one of them.")
            else:
                found[name] = self.value(item, self._mark(f"{key}.{name}" if key else name, name_node), depth + 1)
        return found

    def _mark(self, key: str, node: yaml.Node) -> str:
        self.lines[key] = node.start_mark.line + 1
        return key

    def place(self, node: yaml.Node) -> str:
        return f"{self._place}:{node.start_mark.line + 1}" if self._has_lines else self._place

    def problem(self, node: yaml.Node, what: str) -> None:
        self.problems.append((self.place(node), what))


def _paired(text: str) -> str:
    """Join the surrogate pairs that JSON writes for one character; a lone surrogate is a ValueError."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def together(where: str, problems: list[tuple[str, str]]) -> ConfigError:
    """Return one error of (place, what is wrong), one line each."""
    if len(problems) == 1:
        place, what = problems[0]
        return ConfigError(what.rstrip("."), where=place)
    return ConfigError("\n".join([f"{len(problems)} problems", *(f"  {place}: {what}" for place, what in problems)]), where=where)


def read(path: Path, *, may_be_empty: bool = False) -> Document:
    """Return a YAML file that holds one mapping; JSON is YAML too. A file of comments alone is no keys when it `may_be_empty`.

    Raises:
        ConfigError: the file is missing, too large, not UTF-8, not YAML, not a mapping, has a key twice or aliases without end.
    """
    text = _text(path)
    values, reader = _parsed(text.replace("\t", " ") if path.suffix == ".json" else text, str(path))
    if values is None and may_be_empty:
        return Document(path, {}, {})
    if not isinstance(values, dict):
        got = "an empty file" if values is None else {list: "a list"}.get(type(values), "a single value")
        raise ConfigError("this is not a configuration", where=str(path), got=got, expected="keys and values such as `name: my-pipeline`")
    return Document(path, values, reader.lines)


def _parsed(text: str, place: str, *, has_lines: bool = True) -> tuple[Any, _Reader]:
    reader = _Reader(place, has_lines=has_lines)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, place) from None
    except RecursionError:
        raise ConfigError("the file is nested too deeply", where=place, expected=f"at most {DEPTH} levels") from None
    values = reader.value(node, "") if node else None
    if reader.problems:
        raise together(place, reader.problems)
    return values, reader


def _not_yaml(error: yaml.YAMLError, text: str, place: str) -> ConfigError:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
    if problem in (_TOO_MUCH, _TOO_DEEP):
        return ConfigError(str(problem), where=f"{place}:{line}")
    context = getattr(error, "context", None)
    words = f"{context}, {problem}" if context and problem else problem or str(error).partition("\n")[0]
    hint = "YAML is indented with spaces, never tabs." if "\\t" in words else ""
    return ConfigError(f"this is not YAML: {words}", where=f"{place}:{line}", hint=hint)


def _text(path: Path) -> str:
    if not path.is_file():
        raise ConfigError("this is not a file" if path.exists() else "there is no such file", where=str(path))
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    if len(body) > FILE_BYTES:
        raise ConfigError("the file is too large", where=str(path), got=f"{path.stat().st_size} bytes", expected=f"at most {FILE_BYTES}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("the file is not UTF-8", where=f"{path}:{line}", got=f"byte {error.object[error.start]:#04x}") from None


def scalar(text: str, place: str = "--set") -> Any:
    """Return the value that YAML gives a flag's text: a number, a boolean, a flow list; the text itself when it is no YAML or empty.

    Raises:
        ConfigError: the text is a bomb of aliases or has a key twice.
    """
    try:
        yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return text
    return _parsed(text, place, has_lines=False)[0] if text.strip() else text
