"""The pipeline parameters that a configuration makes: what can be changed from run to run without compiling again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipelines.algorithms.table import ALGORITHMS
from pipelines.config.model import CellBar, MetricBar, PipelineConfig
from pipelines.config.problem import KINDS

APPROVALS = ("PendingManualApproval", "Approved", "Rejected")


@dataclass(frozen=True)
class PipelineParameter:
    """Declare a parameter: its type is String, Integer, Float or Boolean; `config_key` is where its default comes from."""

    name: str
    type: str
    default: Any
    description: str
    config_key: str
    enum_values: tuple[str, ...] = ()


def bar_parameter(bar: MetricBar | CellBar) -> str:
    """Return the parameter's name for a gate's bar, e.g. MinAccuracy or MaxFalseNegative."""
    what = bar.metric if isinstance(bar, MetricBar) else bar.cell
    return ("Min" if bar.at_least is not None else "Max") + "".join(part.capitalize() for part in what.split("_"))


def input_parameter(name: str) -> str:
    """Return the parameter's name for a further input, e.g. RoomTypesData for `room_types`."""
    return "".join(part.capitalize() for part in name.split("_")) + "Data"


def pipeline_parameters(config: PipelineConfig) -> tuple[PipelineParameter, ...]:
    """Return every parameter of the pipeline with its default; `config.parameters` overrides what the sections say."""
    return tuple(_overridden(parameter, config) for parameter in section_parameters(config))


def section_parameters(config: PipelineConfig) -> tuple[PipelineParameter, ...]:
    """Return every parameter with the default that its own section gives it."""
    return (*_jobs(config), *_tuning(config), *_gate(config), *_registration(config))


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
    for index, bar in enumerate(config.gate):
        what = bar.metric if isinstance(bar, MetricBar) else bar.cell.replace("_", " ") + " rows"
        side, value = ("at_least", bar.at_least) if bar.at_least is not None else ("at_most", bar.at_most)
        kind = "Float" if isinstance(bar, MetricBar) else "Integer"
        text = f"The gate opens only with {what} {side.replace('_', ' ')} this, on the test split"
        yield PipelineParameter(bar_parameter(bar), kind, value, text, f"gate[{index}].{side}")


def _registration(config: PipelineConfig) -> Iterator[PipelineParameter]:
    if config.registration:
        status = config.registration.approval_status
        yield PipelineParameter("ModelApprovalStatus", "String", status, "Approval status of the registered version", "registration.approval_status", APPROVALS)
