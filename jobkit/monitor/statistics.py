"""Describe every column of a data set in the layout of Model Monitor's statistics.json (developer guide, "Schema for Statistics")."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

import numpy as np

from jobkit.monitor import kll, moments
from jobkit.monitor.cells import FRACTIONAL, INTEGRAL, Cells
from jobkit.monitor.rows import Rows

# A text column with more values than this is described without them: ids and free text have no distribution worth comparing.
MOST_VALUES = 1000
NUMERIC = (INTEGRAL, FRACTIONAL)


def statistics(rows: Rows) -> Dict[str, Any]:
    """Return statistics.json of these rows."""
    features = [feature(name, found) for name, found in zip(rows.names, rows.columns)]
    return {"version": 0.0, "dataset": {"item_count": rows.item_count}, "features": features}


def feature(name: str, column: Cells) -> Dict[str, Any]:
    """Return one column's entry. One without any value is described as text without values, which the schema leaves open."""
    counted = {"common": {"num_present": column.present, "num_missing": column.missing}}
    if column.kind in NUMERIC and column.numbers is not None:
        return {"name": name, "inferred_type": column.kind, "numerical_statistics": dict(counted, **_numerical(column.numbers))}
    return {"name": name, "inferred_type": column.kind, "string_statistics": dict(counted, **_string(column))}


def _numerical(numbers: np.ndarray) -> Dict[str, Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = moments.total(numbers), moments.squares(numbers)
    deviation = math.sqrt(squares / len(numbers)) if squares >= 0 else math.nan
    told: Dict[str, Any] = {"mean": total / len(numbers), "sum": total, "std_dev": deviation, "min": float(numbers.min()), "max": float(numbers.max())}
    if math.isfinite(told["min"]) and math.isfinite(told["max"]):
        told["distribution"] = {"kll": _distribution(numbers)}
    return told


def _distribution(numbers: np.ndarray) -> Dict[str, Any]:
    edges, counts = kll.buckets(numbers)
    buckets = [{"lower_bound": low, "upper_bound": high, "count": float(count)} for low, high, count in zip(edges, edges[1:], counts)]
    levels = [level.tolist() for level in kll.sketch(numbers)]
    return {"buckets": buckets, "sketch": {"parameters": {"c": kll.SHRINKING, "k": float(kll.SIZE)}, "data": levels}}


def _string(column: Cells) -> Dict[str, Any]:
    counts = value_counts(column)
    if len(counts) > MOST_VALUES:
        return {"distinct_count": float(len(counts))}
    buckets = [{"value": value, "count": count} for value, count in counts]
    return {"distinct_count": float(len(counts)), "distribution": {"categorical": {"buckets": buckets}}}


def value_counts(column: Cells) -> List[Tuple[str, int]]:
    """Return the texts of a column with how often each stands there, the most frequent first, of equally frequent ones the first that occurs."""
    if column.texts is None:
        return []
    found = column.texts.value_counts()
    pairs = zip(found.field("values").to_pylist(), found.field("counts").to_pylist())
    return sorted(pairs, key=lambda pair: -pair[1])
