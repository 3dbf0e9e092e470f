"""The pipeline parameters that a configuration makes: what can be changed from run to run without compiling again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from pipelines.algorithms.table import ALGORITHMS
from pipelines.config.check_rules import baselines, judges_approved, managed, nothing
from pipelines.config.gate import BiasBar, CellBar, Leaf, MetricBar, PrivacyBar, ProfileBar, QualityBar, bound_of, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.problem import KINDS

APPROVALS = ("PendingManualApproval", "Approved", "Rejected")


@dataclass(frozen=True)
class PipelineParameter:
    """Declare a parameter: its type is String, Integer, Float or Boolean; `config_key` is where its default comes from, empty when nowhere."""

    name: str
    type: str
    default: Any
    description: str
    config_key: str
    enum_values: tuple[str, ...] = ()


def bar_parameters(gate: tuple[Any, ...]) -> dict[Leaf, str]:
    """Return the parameter's name of each bar of a gate, e.g. MinAccuracy, MaxFalseNegative, MinAucLower or MaxAbsDplGender.

    Of several that would have the same name, the second ends with 2: within `any` one metric may have several bars, and names hold ASCII letters only.
    """
    names: dict[Leaf, str] = {}
    for _, bar in leaves(gate):
        name = SIDES[bound_of(bar)[0]] + "".join(_camel(word) for word in NAMED[type(bar)](bar))
        free = (f"{name}{number}" if number > 1 else name for number in count(1))
        names.setdefault(bar, next(each for each in free if each not in names.values()))
    return names


def bounded(bar: Leaf) -> tuple[Any, ...]:
    """Return what a bar bounds and from which side; of two bars for which this is the same, one is in vain where both must hold."""
    return type(bar), bound_of(bar)[0], NAMED[type(bar)](bar)


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:].lower() for part in re.split(r"[^A-Za-z0-9]+", text))


def bar_words(bar: Leaf) -> str:
    """Return what a bar bounds, in words."""
    return TOLD[type(bar)](bar)


def _metric_words(bar: MetricBar) -> str:
    part = {"value": "", "lower": "the lower limit of ", "upper": "the upper limit of "}[bar.bound]
    groups = f" where {bar.slice} is {bar.group}" if bar.group is not None else f" in the worst group of {bar.slice}" if bar.slice is not None else ""
    loss = "the loss of " if bar.not_worse_by is not None else ""
    return f"{part}{loss}{bar.metric}{groups}{' against the approved model' if loss else ''}"


SIDES: Mapping[str, str] = {"at_least": "Min", "at_most": "Max", "within": "MaxAbs", "not_worse_by": "MaxLoss"}
NAMED: Mapping[type[Leaf], Callable[[Any], tuple[str, ...]]] = {
    MetricBar: lambda bar: (bar.metric, "" if bar.bound == "value" else bar.bound, bar.slice or "", bar.group or ""),
    CellBar: lambda bar: (bar.cell,),
    BiasBar: lambda bar: (bar.bias, bar.facet),
    QualityBar: lambda bar: (bar.quality, "quality", "violations"),
    ProfileBar: lambda bar: ("profile", bar.profile, "findings"),
    PrivacyBar: lambda bar: (bar.privacy, "attack"),
}
TOLD: Mapping[type[Leaf], Callable[[Any], str]] = {
    MetricBar: _metric_words,
    CellBar: lambda bar: f"{bar.cell.replace('_', ' ')} rows",
    BiasBar: lambda bar: f"{'the size of ' if bar.within is not None else ''}{bar.bias} of {bar.facet}",
    QualityBar: lambda bar: f"violations of the {bar.quality}'s quality",
    ProfileBar: lambda bar: f"{bar.profile} findings of the profile",
    PrivacyBar: lambda bar: f"the AUC of the {bar.privacy.replace('_', ' ')} attack",
}
# Bars that count; the others have numbers with decimals.
COUNTS = (CellBar, QualityBar, ProfileBar)


def input_parameter(name: str) -> str:
    """Return the parameter's name for a further input, e.g. RoomTypesData for `room_types`."""
    return "".join(part.capitalize() for part in name.split("_")) + "Data"


