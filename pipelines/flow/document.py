"""A Data Wrangler flow file as typed nodes in an order in which every node follows its inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

LARGEST_FILE = 256 * 2**20
MOST_NODES = 2000
KINDS_OF_NODES = ("SOURCE", "TRANSFORM", "VISUALIZATION", "DESTINATION")
MADE_BY = "a .flow file as SageMaker Data Wrangler saves it"


@dataclass(frozen=True)
class Node:
    """Hold one node: `operator` is without its version, `kind` is what the node chose of the operator's transforms (empty if it has only one)."""

    id: str
    type: str
    operator: str
    version: str
    parameters: Mapping[str, Any]
    trained: Mapping[str, Any]
    inputs: tuple[str, ...]
    name: str

    @property
    def kind(self) -> str:
        """Return the transform that was chosen; the parameters of the others are leftovers."""
        chosen = self.parameters.get("operator", "")
        return chosen if isinstance(chosen, str) else ""

    @property
    def short_operator(self) -> str:
        """Return the last part of the operator's name, e.g. manage_columns."""
        return self.operator.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Flow:
    """Hold the nodes of a flow, every one after its inputs, and the file's name."""

    file: str
    nodes: tuple[Node, ...]

    def node(self, key: str) -> Node:
        """Return the node of an id."""
        return next(node for node in self.nodes if node.id == key)


def read_flow(path: Path) -> Flow:
    """Return the flow that a file holds.

    Raises:
        UsageError: it cannot be read, is no flow, or its nodes refer to each other in a circle.
    """
    return parse_flow(_text(path), str(path))


def parse_flow(text: str, where: str) -> Flow:
    """Return the flow that a text holds; `where` names it in errors.

    Raises:
        UsageError: it is no flow, or its nodes refer to each other in a circle.
    """
    document = _loaded(text, where)
    raw = document.get("nodes") if isinstance(document, Mapping) else None
    if not isinstance(raw, list):
        raise UsageError("this is no Data Wrangler flow: it has no list `nodes`", where=where, expected=MADE_BY)
    if not raw:
        raise UsageError("the flow has no nodes, so there is nothing to import", where=where)
    if len(raw) > MOST_NODES:
        raise UsageError("the flow has too many nodes", where=where, got=f"{len(raw):,}", expected=f"at most {MOST_NODES:,}")
    nodes = [_node(entry, f"{where}: nodes[{place}]") for place, entry in enumerate(raw)]
    return Flow(Path(where).name, _ordered(nodes, where))


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise UsageError("the file is too large for a flow", where=str(path), got=f"{size:,} bytes", expected=f"at most {LARGEST_FILE:,}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path), expected=MADE_BY) from None
    except UnicodeDecodeError:
        raise UsageError("this is not JSON: it is not text in UTF-8", where=str(path), expected=MADE_BY) from None


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UsageError("this is no Data Wrangler flow: it is nested too deep", where=where, expected=MADE_BY) from None
    except ValueError as error:
        raise UsageError(f"this is not JSON: {str(error)[:120]}", where=where, expected=MADE_BY) from None


def _node(entry: Any, where: str) -> Node:
    if not isinstance(entry, Mapping):
        raise UsageError("this node is not an object", where=where, got=type(entry).__name__)
    key, operator = _required(entry, "node_id", where), _required(entry, "operator", where)
    kind = _required(entry, "type", where)
    if kind not in KINDS_OF_NODES:
        raise UsageError("there is no such type of node", where=f"{where}.type", got=repr(kind[:60]), expected=f"one of: {', '.join(KINDS_OF_NODES)}")
    versioned = re.fullmatch(r"(.+?)_(\d+(?:\.\d+)*)", operator)
    parameters, trained = _object(entry, "parameters", where), _object(entry, "trained_parameters", where)
    name = entry.get("name") or parameters.get("name")
    plain, version = versioned.groups() if versioned else (operator, "")
    return Node(key, kind, plain, version, parameters, trained, _inputs(entry, where), name if isinstance(name, str) else "")


def _required(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        got = "nothing" if value is None else repr(value)[:60]
        raise UsageError("this node lacks a text", where=f"{where}.{key}", got=got, expected="a text that is not empty")
    return value


def _object(entry: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = entry.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError("this is not an object", where=f"{where}.{key}", got=type(value).__name__)
    return value


def _inputs(entry: Mapping[str, Any], where: str) -> tuple[str, ...]:
    inputs = entry.get("inputs") or []
    if not isinstance(inputs, list) or not all(isinstance(item, Mapping) for item in inputs):
        raise UsageError("this is not a list of objects", where=f"{where}.inputs", got=type(inputs).__name__)
    return tuple(_required(item, "node_id", f"{where}.inputs[{place}]") for place, item in enumerate(inputs))


def _ordered(nodes: list[Node], where: str) -> tuple[Node, ...]:
    """Return the nodes with every node after its inputs, otherwise as they stand in the file."""
    known = {node.id for node in nodes}
    if len(known) < len(nodes):
        ids = [node.id for node in nodes]
        raise UsageError("two nodes have one id", where=where, got=repr(next(key for key in ids if ids.count(key) > 1)[:60]))
    for node in nodes:
        lost = next((key for key in node.inputs if key not in known), None)
        if lost is not None:
            raise UsageError("a node reads a node that is not there", where=f"{where}: node {node.id[:60]}", got=repr(lost[:60]))
    done: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        ready = [node for node in waiting if all(key in done for key in node.inputs)]
        if not ready:
            names = ", ".join(node.id[:8] for node in waiting[:5])
            raise UsageError("nodes of the flow refer to each other in a circle", where=where, got=f"the nodes {names}")
        done.update((node.id, node) for node in ready)
        waiting = [node for node in waiting if node.id not in done]
    return tuple(done.values())
