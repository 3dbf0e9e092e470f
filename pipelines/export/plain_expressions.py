"""What expressions of the recipe do, in plain NumPy; `sagewright export python` copies from here what a recipe needs."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from pipelines.export.plain import each


def numbers(rows, name):
    """Return a column for an expression: float64."""
    return rows[name].to_numpy()


def words(rows, name):
    """Return a text column for an expression: a list of str and None."""
    return rows[name].tolist()


def both(left, right):
    """Return `and`: 0 where one side is 0, else NaN where one is missing, else 1."""
    return np.where(np.equal(left, 0) | np.equal(right, 0), 0.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 1.0))


def either(left, right):
    """Return `or`: 1 where one side is true, else NaN where one is missing, else 0."""
    true = (~np.isnan(left) & np.not_equal(left, 0)) | (~np.isnan(right) & np.not_equal(right, 0))
    return np.where(true, 1.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 0.0))


def negated(value):
    """Return `not`: 1 for 0, 0 for another number, NaN for NaN."""
    return np.where(np.isnan(value), np.nan, np.equal(value, 0).astype(np.float64))


def compared(function, left, right):
    """Return 1 where the comparison of numbers holds, 0 where it does not, NaN where a side is missing."""
    return np.where(np.isnan(left) | np.isnan(right), np.nan, function(left, right).astype(np.float64))


def compared_texts(function, left, right):
    """Return the like for texts; a side is a list, or one text for all rows."""
    if not isinstance(left, list) and not isinstance(right, list):
        return math.nan if left is None or right is None else float(function(left, right))
    count = len(left) if isinstance(left, list) else len(right)
    sides = [side if isinstance(side, list) else [side] * count for side in (left, right)]
    return np.array([math.nan if one is None or two is None else float(function(one, two)) for one, two in zip(*sides, strict=True)])


def chosen(condition, left, right):
    """Return left where the condition is true, right where it is false, NaN where it is missing."""
    return np.where(np.isnan(condition), np.nan, np.where(np.not_equal(condition, 0), left, right))


def rounded(value, digits=0.0):
    """Return numbers rounded half to even at a digit behind the point."""
    power = np.power(10.0, digits)
    return np.rint(value * power) / power


def among(value, wanted, inside):
    """Return 1 where a number is in the list (or is not), NaN where it is missing."""
    return np.where(np.isnan(value), np.nan, (np.isin(value, wanted) == inside).astype(np.float64))


def among_texts(value, wanted, inside):
    """Return the like for texts."""
    return of_texts(value, lambda level: float((level in wanted) == inside))


def first_present(left, right):
    """Return left, and right where left is missing."""
    return np.where(np.isnan(left), right, left)


def absent(value):
    """Return 1 where a value is missing, else 0."""
    if isinstance(value, list):
        return np.array([float(item is None) for item in value])
    return 1.0 if value is None else 0.0 if isinstance(value, str) else np.isnan(value).astype(np.float64)


def of_texts(value, function):
    """Return a number for every text, NaN where it is missing."""
    if isinstance(value, list):
        return each(value, function)
    return math.nan if value is None else function(value)


def new_texts(value, function):
    """Return another text for every text."""
    if isinstance(value, list):
        return [None if item is None else function(item) for item in value]
    return None if value is None else function(value)
