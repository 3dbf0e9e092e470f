"""Manage columns, casts and formulas."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.flow.document import Node
from pipelines.flow.translation import (
    Made,
    Scene,
    Translator,
    Untranslated,
    chosen,
    columns,
    into,
    member,
    number,
    one,
    pick,
    quoted_name,
    shown,
    snake,
    text,
)
from pipelines.jobs import job_module

TYPES: Mapping[str, str] = {
    "long": "integer",
    "integer": "integer",
    "int": "integer",
    "bigint": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "boolean": "boolean",
    "bool": "boolean",
    "string": "text",
    "date": "date",
    "datetime": "date",
    "timestamp": "date",
}
# How inferred dates may be written; the month comes first where days and months could be confused, as pandas reads them.
DATES = tuple(f"{day}{clock}" for day in ("%Y-%m-%d", "%m/%d/%Y", "%Y/%m/%d") for clock in ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M")) + (
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)
ON_ERROR: Mapping[str, str] = {"replace_null": "null", "drop_rows": "drop", "drop_row": "drop"}
# Java's date patterns as strptime writes them; the longer ones first.
PATTERNS: tuple[tuple[str, str], ...] = (
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
)


def kinds_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the types of a flow's schema as casts name them; one without an equivalent counts as text."""
    return {name: TYPES.get(str(kind).lower(), "text") for name, kind in schema.items()}


def infer_and_cast(node: Node, scene: Scene) -> Made:
    """Cast every column to the type that Data Wrangler inferred; a value that is not of it becomes missing."""
    schema = member(node.trained, "schema")
    if not schema:
        note = "the flow holds no schema: types are inferred again from the data"
        return Made(to="nothing", notes=(note,))
    unknown = [name for name, kind in schema.items() if not isinstance(kind, str) or kind.lower() not in TYPES]
    kinds = {name: TYPES[kind.lower()] for name, kind in schema.items() if name not in unknown}
    lost = tuple(f"the type {shown(schema[name])} of column {name!r} has no equivalent; it is left as it is read" for name in unknown)
    dates: dict[str, Any] = {"formats": list(DATES)} if "date" in kinds.values() else {}
    notes = ("the flow does not tell how dates are written: year-month-day and month/day/year are read, anything else is missing",) if dates else ()
    step = one("cast", "types that the flow inferred; what is not of its type is missing", columns=kinds, on_error="null", **dates)
    return Made((step,), lost=lost, notes=notes)


def cast_one(node: Node, scene: Scene) -> Made:
    """Cast the columns that a node names."""
    given = node.parameters
    names = columns(given, "column" if given.get("column") is not None else "input_column")
    kind = pick({"data_type": text(given, "data_type").lower()}, "data_type", TYPES, "")
    members: dict[str, Any] = {"on_error": pick(given, "non_castable_data_handling_method", ON_ERROR, "replace_null")}
    if kind == "date" and given.get("date_formatting"):
        members["formats"] = [strptime(text(given, "date_formatting"))]
    return Made((one("cast", columns=dict.fromkeys(names, kind), **members),))


def strptime(pattern: str) -> str:
    """Return a date pattern of Java as Python writes it."""
    result, rest = "", pattern
    while rest:
        found = next(((java, python) for java, python in PATTERNS if rest.startswith(java)), None)
        if found is None and rest[0].isalpha():
            raise Untranslated(f"the date pattern {shown(pattern)} has no equivalent")
        java, python = found or (rest[0], rest[0])
        result, rest = result + python, rest[len(java) :]
    return result


def drop(node: Node, scene: Scene) -> Made:
    """Drop columns."""
    return Made((one("drop_columns", columns=columns(chosen(node), "column_to_drop")),))


