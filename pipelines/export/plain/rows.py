"""Steps on the set of rows and of columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.export.plain.values import as_text, kind_of, put


def drop_columns(rows, columns):
    """Leave columns out; one that is not there is no error."""
    return rows.drop(columns=columns, errors="ignore")


def keep_columns(rows, columns):
    """Keep these columns, in the order they are in."""
    return rows[[name for name in rows if name in columns]]


def move_columns(rows, columns, after=None):
    """Put columns at the front, or after another one."""
    rest = [name for name in rows if name not in columns]
    place = rest.index(after) + 1 if after in rest else 0
    return rows[[*rest[:place], *columns, *rest[place:]]]


def insert_column(rows, name, position, values):
    """Return the rows with a new column at a position."""
    names = list(rows)
    order = [*names[:position], name, *names[position:]]
    return put(rows, {name: values})[order]


def number_rows(rows, column, start, position):
    """Number the rows."""
    numbers = np.arange(len(rows), dtype="float64") + start
    return insert_column(rows, column, position, numbers)


def stamp_rows(rows, column, value, position):
    """Give all rows one time, in seconds since 1970."""
    return insert_column(
        rows, column, position, np.full(len(rows), float(value))
    )


def drop_missing(rows, columns):
    """Remove rows that miss a value in one of these columns."""
    return rows[rows[columns].notna().all(axis=1)]


def alike(left, right):
    """Return two columns in one kind: text when either of them is text.

    A column without any value takes the kind of the other.
    """
    kinds = {kind_of(v) for v in (left, right) if v.notna().any()}
    kind = (
        kinds.pop()
        if len(kinds) == 1
        else kind_of(left)
        if not kinds
        else "text"
    )
    return as_kind(left, kind), as_kind(right, kind)


def as_kind(values, kind):
    """Return a column in a kind; only one without any value changes it."""
    if kind == "text":
        return as_text(values)
    if kind_of(values) == kind:
        return values if kind == "date" else values.astype("float64")
    none = np.datetime64("NaT", "us") if kind == "date" else np.nan
    return pd.Series(np.full(len(values), none), values.index)


def append_rows(rows, other):
    """Append the rows of another table.

    A column that one of them does not have is missing there.
    """
    count = len(rows) + len(other)
    made = {}
    for name in dict.fromkeys([*rows, *other]):
        one = (
            rows[name] if name in rows else absent_like(other[name], len(rows))
        )
        two = other[name] if name in other else absent_like(one, len(other))
        one, two = alike(one, two)
        made[name] = np.concatenate([one.to_numpy(), two.to_numpy()])
    return put(pd.DataFrame(index=pd.RangeIndex(count)), made)


def absent_like(values, count):
    """Return a column of the same kind with nothing in it."""
    kind = kind_of(values)
    empty = pd.Series(np.full(count, None, dtype=object), dtype=object)
    return empty if kind == "text" else as_kind(empty, kind)


def join_rows(rows, other, columns, how, suffix):
    """Add the columns of another table by key; missing keys are equal.

    Rows stay in the order of the first table (for "right", of the other).
    """
    left = pd.DataFrame({"_left": np.arange(len(rows))})
    right = pd.DataFrame({"_right": np.arange(len(other))})
    keys = [f"key_{place}" for place in range(len(columns))]
    for key, name in zip(keys, columns):
        one, two = alike(rows[name], other[name])
        left = put(left, {key: one.to_numpy()})
        right = put(right, {key: two.to_numpy()})
    pairs = left.merge(right, on=keys, how=how)
    sides = ["_right", "_left"] if how == "right" else ["_left", "_right"]
    pairs = pairs.sort_values(sides, na_position="last")
    mine, theirs = (
        pairs[side].fillna(-1).to_numpy().astype("int64")
        for side in ("_left", "_right")
    )
    made = {name: taken(rows[name], mine) for name in rows}
    for name in columns:
        if (mine < 0).any():
            one, two = alike(made[name], taken(other[name], theirs))
            made[name] = pd.Series(
                np.where(mine < 0, two, one), dtype=one.dtype
            )
    for name in other:
        if name not in columns:
            new = name + suffix if name in rows else name
            made[new] = taken(other[name], theirs)
    return put(pd.DataFrame(index=pd.RangeIndex(len(pairs))), made)


def taken(values, places):
    """Return the values at these places; -1 gives a missing value."""
    if kind_of(values) == "number":
        values = values.astype("float64")
    blank = {
        "text": None,
        "date": np.datetime64("NaT", "us"),
        "number": np.nan,
    }
    end = np.array([blank[kind_of(values)]], dtype=values.dtype)
    return pd.Series(
        np.concatenate([values.to_numpy(), end])[places], dtype=values.dtype
    )
