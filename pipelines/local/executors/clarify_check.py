"""Run a ClarifyCheck step: DATA_BIAS, MODEL_BIAS or MODEL_EXPLAINABILITY against a baseline (developer guide, "Clarify check step")."""

from __future__ import annotations

from pipelines.local.context import Outcome, StepRun


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeProcessingJobResponse with the URIs of the constraints as the step's properties.

    Raises:
        ClientFault: the previous baseline or an input is not there, a setting cannot be used, or the model does not start.
    """
    from pipelines.local.checks import step  # it builds on the Processing executor, of the package that this module is a part of

    return step.execute(step_run)
