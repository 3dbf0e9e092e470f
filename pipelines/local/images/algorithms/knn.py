"""k nearest neighbors by scikit-learn; the search is exact, whatever `index_type` says.

Cosine and inner product become Euclidean distances: rows of length one, or rows with one more column that makes them equally long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.algorithms import journal
from pipelines.local.images.algorithms.data import Rows

SEED = 0


def train(values: Mapping[str, Any], data: Mapping[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings and arrays of a model, and print the metric of `test` when there is one.

    Raises:
        CustomerError: there are fewer rows than neighbors, or a class is no whole number from 0.
    """
    classes = values["predictor_type"] == "classifier"
    for channel, rows in data.items():
        if classes and ((rows.labels < 0) | (rows.labels != numpy.floor(rows.labels))).any():
            raise CustomerError(f"channel {channel!r}: labels of a classifier are whole numbers from 0; predictor_type is classifier.")
    dice = numpy.random.default_rng(SEED)
    features, labels = data["train"]
    with journal.throughput(len(features)):
        kept = numpy.sort(dice.choice(len(features), values["sample_size"], replace=False)) if values["sample_size"] < len(features) else slice(None)
        sample, answers = features[kept], labels[kept]
        if values["k"] > len(sample):
            raise CustomerError(f"Hyperparameter k: got {values['k']}, expected at most the number of rows, {len(sample)}.")
        projection = _projection(values, features.shape[1], dice)
        arrays = {"sample": (sample @ projection if projection is not None else sample).astype(numpy.float32), "labels": answers}
    if projection is not None:
        arrays["projection"] = projection
    settings = {name: values[name] for name in ("k", "predictor_type", "index_metric")}
    journal.progress(1, 1)
    if "test" in data:
        _judge(data["test"], predict(settings, arrays, data["test"].features)["predicted_label"], classes)
    return settings, arrays


def _judge(rows: Rows, answers: Any, classes: bool) -> None:
    from sklearn.metrics import accuracy_score, mean_squared_error

    if classes:
        journal.score("test", "accuracy", accuracy_score(rows.labels.astype(int), answers.astype(int)))
    else:
        journal.loss("test", "mse", mean_squared_error(rows.labels, answers))


def _projection(values: Mapping[str, Any], width: int, dice: Any) -> Any:
    """Return a random projection, (columns, target) float32, or None; `fjlt` is a Gaussian one here."""
    kind, target = values.get("dimension_reduction_type"), values.get("dimension_reduction_target")
    if kind is None or target is None:
        return None
    drawn = dice.choice([-1.0, 1.0], (width, target)) if kind == "sign" else dice.standard_normal((width, target))
    return (drawn / numpy.sqrt(target)).astype(numpy.float32)


def predict(settings: Mapping[str, Any], arrays: Mapping[str, Any], features: Any) -> dict[str, Any]:
    """Return `predicted_label`, (rows,) float32: the most frequent class of the neighbors, the smallest of several, or their mean."""
    import scipy.stats
    from sklearn.neighbors import NearestNeighbors

    asked = features @ arrays["projection"] if "projection" in arrays else features
    known, asked = EUCLIDEAN[settings["index_metric"]](arrays["sample"].astype(numpy.float64), asked.astype(numpy.float64))
    near = arrays["labels"][NearestNeighbors(n_neighbors=settings["k"]).fit(known).kneighbors(asked, return_distance=False)]
    answers = scipy.stats.mode(near, axis=1).mode if settings["predictor_type"] == "classifier" else near.mean(axis=1, dtype=numpy.float64)
    return {"predicted_label": answers.astype(numpy.float32)}


def _as_they_are(known: Any, asked: Any) -> tuple[Any, Any]:
    return known, asked


def _of_length_one(known: Any, asked: Any) -> tuple[Any, Any]:
    from sklearn.preprocessing import normalize

    return normalize(known), normalize(asked)


def _equally_long(known: Any, asked: Any) -> tuple[Any, Any]:
    squares = (known**2).sum(axis=1)
    return numpy.column_stack([known, numpy.sqrt(squares.max() - squares)]), numpy.column_stack([asked, numpy.zeros(len(asked))])


EUCLIDEAN = {"L2": _as_they_are, "COSINE": _of_length_one, "INNER_PRODUCT": _equally_long}
