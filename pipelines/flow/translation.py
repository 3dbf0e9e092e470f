"""What a translator is given and gives back, and how it reads the parameters of a node."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.flow.document import Node


class Untranslated(Exception):
    """Say why a node, or one of its parameters, has no equivalent."""


@dataclass(frozen=True)
class Step:
    """Hold a step of the recipe and the reason that stands beside it; `reasons` has one for columns that deserve it.

    `hint` holds members that are not written but tell which columns the step makes.
    """

    step: Mapping[str, Any]
    reason: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    hint: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """Hold what a node became: steps, members of other sections, files; what was lost, and what is worth knowing."""

    steps: tuple[Step, ...] = ()
    profile: tuple[tuple[str, Any], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    to: str = ""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """Hold what a translator may know: flags of the command, the label, the columns at this node by kind (None: unknown), inputs by their names.

    `open` holds the beginnings of column names that an encoding makes from levels that the flow does not tell.
    """

    refit: bool = False
    allow_code: bool = False
    label: str | None = None
    columns: Mapping[str, str] | None = None
    others: tuple[tuple[str, Node, Mapping[str, str]], ...] = ()
    open: tuple[str, ...] = ()
    raw: bool = True
    raw_columns: Mapping[str, str] | None = None


Translator = Callable[[Node, Scene], Made]


def one(name: str, reason: str = "", /, **members: Any) -> Step:
    """Return a step of the recipe."""
    return Step({"step": name, **members}, reason)


def chosen(node: Node) -> Mapping[str, Any]:
    """Return the parameters of the transform that the node chose; those of the node when its operator has only one."""
    if not node.kind:
        return node.parameters
    return member(node.parameters, f"{snake(node.kind)}_parameters")


def snake(kind: str) -> str:
    """Return the name of a transform as the names of parameters write it, e.g. one_hot_encode."""
    return re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")


def member(parameters: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object below a key, an empty one when it is not there."""
    value = parameters.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Untranslated(f"{key} is not an object; got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """Return a value short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def columns(parameters: Mapping[str, Any], key: str = "input_column", needed: bool = True) -> list[str]:
    """Return the columns that a parameter names: one text or a list of them."""
    value = parameters.get(key)
    names = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Untranslated(f"{key} names no columns; got {shown(value)}")
    if needed and not names:
        raise Untranslated(f"{key} is missing")
    return list(dict.fromkeys(names))


def text(parameters: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """Return a text."""
    value = parameters.get(key)
    value = default if value is None or value == "" else value
    if not isinstance(value, str):
        raise Untranslated(f"{key} is {'missing' if value is None else f'not a text; got {shown(value)}'}")
    return value


def number(parameters: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """Return a number, which some flows write as a text."""
    value = parameters.get(key)
    value = default if value is None or value == "" else value
    found = finite(value)
    if found is None:
        raise Untranslated(f"{key} is {'missing' if value is None else f'not a number; got {shown(value)}'}")
    return found


def finite(value: Any) -> float | None:
    """Return what is a finite number, or a text that writes one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def plain(value: float) -> int | float:
    """Return a whole number as one."""
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def flag(parameters: Mapping[str, Any], key: str, default: bool = False) -> bool:
    """Return a truth value."""
    value = parameters.get(key, default)
    return default if value is None else value is True or (isinstance(value, str) and value.lower() == "true")


def pick(parameters: Mapping[str, Any], key: str, known: Mapping[str, Any], default: str) -> Any:
    """Return what a choice stands for."""
    value = text(parameters, key, default)
    if value not in known:
        raise Untranslated(f"{key} {shown(value)} has no equivalent; known: {', '.join(known)}")
    return known[value]


def quoted_name(name: str) -> str:
    """Return a column as an expression writes it."""
    if "`" in name:
        raise Untranslated(f"the column name {shown(name)} holds a backtick, which expressions cannot quote")
    return f"`{name}`"


def into(parameters: Mapping[str, Any], names: Sequence[str]) -> tuple[tuple[Step, ...], list[str]]:
    """Return the steps that copy a column when the result goes into another one, and the columns to work on."""
    output = parameters.get("output_column")
    if not output or [output] == list(names):
        return (), list(names)
    if len(names) != 1 or not isinstance(output, str):
        raise Untranslated(f"output_column {shown(output)} for {len(names)} columns")
    return (one("derive", columns={output: quoted_name(names[0])}),), [output]


def trained_by_column(node: Node, names: Sequence[str], parameters: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the trained state of each column: an object for one column, or a list of objects that name theirs."""
    found = parameters.get(f"{snake(node.kind)}_parameters")
    return by_column(found, names)


def by_column(found: Any, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return trained objects by the columns they belong to, without those that cannot be told apart."""
    entries = [found] if isinstance(found, Mapping) else found if isinstance(found, list) else []
    result = {}
    for place, entry in enumerate(entries):
        if isinstance(entry, Mapping):
            name = entry.get("input_column", names[place] if len(entries) == len(names) else None)
            if name in names:
                result[name] = entry
    return result


def partly(names: Sequence[str], state: Mapping[str, Any], refit: bool) -> tuple[str, ...]:
    """Return the note about columns without trained state."""
    without = [name for name in names if name not in state]
    if refit or not without:
        return ()
    return (f"no trained state for {', '.join(without)}: fitted on the training split",)
