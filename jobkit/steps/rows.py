"""Steps on the set of rows: they come before the split, and never touch a row at inference."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from jobkit import expression
from jobkit.arrow import factorize
from jobkit.columns import TEXT, Column, Table, concat
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, State, Step, as_configured, require

MIX = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)
MISSING = np.uint64(0x7FF8000000000000)


def _apply_join(rows: Table, state: State, context: Context) -> Table:
    other = _other(state, context)
    keys = state["columns"]
    require(other, keys, "join (input {!r})".format(state["other"]))
    left, right = _match(_codes(rows, other, keys), len(rows), state["how"])
    names = {name: name + state["suffix"] if name in rows else name for name in other.columns if name not in keys}
    joined = {name: _gather(column, left) for name, column in rows.columns.items()}
    for key in keys:
        joined[key] = _filled(joined[key], _gather(other[key], right), left < 0)
    joined.update({new: _gather(other[name], right) for name, new in names.items()})
    return Table(joined, np.arange(len(left), dtype=np.int64))


def _other(state: State, context: Context) -> Table:
    if state["other"] not in context.others:
        raise JobError("recipe step {}: there is no input {!r}; got {}".format(state["step"], state["other"], ", ".join(context.others) or "none"))
    return context.others[state["other"]]


def _codes(rows: Table, other: Table, keys: Sequence[str]) -> np.ndarray:
    """Return a number for every key of both tables (int64, rows of the first before those of the other), equal where the keys are; missing keys match."""
    both = concat([Table({key: part[key] for key in keys}, part.origin) for part in (rows, other)])
    return first_of_equals(both, keys)


def _match(codes: np.ndarray, count: int, how: str) -> Any:
    """Return the row positions of each side for the joined rows (int64, -1 where a side has none), in the order of the left side."""
    import pandas as pd

    left = pd.DataFrame({"key": codes[:count], "left": np.arange(count)})
    right = pd.DataFrame({"key": codes[count:], "right": np.arange(len(codes) - count)})
    merged = left.merge(right, on="key", how=how, sort=False)  # type: ignore[arg-type]
    merged = merged.fillna(-1)
    if how == "outer":
        order = np.lexsort((merged["right"].to_numpy(), np.where(merged["left"] < 0, count, merged["left"])))
        merged = merged.iloc[order]
    return merged["left"].to_numpy().astype(np.int64), merged["right"].to_numpy().astype(np.int64)


def _gather(column: Column, positions: np.ndarray) -> Column:
    """Return the values at these positions; -1 gives a missing value."""
    if len(column.values) == 0:
        return Column(column.kind, np.full(len(positions), -1, np.int32) if column.kind == TEXT else np.full(len(positions), np.nan), column.levels)
    absent = positions < 0
    values = column.values if column.kind == TEXT else column.numbers()
    taken = values[np.where(absent, 0, positions)]
    taken[absent] = -1 if column.kind == TEXT else np.nan
    return Column(column.kind, taken, column.levels)


def _filled(column: Column, other: Column, where: np.ndarray) -> Column:
    if not where.any():
        return column
    positions = np.arange(len(where))
    both = concat([Table({"": column}, positions), Table({"": other}, positions)])
    return both[""].take(np.where(where, positions + len(where), positions))


def _apply_concat(rows: Table, state: State, context: Context) -> Table:
    return concat([rows, _other(state, context)])


def _apply_filter(rows: Table, state: State, context: Context) -> Table:
    kinds = {name: column.kind for name, column in rows.columns.items()}
    compiled = expression.compile_expression(state["where"], kinds)
    kept = expression.evaluate(compiled, rows.columns, len(rows)).numbers() == 1.0
    print("filter_rows: kept {} of {} rows".format(int(kept.sum()), len(rows)))
    return rows.take(kept)


def _fit_filter(rows: Table, config: Config, context: Context) -> State:
    require(rows, expression.names(config["where"]), "filter_rows")
    return {"step": "filter_rows", "where": config["where"]}


def _apply_duplicates(rows: Table, state: State, context: Context) -> Table:
    keep = state.get("keep", "first")
    columns = list(state["columns"]) or list(rows.columns)
    table = rows if keep == "first" else rows.take(slice(None, None, -1))
    kept = first_of_equals(table, columns) == np.arange(len(rows))
    print("drop_duplicates: kept {} of {} rows".format(int(kept.sum()), len(rows)))
    return rows if kept.all() else rows.take(kept if keep == "first" else kept[::-1])


def first_of_equals(rows: Table, columns: Sequence[str]) -> np.ndarray:
    """Return for every row the position of the first row that is equal in these columns (int64, shape (rows,)); missing values are equal.

    Rows are compared by a 64-bit hash; what seems equal is compared again value by value, so the answer is exact.
    """
    mixed = np.zeros(len(rows), dtype=np.uint64)
    for name in columns:
        mixed = (mixed ^ _bits(rows[name])) * MIX
        mixed ^= mixed >> SHIFT
    first = _firsts(mixed)
    again = np.flatnonzero(first != np.arange(len(rows)))
    if all(_equal(rows[name], again, first[again]) for name in columns):
        return first
    return _exactly(rows, columns)


def _firsts(values: np.ndarray) -> np.ndarray:
    """Return for every value (uint64) the position of the first one that equals it (int64).

    Values and positions are sorted together as one number each, which NumPy does ten times faster than it sorts positions by values or hashes values; the
    lowest bits of the values give way to the positions, so what falls together by that is told apart afterwards.
    """
    positions = np.arange(len(values))
    low = np.uint64((1 << max(1, len(values) - 1).bit_length()) - 1)
    together = (values & ~low) | positions.astype(np.uint64)
    together.sort()
    rows = (together & low).astype(np.int64)
    again = np.flatnonzero(together[1:] ^ together[:-1] <= low) + 1
    if not len(again):
        return positions
    starts = np.arange(len(rows))
    starts[again] = 0
    starts = np.maximum.accumulate(starts)
    positions[rows[again]] = rows[starts[again]]
    mixed = np.flatnonzero(values[positions] != values)
    if len(mixed):
        seen: Dict[Any, int] = {}
        for row in np.flatnonzero(np.isin(positions, np.unique(positions[mixed]))).tolist():
            positions[row] = seen.setdefault(values[row], row)
    return positions


def _bits(column: Column) -> np.ndarray:
    if column.kind == TEXT:
        return column.values.astype(np.int64).view(np.uint64)
    values = column.numbers() + 0.0  # -0.0 becomes 0.0
    return np.where(np.isnan(values), MISSING, values.view(np.uint64))


def _equal(column: Column, left: np.ndarray, right: np.ndarray) -> bool:
    bits = column.values if column.kind == TEXT else _bits(column)
    return bool(np.array_equal(bits[left], bits[right]))


def _exactly(rows: Table, columns: Sequence[str]) -> np.ndarray:
    """Return the same as `first_of_equals` by grouping column after column, for the case that two different rows have one hash."""
    groups = np.zeros(len(rows), dtype=np.int64)
    for name in columns:
        codes, found = factorize(_bits(rows[name]))
        groups, _ = factorize(groups * len(found) + codes)
    return _firsts(groups.astype(np.uint64) << SHIFT)


def _apply_missing(rows: Table, state: State, context: Context) -> Table:
    columns: List[str] = list(state["columns"]) or [name for name in rows.columns if name != context.label]
    missing = np.zeros(len(rows), dtype=bool)
    for name in columns:
        missing |= rows[name].missing()
    print("drop_missing: kept {} of {} rows".format(int((~missing).sum()), len(rows)))
    return rows.take(~missing)


STEPS: Dict[str, Step] = {
    "join": Step(as_configured("columns", "other", "how", "suffix"), _apply_join, None),
    "concat": Step(as_configured("other"), _apply_concat, None),
    "filter_rows": Step(_fit_filter, _apply_filter, None),
    "drop_duplicates": Step(as_configured("columns", "keep"), _apply_duplicates, None),
    "drop_missing": Step(as_configured("columns"), _apply_missing, None),
}
