"""Combinations that make no sense, found before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pipelines.config import expression_rules
from pipelines.config.algorithm_rules import algorithm
from pipelines.config.bars import bars
from pipelines.config.check_rules import check_rules
from pipelines.config.model import PipelineConfig
from pipelines.config.package_rules import package
from pipelines.config.parameters import section_parameters
from pipelines.config.problem import KINDS
from pipelines.config.problems import nearest
from pipelines.config.recipe import COMBINING, ON_ROWS, DropColumns, KeepColumns, TargetEncode, fitted
from pipelines.config.recipe_rows import DropDuplicates, DropMissing
from pipelines.config.training_rules import training
from pipelines.config.tuning_rules import tuning
from pipelines.config.values import refused

Found = Iterator[tuple[str, str]]


def impossible(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for every combination that cannot work."""
    for rule in RULES:
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
    learnt, began = False, False
    for index, step in enumerate(config.recipe):
        if step.step in COMBINING and began:
            yield f"recipe[{index}].step", f"{step.step} comes after another step. Move it to the front: inputs are combined first."
            continue
        began = began or step.step not in COMBINING
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


def _problem(config: PipelineConfig) -> Found:
    """Yield members that belong to another kind of problem."""
    for key, problem in (("positive", "binary_classification"), ("classes", "multiclass_classification")):
        if key in config.label.model_fields_set and config.problem != problem:
            yield f"label.{key}", f"has no effect with problem {config.problem}, expected problem {problem}. Remove it."
    if "threshold" in config.evaluation.model_fields_set and not KINDS[config.problem].cells:
        yield "evaluation.threshold", f"has no effect with problem {config.problem}. Remove it."
    if config.problem == "multiclass_classification":
        yield from _classes(config)


def _classes(config: PipelineConfig) -> Found:
    classes = config.label.classes
    if len(classes) < 2:
        got = f"got {list(classes)}" if classes else "missing"
        yield "label.classes", f"{got}; multiclass_classification needs every class of {config.label.column!r}, e.g. [low, middle, high]."
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        yield "label.classes", f"{twice!r} stands twice. Remove one."
    given = config.training.hyperparameters.get("num_class")
    if given is not None and str(given) != str(len(classes)):
        yield "training.hyperparameters.num_class", f"got {given!r}, expected {len(classes)}, the number of label.classes, or no such key."
    for index, step in enumerate(config.recipe):
        if isinstance(step, TargetEncode):
            yield f"recipe[{index}].step", "target_encode has no meaning for several classes. Use ordinal, frequency_encode or one_hot."


def _objective(config: PipelineConfig) -> Found:
    given, allowed = config.training.hyperparameters.get("objective"), KINDS[config.problem].objectives
    if given is not None and given not in allowed and not config.training.script:
        yield "training.hyperparameters.objective", f"not for {config.problem}; got {given!r}, expected one of: {', '.join(allowed)}."


def _metrics(config: PipelineConfig) -> Found:
    named = config.training.metrics
    if named and not config.training.script:
        yield "training.metrics", "has no effect with the built-in algorithm, whose metrics the service knows. Remove it."
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        yield "training.metrics", f"{twice!r} stands twice. Remove one."


def _split(config: PipelineConfig) -> Found:
    if config.split.column == config.label.column:
        yield "split.column", f"is the label {config.label.column!r}; a split by it would test on labels that were never trained on. Name another column."


def _leakage(config: PipelineConfig) -> Found:
    if config.leakage.fail_on and not config.leakage.checks:
        yield "leakage.fail_on", "never stops anything, since leakage.checks is empty. Name checks, or remove it."


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


RULES: tuple[Callable[[PipelineConfig], Found], ...] = (
    *(_label, _order, _columns, expression_rules.inputs, expression_rules.expressions, _problem, bars, _objective, algorithm, tuning, _split, _leakage),
    *(_machines, training, package, check_rules, _metrics, _parameters),
)
