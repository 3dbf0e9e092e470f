"""A fitted recipe applied to raw rows: to many as a table, and to one as a mapping, by the same states and to the same bits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

import numpy as np

from jobkit import dates
from jobkit.columns import DATE, FIRST_SECOND, LAST_SECOND, NUMBER, TEXT, Column, Table, date, from_frame, number, plain_text
from jobkit.failure import JobError
from jobkit.recipe import Fitted, apply_states, features
from jobkit.steps.table import STEPS
from jobkit.steps.texts import FALSE, TRUE, parse_number

if TYPE_CHECKING:
    import pandas as pd

Value = Callable[[Any], Any]
WORDS = {NUMBER: "a number", DATE: "a date"}


def apply(rows: Any, recipe: Fitted) -> pd.DataFrame:
    """Return the features of raw rows as a frame of float32, one row for every row given; `rows` is a DataFrame or a Table.

    Raises:
        JobError: the rows are not what the recipe's policies allow.
    """
    import pandas as pd

    table = rows if isinstance(rows, Table) else from_frame(rows)
    return pd.DataFrame({name: values.astype(np.float32) for name, values in feature_columns(table, recipe).items()})


def matrix(rows: Table, recipe: Fitted) -> np.ndarray:
    """Return the same as an array, float32 of shape (rows, features)."""
    columns = feature_columns(rows, recipe)
    made = np.empty((len(next(iter(columns.values()), ())), len(columns)), dtype=np.float32)
    for place, values in enumerate(columns.values()):
        made[:, place] = values
    return made


def feature_columns(rows: Table, recipe: Fitted) -> Dict[str, np.ndarray]:
    """Return the features of raw rows by name, float32 (uint8 where only 0 and 1 occur), shape (rows,).

    Raises:
        JobError: the rows are not what the recipe's policies allow.
    """
    return features(apply_states(take_in(rows, recipe), recipe["steps"]), recipe)


def take_in(rows: Table, recipe: Fitted) -> Table:
    """Return the columns of the schema in its order and kinds, by the recipe's policies.

    Raises:
        JobError: a column is missing or extra, or a value is of the wrong type, and the policy says fail.
    """
    inference = recipe["inference"]
    check_names(rows.columns, recipe)
    nulls = frozenset(recipe["null_values"])
    columns = {}
    for entry in recipe["schema"]:
        name, kind = entry["name"], entry["kind"]
        columns[name] = _column(rows[name], name, kind, nulls, inference["wrong_type"]) if name in rows else _blank(kind, len(rows))
    return rows.having(columns)


def check_names(names: Any, recipe: Fitted) -> None:
    """Raise a JobError when a column is missing or extra and the recipe's policy says fail."""
    known = {entry["name"] for entry in recipe["schema"]}
    if recipe["inference"]["missing_column"] == "fail":
        absent = [entry["name"] for entry in recipe["schema"] if entry["name"] not in names]
        if absent:
            raise JobError("the column {!r} is missing; inference.missing_column is fail".format(absent[0]))
    if recipe["inference"]["extra_column"] == "fail":
        extra = [name for name in names if name not in known]
        if extra:
            raise JobError("the column {!r} was not in the training data; inference.extra_column is fail".format(extra[0]))


def _blank(kind: str, count: int) -> Column:
    return Column(TEXT, np.full(count, -1, dtype=np.int32)) if kind == TEXT else Column(kind, np.full(count, np.nan))


def _column(column: Column, name: str, kind: str, nulls: frozenset, wrong_type: str) -> Column:
    if column.kind == TEXT:
        column = column.relabel(lambda level: None if level in nulls else level)
    if kind == TEXT:
        return column.as_text()
    if column.kind == kind:
        return number(column.values) if kind == NUMBER else column
    read = NUMERIC_TEXT[kind]
    values = column.each(read) if column.kind == TEXT else np.full(len(column.values), np.nan)
    made = number(values) if kind == NUMBER else date(values)
    bad = np.flatnonzero(made.missing() & ~column.missing())
    if len(bad) and wrong_type == "fail":
        shown = column.as_text()
        raise JobError("column {!r}: {!r} is not {}; inference.wrong_type is fail".format(name, shown.levels[shown.values[bad[0]]], WORDS[kind]))
    return made


