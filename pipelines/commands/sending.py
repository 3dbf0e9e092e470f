"""Send the record of a run to MLflow: after the run, when its configuration says so, and again on demand."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from pipelines.errors import SagewrightError, UsageError
from pipelines.local.home import Home
from pipelines.local.journal import RunState


def send_run(home: Home, state: RunState, tracking_uri: str | None = None, experiment: str | None = None) -> dict[str, Any]:
    """Send a run's record with the files that it logged, to where its configuration said or to where the caller says.

    Raises:
        UsageError: there is no tracking URI, the run has not ended, or MLflow is not installed.
        CloudError: the server cannot be reached, or refuses.
    """
    from pipelines.local import experiment as records
    from pipelines.tracking.to_mlflow import send

    kept = state.options.get("tracking") or {}
    uri = tracking_uri or kept.get("tracking_uri")
    if not uri:
        hint = "Give --tracking-uri, or set mlflow.tracking_uri in pipeline.yaml and run again."
        raise UsageError("this run has no tracking URI", where=f"run {state.execution_id}", hint=hint)
    if state.ended_at is None:
        raise UsageError("this run has not ended", where=f"run {state.execution_id}", hint=f"Wait for it, or: sagewright resume {state.execution_id}")
    record = records.load(home.run_dir(state), state, home.store)
    with tempfile.TemporaryDirectory(prefix="sagewright-send-") as folder:
        records.copy_files(state, home.store, home.runs_dir, Path(folder))
        records.write_record(Path(folder), record)
        return send(record, Path(folder), tracking_uri=uri, experiment=experiment or kept.get("experiment") or state.pipeline_name)


def send_afterwards(home: Home, state: RunState) -> None:
    """Send the record of a run that just ended; what goes wrong is a warning, and the record stays here. A run that was stopped can go on and is not sent."""
    if state.status == "Stopped":
        return
    try:
        sent = send_run(home, state)
    except KeyboardInterrupt:
        print(f"warning: sending to MLflow was interrupted; send it later: sagewright runs send {state.execution_id}", file=sys.stderr)
        return
    except SagewrightError as error:
        print(f"warning: the run is kept here, but was not sent to MLflow: {error}", file=sys.stderr)
        if "runs send" not in str(error):
            print(f"warning: send it later: sagewright runs send {state.execution_id}", file=sys.stderr)
        return
    print(f"MLflow: {sent['tracking_uri']}, experiment {sent['experiment']}, run {sent['run_id']}", file=sys.stderr)
