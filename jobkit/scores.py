"""Metrics of predictions on held-out rows, with the names and in the layout of SageMaker Model Monitor's model quality report."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

CURVE_POINTS = 200
NO_DEVIATION = "NaN"
BETAS = (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))


def _value(number: float) -> Dict[str, Any]:
    return {"value": float(number), "standard_deviation": NO_DEVIATION}


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def binary(target: np.ndarray, scores: np.ndarray, threshold: float) -> Dict[str, Any]:
    """Return the metrics of a binary classifier; a ratio without cases is 0.

    `target` is 0/1 and `scores` a probability, both of shape (rows,); a score at the threshold counts as positive.
    """
    predicted, actual = scores >= threshold, target > 0.5
    tp, fp = int(np.sum(predicted & actual)), int(np.sum(predicted & ~actual))
    fn, tn = int(np.sum(~predicted & actual)), int(np.sum(~predicted & ~actual))
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    rates = {
        "accuracy": _ratio(tp + tn, len(target)),
        "precision": precision,
        "recall": recall,
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(tn, tn + fp),
        "false_positive_rate": _ratio(fp, tn + fp),
        "false_negative_rate": _ratio(fn, tp + fn),
        **{name: _f_score(precision, recall, beta) for name, beta in BETAS},
        "auc": auc(actual, scores),
    }
    matrix = {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}
    curves = {"receiver_operating_characteristic_curve": roc_curve(actual, scores), "precision_recall_curve": pr_curve(actual, scores)}
    return {"confusion_matrix": matrix, "decision_threshold": threshold, **{name: _value(rate) for name, rate in rates.items()}, **curves}


def _f_score(precision: float, recall: float, beta: float) -> float:
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def multiclass(target: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Dict[str, Any]:
    """Return the metrics of a classifier of several classes; precision, recall and F scores of the classes are weighted by their rows.

    `target` and `predicted` are places in `classes` (int64, shape (rows,)); the confusion matrix is {actual: {predicted: rows}}.
    """
    count = len(classes)
    matrix = np.bincount(target * count + predicted, minlength=count * count).reshape(count, count)
    hits, real, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    precisions = [_ratio(hit, given) for hit, given in zip(hits, said)]
    recalls = [_ratio(hit, given) for hit, given in zip(hits, real)]
    each: Dict[str, List[float]] = {"weighted_precision": precisions, "weighted_recall": recalls}
    for name, beta in BETAS:
        each["weighted_" + name] = [_f_score(precision, recall, beta) for precision, recall in zip(precisions, recalls)]
    weights = real / max(1, real.sum())
    rates = {"accuracy": _ratio(hits.sum(), real.sum()), **{name: float(np.dot(weights, values)) for name, values in each.items()}}
    cells = {actual: {other: int(matrix[row, column]) for column, other in enumerate(classes)} for row, actual in enumerate(classes)}
    return {"confusion_matrix": cells, **{name: _value(rate) for name, rate in rates.items()}}


def regression(target: np.ndarray, predicted: np.ndarray) -> Dict[str, Any]:
    """Return mean absolute and squared error, its root, and R² (0 where the label does not vary); both arrays are float64 of shape (rows,)."""
    away = target - predicted
    squared, spread = float(np.mean(away**2)), float(np.mean((target - target.mean()) ** 2))
    rates = {"mae": float(np.mean(np.abs(away))), "mse": squared, "rmse": squared**0.5, "r2": 1 - squared / spread if spread else 0.0}
    return {name: _value(rate) for name, rate in rates.items()}


def auc(actual: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counted half (the Mann-Whitney statistic); 0.5 when a class is absent."""
    positives, negatives = int(actual.sum()), int((~actual).sum())
    if not positives or not negatives:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[actual].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def _cumulative(actual: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return true and false positives at each distinct score, highest first (float64)."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(actual[order], dtype="float64")[last]
    return hits, last + 1 - hits


def _thin(*columns: np.ndarray) -> List[List[float]]:
    keep = np.unique(np.linspace(0, len(columns[0]) - 1, min(len(columns[0]), CURVE_POINTS)).round().astype(int))
    return [[float(value) for value in column[keep]] for column in columns]


def roc_curve(actual: np.ndarray, scores: np.ndarray) -> Dict[str, List[float]]:
    """Return false and true positive rates, at most 200 points from (0, 0) to (1, 1)."""
    hits, false = _cumulative(actual, scores)
    rates = [np.append(0.0, counts / max(1.0, counts[-1])) for counts in (false, hits)]
    return dict(zip(("false_positive_rates", "true_positive_rates"), _thin(*rates)))


def pr_curve(actual: np.ndarray, scores: np.ndarray) -> Dict[str, List[float]]:
    """Return precisions and recalls, at most 200 points by falling score."""
    hits, false = _cumulative(actual, scores)
    return dict(zip(("precisions", "recalls"), _thin(hits / (hits + false), hits / max(1.0, hits[-1]))))
