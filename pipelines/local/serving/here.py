"""Where an execution of a pipeline deploys to."""

from __future__ import annotations

from pipelines.local.context import Run
from pipelines.local.serving.deploying import Here
from pipelines.local.serving.hosted import machine_of
from pipelines.local.serving.records import Records


def here_of(run: Run) -> Here:
    """Return the records and the machine of an execution."""
    return Here(Records(run.home), machine_of(run), run.run_dir / "endpoints", run.arn_prefix)
