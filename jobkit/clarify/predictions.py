"""Predicted labels: a column of the data, or what the model answers, as positive and other."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.clarify import facets
from jobkit.clarify.config import DEFAULT_THRESHOLD, FILE, Config
from jobkit.clarify.dataset import Dataset, Roles
from jobkit.clarify.records import as_column
from jobkit.failure import JobError

KEY = "label_values_or_threshold"


class Predicted(NamedTuple):
    """Hold what was predicted for each row: `positive` and `present` (bool, shape (rows,)), and the labels themselves where the model names them."""

    positive: np.ndarray
    present: np.ndarray
    labels: Optional[facets.Values]


def column(rows: Dataset, name: str) -> facets.Values:
    """Return a column, as codes where the file had it as such."""
    return rows.coded.get(name, rows.columns[name])


def feature_rows(rows: Dataset, roles: Roles) -> Dataset:
    """Return the columns that the model is sent."""
    return Dataset(roles.features, {name: rows.columns[name] for name in roles.features}, rows.rows, rows.header)


def of_column(values: facets.Values, observed: facets.Values, config: Config) -> Predicted:
    """Return the predictions that stand in a column: labels, or scores that the probability threshold cuts; `values` has shape (rows,)."""
    return _judged(values, observed, config)


def of_model(answers: np.ndarray, observed: facets.Values, config: Config) -> Predicted:
    """Return the predictions of a model: labels or scores of shape (rows,), or scores of the classes of shape (rows, classes).

    Raises:
        JobError: the answers do not fit the rows or the labels, or one of them is missing.
    """
    rows = len(facets.missing(observed))
    if len(answers) != rows:
        raise JobError("the model: got {} answers, expected {}, one a row".format(len(answers), rows))
    values = _highest(answers, observed, config) if answers.ndim == 2 and answers.shape[1] > 1 else answers.reshape(-1)
    values = values.astype(np.float64) if values.dtype.kind in "iufb" else as_column(values.tolist())
    judged = _judged(values, observed, config)
    if not judged.present.all():
        raise JobError("the model: its answer to row {} is missing or NaN; expected a label or a score".format(int(np.argmin(judged.present)) + 1))
    return judged


def _highest(answers: np.ndarray, observed: facets.Values, config: Config) -> np.ndarray:
    """Return the label of the highest score, by predictor.label_headers, else the class's number; of two classes without names the score of the second."""
    headers: Sequence[Any] = config.predictor.get("label_headers") or ()
    classes = answers.shape[1]
    if headers and len(headers) != classes:
        raise JobError("{}: predictor.label_headers: got {} names, expected {}, as the model answers".format(FILE, len(headers), classes))
    if headers:
        return np.array(as_column(list(headers)))[answers.argmax(axis=1)]
    return answers[:, 1] if classes == 2 and facets.is_text(observed) else answers.argmax(axis=1).astype(np.float64)


def _judged(values: facets.Values, observed: facets.Values, config: Config) -> Predicted:
    values = facets.coded(values)
    present = ~facets.missing(values)
    if facets.is_text(values) and not facets.is_text(observed):
        raise JobError("the predicted labels are text such as {!r}; expected numbers, as the label holds".format(facets.distinct(values)[:1]))
    if facets.is_text(values) or facets.is_continuous(observed, config.label_values):
        return Predicted(_positive(values, observed, config), present, values)
    scores = config.probability_threshold is not None or not facets.is_whole(values[present])
    if facets.is_text(observed):
        _check_scores(values[present])
        return Predicted(_above(values, config), present, None)
    labels = np.where(present, _above(values, config), np.nan) if scores else values
    return Predicted(_positive(labels, observed, config), present, labels)


def _positive(values: facets.Values, observed: facets.Values, config: Config) -> np.ndarray:
    """Return where values are positive labels; whether they are a quantity is told by the observed labels."""
    if facets.is_continuous(observed, config.label_values):
        with np.errstate(invalid="ignore"):
            return np.asarray(values > facets.number(config.label_values[0], KEY))
    return facets.equal(values, config.label_values, KEY)


def _above(scores: np.ndarray, config: Config) -> np.ndarray:
    threshold = DEFAULT_THRESHOLD if config.probability_threshold is None else config.probability_threshold
    with np.errstate(invalid="ignore"):
        return np.asarray(scores > threshold)


def _check_scores(present: np.ndarray) -> None:
    outside = present[(present < 0) | (present > 1)]
    if len(outside):
        told = "the predicted labels are numbers such as {:g}, and the label holds text; expected scores from 0 to 1, or name predictor.label_headers"
        raise JobError(told.format(outside[0]))