def rename(node: Node, scene: Scene) -> Made:
    """Rename one column, or the several of newer flows."""
    given = chosen(node)
    pairs = given.get("columns_to_rename") or [given]
    if not isinstance(pairs, list) or not all(isinstance(pair, Mapping) for pair in pairs):
        raise Untranslated(f"columns_to_rename is not a list of objects; got {shown(pairs)}")
    names = {columns(pair)[0]: text(pair, "new_name") for pair in pairs}
    return Made((one("rename_columns", columns=names),))


def duplicate(node: Node, scene: Scene) -> Made:
    """Copy a column."""
    given = chosen(node)
    return Made((one("derive", columns={text(given, "new_name"): quoted_name(columns(given)[0])}),))


def move(node: Node, scene: Scene) -> Made:
    """Move columns; places other than the front and behind a column need the columns in front of it to be known."""
    kind = text(chosen(node), "move_type")
    if kind not in MOVES:
        raise Untranslated(f"move_type {shown(kind)} has no equivalent; known: {', '.join(MOVES)}")
    given = member(chosen(node), f"{snake(kind)}_parameters")
    names = columns(given, "column_to_move")
    after = MOVES[kind](given, names, scene)
    return Made((one("move_columns", columns=names, **({} if after is None else {"after": after})),))


def _rest(names: list[str], scene: Scene) -> list[str]:
    if scene.columns is None:
        raise Untranslated("the flow does not tell which columns there are at this node")
    return [name for name in scene.columns if name not in names]


def _to_end(given: Mapping[str, Any], names: list[str], scene: Scene) -> str | None:
    return next(reversed(_rest(names, scene)), None)


def _to_index(given: Mapping[str, Any], names: list[str], scene: Scene) -> str | None:
    place = int(number(given, "index", None) if given.get("index") is not None else number(given, "target_index"))
    rest = _rest(names, scene)
    return rest[min(place, len(rest)) - 1] if place > 0 and rest else None


def _before(given: Mapping[str, Any], names: list[str], scene: Scene) -> str | None:
    target, rest = text(given, "target_column"), _rest(names, scene)
    if target not in rest:
        raise Untranslated(f"there is no column {target!r} at this node")
    return None if rest[0] == target else rest[rest.index(target) - 1]


MOVES: Mapping[str, Callable[[Mapping[str, Any], list[str], Scene], str | None]] = {
    "Move to start": lambda given, names, scene: None,
    "Move to end": _to_end,
    "Move to index": _to_index,
    "Move after": lambda given, names, scene: text(given, "target_column"),
    "Move before": _before,
}

# What Spark's SQL and our expressions read alike.
FORMULA_PARTS = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.Load, ast.Call, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.UAdd)
FORMULA_FUNCTIONS = ("abs", "sqrt", "exp", "floor", "ceil", "lower", "upper")


def formula(node: Node, scene: Scene) -> Made:
    """Take over a formula that Spark and our expressions read alike: arithmetic and a few functions."""
    source, output = text(node.parameters, "formula"), text(node.parameters, "output_column")
    try:
        tree = ast.parse(re.sub(r"`[^`]*`", "_", source).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Untranslated(f"the formula {shown(source)} is SQL that has no equivalent; write a derive step") from None
    called = {id(part.func): getattr(part.func, "id", "") for part in ast.walk(tree) if isinstance(part, ast.Call)}
    foreign = [part for part in ast.walk(tree) if not isinstance(part, FORMULA_PARTS)]
    if foreign or any(name not in FORMULA_FUNCTIONS for name in called.values()):
        raise Untranslated(f"the formula {shown(source)} is more than arithmetic, which SQL may read otherwise; write a derive step")
    try:
        job_module("jobkit.expression").names(source)
    except job_module("jobkit.failure").JobError as error:
        raise Untranslated(str(error)) from None
    return Made((one("derive", columns={output: source.strip()}),))


def case(to: str) -> Translator:
    """Return the translator that changes the case of text."""

    def translate(node: Node, scene: Scene) -> Made:
        """Change the case of text columns."""
        given = chosen(node)
        copies, names = into(given, columns(given))
        return Made((*copies, one("text", columns=names, case=to)))

    return translate
