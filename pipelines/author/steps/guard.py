"""A guard: a condition on the verdict of a report, with the steps behind it in its branch, and a Fail step that names the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guard:
    """Hold the names and texts of a guard; `found` begins the failure's message, `see` ends it."""

    name: str
    fail: str
    title: str
    told: str
    found: str
    see: str
    stop: str


def compose(guard: Guard, step: Any, verdict: Any, reasons: tuple[str, ...], behind: list[Any]) -> Any:
    """Return the Condition step; `verdict` is a PropertyFile of `step` with verdict.findings (a number) and verdict.message (text)."""
    from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep

    count = JsonGet(step_name=step.name, property_file=verdict, json_path="verdict.findings")
    told = JsonGet(step_name=step.name, property_file=verdict, json_path="verdict.message")
    failed = FailStep(
        guard.fail,
        error_message=Join(on=" ", values=[guard.found, count, "namely", told, guard.see]),
        display_name=guard.stop,
        description="Ends the execution and names the findings.",
    )
    return ConditionStep(
        guard.name,
        conditions=[ConditionLessThanOrEqualTo(left=count, right=0)],
        if_steps=behind,
        else_steps=[failed],
        display_name=guard.title,
        description=f"{guard.told}{': ' if reasons else ''}{', '.join(reasons)}."[:3072],
    )
