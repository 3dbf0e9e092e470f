"""Intervals by the bootstrap: how often each row is drawn is a matrix, and all metrics of all resamples are one product with it."""

from __future__ import annotations

import math
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from jobkit.evaluation import measures
from jobkit.evaluation.measures import Case

SEED = 20240229
# More rows than this are drawn in blocks: as many groups of rows, dealt at random. Their spread is known to about 1 %.
MOST_BLOCKS = 4096
AT_ONCE = 64
# A share of fewer rows has Wilson's interval, and so has a metric at 0 or 1, which no resample can leave.
FEW_ROWS = 30
LEVEL, RESAMPLES = 0.95, 1000


class Resamples(NamedTuple):
    """Hold how often each block is in each resample (float32, shape (blocks, resamples)), the block of each row (int64), and the level of the intervals."""

    weights: np.ndarray
    blocks: np.ndarray
    level: float


class Interval(NamedTuple):
    """Hold a metric and the bounds of its interval."""

    value: float
    lower: float
    upper: float


def draw(rows: int, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = SEED) -> Resamples:
    """Return resamples of so many rows, each as large as the whole, drawn with replacement; the same for the same seed."""
    dice = np.random.default_rng(seed)
    count = min(rows, MOST_BLOCKS)
    blocks = np.arange(rows, dtype=np.int64)
    if count < rows:
        blocks = dice.permutation(rows) % count
    weights = np.empty((count, resamples), dtype=np.float32)
    for start in range(0, resamples, AT_ONCE):
        size = min(AT_ONCE, resamples - start)
        drawn = dice.integers(0, count, (size, count), dtype=np.int32)
        drawn += np.arange(size, dtype=np.int32)[:, None] * np.int32(count)
        weights[:, start : start + size] = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).T
    return Resamples(weights, blocks, level)


def spread(case: Case, resamples: Resamples, rows: Optional[np.ndarray] = None) -> Dict[str, np.ndarray]:
    """Return each metric of a case in every resample (float64, shape (resamples,)); `rows` (int64) tells which rows the case has, all when None."""
    sums = measures.sums_of(case)
    if rows is None:
        blocks, weights = resamples.blocks, resamples.weights
    else:
        active, blocks = np.unique(resamples.blocks[rows], return_inverse=True)
        weights = resamples.weights[active]
    by_block = measures.added(sums.terms, blocks, len(weights)).astype(np.float32)
    return sums.metrics((by_block.T @ weights).T.astype(np.float64))


def intervals(case: Case, resamples: Resamples, rows: Optional[np.ndarray] = None) -> Dict[str, Interval]:
    """Return each metric of a case with its interval, for those that are defined."""
    supports, values = measures.supports(case), measures.metrics(case)
    drawn = spread(case, resamples, rows)
    found = {name: (value, drawn[name]) for name, value in values.items() if value == value}
    return {name: Interval(value, *_bounds(name, value, many, supports, resamples.level)) for name, (value, many) in found.items()}


def _bounds(name: str, value: float, drawn: np.ndarray, supports: Mapping[str, int], level: float) -> Tuple[float, float]:
    rows = supports.get(name)
    if rows is not None and (value in (0.0, 1.0) or (rows < FEW_ROWS and name in measures.SHARES)):
        return wilson(value, rows, level)
    return percentiles(drawn, level)


def percentiles(drawn: np.ndarray, level: float) -> Tuple[float, float]:
    """Return the bounds between which the share `level` of the values lies; resamples where the metric is not defined do not count."""
    there = drawn[~np.isnan(drawn)]
    if not len(there):
        return math.nan, math.nan
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def wilson(share: float, rows: int, level: float) -> Tuple[float, float]:
    """Return Wilson's interval of a share of so many rows."""
    if not rows:
        return 0.0, 1.0
    z = normal_quantile((1 + level) / 2)
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def normal_quantile(share: float) -> float:
    """Return the quantile of the standard normal distribution for a share between 0 and 1."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def p_value(differences: np.ndarray) -> float:
    """Return how probable a difference at least this far from none is if there were none: twice the smaller share of resamples on either side of 0."""
    there = differences[~np.isnan(differences)]
    beyond = min(int((there <= 0).sum()), int((there >= 0).sum()))
    return min(1.0, 2.0 * (beyond + 1) / (len(there) + 1))
