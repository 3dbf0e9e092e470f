"""Metrics and decision thresholds of the linear learner (AWS developer guide, "Tune a linear learner model", "Linear learner hyperparameters")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy

from pipelines.local.images.algorithms import journal

Metric = tuple[str, float]


def threshold(values: Mapping[str, Any], scores: Any, labels: Any, otherwise: float) -> float:
    """Return the score from which a row counts as positive, the best by binary_classifier_model_selection_criteria; `otherwise` for those without one."""
    criterion = CRITERIA.get(values["binary_classifier_model_selection_criteria"])
    positives = float(labels.sum())
    if criterion is None or positives in (0, len(labels)):
        return otherwise
    order = numpy.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = numpy.append(ranked[1:] != ranked[:-1], True)
    hits = numpy.cumsum(labels[order])[last]
    chosen = numpy.arange(1, len(labels) + 1)[last]
    worth = criterion(values, hits, chosen, positives, len(labels))
    best = int(numpy.argmax(worth))
    cut = ranked[last]
    return float((cut[best] + cut[best + 1]) / 2) if best + 1 < len(cut) else float(cut[best])


def _accuracy(values: Mapping[str, Any], hits: Any, chosen: Any, positives: float, rows: int) -> Any:
    return (hits + (rows - chosen) - (positives - hits)) / rows


def _f_beta(values: Mapping[str, Any], hits: Any, chosen: Any, positives: float, rows: int) -> Any:
    square = values["f_beta"] ** 2
    return (1 + square) * hits / (square * positives + chosen)


def _f1(values: Mapping[str, Any], hits: Any, chosen: Any, positives: float, rows: int) -> Any:
    return _f_beta({**values, "f_beta": 1.0}, hits, chosen, positives, rows)


def _precision(values: Mapping[str, Any], hits: Any, chosen: Any, positives: float, rows: int) -> Any:
    return numpy.where(hits / positives >= values["target_recall"], hits / chosen, -1)


def _recall(values: Mapping[str, Any], hits: Any, chosen: Any, positives: float, rows: int) -> Any:
    """Return the recall where the precision is reached; nowhere, the precision less one, so that the nearest wins."""
    precision = hits / chosen
    return numpy.where(precision >= values["target_precision"], hits / positives, precision - 1)


CRITERIA: Mapping[str, Callable[[Mapping[str, Any], Any, Any, float, int], Any]] = {
    "accuracy": _accuracy,
    "f_beta": _f_beta,
    "f1": _f1,
    "precision_at_target_recall": _precision,
    "recall_at_target_precision": _recall,
}


def binary(channel: str, values: Mapping[str, Any], scores: Any, chosen: Any, labels: Any) -> None:
    """Print the metrics of a binary classifier."""
    from sklearn import metrics

    beta = values["f_beta"]
    journal.score(channel, "binary_classification_accuracy", metrics.accuracy_score(labels, chosen))
    journal.score(channel, f"binary_f_{beta:.3f}", metrics.fbeta_score(labels, chosen, beta=beta, zero_division=0))
    journal.score(channel, "precision", metrics.precision_score(labels, chosen, zero_division=0))
    journal.score(channel, "recall", metrics.recall_score(labels, chosen, zero_division=0))
    if 0 < labels.sum() < len(labels):
        journal.score(channel, "roc_auc_score", metrics.roc_auc_score(labels, scores))


def multiclass(channel: str, values: Mapping[str, Any], scores: Any, chosen: Any, labels: Any) -> None:
    """Print the metrics of a classifier of several classes."""
    from sklearn import metrics

    beta, top = values["f_beta"], values["accuracy_top_k"]
    place = (scores > scores[numpy.arange(len(labels)), labels.astype(int)][:, None]).sum(axis=1)
    journal.score(channel, "multiclass_accuracy", metrics.accuracy_score(labels, chosen))
    journal.score(channel, f"multiclass_top_k_accuracy_{top}", (place < top).mean())
    journal.score(channel, "dcg", (1 / numpy.log2(place + 2)).mean())
    journal.score(channel, "macro_recall", metrics.recall_score(labels, chosen, average="macro", zero_division=0))
    journal.score(channel, "macro_precision", metrics.precision_score(labels, chosen, average="macro", zero_division=0))
    journal.score(channel, f"macro_f_{beta:.3f}", metrics.fbeta_score(labels, chosen, beta=beta, average="macro", zero_division=0))


def regression(channel: str, values: Mapping[str, Any], scores: Any, chosen: Any, labels: Any) -> None:
    """Print the metrics of a regressor, in the label's own units."""
    journal.loss(channel, "mse", ((scores - labels) ** 2).mean())
    journal.loss(channel, "absolute_loss", numpy.abs(scores - labels).mean())


PRINTED: Mapping[str, Callable[[str, Mapping[str, Any], Any, Any, Any], None]] = {
    "binary_classifier": binary,
    "multiclass_classifier": multiclass,
    "regressor": regression,
}
