"""How well scores tell members of the training data from others: area under the ROC curve with its interval, and hits at few false alarms."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from jobkit import scores as measures

RESAMPLES, LEVEL = 1000, 0.95
FEW_FALSE = 0.01
DIGITS = 6


def separation(members: np.ndarray, others: np.ndarray, seed: int) -> Dict[str, float]:
    """Return {"auc", "lower", "upper", "tpr_at_1pct_fpr"}, all from 0 to 1, of scores that are higher for members; 0.5 is a coin.

    `members` and `others` are float64 of shape (rows,); lower and upper are the 2.5 and 97.5 percentiles of 1000 resamples of both.
    """
    scores = np.concatenate([members, others])
    actual = np.arange(len(scores)) < len(members)
    lower, upper = interval(scores, actual, seed)
    found = {"auc": measures.auc(actual, scores), "lower": lower, "upper": upper, "tpr_at_1pct_fpr": hits(members, others, FEW_FALSE)}
    return {name: round(float(value), DIGITS) for name, value in found.items()}


def interval(scores: np.ndarray, actual: np.ndarray, seed: int) -> Any:
    """Return the bootstrap interval of the area; each resample is a count a row, so that the scores (float64, shape (rows,)) are sorted once."""
    _, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(place[order]) != 0))
    inside = actual[order]
    dice = np.random.RandomState(seed)
    sizes = {True: int(inside.sum()), False: int((~inside).sum())}
    areas = np.empty(RESAMPLES)
    for turn in range(RESAMPLES):
        weights = np.zeros(len(order))
        for kind, size in sizes.items():
            weights[inside == kind] = np.bincount(dice.randint(0, size, size), minlength=size)
        areas[turn] = _area(weights, inside, starts)
    edge = (1 - LEVEL) / 2
    return np.quantile(areas, [edge, 1 - edge])


def _area(weights: np.ndarray, inside: np.ndarray, starts: np.ndarray) -> float:
    """Return the weighted area; rows are sorted by score and `starts` are the places (int64) where a new score begins."""
    hit = np.add.reduceat(np.where(inside, weights, 0.0), starts)
    miss = np.add.reduceat(np.where(inside, 0.0, weights), starts)
    below = np.cumsum(miss) - miss
    return float(np.dot(hit, below + miss / 2) / (hit.sum() * miss.sum()))


def hits(members: np.ndarray, others: np.ndarray, share: float) -> float:
    """Return the share of members that score above all but `share` (0 to 1) of the others; scores are float64 of shape (rows,), a tie is no hit."""
    ranked = np.sort(others)[::-1]
    return float(np.mean(members > ranked[min(len(ranked) - 1, int(share * len(ranked)))]))
