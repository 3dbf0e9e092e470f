"""What expressions are made of; a missing value makes a result missing."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd

from pipelines.export.plain.values import (
    as_numbers,
    finite,
    kind_of,
    put,
    texts,
    to_numbers,
    to_texts,
)


def column(rows, name):
    """Return a column as text, or as numbers (dates in seconds)."""
    if kind_of(rows[name]) == "text":
        return rows[name].to_numpy()
    return as_numbers(rows[name])


def derive(rows, name, expression):
    """Return the rows with the column that an expression makes."""
    return put(rows, {name: evaluated(rows, expression)})


def evaluated(rows, expression):
    """Return the value of an expression for every row."""
    with np.errstate(all="ignore"):
        values = expression(rows)
    if is_text(values):
        alone = values is None or isinstance(values, str)
        return texts([values] * len(rows)) if alone else values
    return finite(np.broadcast_to(np.asarray(values, "float64"), (len(rows),)))


def filter_rows(rows, expression):
    """Keep the rows for which an expression is true."""
    return rows[evaluated(rows, expression) == 1.0]


def is_text(values):
    """Tell whether values are text: one, or an array of objects."""
    return (
        values is None
        or isinstance(values, str)
        or getattr(values, "dtype", np.dtype("f8")).kind == "O"
    )


def both(first, *rest):
    """Return 1 where all are true, 0 where one is not, else NaN."""
    for other in rest:
        unknown = np.where(np.isnan(first) | np.isnan(other), np.nan, 1.0)
        first = np.where((first == 0) | (other == 0), 0.0, unknown)
    return first


def either(first, *rest):
    """Return 1 where one is true, 0 where none is, else NaN."""
    for other in rest:
        true = ~np.isnan(first) & np.not_equal(first, 0)
        true = true | (~np.isnan(other) & np.not_equal(other, 0))
        unknown = np.where(np.isnan(first) | np.isnan(other), np.nan, 0.0)
        first = np.where(true, 1.0, unknown)
    return first


def negated(values):
    """Return 1 for 0, 0 for any other number."""
    return np.where(np.isnan(values), np.nan, np.equal(values, 0) * 1.0)


def choose(condition, left, right):
    """Return left where the condition is true, right where it is false."""
    chosen = np.where(condition != 0, left, right)
    return np.where(np.isnan(condition), np.nan, chosen)


def coalesce(first, *rest):
    """Return the first value that is not missing."""
    for other in rest:
        first = np.where(np.isnan(first), other, first)
    return first


def rounded(values, digits=0.0):
    """Round to digits after the point, halves to even."""
    scale = np.power(10.0, digits)
    return np.rint(values * scale) / scale


COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(left, sign, right):
    """Return 1 where a comparison holds and 0 where it does not."""
    test = COMPARISONS[sign]
    if is_text(left):
        return compare_texts(left, test, right)
    found = np.asarray(test(left, right), dtype="float64")
    return np.where(np.isnan(left) | np.isnan(right), np.nan, found)


def compare_texts(left, test, right):
    """Compare texts, or a column of text, with the same."""
    if left is None or right is None:
        return np.nan
    if isinstance(left, str) and isinstance(right, str):
        return float(test(left, right))
    if isinstance(right, str):
        return to_numbers(left, lambda text: float(test(text, right)))
    if isinstance(left, str):
        return to_numbers(right, lambda text: float(test(left, text)))
    known = pd.notna(left) & pd.notna(right)
    found = np.full(len(known), np.nan)
    pairs = zip(left[known], right[known])
    found[known] = [float(test(one, two)) for one, two in pairs]
    return found


def is_in(values, wanted, inside=True):
    """Return 1 where a value is among the wanted ones (or is not)."""
    if is_text(values):
        return of_text(values, lambda text: float((text in wanted) == inside))
    found = (np.isin(values, wanted) == inside) * 1.0
    return np.where(np.isnan(values), np.nan, found)


def of_text(values, function):
    """Return function(text), a number, of one text or a column."""
    if values is None:
        return np.nan
    if isinstance(values, str):
        return function(values)
    return to_numbers(values, function)


def length(values):
    """Return the number of letters."""
    return of_text(values, lambda text: float(len(text)))


def contains(values, part):
    """Return 1 where a text holds another."""
    return of_text(values, lambda text: float(part in text))


def is_missing(values):
    """Return 1 where a value is missing."""
    return pd.isna(values) * 1.0


def changed(values, function):
    """Return one text or a column of text changed."""
    if values is None or isinstance(values, str):
        return None if values is None else function(values)
    return to_texts(values, function)


def lower(values):
    """Return text in lower case."""
    return changed(values, str.lower)


def upper(values):
    """Return text in upper case."""
    return changed(values, str.upper)


def strip(values):
    """Return text without blanks around it."""
    return changed(values, str.strip)
