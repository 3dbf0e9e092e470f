"""Mini-batch gradient descent for the linear learner: Adam, RMSprop or SGD, with decay, early stopping and the regularisation that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from pipelines.local.images.algorithms import journal
from pipelines.local.images.algorithms.linear_losses import Loss

# Few rows make few steps of 1000 rows, too few to learn from; so many steps are made at least in an epoch.
LEAST_STEPS, SEED, TINY = 50, 0, 1e-8
LEARNING_RATES = {"adam": 0.02, "rmsprop": 0.01, "sgd": 0.1}


@dataclass(frozen=True)
class Table:
    """Hold rows to learn from or to look at: features (rows, columns), the last column ones for the bias, labels (rows,), weights (rows,)."""

    features: Any
    labels: Any
    weights: Any


@dataclass(frozen=True)
class Setting:
    """Hold what a descent needs beside rows: hyperparameters, the loss, and the number of outputs."""

    values: Mapping[str, Any]
    loss: Loss
    outputs: int

    def objective(self, weights: Any, table: Table) -> float:
        """Return the mean loss of a table."""
        each, _ = self.loss.of(table.features @ weights, table.labels, self.values)
        return float((each * table.weights).mean())


def descend(setting: Setting, train: Table, watched: Mapping[str, Table]) -> Any:
    """Return the weights, (columns + 1, outputs), of the best epoch; print the objective of each `watched` table every epoch.

    The last of `watched` decides which epoch is best and when to stop.
    """
    values, weights = setting.values, numpy.zeros((train.features.shape[1], setting.outputs))
    best, best_weights, waited = numpy.inf, weights, 0
    steps = _steps(setting, train)
    for epoch in range(values["epochs"]):
        weights = steps(weights)
        objective = numpy.inf
        for name, table in watched.items():
            objective = setting.objective(weights, table)
            journal.epoch_loss(epoch, name, setting.loss.logged, objective)
        journal.progress(epoch + 1, values["epochs"])
        waited = 0 if objective < best - values["early_stopping_tolerance"] * abs(best if numpy.isfinite(best) else 0) else waited + 1
        if objective < best:
            best, best_weights = objective, weights
        if waited >= values["early_stopping_patience"]:
            print(f"early stopping after epoch {epoch}: no improvement in {waited} epochs")
            break
    return best_weights


def _steps(setting: Setting, train: Table) -> Callable[[Any], Any]:
    """Return what makes one epoch's steps."""
    values, rows = setting.values, len(train.labels)
    size = max(1, min(values["mini_batch_size"], rows // LEAST_STEPS or 1))
    dice, total = numpy.random.default_rng(SEED), values["epochs"] * -(-rows // size)
    rates = _rates(values, total)
    move = OPTIMIZERS[values.get("optimizer") or "adam"](values)

    def epoch(weights: Any) -> Any:
        order = dice.permutation(rows)
        for start in range(0, rows, size):
            some = order[start : start + size]
            features = train.features[some]
            _, gradient = setting.loss.of(features @ weights, train.labels[some], values)
            slope = features.T @ (gradient * train.weights[some, None]) / len(some) + _decay(values, weights)
            slope = _drawn_to_zero(values, weights, slope)
            weights = _stopped_at_zero(values, weights, weights - move(slope, next(rates)) * _bias_rate(values, weights), slope)
        return weights

    return epoch


def _decay(values: Mapping[str, Any], weights: Any) -> Any:
    penalty = numpy.full((len(weights), 1), values.get("wd") or 0.0)
    penalty[-1] *= values.get("bias_wd_mult") or 0.0
    return penalty * weights


def _bias_rate(values: Mapping[str, Any], weights: Any) -> Any:
    """Return how much faster each row of the weights is learnt: 1, and for the bias, the last, bias_lr_mult, or 0 without a bias."""
    factor = numpy.ones((len(weights), 1))
    factor[-1] = (values.get("bias_lr_mult") or 1.0) if values["use_bias"] else 0.0
    return factor


def _drawn_to_zero(values: Mapping[str, Any], weights: Any, slope: Any) -> Any:
    """Return the slope with that of the L1 penalty, which a weight of zero leaves only where the loss pulls harder; never the bias's."""
    penalty = values.get("l1") or 0.0
    if not penalty:
        return slope
    drawn = numpy.where(weights == 0, numpy.sign(slope) * numpy.maximum(numpy.abs(slope) - penalty, 0), slope + penalty * numpy.sign(weights))
    drawn[-1] = slope[-1]
    return drawn


def _stopped_at_zero(values: Mapping[str, Any], before: Any, after: Any, slope: Any) -> Any:
    """Return weights after a step; with an L1 penalty none of them crosses zero in it, nor leaves it unasked."""
    if not values.get("l1"):
        return after
    kept = numpy.where((before * after < 0) | ((before == 0) & (slope == 0)), 0.0, after)
    kept[-1] = after[-1]
    return kept


def _rates(values: Mapping[str, Any], total: int) -> Iterator[float]:
    """Yield the learning rate of each step: falling to a hundredth in the end, or as the scheduler is told."""
    rate = values.get("learning_rate") or LEARNING_RATES[values.get("optimizer") or "adam"]
    every, factor, least = values.get("lr_scheduler_step"), values.get("lr_scheduler_factor"), values.get("lr_scheduler_minimum_lr") or 0.0
    step = 0
    while True:
        if not values["use_lr_scheduler"]:
            yield rate
        elif every:
            yield max(rate * (0.99 if factor is None else factor) ** (step // every), least)
        else:
            yield max(rate * (1 - 0.99 * min(step / total, 1)), least)
        step += 1


Move = Callable[[Any, float], Any]


def _given(values: Mapping[str, Any], name: str, otherwise: float) -> float:
    return otherwise if values.get(name) is None else float(values[name])


def _adam(values: Mapping[str, Any]) -> Move:
    first, second = min(_given(values, "beta_1", 0.9), 0.9999), min(_given(values, "beta_2", 0.999), 0.99999)
    mean: Any = 0.0
    square: Any = 0.0
    step = 0

    def move(slope: Any, rate: float) -> Any:
        nonlocal mean, square, step
        step += 1
        mean, square = first * mean + (1 - first) * slope, second * square + (1 - second) * slope**2
        return rate * (mean / (1 - first**step)) / (numpy.sqrt(square / (1 - second**step)) + TINY)

    return move


def _rmsprop(values: Mapping[str, Any]) -> Move:
    square: Any = 0.0

    def move(slope: Any, rate: float) -> Any:
        nonlocal square
        square = 0.9 * square + 0.1 * slope**2
        return rate * slope / (numpy.sqrt(square) + TINY)

    return move


def _sgd(values: Mapping[str, Any]) -> Move:
    momentum = min(_given(values, "momentum", 0.0), 0.9999)
    speed: Any = 0.0

    def move(slope: Any, rate: float) -> Any:
        nonlocal speed
        speed = momentum * speed + rate * slope
        return speed

    return move


OPTIMIZERS: Mapping[str, Callable[[Mapping[str, Any]], Move]] = {"adam": _adam, "rmsprop": _rmsprop, "sgd": _sgd}
