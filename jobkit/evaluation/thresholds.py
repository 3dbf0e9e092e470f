"""From which probability a row counts as positive: what each threshold costs, and which costs least."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import numpy as np

from jobkit.evaluation.measures import OUTCOMES, Case, outcomes
from jobkit.failure import JobError

CURVE_POINTS = 60
GIVEN, VALIDATION, TEST = "given", "validation", "test"


class Curve(NamedTuple):
    """Hold thresholds between 0 and 1 (float64, falling) and for each how many rows have which outcome (float64, shape (thresholds, 4), as OUTCOMES)."""

    thresholds: np.ndarray
    outcomes: np.ndarray


class Chosen(NamedTuple):
    """Hold the threshold that is used, where it was chosen, the costs it was chosen by, and the curve from which it was."""

    threshold: float
    chosen_on: str
    costs: Optional[Mapping[str, float]]
    curve: Curve
    curve_on: str


def curve(target: np.ndarray, scores: np.ndarray) -> Curve:
    """Return every threshold that makes a difference, midway between two scores; those at or beyond 0 and 1 are none.

    Raises:
        JobError: a score is no probability.
    """
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        told = "scores from {:.4g} to {:.4g}; expected probabilities from 0 to 1. A threshold by costs needs a model of probabilities."
        raise JobError(told.format(scores.min(), scores.max()))
    levels, place = np.unique(-scores, return_inverse=True)
    levels = -levels
    hits, rows = (np.bincount(place, weights, len(levels)) for weights in ((target > 0.5).astype(np.float64), None))
    tp, said = np.append(0.0, np.cumsum(hits)), np.append(0.0, np.cumsum(rows))
    above, below = np.append(1.0, levels), np.append(levels, 0.0)
    middle = (above + below) / 2
    middle = np.where((middle > below) | (below == 0.0), middle, above)
    inside = (middle > 0) & (middle < 1) & (above > below)
    tp, said = tp[inside], said[inside]
    positives = float(hits.sum())
    return Curve(middle[inside], np.column_stack([tp, said - tp, positives - tp, len(scores) - said - positives + tp]))


def choose(case: Case, costs: Mapping[str, float], usual: float) -> Chosen:
    """Return the threshold that costs least on these rows; of several that cost the same the one nearest to the usual one.

    Raises:
        JobError: a score is no probability.
    """
    assert case.scores is not None
    made = curve(case.target, case.scores)
    spent = made.outcomes @ vector(costs)
    # With no threshold between 0 and 1 that tells rows apart, the usual one is as good as any.
    best = np.flatnonzero(spent <= spent.min() + 1e-9 * max(1.0, abs(spent.min()))) if len(spent) else np.empty(0, dtype=np.int64)
    nearest = float(made.thresholds[best[np.argmin(np.abs(made.thresholds[best] - usual))]]) if len(best) else usual
    return Chosen(nearest, VALIDATION, dict(costs), made, VALIDATION)


def as_given(case: Case, threshold: float) -> Chosen:
    """Return the threshold that was given, with the curve of these rows; no curve where scores are no probabilities."""
    assert case.scores is not None
    probable = len(case.scores) and case.scores.min() >= 0 and case.scores.max() <= 1
    made = curve(case.target, case.scores) if probable else Curve(np.empty(0), np.empty((0, 4)))
    return Chosen(threshold, GIVEN, None, made, TEST)


def vector(costs: Mapping[str, float]) -> np.ndarray:
    """Return the costs in the order of OUTCOMES (float64)."""
    return np.array([float(costs[name]) for name in OUTCOMES])


def told(chosen: Chosen, case: Case, given: float) -> Dict[str, Any]:
    """Return what evaluation_details.json holds of the threshold; `case` is the test split as the threshold decides it."""
    costs = chosen.costs
    spent = None if costs is None else vector(costs)
    at_given = case._replace(predicted=(case.scores >= given).astype(np.int64)) if case.scores is not None else case
    return {
        "used": chosen.threshold,
        "given": given,
        "chosen": chosen.threshold,
        "chosen_on": chosen.chosen_on,
        "costs": costs,
        "cost_per_row": _per_row(case, spent),
        "cost_per_row_at_given": _per_row(at_given, spent),
        "curve_on": chosen.curve_on,
        "curve": _points(chosen, spent),
    }


def _per_row(case: Case, spent: Optional[np.ndarray]) -> Optional[float]:
    if spent is None:
        return None
    return float(np.bincount(outcomes(case), minlength=4) @ spent / max(1, len(case.target)))


def _points(chosen: Chosen, spent: Optional[np.ndarray]) -> List[Dict[str, Any]]:
    """Return points of the curve, spread over the thresholds, the chosen one among them."""
    thresholds, counts = chosen.curve
    spread = np.searchsorted(-thresholds, -np.linspace(1, 0, CURVE_POINTS))
    nearest = np.argmin(np.abs(thresholds - chosen.threshold)) if len(thresholds) else 0
    kept = np.unique(np.minimum([*spread, nearest], len(thresholds) - 1)) if len(thresholds) else []
    points = []
    for place in reversed(kept):
        tp, fp, fn, tn = counts[place].tolist()
        points.append(
            {
                "threshold": float(thresholds[place]),
                "cost_per_row": None if spent is None else float(counts[place] @ spent / max(1.0, counts[place].sum())),
                "precision": tp / (tp + fp) if tp + fp else None,
                "recall": tp / (tp + fn) if tp + fn else None,
                "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
                "share_positive": (tp + fp) / max(1.0, tp + fp + fn + tn),
            }
        )
    return points
