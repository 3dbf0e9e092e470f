"""What a search for hyperparameters cannot be: contradictions within `tuning`, and with `training`."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from pipelines.algorithms import xgboost
from pipelines.algorithms.model import Algorithm
from pipelines.config.algorithm_rules import built_in
from pipelines.config.model import PipelineConfig
from pipelines.config.problem import KINDS
from pipelines.config.problems import nearest
from pipelines.config.tuning import Tuning, TuningRange

Found = Iterator[tuple[str, str]]


def objective(config: PipelineConfig) -> tuple[str, bool]:
    """Return the metric to optimise, and whether larger is better."""
    tuning = config.tuning
    assert tuning is not None
    algorithm = built_in(config)
    usual = f"validation:{KINDS[config.problem].eval_metric}" if algorithm is None else next(iter(algorithm.objectives.get(config.problem, ())), "")
    metric = tuning.metric or usual
    if tuning.direction is not None:
        return metric, tuning.direction == "Maximize"
    if algorithm is not None:
        return metric, algorithm.maximized(metric)
    return metric, metric.rpartition(":")[2].partition("@")[0] in xgboost.TUNED_UPWARDS


def tuning(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong)."""
    if config.tuning is None:
        return
    yield from _strategy(config.tuning)
    yield from _metric(config, config.tuning)
    algorithm = built_in(config)
    title, tunable = ("XGBoost", xgboost.TUNABLE) if algorithm is None else (algorithm.name, algorithm.tunable)
    for name, given in config.tuning.ranges.items():
        yield from _range(name, given)
        if not config.training.script and tunable and name not in tunable:
            known = f" Expected one of: {', '.join(sorted(tunable))}." if algorithm else ""
            yield f"tuning.ranges.{name}", f"{title} has no hyperparameter {name!r} to search.{known}{nearest(name, tunable)}"


def _strategy(given: Tuning) -> Found:
    numeric = [name for name, each in given.ranges.items() if not each.values]
    if given.strategy == "Grid" and numeric:
        yield f"tuning.ranges.{numeric[0]}", "strategy Grid takes values only. Give values in the place of bounds."
    points = prod(len(each.values) for each in given.ranges.values())
    if given.strategy == "Grid" and not numeric and "jobs" in given.model_fields_set:
        yield "tuning.jobs", f"has no effect with strategy Grid, which tries all {points} combinations. Remove it."
    if given.strategy == "Hyperband" and given.early_stopping:
        yield "tuning.early_stopping", "has no effect with strategy Hyperband, which stops jobs itself. Remove it."
    if given.hyperband and given.strategy != "Hyperband":
        yield "tuning.hyperband", f"has no effect with strategy {given.strategy}. Remove it."
    if given.hyperband and given.hyperband.min_resource > given.hyperband.max_resource:
        yield "tuning.hyperband", f"min_resource {given.hyperband.min_resource} is above max_resource {given.hyperband.max_resource}."


def _metric(config: PipelineConfig, given: Tuning) -> Found:
    found = given.metric_regex or given.metric in config.training.metrics
    if config.training.script and not (given.metric and found and given.direction):
        yield "tuning", "training.script prints metrics of its own. Give metric, direction, and metric_regex or the metric's name in training.metrics."
    if not config.training.script and given.metric_regex:
        yield "tuning.metric_regex", "has no effect with the built-in algorithm. Remove it."
    algorithm = built_in(config)
    if algorithm is not None:
        yield from _metric_of(algorithm, config.problem, given)
    elif not config.training.script and given.metric:
        yield from _metric_of_xgboost(given.metric)


def _metric_of_xgboost(metric: str) -> Found:
    """Yield why no search can go by a metric: the service knows those of the two channels, none of them with a threshold (AWS developer guide, XGBoost)."""
    channel, mark, name = metric.partition(":")
    if not mark or channel not in ("validation", "train"):
        yield "tuning.metric", f"got {metric!r}, expected a metric of a channel such as validation:auc."
    elif name not in xgboost.METRICS:
        known = ", ".join(sorted(xgboost.METRICS))
        yield "tuning.metric", f"XGBoost prints no such metric; got {name!r}, expected one of: {known}.{nearest(name, xgboost.METRICS)}"


def _metric_of(algorithm: Algorithm, problem: str, given: Tuning) -> Found:
    known = algorithm.objectives.get(problem, ())
    if not known:
        yield "tuning", f"{algorithm.name} computes no metric to choose by, so that there is nothing to optimise. Remove it."
    elif given.metric and given.metric not in known:
        yield (
            "tuning.metric",
            f"{algorithm.name} has no such metric for {problem}; got {given.metric!r}, expected one of: {', '.join(known)}.{nearest(given.metric, known)}",
        )


def _range(name: str, given: TuningRange) -> Found:
    where, low, high = f"tuning.ranges.{name}", given.low, given.high
    if low is None or high is None:
        return
    if given.scaling == "Logarithmic" and low <= 0:
        yield where, f"Logarithmic scaling takes values above 0 only; got low {low}."
    if given.scaling == "ReverseLogarithmic" and (given.is_integer or low < 0 or high >= 1):
        yield where, f"ReverseLogarithmic scaling takes continuous values from 0 and below 1 only; got {low} to {high}."
    if given.kind == "integer" and not (float(low).is_integer() and float(high).is_integer()):
        yield where, f"an integer range has whole bounds; got {low} to {high}."