def pipeline_parameters(config: PipelineConfig) -> tuple[PipelineParameter, ...]:
    """Return every parameter of the pipeline with its default; `config.parameters` overrides what the sections say."""
    return tuple(_overridden(parameter, config) for parameter in section_parameters(config))


def section_parameters(config: PipelineConfig) -> tuple[PipelineParameter, ...]:
    """Return every parameter with the default that its own section gives it."""
    return (*_jobs(config), *_tuning(config), *_gate(config), *_approved(config), *_registration(config))


def _overridden(parameter: PipelineParameter, config: PipelineConfig) -> PipelineParameter:
    if parameter.name not in config.parameters:
        return parameter
    value = config.parameters[parameter.name]
    return replace(parameter, default=float(value) if isinstance(parameter.default, float) else value, config_key=f"parameters.{parameter.name}")


def _jobs(config: PipelineConfig) -> Iterator[PipelineParameter]:
    if config.data.athena is None:
        yield PipelineParameter("InputData", "String", config.data.input, "S3 URI of the raw rows; locally also a file or folder", "data.input")
    for name, source in config.data.others.items():
        text = f"S3 URI of the rows of {name}; locally also a file or folder"
        yield PipelineParameter(input_parameter(name), "String", source.input, text, f"data.others.{name}.input")
    if config.batch_transform and config.batch_transform.input is not None:
        text = "S3 URI of the raw rows that batch transform answers; locally also a file or folder"
        yield PipelineParameter("BatchInput", "String", config.batch_transform.input, text, "batch_transform.input")
    yield PipelineParameter("Seed", "Integer", config.seed, "Seed of the split and of the training", "seed")
    if KINDS[config.problem].cells and config.training.algorithm not in ALGORITHMS:
        threshold = "Probability from which a row counts as positive"
        yield PipelineParameter("DecisionThreshold", "Float", config.evaluation.threshold, threshold, "evaluation.threshold")
    for name, section, job in (("Processing", "preprocess", config.preprocess), ("Training", "training", config.training)):
        jobs = "the processing jobs" if section == "preprocess" else "the training job"
        yield PipelineParameter(f"{name}InstanceType", "String", job.instance_type, f"Instance type of {jobs}", f"{section}.instance_type")
        yield PipelineParameter(f"{name}InstanceCount", "Integer", job.instance_count, f"Number of instances of {jobs}", f"{section}.instance_count")


def _tuning(config: PipelineConfig) -> Iterator[PipelineParameter]:
    if config.tuning and config.tuning.strategy != "Grid":
        yield PipelineParameter("TuningJobs", "Integer", config.tuning.jobs, "Training jobs of the search in all", "tuning.jobs")
    if config.tuning:
        yield PipelineParameter("TuningParallelJobs", "Integer", config.tuning.parallel, "Training jobs side by side", "tuning.parallel")


def _gate(config: PipelineConfig) -> Iterator[PipelineParameter]:
    names = bar_parameters(config.gate)
    for where, bar in {bar: (where, bar) for where, bar in leaves(config.gate)}.values():
        side, value = bound_of(bar)
        words = "at least" if side == "at_least" else "at most"
        of = ", on the test split" if isinstance(bar, (MetricBar, CellBar)) else ""
        kind = "Integer" if isinstance(bar, COUNTS) else "Float"
        yield PipelineParameter(names[bar], kind, value, f"The gate opens only with {bar_words(bar)} {words} this{of}", f"{where}.{side}")


def _approved(config: PipelineConfig) -> Iterator[PipelineParameter]:
    """Yield what the latest approved version left, which `sagewright run` looks up; without one each is a folder that says so."""
    if judges_approved(config):
        yield PipelineParameter("ApprovedModel", "String", nothing(config), "S3 URI of the approved model to compare with", "")
    for name, key in baselines(config).items():
        yield PipelineParameter(name, "String", nothing(config), f"S3 folder of the approved version's baseline for {key}", "")
    if managed(config):
        text = "Whether managed checks compare with no baseline; so for the first version, which has none"
        yield PipelineParameter("SkipChecks", "Boolean", True, text, "")


def _registration(config: PipelineConfig) -> Iterator[PipelineParameter]:
    if config.registration:
        status = config.registration.approval_status
        yield PipelineParameter("ModelApprovalStatus", "String", status, "Approval status of the registered version", "registration.approval_status", APPROVALS)
