"""Sketch a column's distribution with the KLL of Deequ, the engine of Model Monitor, of size 2048 and shrinking factor 0.64.

Up to 2,050 values the sketch is the values in their order. Above that Deequ chooses at random which half of a full level goes up; here the choice is
deterministic: the first compaction of a level keeps the values at even places, and each two compactions the choice turns.
"""

from __future__ import annotations

import math
from typing import List, Sequence, Tuple

import numpy as np

SIZE, SHRINKING = 2048, 0.64
BUCKETS = 10


def sketch(values: np.ndarray) -> List[np.ndarray]:
    """Return the levels of the sketch of float64 values (shape (rows,)): each value of level i stands for 2**i values; together they stand for all."""
    levels: List[np.ndarray] = [np.empty(0)]
    compacted = [0]
    taken = 0
    while taken < len(values):
        room = sum(_capacity(height) for height in range(len(levels))) + 1 - sum(map(len, levels))
        levels[0] = np.concatenate([levels[0], values[taken : taken + room]])
        taken += room
        if taken <= len(values) and room > 0:
            _condense(levels, compacted)
    return levels


def _capacity(height: int) -> int:
    return 2 * (int(math.ceil(SIZE * SHRINKING**height / 2)) + 1)


def _condense(levels: List[np.ndarray], compacted: List[int]) -> None:
    """Halve the lowest full level into the one above it."""
    height = next(place for place, level in enumerate(levels) if len(level) >= _capacity(place))
    if height + 1 == len(levels):
        levels.append(np.empty(0))
        compacted.append(0)
    level = levels[height]
    even = len(level) - len(level) % 2
    start = (compacted[height] + 1) // 2 % 2
    levels[height + 1] = np.concatenate([levels[height + 1], np.sort(level[:even])[start::2]])
    levels[height] = level[even:]
    compacted[height] += 1


def buckets(values: np.ndarray) -> Tuple[List[float], List[int]]:
    """Return the 11 edges and 10 counts between the lowest and the highest of float64 values (shape (rows,), at least one, all finite).

    Buckets hold their lower edge and not their upper one, but for the last. Edges that would overflow are made from halves.
    """
    low, high = float(values.min()), float(values.max())
    edges = [_edge(low, high, place) for place in range(BUCKETS + 1)]
    places = np.searchsorted(np.array(edges[1:-1]), values, side="right")
    return edges, [int(count) for count in np.bincount(places, minlength=BUCKETS)]


def _edge(low: float, high: float, place: int) -> float:
    with np.errstate(over="ignore"):
        edge = low + (high - low) * place / BUCKETS
    return edge if math.isfinite(edge) else low * (1 - place / BUCKETS) + high * (place / BUCKETS)


def weighted(levels: Sequence[Sequence[float]]) -> Tuple[np.ndarray, np.ndarray]:
    """Return a sketch's distinct values, sorted, and how many values are at most each of them (both float64, shape (distinct,))."""
    values = np.concatenate([np.asarray(level, dtype=np.float64) for level in levels] or [np.empty(0)])
    weights = np.concatenate([np.full(len(level), 2.0**height) for height, level in enumerate(levels)] or [np.empty(0)])
    distinct, places = np.unique(values, return_inverse=True)
    return distinct, np.cumsum(np.bincount(places, weights=weights, minlength=len(distinct)))
