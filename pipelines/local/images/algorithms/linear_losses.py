"""Losses of the linear learner: for outputs (rows, m) and labels (rows,) each row's loss, (rows,), and its gradient by the outputs, (rows, m)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy

Both = tuple[Any, Any]


@dataclass(frozen=True)
class Loss:
    """Hold a loss: its name in the log, and the function of (outputs, labels, hyperparameters)."""

    logged: str
    of: Callable[[Any, Any, Mapping[str, Any]], Both]


def sigmoid(outputs: Any) -> Any:
    """Return probabilities of outputs of any size, without overflow."""
    return 0.5 * (1 + numpy.tanh(0.5 * outputs))


def softmax(outputs: Any) -> Any:
    """Return probabilities, each row of which adds up to one."""
    raised = numpy.exp(outputs - outputs.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _logistic(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    z = outputs[:, 0]
    return numpy.logaddexp(0, z) - labels * z, (sigmoid(z) - labels)[:, None]


def _hinge(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    side = 2 * labels - 1
    short = values["margin"] - side * outputs[:, 0]
    return numpy.maximum(short, 0), (-side * (short > 0))[:, None]


def _softmax(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    shares, rows, classes = softmax(outputs), numpy.arange(len(labels)), labels.astype(int)
    gradient = shares.copy()
    gradient[rows, classes] -= 1
    return -numpy.log(numpy.maximum(shares[rows, classes], 1e-300)), gradient


def _squared(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    error = outputs[:, 0] - labels
    return error**2, 2 * error[:, None]


def _absolute(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    error = outputs[:, 0] - labels
    return numpy.abs(error), numpy.sign(error)[:, None]


def _insensitive_absolute(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    error = outputs[:, 0] - labels
    over = numpy.maximum(numpy.abs(error) - values["loss_insensitivity"], 0)
    return over, (numpy.sign(error) * (over > 0))[:, None]


def _insensitive_squared(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    over, side = _insensitive_absolute(outputs, labels, values)
    return over**2, 2 * over[:, None] * side


def _quantile(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    under, share = labels - outputs[:, 0], values["quantile"]
    return numpy.maximum(share * under, (share - 1) * under), numpy.where(under > 0, -share, 1 - share)[:, None]


def _huber(outputs: Any, labels: Any, values: Mapping[str, Any]) -> Both:
    error, delta = outputs[:, 0] - labels, values["huber_delta"]
    large = numpy.abs(error) > delta
    return numpy.where(large, delta * (numpy.abs(error) - delta / 2), error**2 / 2), numpy.clip(error, -delta, delta)[:, None]


LOSSES: Mapping[str, Loss] = {
    "logistic": Loss("binary_classification_cross_entropy_objective", _logistic),
    "hinge_loss": Loss("hinge_loss_objective", _hinge),
    "softmax_loss": Loss("multiclass_cross_entropy_objective", _softmax),
    "squared_loss": Loss("mse_objective", _squared),
    "absolute_loss": Loss("absolute_loss_objective", _absolute),
    "eps_insensitive_squared_loss": Loss("eps_insensitive_squared_loss_objective", _insensitive_squared),
    "eps_insensitive_absolute_loss": Loss("eps_insensitive_absolute_loss_objective", _insensitive_absolute),
    "quantile_loss": Loss("quantile_loss_objective", _quantile),
    "huber_loss": Loss("huber_loss_objective", _huber),
}
