"""Combinations that make no sense, found before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.config import expression_rules
from pipelines.config.model import METRICS, CellBar, MetricBar, PipelineConfig
from pipelines.config.parameters import section_parameters
from pipelines.config.problems import nearest
from pipelines.config.recipe import ON_ROWS, DropColumns, DropDuplicates, DropMissing, KeepColumns, fitted
from pipelines.config.values import refused

Found = Iterator[tuple[str, str]]

OBJECTIVES: Mapping[str, tuple[str, ...]] = {"binary_classification": ("binary:logistic", "reg:logistic")}


def impossible(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for every combination that cannot work."""
    for rule in (_label, _order, _columns, expression_rules.inputs, expression_rules.expressions, _bars, _objective, _machines, _parameters):
        yield from rule(config)


def _named(step: Any) -> tuple[str, ...]:
    columns = getattr(step, "columns", ())
    return () if isinstance(columns, str) else tuple(columns)


def _label(config: PipelineConfig) -> Found:
    for index, step in enumerate(config.recipe):
        if config.label.column in _named(step) and not isinstance(step, (DropDuplicates, DropMissing, KeepColumns)):
            verb = "dropped" if isinstance(step, DropColumns) else "changed"
            yield f"recipe[{index}].columns", f"the label {config.label.column!r} would be {verb} by step {step.step}. Take it out of the list."


def _order(config: PipelineConfig) -> Found:
    learnt = False
    for index, step in enumerate(config.recipe):
        if step.step in ON_ROWS and learnt:
            yield (
                f"recipe[{index}].step",
                f"{step.step} comes after a step that is fitted on the training split. Move it to the front: it acts before the split.",
            )
        learnt = learnt or fitted(step)


def _columns(config: PipelineConfig) -> Found:
    dropped: set[str] = set()
    for index, step in enumerate(config.recipe):
        for column in _named(step):
            if column in dropped:
                yield f"recipe[{index}].columns", f"the column {column!r} was dropped by an earlier step."
        dropped |= set(_named(step)) if isinstance(step, DropColumns) else set()


def _bars(config: PipelineConfig) -> Found:
    seen: set[tuple[str, bool]] = set()
    for index, bar in enumerate(config.gate):
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
        yield (
            f"gate[{index}].metric",
            f"{config.problem} has no such metric; got {bar.metric!r}, expected one of: {', '.join(known)}.{nearest(bar.metric, known, 0.4)}",
        )


def _objective(config: PipelineConfig) -> Found:
    given, allowed = config.training.hyperparameters.get("objective"), OBJECTIVES[config.problem]
    if given is not None and given not in allowed and not config.training.script:
        yield "training.hyperparameters.objective", f"not for {config.problem}; got {given!r}, expected one of: {', '.join(allowed)}."


def _machines(config: PipelineConfig) -> Found:
    for key in ("instance_type", "instance_count"):
        asked, used = getattr(config.evaluation, key), getattr(config.preprocess, key)
        if key in config.evaluation.model_fields_set and asked != used:
            yield f"evaluation.{key}", f"has no effect: both processing jobs run on preprocess.{key}; got {asked!r}, expected {used!r} or no such key."


def _parameters(config: PipelineConfig) -> Found:
    declared = {parameter.name: parameter for parameter in section_parameters(config)}
    for name, value in config.parameters.items():
        if name not in declared:
            yield f"parameters.{name}", f"the pipeline has no such parameter; expected one of: {', '.join(declared)}.{nearest(name, declared, 0.6)}"
            continue
        problem = refused(config, declared[name], value)
        if problem:
            yield f"parameters.{name}", problem
