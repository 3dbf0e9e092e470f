"""Run a Fail step: end the execution with a message."""

from __future__ import annotations

from pipelines.local.context import Outcome, StepRun

MESSAGE_CHARACTERS = 3072


def execute(step_run: StepRun) -> Outcome:
    """Fail with the step's ErrorMessage, cut at the 3,072 characters the service keeps."""
    message = str(step_run.arguments.get("ErrorMessage", ""))[:MESSAGE_CHARACTERS]
    return Outcome("Failed", {"ErrorMessage": message}, failure_reason=message)
