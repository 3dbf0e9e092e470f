"""Run a Transform step: CreateTransformJob against a model that is served here (AWS developer guide, "Use Batch Transform")."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pipelines.local.context import Outcome, StepRun


def warm_up(arguments: Mapping[str, Any]) -> None:
    """Import what serving a model needs, in a thread."""
    threading.Thread(target=_import, name="imports for transform", daemon=True).start()


def _import() -> None:
    import pipelines.local.serving.hosted
    import pipelines.local.serving.loop
    import pipelines.local.transform.job  # noqa: F401


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeTransformJobResponse as the step's properties.

    Raises:
        ClientFault: the request is one that the service refuses, the model or the input is not there, or the model does not become healthy.
    """
    from pipelines.local.transform import job  # HTTP and all that: a run without such a step does not wait for it

    return job.execute(step_run)
