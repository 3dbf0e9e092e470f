"""Whether probabilities mean what they say: of the rows given 0.3, about 30 % should be positive."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from jobkit.evaluation.measures import MULTICLASS, Case

BINS = 10


def measured(case: Case) -> Optional[Dict[str, Any]]:
    """Return Brier score, expected calibration error and ten bins of equal width (empty ones left out); None where the model tells no probabilities.

    Of several classes it is the probability of the class that was predicted, against how often that was right; the Brier score is of this alone.
    """
    if case.scores is None or not len(case.scores) or case.scores.min() < 0 or case.scores.max() > 1:
        return None
    right = case.predicted == case.target if case.problem == MULTICLASS else case.target > 0.5
    bins = _bins(case.scores, right)
    error = sum(one["rows"] * abs(one["mean_probability"] - one["share_positive"]) for one in bins) / len(right)
    return {"brier": float(np.mean((case.scores - right) ** 2)), "expected_calibration_error": float(error), "bins": bins}


def _bins(scores: np.ndarray, right: np.ndarray) -> List[Dict[str, Any]]:
    places = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    rows, said, seen = (np.bincount(places, weights, BINS) for weights in (None, scores, right.astype(np.float64)))
    return [
        {
            "lower": place / BINS,
            "upper": (place + 1) / BINS,
            "rows": int(rows[place]),
            "mean_probability": float(said[place] / rows[place]),
            "share_positive": float(seen[place] / rows[place]),
        }
        for place in np.flatnonzero(rows).tolist()
    ]
