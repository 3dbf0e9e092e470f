"""The linear learner by gradient descent in NumPy, with the metrics of scikit-learn.

scikit-learn's own linear models know neither epochs nor most of the losses, so that a search for learning_rate, or the rule of early stopping, would mean
nothing with them. One model is trained, where the service trains several in parallel and takes the best (num_models).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.algorithms import journal
from pipelines.local.images.algorithms.data import Rows
from pipelines.local.images.algorithms.linear_descent import Setting, Table, descend
from pipelines.local.images.algorithms.linear_losses import LOSSES, sigmoid, softmax
from pipelines.local.images.algorithms.linear_scores import PRINTED, threshold

DEFAULT_LOSS = {"binary_classifier": "logistic", "multiclass_classifier": "softmax_loss", "regressor": "squared_loss"}
# The score from which a row counts as positive, when nothing better is looked for.
MIDDLE = {"logistic": 0.5, "hinge_loss": 0.0}


def train(values: Mapping[str, Any], data: Mapping[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings and arrays of a model, and print its metrics.

    Raises:
        CustomerError: a label is none of predictor_type.
    """
    kind = values["predictor_type"]
    for channel, rows in data.items():
        _check_labels(values, channel, rows.labels)
    setting = Setting(values, LOSSES[values.get("loss") or DEFAULT_LOSS[kind]], values["num_classes"] if kind == "multiclass_classifier" else 1)
    shift, scale = _normal(values, data["train"].features)
    label_shift, label_scale = _normal_label(values, data["train"].labels)
    tables = {
        channel: Table(
            _with_ones((rows.features - shift) / scale), (rows.labels - label_shift) / label_scale, _weights(values, rows.labels, data["train"].labels)
        )
        for channel, rows in data.items()
    }
    with journal.throughput(len(tables["train"].labels) * values["epochs"]):
        weights = descend(setting, tables["train"], {name: tables[name] for name in ("train", "validation") if name in tables})
    raw = weights[:-1] / scale[:, None]
    arrays = {"weights": raw * label_scale, "bias": (weights[-1] - shift @ raw) * label_scale + label_shift}
    settings = {"predictor_type": kind, "loss": values.get("loss") or DEFAULT_LOSS[kind]}
    if kind == "binary_classifier":
        judged = data.get("validation", data["train"])
        settings["threshold"] = threshold(values, _scores(settings, arrays, judged.features), judged.labels, MIDDLE[settings["loss"]])
    for channel, rows in data.items():
        journal.loss(channel, setting.loss.logged, setting.objective(weights, tables[channel]))
        answers = predict(settings, arrays, rows.features)
        PRINTED[kind](channel, values, answers["score"], answers.get("predicted_label"), rows.labels)
    return settings, arrays


def _check_labels(values: Mapping[str, Any], channel: str, labels: Any) -> None:
    most = {"binary_classifier": 2, "multiclass_classifier": values.get("num_classes"), "regressor": None}[values["predictor_type"]]
    if most is None:
        return
    wrong = labels[(labels < 0) | (labels >= most) | (labels != numpy.floor(labels))]
    if len(wrong):
        raise CustomerError(f"channel {channel!r}: label {wrong[0]:g}; predictor_type {values['predictor_type']} takes whole numbers from 0 to {most - 1}")


def _normal(values: Mapping[str, Any], features: Any) -> tuple[Any, Any]:
    """Return what is taken from each column, and what it is then divided by."""
    normal = values["normalize_data"] is not False
    centred = values["use_bias"] and (normal if values.get("unbias_data") is None else values["unbias_data"])
    shift = features.mean(axis=0, dtype=numpy.float64) if centred else numpy.zeros(features.shape[1])
    spread = features.std(axis=0, dtype=numpy.float64) if normal else numpy.ones(features.shape[1])
    return shift, numpy.where(spread > 0, spread, 1.0)


def _normal_label(values: Mapping[str, Any], labels: Any) -> tuple[float, float]:
    if values["predictor_type"] != "regressor":
        return 0.0, 1.0
    shift = float(labels.mean(dtype=numpy.float64)) if values["use_bias"] and values.get("unbias_label") is not False else 0.0
    spread = float(labels.std(dtype=numpy.float64)) if values.get("normalize_label") is not False else 1.0
    return shift, spread or 1.0


def _with_ones(features: Any) -> Any:
    return numpy.column_stack([features, numpy.ones(len(features))])


def _weights(values: Mapping[str, Any], labels: Any, trained: Any) -> Any:
    """Return each row's weight in the loss; `balanced` weighs by the classes of train."""
    if values["predictor_type"] == "binary_classifier":
        given = values["positive_example_weight_mult"]
        positives = float(trained.sum())
        balanced = (len(trained) - positives) / positives if positives else 1.0
        return numpy.where(labels == 1, balanced if given == "balanced" else 1.0 if given is None else given, 1.0)
    if values["predictor_type"] == "multiclass_classifier" and values["balance_multiclass_weights"]:
        counts = numpy.bincount(trained.astype(int), minlength=values["num_classes"])
        return (len(trained) / (numpy.maximum(counts, 1) * (counts > 0).sum()))[labels.astype(int)]
    return numpy.ones(len(labels))


def _scores(settings: Mapping[str, Any], arrays: Mapping[str, Any], features: Any) -> Any:
    outputs = features @ arrays["weights"] + arrays["bias"]
    if settings["predictor_type"] == "multiclass_classifier":
        return softmax(outputs)
    return sigmoid(outputs[:, 0]) if settings["loss"] == "logistic" else outputs[:, 0]


def predict(settings: Mapping[str, Any], arrays: Mapping[str, Any], features: Any) -> dict[str, Any]:
    """Return `score`, (rows,), or (rows, classes) for several, and but for a regressor `predicted_label`, (rows,) float32."""
    scores = _scores(settings, arrays, features)
    if settings["predictor_type"] == "regressor":
        return {"score": scores}
    chosen = scores.argmax(axis=1) if scores.ndim == 2 else scores >= settings["threshold"]
    return {"score": scores, "predicted_label": chosen.astype(numpy.float32)}
