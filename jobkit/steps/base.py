"""What every step of a recipe is made of."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, List, Mapping, MutableMapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.columns import DATE, NUMBER, TEXT, Table
from jobkit.failure import JobError

State = Dict[str, Any]
Row = MutableMapping[str, Any]
Config = Mapping[str, Any]

KINDS = {NUMBER: "numbers", DATE: "dates", TEXT: "text"}


class Context(NamedTuple):
    """Hold what a step may know beside rows and state.

    `label` is the column that no step may read as a feature. `training` is true for rows whose step is just being fitted: only then are rows removed and
    values cross-fitted. `ids` are columns that number or date the rows; they are never features. `target` is the label as numbers (float64, shape (rows,)).
    `now` is the time of the run in seconds since 1970.
    """

    label: Optional[str] = None
    training: bool = False
    target: Optional[np.ndarray] = None
    seed: int = 0
    others: Mapping[str, Table] = {}
    now: float = 0.0
    ids: FrozenSet[str] = frozenset()


class Step(NamedTuple):
    """Hold the three faces of a step: fit it on rows, apply it to rows, and compile it for one row.

    `row` returns a function that changes a row (column to float, NaN for missing, or text, None for missing) in place; None for what does nothing to a row.
    """

    fit: Callable[[Table, Config, Context], State]
    apply: Callable[[Table, State, Context], Table]
    row: Optional[Callable[[State], Callable[[Row], None]]]


def require(rows: Table, columns: Sequence[str], step: str) -> None:
    """Raise a JobError when a column is not there."""
    missing = [column for column in columns if column not in rows]
    if missing:
        raise JobError("recipe step {}: there is no column {!r}; got {}".format(step, missing[0], ", ".join(rows.columns)[:300]))


def require_kind(rows: Table, columns: Sequence[str], step: str, *kinds: str) -> None:
    """Raise a JobError when a column is not there or is of another kind; one without any value is of every kind."""
    require(rows, columns, step)
    for column in columns:
        if rows[column].kind not in kinds and not rows[column].missing().all():
            wanted = " or ".join(KINDS[kind] for kind in kinds)
            raise JobError("recipe step {}: column {!r} holds {}; expected {}".format(step, column, KINDS[rows[column].kind], wanted))


def chosen(rows: Table, config: Config, context: Context, *kinds: str) -> List[str]:
    """Return the columns that a step names; `auto` is every one of these kinds but the label and ids."""
    if config["columns"] != "auto":
        return list(config["columns"])
    return [name for name, column in rows.columns.items() if column.kind in kinds and name != context.label and name not in context.ids]


def as_configured(*keys: str) -> Callable[[Table, Config, Context], State]:
    """Return a `fit` that learns nothing: it checks the columns and keeps these keys of the configuration."""

    def fit(rows: Table, config: Config, context: Context) -> State:
        require(rows, list(config.get("columns") or ()), config["step"])
        return {"step": config["step"], **{key: config[key] for key in keys}}

    return fit


def free_name(rows: Table, name: str, step: str) -> str:
    """Return the name of a new column, or raise a JobError when there is one of that name."""
    if name in rows:
        raise JobError("recipe step {}: there is already a column {!r}; rename or drop it first".format(step, name))
    return name


def nothing(row: Row) -> None:
    """Leave a row as it is."""
