"""Run a QualityCheck step: DATA_QUALITY or MODEL_QUALITY against a baseline (developer guide, "Quality check step")."""

from __future__ import annotations

from pipelines.local.context import Outcome, StepRun


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeProcessingJobResponse with the URIs of statistics and constraints as the step's properties.

    Raises:
        ClientFault: the previous baseline or an input is not there, or a setting cannot be used.
    """
    from pipelines.local.checks import step  # it builds on the Processing executor, of the package that this module is a part of

    return step.execute(step_run)
