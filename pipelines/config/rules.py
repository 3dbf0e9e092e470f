"""Combinations that make no sense, found before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.config.model import CellBar, DropColumns, DropDuplicates, MetricBar, PipelineConfig

Found = Iterator[tuple[str, str]]

METRICS: Mapping[str, tuple[str, ...]] = {
    "binary_classification": ("accuracy", "precision", "recall", "f1", "f0_5", "f2", "auc")
    + ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
}
OBJECTIVES: Mapping[str, tuple[str, ...]] = {"binary_classification": ("binary:logistic", "reg:logistic")}


def impossible(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for every combination that cannot work."""
    for rule in (_split, _label, _order, _columns, _bars, _objective, _parameters):
        yield from rule(config)


def _split(config: PipelineConfig) -> Found:
    total = config.split.train + config.split.validation
    if total >= 1 - 1e-9:
        yield "split", f"nothing is left for the test split; got train + validation = {total:g}, expected less than 1."


def _named(step: Any) -> tuple[str, ...]:
    columns = getattr(step, "columns", ())
    return () if isinstance(columns, str) else tuple(columns)


def _label(config: PipelineConfig) -> Found:
    for index, step in enumerate(config.recipe):
        if config.label.column in _named(step) and not isinstance(step, DropDuplicates):
            verb = "dropped" if isinstance(step, DropColumns) else "changed"
            yield f"recipe[{index}].columns", f"the label {config.label.column!r} would be {verb} by step {step.step}. Take it out of the list."


def _order(config: PipelineConfig) -> Found:
    fitted = False
    for index, step in enumerate(config.recipe):
        early = isinstance(step, (DropColumns, DropDuplicates))
        if early and fitted:
            yield (
                f"recipe[{index}].step",
                f"{step.step} comes after a step that is fitted on the training split. Move it to the front: it acts before the split.",
            )
        fitted = fitted or not early


def _columns(config: PipelineConfig) -> Found:
    dropped: set[str] = set()
    for index, step in enumerate(config.recipe):
        for column in _named(step):
            if column in dropped:
                yield f"recipe[{index}].columns", f"the column {column!r} was dropped by an earlier step."
        dropped |= set(_named(step)) if isinstance(step, DropColumns) else set()
        if getattr(step, "strategy", None) == "constant" and getattr(step, "value", None) is None:
            yield f"recipe[{index}].value", "missing; strategy constant needs a value."


def _bars(config: PipelineConfig) -> Found:
    seen: set[tuple[str, bool]] = set()
    for index, bar in enumerate(config.gate):
        if (bar.at_least is None) == (bar.at_most is None):
            yield f"gate[{index}]", "a bar has one bound; expected at_least or at_most."
        name = bar.metric if isinstance(bar, MetricBar) else bar.cell
        if (name, bar.at_least is not None) in seen:
            yield f"gate[{index}]", f"there are two bars of the same kind for {name}. Remove one."
        seen.add((name, bar.at_least is not None))
        yield from _metric(config, index, bar)


def _metric(config: PipelineConfig, index: int, bar: MetricBar | CellBar) -> Found:
    if isinstance(bar, CellBar):
        return
    known = METRICS[config.problem]
    if bar.metric not in known:
        near = difflib.get_close_matches(bar.metric, known, 1, 0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        yield f"gate[{index}].metric", f"{config.problem} has no such metric; got {bar.metric!r}, expected one of: {', '.join(known)}.{hint}"
    for side in ("at_least", "at_most"):
        value = getattr(bar, side)
        if value is not None and not 0 <= value <= 1:
            yield f"gate[{index}].{side}", f"out of range; got {value:g}, expected a share between 0 and 1."


def _objective(config: PipelineConfig) -> Found:
    given, allowed = config.training.hyperparameters.get("objective"), OBJECTIVES[config.problem]
    if given is not None and given not in allowed and not config.training.script:
        yield "training.hyperparameters.objective", f"not for {config.problem}; got {given!r}, expected one of: {', '.join(allowed)}."


def _parameters(config: PipelineConfig) -> Found:
    from pipelines.config.parameters import pipeline_parameters

    known = [parameter.name for parameter in pipeline_parameters(config)]
    for name in config.parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.4)
            yield f"parameters.{name}", f"the pipeline has no such parameter; expected one of: {', '.join(known)}.{f' Did you mean {near[0]}?' if near else ''}"
