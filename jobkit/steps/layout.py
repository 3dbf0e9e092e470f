"""Steps on the set of columns: leave out, keep, rename, move, number, date."""

from __future__ import annotations

from typing import Callable, Dict, List

import numpy as np

from jobkit.columns import Column, Table, number
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, Row, State, Step, as_configured, free_name, require


def _apply_drop(rows: Table, state: State, context: Context) -> Table:
    return rows.having({name: column for name, column in rows.columns.items() if name not in state["columns"]})


def _row_drop(state: State) -> Callable[[Row], None]:
    columns = list(state["columns"])

    def run(row: Row) -> None:
        for name in columns:
            row.pop(name, None)

    return run


def _fit_keep(rows: Table, config: Config, context: Context) -> State:
    require(rows, config["columns"], "keep_columns")
    kept = {*config["columns"], context.label}
    return {"step": "drop_columns", "columns": [name for name in rows.columns if name not in kept]}


def _fit_rename(rows: Table, config: Config, context: Context) -> State:
    names = dict(config["columns"])
    require(rows, list(names), "rename_columns")
    result = [names.get(name, name) for name in rows.columns]
    twice = [name for name in result if result.count(name) > 1]
    if twice:
        raise JobError("recipe step rename_columns: two columns would be named {!r}".format(twice[0]))
    return {"step": "rename_columns", "columns": names}


def _apply_rename(rows: Table, state: State, context: Context) -> Table:
    return rows.having({state["columns"].get(name, name): column for name, column in rows.columns.items()})


def _row_rename(state: State) -> Callable[[Row], None]:
    names = dict(state["columns"])

    def run(row: Row) -> None:
        row.update([(new, row.pop(old)) for old, new in names.items()])

    return run


def _fit_move(rows: Table, config: Config, context: Context) -> State:
    after = config.get("after")
    require(rows, [*config["columns"], *([after] if after is not None else [])], "move_columns")
    if after in config["columns"]:
        raise JobError("recipe step move_columns: column {!r} cannot come after itself".format(after))
    if after == context.label and after is not None:  # which is not there at inference: the column before it takes its place
        rest = [name for name in rows.columns if name not in config["columns"]]
        after = ([None, *rest])[rest.index(after)]
    return {"step": "move_columns", "columns": list(config["columns"]), "after": after}


def _apply_move(rows: Table, state: State, context: Context) -> Table:
    rest: List[str] = [name for name in rows.columns if name not in state["columns"]]
    place = 0 if state["after"] is None else rest.index(state["after"]) + 1
    return rows.having({name: rows[name] for name in [*rest[:place], *state["columns"], *rest[place:]]})


def _inserted(rows: Table, name: str, position: int, column: Column) -> Table:
    """Return the rows with a new column that stands at a position, or last when there are fewer columns."""
    names = list(rows.columns)
    return rows.having({other: rows.columns.get(other, column) for other in [*names[:position], name, *names[position:]]})


def _fit_number(rows: Table, config: Config, context: Context) -> State:
    free_name(rows, config["column"], "row_number")
    return {key: config[key] for key in ("step", "column", "start", "position")}


def _apply_number(rows: Table, state: State, context: Context) -> Table:
    values = np.arange(len(rows), dtype=np.float64) + state["start"]
    return _inserted(rows, state["column"], state["position"], number(values))


def _fit_timestamp(rows: Table, config: Config, context: Context) -> State:
    free_name(rows, config["column"], "timestamp")
    return {key: config[key] for key in ("step", "column", "value", "position")}


def _apply_timestamp(rows: Table, state: State, context: Context) -> Table:
    value = context.now if state["value"] is None else state["value"]
    return _inserted(rows, state["column"], state["position"], number(np.full(len(rows), float(value))))


STEPS: Dict[str, Step] = {
    "drop_columns": Step(as_configured("columns"), _apply_drop, _row_drop),
    "keep_columns": Step(_fit_keep, _apply_drop, _row_drop),
    "rename_columns": Step(_fit_rename, _apply_rename, _row_rename),
    "move_columns": Step(_fit_move, _apply_move, None),
    "row_number": Step(_fit_number, _apply_number, None),
    "timestamp": Step(_fit_timestamp, _apply_timestamp, None),
}
