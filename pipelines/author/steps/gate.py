"""QualityGate: every bar holds, or the pipeline fails with all numbers and bars in its message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.config.model import CellBar, MetricBar
from pipelines.config.parameters import bar_parameter
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "QualityGate"
FAIL = "QualityGateFailed"
# A cell of the confusion matrix by its place: actual class, predicted class.
CELLS = {"true_positive": "1.1", "true_negative": "0.0", "false_positive": "0.1", "false_negative": "1.0"}


def json_path(bar: MetricBar | CellBar, problem: str) -> str:
    """Return the path of a bar's number in evaluation.json."""
    group = KINDS[problem].group
    return f"{group}.confusion_matrix.{CELLS[bar.cell]}" if isinstance(bar, CellBar) else f"{group}.{bar.metric}.value"


def compose(composition: Composition, judged: Any, report: Any, open_steps: list[Any], after: list[Any] | None = None) -> Any:
    """Return the Condition step; `open_steps` run when every bar holds, and `after` are steps that it waits for."""
    from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo
    from sagemaker.core.workflow.functions import JsonGet
    from sagemaker.mlops.workflow.condition_step import ConditionStep

    numbers = [JsonGet(step_name=judged.name, property_file=report, json_path=json_path(bar, composition.config.problem)) for bar in composition.config.gate]
    limits = [composition.parameters[bar_parameter(bar)] for bar in composition.config.gate]
    kinds = [ConditionGreaterThanOrEqualTo if bar.at_least is not None else ConditionLessThanOrEqualTo for bar in composition.config.gate]
    return ConditionStep(
        NAME,
        conditions=[kind(left=number, right=limit) for kind, number, limit in zip(kinds, numbers, limits, strict=True)],
        if_steps=open_steps,
        else_steps=[_fail(composition, numbers, limits)],
        depends_on=after,
        display_name="Is the model good enough?",
        description=f"Opens when every bar holds on the test split: {'; '.join(_words(bar) for bar in composition.config.gate)}."[:3072],
    )


def _words(bar: MetricBar | CellBar) -> str:
    what = bar.cell.replace("_", " ") + " rows" if isinstance(bar, CellBar) else bar.metric
    return f"{what} {'at least' if bar.at_least is not None else 'at most'}"


def _fail(composition: Composition, numbers: list[Any], limits: list[Any]) -> Any:
    from sagemaker.core.workflow.functions import Join
    from sagemaker.mlops.workflow.fail_step import FailStep

    values: list[Any] = ["The quality gate is closed:"]
    for bar, number, limit in zip(composition.config.gate, numbers, limits, strict=True):
        what, _, side = _words(bar).rpartition(" at ")
        values += [f"{what} is", number, f"and must be at {side}", Join(on="", values=[limit, ";"])]
    return FailStep(
        FAIL,
        error_message=Join(on=" ", values=[*values, "nothing was registered."]),
        display_name="Stop: a bar was missed",
        description="Ends the execution and names every number with its bar.",
    )
