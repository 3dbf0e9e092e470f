"""Which columns there are, and of which kind, after each step of a recipe, as far as that can be told without the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Columns = dict[str, str]
NUMBERS = ("number", "integer", "boolean")
ID = "id"


def after(step: Mapping[str, Any], columns: Mapping[str, str]) -> Columns:
    """Return the columns after a step: name to number, integer, boolean, text, date or id, in their order."""
    follow = FOLLOW.get(step["step"])
    return follow(step, dict(columns)) if follow else dict(columns)


def combined(step: Mapping[str, Any], columns: Mapping[str, str] | None, others: Mapping[str, str]) -> Columns | None:
    """Return the columns after another input was joined or appended; None when those of either are unknown."""
    if columns is None or not others:
        return None
    if step["step"] == "concat":
        return {**columns, **{name: kind for name, kind in others.items() if name not in columns}}
    return {**columns, **{f"{name}{step['suffix']}" if name in columns else name: kind for name, kind in others.items() if name not in step["columns"]}}


def _cast(step: Mapping[str, Any], columns: Columns) -> Columns:
    return {**columns, **step["columns"]}


def _drop(step: Mapping[str, Any], columns: Columns) -> Columns:
    return {name: kind for name, kind in columns.items() if name not in step["columns"]}


def _rename(step: Mapping[str, Any], columns: Columns) -> Columns:
    return {step["columns"].get(name, name): kind for name, kind in columns.items()}


def _move(step: Mapping[str, Any], columns: Columns) -> Columns:
    rest = [name for name in columns if name not in step["columns"]]
    place = rest.index(step["after"]) + 1 if step.get("after") in rest else 0
    return {name: columns[name] for name in [*rest[:place], *step["columns"], *rest[place:]] if name in columns}


def _one_hot(step: Mapping[str, Any], columns: Columns) -> Columns:
    """Return the columns with one for each level that is known; levels that are yet to be fitted are not."""
    levels = step.get("fitted", {})
    return {**_drop(step, columns), **{f"{name}_{level}": "number" for name in step["columns"] for level in levels.get(name, ())}}


def _numbers(step: Mapping[str, Any], columns: Columns) -> Columns:
    return {**columns, **dict.fromkeys(step["columns"], "number")}


def _derive(step: Mapping[str, Any], columns: Columns) -> Columns:
    """Return the columns with the new ones: of the kind of what they copy, else numbers."""
    return {**columns, **{name: columns.get(source.strip("` "), "number") for name, source in step["columns"].items()}}


def _dates(step: Mapping[str, Any], columns: Columns) -> Columns:
    return {**columns, **{f"{name}_{part}": "number" for name in step["columns"] for part in step["parts"]}}


def _inserted(step: Mapping[str, Any], columns: Columns) -> Columns:
    names = list(columns)
    place = step.get("position", 0)
    return {name: columns.get(name, ID) for name in [*names[:place], step["column"], *names[place:]]}


FOLLOW: Mapping[str, Callable[[Mapping[str, Any], Columns], Columns]] = {
    "cast": _cast,
    "drop_columns": _drop,
    "rename_columns": _rename,
    "move_columns": _move,
    "one_hot": _one_hot,
    "ordinal": _numbers,
    "derive": _derive,
    "dates": _dates,
    "row_number": _inserted,
    "timestamp": _inserted,
}
