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


@dataclass(frozen=True)
class Document:
    """Hold a file's values and the line (from 1) on which each dotted key stands."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[str, int]


class _Reader:
    """Turn composed nodes into values; each use of an alias counts anew, so that a bomb runs into the limit."""

    def __init__(self, path: Path) -> None:
        self._path, self._count, self.lines = path, 0, {"": 1}
        self._loader = yaml.SafeLoader("")

    def value(self, node: yaml.Node, key: str, depth: int = 0) -> Any:
        self._count += 1
        if self._count > NODES or depth > DEPTH:
            raise self.error(node, f"the file grows beyond {NODES} values or {DEPTH} levels once its aliases are followed", "Write the values out.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, self._mark(f"{key}[{index}]", item), depth + 1) for index, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name_node, item in node.value:
            name = name_node.value if isinstance(name_node, yaml.ScalarNode) else None
            if name is None or name_node.tag == "tag:yaml.org,2002:merge":
                raise self.error(name_node, "a key must be plain text", "Merge keys (<<) are not supported; write the values out.")
            if name in found:
                raise self.error(name_node, f"the key {name!r} stands twice", "Remove one of them.")
            found[name] = self.value(item, self._mark(f"{key}.{name}" if key else name, name_node), depth + 1)
        return found

    def _mark(self, key: str, node: yaml.Node) -> str:
        self.lines[key] = node.start_mark.line + 1
        return key

    def error(self, node: yaml.Node, what: str, hint: str) -> ConfigError:
        return ConfigError(what, where=f"{self._path}:{node.start_mark.line + 1}", hint=hint)


def read(path: Path) -> Document:
    """Return a YAML file that holds one mapping; JSON is YAML too.

    Raises:
        ConfigError: the file is missing, too large, not UTF-8, not YAML, not a mapping, has a key twice or aliases without end.
    """
    text = _text(path)
    reader = _Reader(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = reader.value(node, "") if node else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        hint = "YAML is indented with spaces, never tabs." if "\\t" in str(error) else ""
        raise ConfigError(f"this is not YAML: {getattr(error, 'problem', None) or error}", where=where, hint=hint) from None
    except RecursionError:
        raise ConfigError("the file is nested too deeply", where=str(path), expected=f"at most {DEPTH} levels") from None
    if not isinstance(values, dict):
        got = "an empty file" if values is None else type(values).__name__
        raise ConfigError("this is not a configuration", where=str(path), got=got, expected="keys and values")
    return Document(path, values, reader.lines)


def _text(path: Path) -> str:
    if not path.is_file():
        raise ConfigError("there is no such file", where=str(path))
    if path.stat().st_size > FILE_BYTES:
        raise ConfigError("the file is too large", where=str(path), got=f"{path.stat().st_size} bytes", expected=f"at most {FILE_BYTES}")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("the file is not UTF-8", where=f"{path}:{line}", got=f"byte {error.object[error.start]:#04x}") from None


def scalar(text: str) -> Any:
    """Return the value that YAML gives a text of one scalar or a flow list, the text itself when it is neither."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
