"""Judge predictions in the layout of Model Monitor's model quality statistics (developer guide, "Model Quality Metrics"), member for member in its order."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit import scores
from jobkit.monitor import moments

# Deviations are told from so many rows on: of 5 random samples of 80 % (developer guide). The draws are seeded here.
DEVIATION_ROWS, SAMPLES, SAMPLE_SHARE = 200, 5, 0.8
UNKNOWN_DEVIATION = "NaN"
BETAS = (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))


class Predictions(NamedTuple):
    """Hold labels and answers of shape (rows,): float64 of a regression, else places in `classes` (int64); `probability` (float64) is the positive class's."""

    target: np.ndarray
    predicted: np.ndarray
    classes: Tuple[str, ...] = ()
    probability: Optional[np.ndarray] = None

    def at(self, places: np.ndarray) -> "Predictions":
        """Return the rows at these places (int64)."""
        probability = None if self.probability is None else self.probability[places]
        return self._replace(target=self.target[places], predicted=self.predicted[places], probability=probability)


Rates = Dict[str, float]


def statistics(problem: str, predictions: Predictions) -> Dict[str, Any]:
    """Return statistics.json of a problem: Regression, BinaryClassification or MulticlassClassification."""
    group, judge, extras, order = PROBLEMS[problem]
    rates = judge(predictions)
    deviations = _deviations(judge, predictions)
    told = {name: {"value": value, "standard_deviation": deviations.get(name, UNKNOWN_DEVIATION)} for name, value in rates.items()}
    members = {**told, **extras(predictions)}
    ordered = {name: members[name] for name in order if name in members}
    return {"version": 0.0, "dataset": {"item_count": len(predictions.target)}, group: ordered}


def _deviations(judge: Callable[[Predictions], Rates], predictions: Predictions) -> Rates:
    rows = len(predictions.target)
    if rows < DEVIATION_ROWS:
        return {}
    draw = np.random.default_rng(0)
    drawn = [judge(predictions.at(np.sort(draw.choice(rows, int(rows * SAMPLE_SHARE), replace=False)))) for _ in range(SAMPLES)]
    return {name: float(np.std([rates[name] for rates in drawn])) for name in drawn[0]}


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def _f_scores(precision: float, recall: float) -> Rates:
    return {name: _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall) for name, beta in BETAS}


def regression(predictions: Predictions) -> Rates:
    """Return mean absolute and squared error, its root, and R² (0 where the label does not vary)."""
    away = predictions.target - predictions.predicted
    missed, spread, rows = moments.total(away * away), moments.squares(predictions.target), len(away)
    r2 = 1 - missed / spread if spread else 0.0
    return {"mae": moments.total(np.abs(away)) / rows, "mse": missed / rows, "rmse": math.sqrt(missed / rows), "r2": r2}


def binary(predictions: Predictions) -> Rates:
    """Return the rates of two classes, the second one positive; a ratio without cases is 0. The constant classifier to beat calls every row positive."""
    actual, said = predictions.target == 1, predictions.predicted == 1
    positives, rows = int(actual.sum()), len(actual)
    hits, alarms = int((actual & said).sum()), int((~actual & said).sum())
    recall, precision, prevalence = _ratio(hits, positives), _ratio(hits, hits + alarms), _ratio(positives, rows)
    rates = {
        "recall": recall,
        "precision": precision,
        "accuracy": _ratio(hits + rows - positives - alarms, rows),
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(rows - positives - alarms, rows - positives),
        "false_positive_rate": _ratio(alarms, rows - positives),
        "false_negative_rate": _ratio(positives - hits, positives),
        **_f_scores(precision, recall),
    }
    constant = {"recall": float(positives > 0), "precision": prevalence, "accuracy": prevalence}
    constant.update(_f_scores(prevalence, constant["recall"]))
    rates.update(_named_constant(constant))
    if predictions.probability is not None:
        rates["auc"] = scores.auc(actual, predictions.probability)
    return rates


def _named_constant(rates: Rates) -> Rates:
    return {name + "_best_constant_classifier": value for name, value in rates.items()}


def _matrix(predictions: Predictions) -> np.ndarray:
    count = len(predictions.classes)
    return np.bincount(predictions.target * count + predictions.predicted, minlength=count * count).reshape(count, count)


def _confusion(predictions: Predictions) -> Dict[str, Any]:
    matrix, classes = _matrix(predictions), predictions.classes
    return {"confusion_matrix": {actual: {said: int(matrix[row, place]) for place, said in enumerate(classes)} for row, actual in enumerate(classes)}}


def _curves(predictions: Predictions) -> Dict[str, Any]:
    told = _confusion(predictions)
    if predictions.probability is not None:
        actual = predictions.target == 1
        curve = scores.pr_curve(actual, predictions.probability)
        if not curve["recalls"] or curve["recalls"][0] > 0:  # the guide's example begins at recall 0
            curve = {"precisions": [1.0, *curve["precisions"]], "recalls": [0.0, *curve["recalls"]]}
        roc = scores.roc_curve(actual, predictions.probability)
        told.update({"receiver_operating_characteristic_curve": roc, "precision_recall_curve": curve})
    return told


def multiclass(predictions: Predictions) -> Rates:
    """Return accuracy and the classes' precision, recall and F scores, weighted by their rows.

    The constant classifier answers the last class, the one rule under which both examples of the guide come out: there it is the rarer one.
    """
    matrix = _matrix(predictions)
    always_last = np.zeros_like(matrix)
    always_last[:, -1] = matrix.sum(axis=1)
    return {**_weighted(matrix), **_named_constant(_weighted(always_last))}


def _weighted(matrix: np.ndarray) -> Rates:
    hits, real, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    each = []
    for hit, rows, given in zip(hits, real, said):
        recall, precision = _ratio(hit, rows), _ratio(hit, given)
        each.append({"recall": recall, "precision": precision, **_f_scores(precision, recall)})
    total = float(real.sum())
    weighted = {"weighted_" + name: sum(_ratio(rows, total) * rates[name] for rows, rates in zip(real, each)) for name in each[0]}
    return {"accuracy": _ratio(hits.sum(), total), **weighted}


def _nothing(predictions: Predictions) -> Dict[str, Any]:
    return {}


CONSTANT = "_best_constant_classifier"
BINARY_ORDER: Sequence[str] = (
    *("confusion_matrix", "recall", "precision", "accuracy"),
    *(name + CONSTANT for name in ("recall", "precision", "accuracy")),
    *("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
    *("receiver_operating_characteristic_curve", "precision_recall_curve", "auc", "f0_5", "f1", "f2"),
    *(name + CONSTANT for name in ("f0_5", "f1", "f2")),
)
WEIGHTED = ("accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2")
Judge = Callable[[Predictions], Rates]
Extras = Callable[[Predictions], Mapping[str, Any]]
# The group of a problem's metrics, what makes its rates and its other members, and the order of all.
PROBLEMS: Mapping[str, Tuple[str, Judge, Extras, Sequence[str]]] = {
    "Regression": ("regression_metrics", regression, _nothing, ("mae", "mse", "rmse", "r2")),
    "BinaryClassification": ("binary_classification_metrics", binary, _curves, BINARY_ORDER),
    "MulticlassClassification": (
        "multiclass_classification_metrics",
        multiclass,
        _confusion,
        ("confusion_matrix", *WEIGHTED, *(name + CONSTANT for name in WEIGHTED)),
    ),
}
