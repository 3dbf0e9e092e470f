"""How much better a model is than another on the same rows: both are measured in the same resamples, so what is hard for both does not blur the difference."""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Optional

import numpy as np

from jobkit.evaluation import bootstrap, measures
from jobkit.evaluation.bootstrap import Resamples
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case

# Up to so many rows on which only one model is right McNemar's test is exact, above it is the normal approximation with continuity correction.
EXACT_ROWS = 1000
# Metrics of which less is better; of all others more is.
LESS_IS_BETTER = frozenset({"false_positive_rate", "false_negative_rate", "mae", "mse", "rmse"})


def constant(case: Case) -> Case:
    """Return what a model without features says of the rows: the most frequent class with its share as probability, or the mean."""
    rows = len(case.target)
    if case.problem == REGRESSION:
        return case._replace(predicted=np.full(rows, case.target.mean()))
    sizes = np.bincount(case.target.astype(np.int64), minlength=2 if case.problem == BINARY else len(case.classes))
    most = int(sizes.argmax())
    share = float(sizes[1 if case.problem == BINARY else most]) / rows
    return case._replace(predicted=np.full(rows, most, dtype=np.int64), scores=np.full(rows, share))


def compared(case: Case, other: Case, resamples: Resamples) -> Dict[str, Any]:
    """Return each metric of both, the difference (model minus other) with its interval and p-value, and McNemar's test where rows are right or wrong.

    A metric that is not defined counts as 0, AUC as 0.5.
    """
    values = [measures.metrics(one) for one in (case, other)]
    drawn = [bootstrap.spread(one, resamples) for one in (case, other)]
    told: Dict[str, Any] = {"metrics": {}}
    for name in values[0]:
        model, rival = (measures.defined(name, one[name]) for one in values)
        apart = _filled(name, drawn[0]) - _filled(name, drawn[1])
        lower, upper = bootstrap.percentiles(apart, resamples.level)
        told["metrics"][name] = _entry(name, model, rival, (lower, upper), bootstrap.p_value(apart))
    if case.problem in (BINARY, MULTICLASS):
        told["mcnemar"] = mcnemar(case.predicted == case.target, other.predicted == other.target)
        told["metrics"]["accuracy"]["p_value"] = told["mcnemar"]["p_value"]
    return told


def _filled(name: str, drawn: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.where(np.isnan(drawn[name]), measures.defined(name, math.nan), drawn[name])


def _entry(name: str, model: float, other: Optional[float], bounds: Any, p_value: float) -> Dict[str, Any]:
    """Return a metric's comparison; `loss` is how much worse the model is than the other, negative where it is better."""
    difference = 0.0 if other is None else model - other
    loss = difference if name in LESS_IS_BETTER else -difference
    return {"model": model, "other": other, "difference": difference, "lower": bounds[0], "upper": bounds[1], "p_value": p_value, "loss": loss + 0.0}


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> Dict[str, Any]:
    """Return on how many rows only one of two models is right (`ours`, `theirs`: bool, shape (rows,)), and McNemar's p-value for that being chance."""
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return {"only_model_right": only_ours, "only_other_right": only_theirs, "p_value": _mcnemar(only_ours, only_theirs)}


def _mcnemar(one: int, other: int) -> float:
    apart, least = one + other, min(one, other)
    if not apart:
        return 1.0
    if apart > EXACT_ROWS:
        return math.erfc(max(0.0, abs(one - other) - 1) / math.sqrt(2 * apart))
    ways = tail = 1  # of so many rows, this many ways to choose the least
    for place in range(least):
        ways = ways * (apart - place) // (place + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**apart)  # of whole numbers, so that nothing overflows


def nothing(case: Case, why: str) -> Dict[str, Any]:
    """Return a comparison that could not be made: every difference is 0."""
    found = {name: measures.defined(name, value) for name, value in measures.metrics(case).items()}
    return {"compared": False, "why": why, "metrics": {name: _entry(name, value, None, (0.0, 0.0), 1.0) for name, value in found.items()}}
