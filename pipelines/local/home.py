"""The folder of local state: the local S3, the registry, the cache and one folder a run."""

from __future__ import annotations

import fcntl
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.local.journal import FILE, RunState, read_state
from pipelines.local.registry import Registry
from pipelines.local.store import Store


@dataclass(frozen=True)
class Home:
    """Find the parts of a `.sagewright` folder."""

    root: Path

    @property
    def store(self) -> Store:
        """Return the local S3."""
        return Store(self.root / "s3")

    @property
    def registry(self) -> Registry:
        """Return the local Model Registry."""
        return Registry(self.root / "registry", time.time)

    @property
    def runs_dir(self) -> Path:
        """Return the folder that holds one folder a run."""
        return self.root / "runs"

    def states(self) -> list[RunState]:
        """Return every run's state, newest first."""
        states = [read_state(path.parent) for path in self.runs_dir.glob(f"*/{FILE}")]
        return sorted((state for state in states if state.execution_arn), key=lambda state: -state.started_at)

    def find(self, name: str | None) -> RunState:
        """Return the run with this id or unique start of an id, the newest when no name or `latest` is given.

        Raises:
            UsageError: there is no such run, or the name fits several.
        """
        states = self.states()
        if not states:
            raise UsageError("there is no run yet", where=str(self.runs_dir), hint="Start one with `sagewright run`.")
        if name is None or name == "latest":
            return states[0]
        found = [state for state in states if state.execution_id.startswith(name.rsplit("/", 1)[-1])]
        if len(found) != 1:
            known = ", ".join(state.execution_id for state in states[:5])
            raise UsageError(f"{len(found) or 'no'} runs are called {name!r}", where=str(self.runs_dir), expected=f"one of: {known}")
        return found[0]

    def is_abandoned(self, state: RunState) -> bool:
        """Tell whether a run that has not ended has no process that executes it any more."""
        if state.ended_at is not None:
            return False
        with open(self.run_dir(state) / ".lock", "a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def run_dir(self, state: RunState) -> Path:
        """Return a run's folder."""
        return self.runs_dir / state.execution_id
