"""Metrics as functions of sums over rows, so that one matrix product gives them for a thousand resamples of the rows at once."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
BETAS = (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE, TRUE_NEGATIVE = range(4)
OUTCOMES = ("true_positive", "false_positive", "false_negative", "true_negative")


class Case(NamedTuple):
    """Hold the rows that are judged and what a model said of them.

    `target` (float64) and `predicted` (int64, float64 of a regression) have shape (rows,) and hold 0 and 1, places of classes, or amounts. `scores` (float64,
    shape (rows,)) is the probability of the positive class or of the class that was predicted, from 0 to 1, and None where the model tells none.
    """

    problem: str
    target: np.ndarray
    predicted: np.ndarray
    scores: Optional[np.ndarray]
    classes: Sequence[str] = ()

    def take(self, rows: np.ndarray) -> Case:
        """Return the case of these rows (int64)."""
        scores = None if self.scores is None else self.scores[rows]
        return self._replace(target=self.target[rows], predicted=self.predicted[rows], scores=scores)


class Term(NamedTuple):
    """Hold what each row adds to some sums: to the sum at its place (int64, shape (rows,); the first when None) its weight (float64; 1 when None)."""

    width: int
    places: Optional[np.ndarray]
    weights: Optional[np.ndarray]


class Sums(NamedTuple):
    """Hold the terms of the sums, side by side, and what makes of sums (float64, shape (..., sums)) the metrics by name, NaN where one is not defined."""

    terms: List[Term]
    metrics: Callable[[np.ndarray], Dict[str, np.ndarray]]


def added(terms: Sequence[Term], blocks: np.ndarray, count: int) -> np.ndarray:
    """Return the sums over the rows of each of `count` blocks (float64, shape (count, sums)); `blocks` (int64) tells the block of each row."""
    parts = []
    for width, places, weights in terms:
        where = blocks if places is None else blocks * width + places
        parts.append(np.bincount(where, weights, count * width).reshape(count, width))
    return np.hstack(parts)


def totals(case: Case) -> Tuple[np.ndarray, Sums]:
    """Return the sums over all rows (float64, shape (sums,)) and what they are made of."""
    sums = sums_of(case)
    return added(sums.terms, np.zeros(len(case.target), dtype=np.int64), 1)[0], sums


def metrics(case: Case) -> Dict[str, float]:
    """Return the metrics of a case by name, NaN where one is not defined: a ratio without cases, AUC of one class."""
    summed, sums = totals(case)
    return {name: float(value) for name, value in sums.metrics(summed).items()}


def defined(name: str, value: float) -> float:
    """Return the number that stands for a metric in reports that know no missing one: 0, and 0.5 for AUC, when it is not defined."""
    return value if value == value else 0.5 if name == "auc" else 0.0


def sums_of(case: Case) -> Sums:
    """Return what the rows of a case add to the sums of its problem."""
    return SUMS[case.problem](case)


def _ratio(part: Any, whole: Any) -> Any:
    """Return a ratio of arrays, NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.true_divide(part, whole)


def outcomes(case: Case) -> np.ndarray:
    """Return for each row of two classes which outcome it is: its place in OUTCOMES (int64)."""
    actual, positive = case.target > 0.5, case.predicted > 0.5
    return np.where(positive, np.where(actual, TRUE_POSITIVE, FALSE_POSITIVE), np.where(actual, FALSE_NEGATIVE, TRUE_NEGATIVE))


def _binary(case: Case) -> Sums:
    area, above, below = placements(case.target > 0.5, case.scores if case.scores is not None else case.predicted)
    return Sums([Term(4, outcomes(case), None), Term(1, None, above), Term(1, None, below)], partial(_binary_metrics, area))


def placements(actual: np.ndarray, scores: np.ndarray) -> Tuple[float, np.ndarray, np.ndarray]:
    """Return AUC (ties half; NaN of one class), and for each row the share of the other class that it is on the right side of, 0 for the other class's rows.

    The first array (float64, shape (rows,)) is of the positive rows, the second of the negative ones; the mean of either over its class is AUC.
    """
    levels, place = np.unique(scores, return_inverse=True)
    positives, negatives = (np.bincount(place[side], minlength=len(levels)) for side in (actual, ~actual))
    with np.errstate(divide="ignore", invalid="ignore"):
        under = (np.cumsum(negatives) - negatives / 2.0) / negatives.sum()
        over = 1 - (np.cumsum(positives) - positives / 2.0) / positives.sum()
    above, below = np.where(actual, under[place], 0.0), np.where(actual, 0.0, over[place])
    return float(_ratio(above.sum(), actual.sum())), above, below


def _binary_metrics(area: float, sums: np.ndarray) -> Dict[str, np.ndarray]:
    """Return the metrics of two classes; AUC of resampled rows is its first-order term around `area`, exact for the rows themselves."""
    tp, fp, fn, tn, above, below = np.moveaxis(sums, -1, 0)
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    scores = {name: _ratio((1 + beta**2) * tp, (1 + beta**2) * tp + beta**2 * fn + fp) for name, beta in BETAS}
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": _ratio(tp + tn, tp + fp + fn + tn),
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(tn, tn + fp),
        "false_positive_rate": _ratio(fp, tn + fp),
        "false_negative_rate": _ratio(fn, tp + fn),
        "auc": np.clip(_ratio(above, tp + fn) + _ratio(below, tn + fp) - area, 0.0, 1.0),
        **scores,
    }


