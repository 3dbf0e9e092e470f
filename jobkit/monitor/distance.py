"""Measure how far two columns' distributions are apart, from their statistics alone (Deequ's `Distance`, the engine that the developer guide names).

Numbers are compared as Kolmogorov and Smirnov do, by the sketches; texts by the largest difference of a value's share, or by a chi-squared test. Deequ's
rank map forgets how often a value stands in a sketch (it makes a map of pairs); here every one counts.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from jobkit.monitor import kll

# Deequ's constant for samples of this size: a Robust distance above 0 happens by chance in 3 of 1,000 comparisons.
BY_CHANCE = 1.8
SIMPLE, ROBUST, CHI_SQUARED = "Simple", "Robust", "ChiSquared"
LEAST_OF_TWO, LEAST_OF_MANY, MANY_BELOW = 10, 5, 0.2
Measured = Optional[Tuple[str, float]]


def of_features(baseline: Mapping[str, Any], current: Mapping[str, Any], method: str, categorical: str) -> Measured:
    """Return `numerical`, `categorical` or `chi-squared`, and the distance of two entries of statistics.json (of a test: the p-value).

    `method` is Simple or Robust; `categorical` is ChiSquared or LInfinity. None is for columns that cannot be compared: of different kinds, without
    values, or with too many.
    """
    if "numerical_statistics" in baseline and "numerical_statistics" in current:
        sketches = [_sketch(entry) for entry in (baseline, current)]
        return None if None in sketches else ("numerical", numeric(sketches[0], sketches[1], method))
    counts = [_counts(entry) for entry in (baseline, current)]
    if not all(counts):
        return None
    if categorical == CHI_SQUARED:
        p_value = chi_squared(counts[0], counts[1])
        return None if p_value is None else ("chi-squared", p_value)
    return "categorical", shares(counts[0], counts[1], method)


def _sketch(entry: Mapping[str, Any]) -> Any:
    return entry["numerical_statistics"].get("distribution", {}).get("kll", {}).get("sketch", {}).get("data")


def _counts(entry: Mapping[str, Any]) -> Dict[str, int]:
    buckets = entry.get("string_statistics", {}).get("distribution", {}).get("categorical", {}).get("buckets", [])
    return {str(bucket["value"]): int(bucket["count"]) for bucket in buckets}


def numeric(baseline: List[List[float]], current: List[List[float]], method: str) -> float:
    """Return the largest difference of the two cumulative shares, 0 to 1."""
    (values, below), (others, others_below) = kll.weighted(baseline), kll.weighted(current)
    everywhere = np.union1d(values, others)
    away = np.abs(_share(values, below, everywhere) - _share(others, others_below, everywhere))
    return _chosen(float(away.max()), float(below[-1]), float(others_below[-1]), method)


def _share(values: np.ndarray, below: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.append(0.0, below)[np.searchsorted(values, at, side="right")] / below[-1]


def shares(baseline: Mapping[str, int], current: Mapping[str, int], method: str) -> float:
    """Return the largest difference of a value's share in the two, 0 to 1."""
    n, m = float(sum(baseline.values())), float(sum(current.values()))
    away = max(abs(baseline.get(value, 0) / n - current.get(value, 0) / m) for value in {**baseline, **current})
    return _chosen(away, n, m, method)


def _chosen(away: float, n: float, m: float, method: str) -> float:
    return away if method == SIMPLE else max(0.0, away - BY_CHANCE * math.sqrt((n + m) / (n * m)))


def chi_squared(baseline: Mapping[str, int], current: Mapping[str, int]) -> Optional[float]:
    """Return the p-value of the current counts if they were drawn with the baseline's shares, 0 to 1; values that the baseline lacks do not count.

    Rare values are put together until the test holds (Cochran for two values, Yates for more); None when fewer than two remain.
    """
    from scipy.stats import chi2

    known = float(sum(current.get(value, 0) for value in baseline))
    total = float(sum(baseline.values()))
    expected = {value: count / total * known for value, count in baseline.items()}
    observed = {value: float(current.get(value, 0)) for value in baseline}
    _regroup(observed, expected)
    if len(expected) < 2 or not known:
        return None
    statistic = sum((observed[value] - wanted) ** 2 / wanted for value, wanted in expected.items())
    return float(chi2.sf(statistic, len(expected) - 1))


def _regroup(observed: Dict[str, float], expected: Dict[str, float]) -> None:
    """Put the rarest value with the next one until few enough are rare; of equally rare ones the first by name goes."""
    while len(expected) >= 2:
        least, allowed = (LEAST_OF_MANY, int(MANY_BELOW * len(expected))) if len(expected) > 2 else (LEAST_OF_TWO, 0)
        if sum(1 for count in expected.values() if count < least) <= allowed:
            return
        rarest, following = sorted(expected, key=lambda value: (expected[value], value))[:2]
        expected[following] += expected.pop(rarest)
        observed[following] += observed.pop(rarest)
