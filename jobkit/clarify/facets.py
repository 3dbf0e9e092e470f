"""Turn columns into groups: who is disadvantaged, which labels are positive, by Clarify's typing of columns."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.clarify.config import FILE
from jobkit.clarify.dataset import as_text, number_text
from jobkit.failure import JobError

# From this share of distinct values on Clarify takes whole numbers for a quantity (smclarify's rule; its definitions are facts, its code is not used).
CONTINUOUS_FROM = 0.05
SHOWN_VALUES = 10


class Group(NamedTuple):
    """Hold one group of rows.

    `name` is its value, values joined by commas, or an interval; `inside` and `present` (bool, shape (rows,)) tell which rows are in it and which have a value
    at all; `found` tells whether any of the given values occurs.
    """

    name: str
    inside: np.ndarray
    present: np.ndarray
    found: bool


def is_continuous(values: np.ndarray, given: Sequence[Any] = ()) -> bool:
    """Tell whether a column is a quantity: fractions always, whole numbers when at least 5 % of the values are distinct; with several given values never.

    `values` has shape (rows,). A column of whole numbers with gaps counts as whole numbers (ours: pandas would make fractions of it).
    """
    if values.dtype.kind != "f" or len(given) > 1:
        return False
    present = values[~np.isnan(values)]
    if not is_whole(present):
        return True
    return bool(len(present)) and len(np.unique(present)) / len(present) >= CONTINUOUS_FROM


def surprises(values: np.ndarray, given: Sequence[Any]) -> bool:
    """Tell whether a column of few whole numbers counts as a quantity, because there are few rows: 0 and 1 in fewer than 41 rows do."""
    return is_continuous(values, given) and is_whole(values[~np.isnan(values)]) and len(distinct(values)) <= SHOWN_VALUES


def is_whole(present: np.ndarray) -> bool:
    """Tell whether numbers (float64, none missing) are all whole."""
    return bool((np.floor(present) == present).all())


def missing(values: np.ndarray) -> np.ndarray:
    """Return where a column has no value (bool, shape (rows,))."""
    return np.isnan(values) if values.dtype.kind == "f" else np.equal(values, None).astype(bool)


def groups(values: np.ndarray, given: Sequence[Any], key: str) -> List[Group]:
    """Return the disadvantaged group of a facet; without given values one for each value of the column (the service's one-against-the-rest).

    Raises:
        JobError: a value does not fit the column, or a quantity comes without a threshold.
    """
    if given:
        return [group(values, given, key)]
    if is_continuous(values):
        raise JobError("{}: {}: the column holds a quantity; got no threshold, expected one in value_or_threshold".format(FILE, key))
    return [group(values, [value], key) for value in distinct(values)]


def group(values: np.ndarray, given: Sequence[Any], key: str) -> Group:
    """Return the rows that have one of the given values or, of a quantity, exceed the one threshold.

    Raises:
        JobError: a given value is no number and the column holds numbers.
    """
    present = ~missing(values)
    if is_continuous(values, given):
        return _above(values, present, given[0], key)
    inside = equal(values, given, key)
    return Group(",".join(map(_written, given)), inside, present, bool(inside.any()))


def _above(values: np.ndarray, present: np.ndarray, given: Any, key: str) -> Group:
    threshold = number(given, key)
    highest = float(values[present].max())
    whole = is_whole(values[present])
    name = "({}, {}]".format(_written(given), number_text(highest) if whole else repr(highest))
    with np.errstate(invalid="ignore"):
        inside = values > threshold
    return Group(name, inside, present, bool(inside.any()))


def equal(values: np.ndarray, given: Sequence[Any], key: str) -> np.ndarray:
    """Return where a column holds one of the given values (bool, shape (rows,)).

    Raises:
        JobError: a given value is no number and the column holds numbers.
    """
    numeric = values.dtype.kind == "f"
    inside = np.zeros(len(values), dtype=bool)
    for value in given:
        inside |= np.equal(values, number(value, key) if numeric else _written(value)).astype(bool)
    return inside


def number(value: Any, key: str) -> float:
    """Return a given value as a number, since the column holds numbers.

    Raises:
        JobError: it is none.
    """
    try:
        return float(value)
    except ValueError:
        raise JobError("{}: {}: got {!r}, expected a number as the column holds".format(FILE, key, value)) from None


def _written(value: Any) -> str:
    """Return a value of the configuration as the service writes it."""
    return str(value)


def distinct(values: np.ndarray) -> List[Any]:
    """Return the values that occur, sorted; whole numbers as int."""
    present = values[~missing(values)]
    if values.dtype.kind != "f":
        return sorted(set(present.tolist()))
    return [int(value) if value.is_integer() else value for value in np.unique(present).tolist()]


def listed(values: np.ndarray) -> str:
    """Return the values of a column for a message, at most ten."""
    found = distinct(values)
    rest = " and {} more".format(len(found) - SHOWN_VALUES) if len(found) > SHOWN_VALUES else ""
    return ", ".join(map(str, found[:SHOWN_VALUES])) + rest


def codes(values: np.ndarray) -> Tuple[np.ndarray, int]:
    """Return the place of each row's value among the sorted distinct ones (int64, shape (rows,), -1 where missing), and how many there are."""
    import pyarrow as pa

    if values.dtype.kind == "f":
        gaps = np.isnan(values)
        if not gaps.any() and is_whole(values) and len(values) and values.min() >= 0 and values.max() < len(values):
            return values.astype(np.int64), int(values.max()) + 1
        found, place = np.unique(values, return_inverse=True)
        return np.where(gaps, -1, place), len(found)
    coded = pa.array(as_text(values), pa.string()).dictionary_encode()
    return coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), len(coded.dictionary)