def _multiclass(case: Case) -> Sums:
    count = len(case.classes)
    actual, said = case.target.astype(np.int64), case.predicted
    hit = np.where(actual == said, actual, count)
    return Sums([Term(count, actual, None), Term(count, said, None), Term(count + 1, hit, None)], partial(_multiclass_metrics, count))


def _multiclass_metrics(count: int, sums: np.ndarray) -> Dict[str, np.ndarray]:
    """Return the metrics of several classes: those of each class weighted by its rows, and their mean over the classes that occur."""
    real, _, hits = parts = _parts(count, sums)
    weights = _ratio(real, real.sum(axis=-1, keepdims=True))
    share = _ratio(real > 0, (real > 0).sum(axis=-1, keepdims=True))
    each = by_class(*parts)
    weighted = {"weighted_" + name: (weights * values).sum(axis=-1) for name, values in each.items()}
    macro = {"macro_" + name: (share * values).sum(axis=-1) for name, values in each.items()}
    return {"accuracy": _ratio(hits.sum(axis=-1), real.sum(axis=-1)), **weighted, **macro}


def _parts(count: int, sums: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sums[..., :count], sums[..., count : 2 * count], sums[..., 2 * count : 3 * count]


def by_class(real: np.ndarray, said: np.ndarray, hits: np.ndarray) -> Dict[str, np.ndarray]:
    """Return recall, precision and F scores of each class from how often it is, was said, and both (shape (..., classes)); a ratio without cases is 0."""
    found = {"recall": _ratio(hits, real), "precision": _ratio(hits, said)}
    found.update({name: _ratio((1 + beta**2) * hits, beta**2 * real + said) for name, beta in BETAS})
    return {name: np.nan_to_num(values) for name, values in found.items()}


def _regression(case: Case) -> Sums:
    away = case.target - case.predicted
    middle, spread = (float(case.target.mean()), float(np.std(case.target))) if len(away) else (0.0, 0.0)
    # Errors and labels have a scale each: next to errors of another size the spread of the labels would be lost in what is rounded.
    scales = _power(float(np.abs(away).max(initial=0.0))), _power(spread)
    away, label = away / scales[0], (case.target - middle) / scales[1]
    terms = [Term(1, None, values) for values in (np.abs(away), away**2, label, label**2, np.ones(len(away)))]
    return Sums(terms, partial(_regression_metrics, *scales))


def _power(size: float) -> float:
    """Return a power of two above a size, so that dividing by it rounds nothing; the sums of the bootstrap are float32."""
    return 2.0 ** math.frexp(size or 1.0)[1]


def _regression_metrics(scale: float, labels_scale: float, sums: np.ndarray) -> Dict[str, np.ndarray]:
    absolute, squared, label, labels_squared, rows = np.moveaxis(sums, -1, 0)
    spread = labels_squared - _ratio(label**2, rows)
    varies = spread > 1e-12 * rows
    mse = _ratio(squared, rows)
    r2 = np.where(varies, 1 - _ratio(squared, np.where(varies, spread, 1.0)) * (scale / labels_scale) ** 2, np.nan)
    return {"mae": _ratio(absolute, rows) * scale, "mse": mse * scale**2, "rmse": np.sqrt(mse) * scale, "r2": r2}


SUMS: Mapping[str, Callable[[Case], Sums]] = {BINARY: _binary, MULTICLASS: _multiclass, REGRESSION: _regression}


def supports(case: Case) -> Dict[str, int]:
    """Return for each metric that lies between 0 and 1 by nature of how many rows it is a share; AUC and macro metrics count their smallest class."""
    return SUPPORTS[case.problem](case)


def _binary_supports(case: Case) -> Dict[str, int]:
    tp, fp, fn, tn = np.bincount(outcomes(case), minlength=4).tolist()
    rates = {"recall": tp + fn, "precision": tp + fp, "accuracy": tp + fp + fn + tn, "true_positive_rate": tp + fn, "false_negative_rate": tp + fn}
    return {**rates, "true_negative_rate": tn + fp, "false_positive_rate": tn + fp, "auc": min(tp + fn, tn + fp), **{name: tp + fp + fn for name, _ in BETAS}}


def _multiclass_supports(case: Case) -> Dict[str, int]:
    sizes = np.bincount(case.target.astype(np.int64), minlength=len(case.classes))
    least = int(sizes[sizes > 0].min(initial=len(case.target)))
    names = ("recall", "precision", *(name for name, _ in BETAS))
    weighted = {"weighted_" + name: len(case.target) for name in names}
    return {"accuracy": len(case.target), **weighted, **{"macro_" + name: least for name in names}}


SUPPORTS: Mapping[str, Callable[[Case], Dict[str, int]]] = {BINARY: _binary_supports, MULTICLASS: _multiclass_supports, REGRESSION: lambda case: {}}
# Of these every row is a hit or a miss, so that few of them have an interval of their own kind.
SHARES = (*("recall", "precision", "accuracy", "true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"), "weighted_recall")