def number_of(value: str) -> float:
    """Return the number that a text writes, 1 or 0 for true and false, NaN for anything else."""
    found = parse_number(value)
    if found == found:
        return found
    word = value.strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


NUMERIC_TEXT: Dict[str, Callable[[str], float]] = {NUMBER: number_of, DATE: lambda value: dates.parse(value, ())}


def compile_row(recipe: Fitted) -> Callable[[Mapping[str, Any]], np.ndarray]:
    """Return a function from one raw row (column to value, as JSON or CSV gives it) to its features (float32, shape (features,)).

    It gives what `jobkit.recipe.apply` gives for a frame of that row, to the last bit, without making a frame.
    """
    readers = [(entry["name"], _reader(entry["name"], entry["kind"], recipe)) for entry in recipe["schema"]]
    steps = [STEPS[state["step"]].row(state) for state in recipe["steps"] if STEPS[state["step"]].row is not None]  # type: ignore[misc]
    names: List[str] = list(recipe["columns"])
    strict = "fail" in (recipe["inference"]["missing_column"], recipe["inference"]["extra_column"])

    def vector(raw: Mapping[str, Any]) -> np.ndarray:
        if strict:
            check_names(raw, recipe)
        row: Dict[str, Any] = {name: read(raw.get(name)) for name, read in readers}
        for step in steps:
            step(row)
        return _vector([row[name] for name in names])

    return vector


def _vector(values: Sequence[Any]) -> np.ndarray:
    with np.errstate(over="ignore"):
        found = np.array(values, dtype=np.float64).astype(np.float32)
    wide = np.isinf(found)
    if wide.any():
        found[wide] = np.nan
    return found


def _reader(name: str, kind: str, recipe: Fitted) -> Value:
    nulls, strict = frozenset(recipe["null_values"]), recipe["inference"]["wrong_type"] == "fail"
    if kind == TEXT:
        return lambda value: _text_of(value, nulls)
    read = NUMERIC_TEXT[kind]

    def one(value: Any) -> float:
        found = _plain(value, kind, nulls)
        if isinstance(found, float):
            return found
        result = _kept(read(found) if isinstance(found, str) else math.nan, kind)
        if strict and result != result:
            raise JobError("column {!r}: {!r} is not {}; inference.wrong_type is fail".format(name, found, WORDS[kind]))
        return result

    return one


def _text_of(value: Any, nulls: frozenset) -> Any:
    if isinstance(value, str):
        return None if value in nulls else value
    if value is None or value != value:
        return None
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return None
    return plain_text(value)


def _plain(value: Any, kind: str, nulls: frozenset) -> Any:
    """Return a float when the value is missing or already of the kind, else what is left to read."""
    if value is None or (isinstance(value, str) and value in nulls) or value != value:
        return math.nan
    if isinstance(value, str) or kind == DATE:
        return _date_of(value) if kind == DATE and not isinstance(value, str) else value
    return _kept(float(value), kind) if isinstance(value, (bool, int, float, np.number, np.bool_)) else value


def _date_of(value: Any) -> Any:
    if not hasattr(value, "isoformat"):
        return number_as_date(value)
    return float(text_date(value))


def number_as_date(value: Any) -> str:
    """Return a number where a date belongs as text that is none, and says so: what it counts, and since when, nobody knows."""
    return "{} (a number)".format(plain_text(value))


def text_date(value: Any) -> float:
    """Return a datetime, date or Timestamp in seconds since 1970."""
    return dates.parse(value.isoformat(), ())


def _kept(value: float, kind: str) -> float:
    inside = -math.inf < value < math.inf if kind == NUMBER else FIRST_SECOND <= value <= LAST_SECOND
    return value if inside else math.nan
