"""Metrics of predictions on held-out rows, with the names, order and layout of SageMaker Model Monitor's model quality report."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from jobkit.evaluation import measures
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case

CURVE_POINTS = 200
# Model Monitor tells how metrics vary over subsamples of so many rows and more, and writes this text below.
DEVIATION_ROWS, SUBSAMPLES, SUBSAMPLE_SHARE, SEED = 200, 5, 0.8, 20240229
NO_DEVIATION = "NaN"
CONSTANT = "_best_constant_classifier"
RATES = ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate")
F_SCORES = tuple(name for name, _ in measures.BETAS)


def binary(target: np.ndarray, scores: np.ndarray, threshold: float) -> Dict[str, Any]:
    """Return the metrics of a binary classifier; a ratio without cases is 0.

    `target` is 0/1 and `scores` a probability, both of shape (rows,); a score at the threshold counts as positive. The best constant classifier says positive
    of every row. The outer keys of the confusion matrix are what was observed.
    """
    case = Case(BINARY, target, (scores >= threshold).astype(np.int64), scores)
    told = _told(case)
    always = _told(case._replace(predicted=np.ones(len(target), dtype=np.int64)))
    tp, fp, fn, tn = (int(count) for count in np.bincount(measures.outcomes(case), minlength=4))
    actual = target > 0.5
    return {
        "confusion_matrix": {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}},
        **_named(told, ("recall", "precision", "accuracy")),
        **_named(always, ("recall", "precision", "accuracy"), CONSTANT),
        **_named(told, RATES),
        "receiver_operating_characteristic_curve": roc_curve(actual, scores),
        "precision_recall_curve": pr_curve(actual, scores),
        **_named(told, ("auc", *F_SCORES)),
        **_named(always, F_SCORES, CONSTANT),
        "decision_threshold": threshold,
    }


def multiclass(target: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Dict[str, Any]:
    """Return the metrics of a classifier of several classes, weighted by the rows of each class, and (`macro_`, which is ours) their mean over the classes.

    `target` and `predicted` are places in `classes` (int64, shape (rows,)); the confusion matrix is {actual: {predicted: rows}}. The best constant classifier
    says the most frequent class.
    """
    count = len(classes)
    case = Case(MULTICLASS, target, predicted, None, classes)
    matrix = np.bincount(target * count + predicted, minlength=count * count).reshape(count, count)
    cells = {actual: {other: int(matrix[row, column]) for column, other in enumerate(classes)} for row, actual in enumerate(classes)}
    told, most = _told(case), int(matrix.sum(axis=1).argmax())
    always = _told(case._replace(predicted=np.full(len(target), most, dtype=np.int64)))
    names = ("accuracy", "weighted_recall", "weighted_precision", *("weighted_" + name for name in F_SCORES))
    macro = ("macro_recall", "macro_precision", *("macro_" + name for name in F_SCORES))
    return {"confusion_matrix": cells, **_named(told, names), **_named(always, names, CONSTANT), **_named(told, macro)}


def regression(target: np.ndarray, predicted: np.ndarray) -> Dict[str, Any]:
    """Return mean absolute and squared error, its root, and R² (0 where the label does not vary); both arrays are float64 of shape (rows,)."""
    return _told(Case(REGRESSION, target, predicted, None))


def _told(case: Case) -> Dict[str, Any]:
    """Return each metric with its standard deviation over five random subsamples of 80 % of the rows."""
    rows = len(case.target)
    values = measures.metrics(case)
    dice = np.random.default_rng(SEED)
    parts = [np.sort(dice.permutation(rows)[: int(SUBSAMPLE_SHARE * rows)]) for _ in range(SUBSAMPLES if rows >= DEVIATION_ROWS else 0)]
    again = [measures.metrics(case.take(part)) for part in parts]
    told = {}
    for name, value in values.items():
        varied: Any = float(np.std([measures.defined(name, found[name]) for found in again], ddof=1)) if again else NO_DEVIATION
        told[name] = {"value": measures.defined(name, value), "standard_deviation": varied}
    return told


def _named(told: Mapping[str, Any], names: Sequence[str], suffix: str = "") -> Dict[str, Any]:
    return {name + suffix: told[name] for name in names}


def auc(actual: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counted half (the Mann-Whitney statistic); 0.5 when a class is absent."""
    return measures.defined("auc", measures.placements(actual, scores)[0])


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
    """Return precisions and recalls, at most 200 points by falling score, from precision 1 at recall 0 on."""
    hits, false = _cumulative(actual, scores)
    rates = np.append(1.0, hits / (hits + false)), np.append(0.0, hits / max(1.0, hits[-1]))
    return dict(zip(("precisions", "recalls"), _thin(*rates)))
