"""Metrics by the values of raw columns: where a model is better and where it is worse than on the whole."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.evaluation import bootstrap
from jobkit.evaluation.bootstrap import Resamples
from jobkit.evaluation.measures import Case

MOST_VALUES, RANGES, DIGITS = 20, 4, 4
# Slices of fewer rows are shown, and are neither the lowest nor the highest: any number may come of a few rows.
LEAST_ROWS = 30
MISSING, OTHER = "(missing)", "(other)"


class Cells(NamedTuple):
    """Hold a raw column as texts: its distinct levels, and the place of each row's level (int64, shape (rows,)); an empty text is a missing value."""

    levels: Sequence[str]
    codes: np.ndarray


class Groups(NamedTuple):
    """Hold the slices of a column: names, the slice of each row (int64), whether slices are `values` or `ranges`, and how many distinct values there are."""

    names: List[str]
    places: np.ndarray
    kind: str
    distinct: int


def groups(cells: Cells) -> Groups:
    """Return the slices of a column: numbers of more than 20 values are cut into four ranges of equal filling, of other columns the 20 most frequent values
    stand alone; missing values are a slice of their own."""
    sizes = np.bincount(cells.codes, minlength=len(cells.levels))
    occurring = [place for place in np.flatnonzero(sizes).tolist() if cells.levels[place] != ""]
    numbers = _numbers([cells.levels[place] for place in occurring])
    made = np.full(len(cells.levels), -1, dtype=np.int64)
    if len(numbers) > MOST_VALUES:
        names, made[occurring] = _ranges(numbers, sizes[occurring])
        kind = "ranges"
    else:
        names, made[occurring] = _values([cells.levels[place] for place in occurring], sizes[occurring])
        kind = "values"
    places = made[cells.codes]
    if (places < 0).any():
        names, places = [*names, _free(MISSING, names)], np.where(places < 0, len(names), places)
    return Groups(names, places, kind, len(occurring))


def _numbers(levels: Sequence[str]) -> np.ndarray:
    """Return the levels as numbers (float64), none when one of them is no finite number."""
    try:
        numbers = np.array([float(level) for level in levels])
    except ValueError:
        return np.empty(0)
    return numbers if np.isfinite(numbers).all() else np.empty(0)


def _ranges(numbers: np.ndarray, sizes: np.ndarray) -> Tuple[List[str], np.ndarray]:
    """Return the names of the ranges, and the range of each level."""
    order = np.argsort(numbers, kind="stable")
    filled = np.cumsum(sizes[order])
    starts = np.searchsorted(filled, np.arange(RANGES) * filled[-1] / RANGES, side="right")
    edges = np.unique(numbers[order][starts])
    texts = _texts([*edges.tolist(), float(numbers.max())])
    names = ["{} to <{}".format(low, high) for low, high in zip(texts[:-2], texts[1:-1])]
    return [*names, "{} to {}".format(*texts[-2:])], np.searchsorted(edges, numbers, side="right") - 1


def _texts(edges: Sequence[float]) -> List[str]:
    """Return numbers as short as they differ."""
    for digits in range(DIGITS, 18):
        texts = ["{:.0f}".format(edge) if edge.is_integer() and abs(edge) < 1e15 else "{:.{}g}".format(edge, digits) for edge in edges]
        if len(set(texts[:-1])) == len(texts) - 1:
            break
    return texts


def _values(levels: Sequence[str], sizes: np.ndarray) -> Tuple[List[str], np.ndarray]:
    """Return the names of the most frequent levels in natural order, and the place of each level among them."""
    frequent = sorted(range(len(levels)), key=lambda place: (-sizes[place], levels[place]))
    kept = sorted(frequent[:MOST_VALUES], key=lambda place: _natural(levels[place]))
    places = np.full(len(levels), len(kept), dtype=np.int64)
    places[kept] = np.arange(len(kept))
    names = [levels[place] for place in kept]
    return names + ([_free(OTHER, names)] if len(kept) < len(levels) else []), places


def _free(name: str, taken: Sequence[str]) -> str:
    """Return a name that no value has."""
    while name in taken:
        name = "({})".format(name)
    return name


def _natural(level: str) -> Tuple[int, float, str]:
    try:
        number = float(level)
    except ValueError:
        return 1, 0.0, level
    return (0, number, level) if math.isfinite(number) else (1, 0.0, level)


def measured(case: Case, resamples: Resamples, cells: Cells) -> Dict[str, Any]:
    """Return the metrics of each slice of a column with their intervals, and for each metric where it is lowest and highest.

    A metric that is not defined in a slice (a rate without cases, AUC of one class) is left out there.
    """
    found = groups(cells)
    order = np.argsort(found.places, kind="stable")
    ends = np.cumsum(np.bincount(found.places, minlength=len(found.names)))
    values = {}
    for name, rows in zip(found.names, np.split(order, ends[:-1])):
        made = bootstrap.intervals(case.take(rows), resamples, rows) if len(rows) else {}
        intervals = {metric: {"lower": one.lower, "upper": one.upper} for metric, one in made.items() if one.lower == one.lower}
        values[name] = {"rows": len(rows), "metrics": {metric: one.value for metric, one in made.items()}, "intervals": intervals}
    told = {"kind": found.kind, "distinct": found.distinct, "least_rows": LEAST_ROWS}
    if found.kind == "values" and found.distinct > MOST_VALUES:
        told["note"] = "the {} most frequent of {:,} values; the others are {!r}".format(MOST_VALUES, found.distinct, found.names[MOST_VALUES])
    return {**told, "values": values, "lowest": _extreme(values, min), "highest": _extreme(values, max)}


def _extreme(values: Mapping[str, Any], choose: Any) -> Dict[str, Any]:
    """Return for each metric the slice where it is lowest or highest, the first of equals; of small slices only where there are no larger ones."""
    large = {name: told for name, told in values.items() if told["rows"] >= LEAST_ROWS} or dict(values)
    metrics = list(dict.fromkeys(metric for told in large.values() for metric in told["metrics"]))
    made = {}
    for metric in metrics:
        slices = {name: told["metrics"][metric] for name, told in large.items() if metric in told["metrics"]}
        name = choose(slices, key=slices.__getitem__)
        made[metric] = {"value": slices[name], "slice": name}
    return made
