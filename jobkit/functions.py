"""What an expression can do with values: every function takes arrays (text as columns) and single values alike, and gives the same bits for both."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any, Callable, Dict, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.columns import NUMBER, TEXT, Column


def both(left: Any, right: Any) -> Any:
    """Return left and right by Kleene's logic: 0, 1 or NaN."""
    return np.where((left == 0) | (right == 0), 0.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 1.0))


def either(left: Any, right: Any) -> Any:
    """Return left or right by Kleene's logic: 0, 1 or NaN."""
    true = (~np.isnan(left) & np.not_equal(left, 0)) | (~np.isnan(right) & np.not_equal(right, 0))
    return np.where(true, 1.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 0.0))


def negated(value: Any) -> Any:
    """Return 1 for 0, 0 for any other number, NaN for NaN."""
    return np.where(np.isnan(value), np.nan, np.equal(value, 0).astype(np.float64))


def _comparison(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: np.where(np.isnan(left) | np.isnan(right), np.nan, function(left, right).astype(np.float64))


def choose(condition: Any, left: Any, right: Any) -> Any:
    """Return left where the condition is true, right where it is false, NaN where it is missing."""
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, left, right))


def _round(value: Any, digits: Any = 0.0) -> Any:
    scale = np.power(10.0, digits)
    return np.rint(value * scale) / scale


ARITHMETIC: Dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
COMPARE: Dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: _comparison(np.equal),
    ast.NotEq: _comparison(np.not_equal),
    ast.Lt: _comparison(np.less),
    ast.LtE: _comparison(np.less_equal),
    ast.Gt: _comparison(np.greater),
    ast.GtE: _comparison(np.greater_equal),
}
TEXT_COMPARE: Dict[type, Callable[[str, str], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Function(NamedTuple):
    """Hold a function of the language: kinds of its arguments (the last may repeat with `many`), kind of its result."""

    arguments: Tuple[str, ...]
    result: str
    run: Callable[..., Any]
    needed: int
    many: bool = False


def _numeric(run: Callable[..., Any], count: int = 1, needed: int = 0, many: bool = False) -> Function:
    return Function((NUMBER,) * count, NUMBER, run, needed or count, many)


def _of_text(run: Callable[[str], Any], result: str) -> Function:
    return Function((TEXT,), result, lifted(run, result), 1)


def lifted(run: Callable[[str], Any], result: str) -> Callable[[Any], Any]:
    """Return a function of one text as a function of a text column, too; missing stays missing."""

    def lifted(value: Any) -> Any:
        if isinstance(value, Column):
            return value.relabel(run) if result == TEXT else value.each(run)
        if value is None:
            return None if result == TEXT else math.nan
        return run(value)

    return lifted


def fold(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return a function of two values as a function of any number of them."""

    def folded(first: Any, *rest: Any) -> Any:
        for value in rest:
            first = function(first, value)
        return first

    return folded


FUNCTIONS: Dict[str, Function] = {
    "abs": _numeric(np.abs),
    "ceil": _numeric(np.ceil),
    "exp": _numeric(np.exp),
    "floor": _numeric(np.floor),
    "log": _numeric(np.log),
    "log10": _numeric(np.log10),
    "log1p": _numeric(np.log1p),
    "max": _numeric(fold(np.maximum), 2, many=True),
    "min": _numeric(fold(np.minimum), 2, many=True),
    "round": _numeric(_round, 2, needed=1),
    "sign": _numeric(np.sign),
    "sqrt": _numeric(np.sqrt),
    "length": _of_text(lambda value: float(len(value)), NUMBER),
    "lower": _of_text(str.lower, TEXT),
    "strip": _of_text(str.strip, TEXT),
    "upper": _of_text(str.upper, TEXT),
}
SPECIAL = ("coalesce", "contains", "is_missing")


def is_missing(value: Any) -> Any:
    """Return 1 where a value is missing, else 0."""
    if isinstance(value, Column):
        return (value.values < 0).astype(np.float64)
    return 1.0 if value is None else 0.0 if isinstance(value, str) else np.isnan(value).astype(np.float64)


def is_in(value: Any, wanted: Sequence[float], inside: bool) -> Any:
    """Return 1 where a number is among the wanted ones (or, not `inside`, where it is not), NaN where it is missing."""
    return np.where(np.isnan(value), np.nan, (np.isin(value, wanted) == inside).astype(np.float64))


def text_pair(function: Callable[[str, str], bool]) -> Callable[[Any, Any], Any]:
    """Return a comparison of texts that also takes text columns on either side."""

    def compare(left: Any, right: Any) -> Any:
        if not isinstance(left, Column) and not isinstance(right, Column):
            return math.nan if left is None or right is None else float(function(left, right))
        if not isinstance(right, Column):
            return left.each(lambda level: float(function(level, right)))
        if not isinstance(left, Column):
            return right.each(lambda level: float(function(left, level)))
        return _columns_pair(function, left, right)

    return compare


def _columns_pair(function: Callable[[str, str], bool], left: Column, right: Column) -> np.ndarray:
    """Compare two columns once for each pair of levels that occurs."""
    width = len(right.levels) + 1
    pairs, places = np.unique((left.values.astype(np.int64) + 1) * width + right.values + 1, return_inverse=True)
    results = [_of_pair(function, left, right, *divmod(int(pair), width)) for pair in pairs]
    return np.array(results, dtype=np.float64)[places]


def _of_pair(function: Callable[[str, str], bool], left: Column, right: Column, one: int, two: int) -> float:
    return math.nan if not one or not two else float(function(left.levels[one - 1], right.levels[two - 1]))
