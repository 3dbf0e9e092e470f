"""Turn columns into groups: who is disadvantaged, which labels are positive, by Clarify's typing of columns."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence, Union

import numpy as np

from jobkit.clarify.config import FILE
from jobkit.clarify.dataset import Coded, codes, number_text
from jobkit.failure import JobError

# From this share of distinct values on Clarify takes whole numbers for a quantity (smclarify's rule; its definitions are facts, its code is not used).
CONTINUOUS_FROM = 0.05
SHOWN_VALUES = 10
SMALL_RANGE = 1e6
# A column of these is read as numbers, as pandas reads it.
BOOLEANS = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}

# A column of numbers (float64, NaN where missing) or of text, as objects or as codes; each of shape (rows,).
Values = Union[np.ndarray, Coded]


class Group(NamedTuple):
    """Hold one group of rows.

    `name` is its value, values joined by commas, or an interval; `inside` and `present` (bool, shape (rows,)) tell which rows are in it and which have a value
    at all; `found` tells whether any of the given values occurs.
    """

    name: str
    inside: np.ndarray
    present: np.ndarray
    found: bool


def coded(values: Values) -> Values:
    """Return a column of objects (str, None) as codes; numbers and codes stay as they are."""
    import pyarrow as pa

    if isinstance(values, Coded) or values.dtype.kind == "f":
        return values
    return codes(pa.chunked_array([pa.array(values, pa.string())]))


def is_text(values: Values) -> bool:
    """Tell whether a column holds text."""
    return isinstance(values, Coded) or values.dtype.kind != "f"


def is_continuous(values: Values, given: Sequence[Any] = ()) -> bool:
    """Tell whether a column is a quantity: fractions always, whole numbers when at least 5 % of the values are distinct; with several given values never.

    `values` has shape (rows,). A column of whole numbers with gaps counts as whole numbers (ours: pandas would make fractions of it).
    """
    if is_text(values) or len(given) > 1:
        return False
    present = values[~np.isnan(values)]
    if not is_whole(present):
        return True
    return bool(len(present)) and len(_unique(present)) / len(present) >= CONTINUOUS_FROM


def _unique(present: np.ndarray) -> np.ndarray:
    """Return the distinct of whole numbers, sorted; without sorting all of them where their range is small."""
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    if high - low < SMALL_RANGE and len(present) and is_whole(present):
        return np.flatnonzero(np.bincount((present - low).astype(np.int64))) + low
    return np.unique(present)


def surprises(values: Values, given: Sequence[Any]) -> bool:
    """Tell whether a column of few whole numbers counts as a quantity, because there are few rows: 0 and 1 in fewer than 41 rows do."""
    return is_continuous(values, given) and is_whole(values[~np.isnan(values)]) and len(distinct(values)) <= SHOWN_VALUES


def is_whole(present: np.ndarray) -> bool:
    """Tell whether numbers (float64, none missing) are all whole."""
    return bool((np.floor(present) == present).all())


def missing(values: Values) -> np.ndarray:
    """Return where a column has no value (bool, shape (rows,))."""
    values = coded(values)
    return values.places < 0 if isinstance(values, Coded) else np.isnan(values)


def groups(values: Values, given: Sequence[Any], key: str) -> List[Group]:
    """Return the disadvantaged group of a facet; without given values one for each value of the column (the service's one-against-the-rest).

    Raises:
        JobError: a value does not fit the column, or a quantity comes without a threshold.
    """
    if given:
        return [group(values, given, key)]
    if is_continuous(values):
        raise JobError("{}: {}: the column holds a quantity; got no threshold, expected one in value_or_threshold".format(FILE, key))
    return [group(values, [value], key) for value in distinct(values)]


def group(values: Values, given: Sequence[Any], key: str) -> Group:
    """Return the rows that have one of the given values or, of a quantity, exceed the one threshold.

    Raises:
        JobError: a given value is no number and the column holds numbers.
    """
    present = ~missing(values)
    if is_continuous(values, given):
        return _above(values, present, given[0], key)
    inside = equal(values, given, key)
    return Group(",".join(map(str, given)), inside, present, bool(inside.any()))


def _above(values: np.ndarray, present: np.ndarray, given: Any, key: str) -> Group:
    threshold = number(given, key)
    highest = float(values[present].max())
    name = "({}, {}]".format(given, number_text(highest) if is_whole(values[present]) else repr(highest))
    with np.errstate(invalid="ignore"):
        inside = values > threshold
    return Group(name, inside, present, bool(inside.any()))


def equal(values: Values, given: Sequence[Any], key: str) -> np.ndarray:
    """Return where a column holds one of the given values (bool, shape (rows,)).

    Raises:
        JobError: a given value is no number and the column holds numbers.
    """
    values = coded(values)
    if isinstance(values, Coded):
        wanted = set(map(str, given))
        return np.array([*(level in wanted for level in values.levels), False])[values.places]
    inside = np.zeros(len(values), dtype=bool)
    for value in given:
        inside |= values == number(value, key)
    return inside


def number(value: Any, key: str) -> float:
    """Return a given value as a number, since the column holds numbers.

    Raises:
        JobError: it is none.
    """
    try:
        return BOOLEANS[value] if isinstance(value, str) and value in BOOLEANS else float(value)
    except ValueError:
        raise JobError("{}: {}: got {!r}, expected a number as the column holds".format(FILE, key, value)) from None


def distinct(values: Values) -> List[Any]:
    """Return the values that occur, sorted; whole numbers as int."""
    values = coded(values)
    if isinstance(values, Coded):
        sizes = np.bincount(values.places + 1, minlength=len(values.levels) + 1)[1:]
        return sorted(level for level, size in zip(values.levels, sizes) if size)
    return [int(value) if value.is_integer() else value for value in _unique(values[~np.isnan(values)]).tolist()]


def listed(values: Values) -> str:
    """Return the values of a column for a message, at most ten."""
    found = distinct(values)
    rest = " and {} more".format(len(found) - SHOWN_VALUES) if len(found) > SHOWN_VALUES else ""
    return ", ".join(map(str, found[:SHOWN_VALUES])) + rest


def levels(values: Values) -> Coded:
    """Return a column of any kind as codes; numbers are named as `number_text` names them."""
    values = coded(values)
    if isinstance(values, Coded):
        return values
    present = ~np.isnan(values)
    found = _unique(values[present])
    places = np.full(len(values), -1, dtype=np.int32)
    places[present] = np.searchsorted(found, values[present])
    return Coded(places, tuple(number_text(float(value)) for value in found))
