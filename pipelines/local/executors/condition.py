"""Run a Condition step: evaluate its conditions and say which branch is taken; the engine follows it."""

from __future__ import annotations

from dataclasses import asdict

from pipelines.definition.conditions import evaluate_conditions
from pipelines.local.context import Outcome, StepRun


def execute(step_run: StepRun) -> Outcome:
    """Return `Outcome` True or False as the step's property, and every comparison with both its values.

    Raises:
        ExpressionError: a value that a condition reads is not there.
    """
    holds, checks = evaluate_conditions(step_run.step.conditions, step_run.scope)
    told = tuple(asdict(check) for check in checks)
    return Outcome("Succeeded", {"Outcome": str(holds)}, checks=told)
