"""What is wrong with a recipe's expressions and with the inputs its steps name, told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.config.model import PipelineConfig
from pipelines.config.problems import nearest
from pipelines.config.recipe import Derive
from pipelines.config.recipe_rows import Concat, FilterRows, Join
from pipelines.jobs import job_module

Found = Iterator[tuple[str, str]]


def expressions(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for expressions that cannot be read, and for columns made from the label."""
    for index, step in enumerate(config.recipe):
        for key, text in _expressions(step):
            where = f"recipe[{index}].{key}"
            columns, problem = _read(text)
            if problem:
                yield where, f"{problem}; got {text[:80]!r}."
            elif isinstance(step, Derive) and config.label.column in columns:
                yield where, f"reads the label {config.label.column!r}: the model would be told the answer. Take it out of the expression."


def _expressions(step: Any) -> Iterator[tuple[str, str]]:
    if isinstance(step, Derive):
        yield from ((f"columns.{name}", text) for name, text in step.columns.items())
    elif isinstance(step, FilterRows):
        yield "where", step.where


def _read(text: str) -> tuple[tuple[str, ...], str]:
    """Return the columns that the job would read, or the job's own complaint."""
    failure = job_module("jobkit.failure")
    try:
        return job_module("jobkit.expression").names(text), ""
    except failure.JobError as error:
        return (), str(error)


def inputs(config: PipelineConfig) -> Found:
    """Yield steps that name no input, and further inputs that no step uses."""
    named = {index: step.other for index, step in enumerate(config.recipe) if isinstance(step, (Join, Concat))}
    for index, name in named.items():
        if name not in config.data.others:
            known = f"expected one of: {', '.join(config.data.others)}" if config.data.others else "and data.others is empty"
            yield f"recipe[{index}].other", f"there is no such input; got {name!r}, {known}.{nearest(name, config.data.others, 0.5)}"
    for name in config.data.others:
        if name not in named.values():
            yield f"data.others.{name}", "no step uses this input. Add a step join or concat with it, or remove it."
