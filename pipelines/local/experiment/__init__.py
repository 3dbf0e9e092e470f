"""The record of a run as an experiment's trial: `experiment.json` in the run's folder, a fold over journal, logs and objects."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from pipelines.errors import SagewrightError
from pipelines.local.experiment import logged
from pipelines.local.experiment.record import Trial, bare, record
from pipelines.local.faults import ClientFault
from pipelines.local.journal import FILE as JOURNAL
from pipelines.local.journal import RunState
from pipelines.local.store import Store

FILE = "experiment.json"
# What a definition or a log of other people's making can lead to; the journal stays the truth, so that a record can be made again.
PROBLEMS = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, SagewrightError, ClientFault)


def keep(run_dir: Path, state: RunState, store: Store) -> str | None:
    """Write the record of a run; return why it could not be written, None when it was. A run never fails for it."""
    try:
        _write(run_dir, _made(run_dir, state, store))
    except PROBLEMS as error:
        return f"the experiment record of run {state.execution_id} was not written: {type(error).__name__}: {error}"
    return None


def load(run_dir: Path, state: RunState, store: Store) -> dict[str, Any]:
    """Return the record of a run: the one that was kept, else made now, as for runs of earlier versions and for those that still run.

    Of a run whose definition or files it cannot read, parameters and metrics are returned, and why under `problem`.
    """
    try:
        kept = json.loads((run_dir / FILE).read_bytes())
    except (OSError, ValueError):
        kept = None
    if isinstance(kept, dict) and kept.get("journal_bytes") == _size(run_dir):
        return kept
    try:
        made = _made(run_dir, state, store)
    except PROBLEMS as error:
        return {**bare(state), "problem": f"{type(error).__name__}: {error}"}
    if state.ended_at is not None:
        try:
            _write(run_dir, made)
        except OSError:  # a folder that can only be read: made again the next time
            pass
    return made


def write_record(folder: Path, value: dict[str, Any]) -> None:
    """Write a record as experiment.json into a folder."""
    _write(folder, value)


def copy_files(state: RunState, store: Store, runs_dir: Path, folder: Path) -> None:
    """Copy the files that the scripts of a run logged to `files/<step>/` below a folder; those that are deleted since are left out."""
    for step in state.steps.values():
        trial = Trial(step, store, runs_dir, state.execution_id)
        if trial.facts.experiment:
            logged.copy_files(trial.job_dir, trial.facts.experiment, store, folder / "files" / step.name)


def _made(run_dir: Path, state: RunState, store: Store) -> dict[str, Any]:
    # The size tells whether the run went on after the record was written.
    made: dict[str, Any] = _json_ready({**record(state, store, run_dir.parent), "journal_bytes": _size(run_dir)})
    return made


def _json_ready(value: Any) -> Any:
    """Return a value with null in the place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {str(key): _json_ready(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _size(run_dir: Path) -> int:
    return (run_dir / JOURNAL).stat().st_size


def _write(run_dir: Path, value: dict[str, Any]) -> None:
    partial = run_dir / f".{FILE}.{os.getpid()}.partial"
    partial.write_text(json.dumps(value, sort_keys=True, indent=1, allow_nan=False, default=str) + "\n")
    os.replace(partial, run_dir / FILE)
