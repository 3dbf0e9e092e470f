"""Metrics that the XGBoost container defines beside those of the library: accuracy, f1, precision, recall and their kind, mse, r2.

The container of images 3.0-5 and later computes those of classes wrongly for a binary objective: XGBoost 1.6 and later hands it probabilities, and it asks, as
for the margins of older versions, whether they are above 0 (observed: f1 stays the same in every round). Here they are computed rightly with every version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.algorithms.xgboost import MAXIMIZED

Metric = Callable[[Any, Any], float]
Pairs = list[tuple[str, float]]
# How XGBoost turns a margin into a prediction, by objective; of every other objective a margin is the prediction.
LINKS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("binary:logistic", "reg:logistic"), lambda margin: _sigmoid(margin)),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), lambda margin: _exp(margin)),
}


def _sigmoid(margin: Any) -> Any:
    import numpy

    return 0.5 * (1 + numpy.tanh(0.5 * margin))


def _exp(margin: Any) -> Any:
    import numpy

    return numpy.exp(margin)


def _score(name: str, **options: Any) -> Metric:
    def score(labels: Any, predicted: Any) -> float:
        import sklearn.metrics

        return float(getattr(sklearn.metrics, name)(labels, predicted, **options))

    return score


def _averaged(name: str, average: str) -> Metric:
    return _score(name, average=average, zero_division=0)


OF_CLASSES: Mapping[str, Metric] = {
    "accuracy": _score("accuracy_score"),
    "balanced_accuracy": _score("balanced_accuracy_score"),
    "f1": _averaged("f1_score", "macro"),
    "f1_binary": _averaged("f1_score", "binary"),
    "f1_macro": _averaged("f1_score", "macro"),
    "precision": _averaged("precision_score", "binary"),
    "precision_macro": _averaged("precision_score", "macro"),
    "precision_micro": _averaged("precision_score", "micro"),
    "recall": _averaged("recall_score", "binary"),
    "recall_macro": _averaged("recall_score", "macro"),
    "recall_micro": _averaged("recall_score", "micro"),
}
OF_AMOUNTS: Mapping[str, Metric] = {"mse": _score("mean_squared_error"), "r2": _score("r2_score")}


def union(eval_metric: Sequence[str], objective_metric: Sequence[str]) -> list[str]:
    """Return the metrics to print: those of `eval_metric` as given; with a tuning objective beside them all, sorted, as the container does."""
    both = set(eval_metric) | set(objective_metric)
    return sorted(both) if eval_metric and objective_metric else list(dict.fromkeys([*eval_metric, *objective_metric]))


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return XGBoost's own metrics and the container's, each in the order given; they are printed in that order."""
    return [name for name in names if not is_containers(name)], [name for name in names if is_containers(name)]


def is_containers(name: str) -> bool:
    """Tell whether the container computes this metric itself."""
    return name in OF_CLASSES or name in OF_AMOUNTS


def is_maximized(name: str) -> bool:
    """Tell whether more of a metric is better; `error@0.7` is `error`."""
    return name.partition("@")[0] in MAXIMIZED


def classes(predictions: Any, objective: str, *, margin: bool) -> Any:
    """Return class numbers (int, shape (rows,)) of predictions, float32 of shape (rows,) or (rows, classes); margins when `margin`."""
    import numpy

    if predictions.ndim == 2:
        return numpy.argmax(predictions, axis=1)
    if objective == "multi:softmax":
        return predictions.astype(int)
    return (predictions > (0.0 if margin or objective == "binary:logitraw" else 0.5)).astype(int)


def evaluator(names: Sequence[str], objective: str, *, margin: bool) -> Callable[[Any, Any], Pairs]:
    """Return XGBoost's custom metric for these names, a function of predictions and DMatrix; a set of no rows scores 0."""

    def evaluate(predictions: Any, matrix: Any) -> Pairs:
        labels = matrix.get_label()
        if not len(labels):
            return [(name, 0.0) for name in names]
        found = classes(predictions, objective, margin=margin) if any(name in OF_CLASSES for name in names) else None
        amounts = LINKS[objective](predictions) if margin and objective in LINKS else predictions
        return [(name, OF_CLASSES[name](labels, found) if name in OF_CLASSES else OF_AMOUNTS[name](labels, amounts)) for name in names]

    return evaluate


def options(names: Sequence[str], objective: str, version: tuple[int, int]) -> dict[str, Any]:
    """Return the arguments of `xgboost.train` for the container's metrics: `custom_metric`, or `feval` with margins before 1.6."""
    if not names:
        return {}
    old = version < (1, 6)
    return {"feval" if old else "custom_metric": evaluator(names, objective, margin=old)}
