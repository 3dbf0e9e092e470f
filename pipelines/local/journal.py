"""A run's journal: append-only JSON lines, the only truth about a run. Status, progress, report and resume are folds over it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Event = Mapping[str, Any]
FILE = "journal.jsonl"


@dataclass(frozen=True)
class StepState:
    """State one step of a run, in the words of PipelineExecutionStep; `trials` are those of a tuning job by number (from 0).

    `trials_of` is how many there will be at most, `best_trial` the best one's number, `objective` the metric. `advanced` is how far a transform job is: files,
    size_bytes and records done, files_of and size_bytes_of in all. `check` is what a check step found, see `pipelines.local.checks.step`.
    """

    name: str
    type: str
    status: str = "Starting"
    started_at: float = 0.0
    ended_at: float | None = None
    attempt: int = 1
    job_name: str | None = None
    cache: str = ""
    cache_source: str | None = None
    failure_reason: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    trials: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    trials_of: int = 0
    best_trial: int | None = None
    objective: str = ""
    advanced: Mapping[str, int] = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Return the wall time in seconds, or None while the step runs."""
        return None if self.ended_at is None else round(self.ended_at - self.started_at, 3)


@dataclass(frozen=True)
class RunState:
    """State a whole run, in the words of DescribePipelineExecution; times are seconds since 1970.

    `finished` holds the trials of tuning jobs that had ended when the run was resumed; `provenance` is what the run was made with, empty for
    runs of earlier versions.
    """

    execution_arn: str = ""
    pipeline_name: str = ""
    definition_sha256: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    status: str = "Executing"
    failure_reason: str | None = None
    started_at: float = 0.0
    ended_at: float | None = None
    steps: Mapping[str, StepState] = field(default_factory=dict)
    finished: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    @property
    def execution_id(self) -> str:
        """Return the last part of the execution's ARN."""
        return self.execution_arn.rsplit("/", 1)[-1]


def _run_started(state: RunState, event: Event) -> RunState:
    known = {k: event[k] for k in ("execution_arn", "pipeline_name", "definition_sha256", "parameters", "options")}
    return replace(state, started_at=event["time"], provenance=event.get("provenance") or {}, **known)


def _run_resumed(state: RunState, event: Event) -> RunState:
    kept = {name: step for name, step in state.steps.items() if step.status == "Succeeded"}
    ended = {name: tuple(trial["ended"] for trial in step.trials.values() if "ended" in trial) for name, step in state.steps.items()}
    finished = {**state.finished, **{name: trials for name, trials in ended.items() if trials and name not in kept}}
    return replace(state, steps=kept, finished=finished, status="Executing", failure_reason=None, ended_at=None)


def _step_started(state: RunState, event: Event) -> RunState:
    trials = {each["trial"]["number"]: {**each["trial"], "ended": each} for each in state.finished.get(event["step"], ())}
    step = StepState(event["step"], event["type"], "Executing", event["time"], attempt=event.get("attempt", 1), job_name=event.get("job_name"), trials=trials)
    return replace(state, steps={**state.steps, step.name: step})


def _step_ended(state: RunState, event: Event) -> RunState:
    known = ("status", "failure_reason", "properties", "metrics", "cache", "cache_source", "check")
    before = state.steps.get(event["step"], StepState(event["step"], event["type"], started_at=event["time"]))
    after = replace(before, ended_at=event["time"], checks=tuple(event.get("checks", ())), **{k: event[k] for k in known if k in event})
    return replace(state, steps={**state.steps, after.name: after})


def _trial_started(state: RunState, event: Event) -> RunState:
    step = state.steps[event["step"]]
    trial = {"name": event["name"], "tuned": event["tuned"], "started_at": event["time"]}
    trials = {**step.trials, event["number"]: trial}
    known = {"trials_of": event.get("of", 0), "objective": event.get("metric", ""), "best_trial": event.get("best", step.best_trial)}
    return replace(state, steps={**state.steps, step.name: replace(step, trials=trials, **known)})


def _trial_ended(state: RunState, event: Event) -> RunState:
    step = state.steps[event["step"]]
    trial = {**step.trials.get(event["number"], {}), "ended": event["trial"], "ended_at": event["time"]}
    return replace(state, steps={**state.steps, step.name: replace(step, trials={**step.trials, event["number"]: trial}, best_trial=event["best"])})


ADVANCED = ("files", "files_of", "size_bytes", "size_bytes_of", "records")


def _transform_advanced(state: RunState, event: Event) -> RunState:
    step = state.steps[event["step"]]
    return replace(state, steps={**state.steps, step.name: replace(step, advanced={name: event[name] for name in ADVANCED})})


def _run_ended(state: RunState, event: Event) -> RunState:
    return replace(state, status=event["status"], failure_reason=event.get("failure_reason"), ended_at=event["time"])


FOLDS: Mapping[str, Callable[[RunState, Event], RunState]] = {
    "run_started": _run_started,
    "run_resumed": _run_resumed,
    "step_started": _step_started,
    "step_ended": _step_ended,
    "trial_started": _trial_started,
    "trial_ended": _trial_ended,
    "transform_advanced": _transform_advanced,
    "run_ended": _run_ended,
}


def fold(events: Iterator[Event], state: RunState | None = None) -> RunState:
    """Return the state that the events lead to; kinds of event it does not know change nothing."""
    state = state or RunState()
    for event in events:
        step = FOLDS.get(event["event"])
        state = step(state, event) if step else state
    return state


def read_events(path: Path) -> Iterator[Event]:
    """Yield the events of a journal file; a last line torn by a crash is left out."""
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            yield event


def read_state(run_dir: Path) -> RunState:
    """Return the state of the run in a folder."""
    return fold(read_events(run_dir / FILE))


class Journal:
    """Append events to a run's file, one write each, and hand each one to a listener."""

    def __init__(self, run_dir: Path, clock: Callable[[], float], listener: Callable[[Event], None] = lambda event: None) -> None:
        self._clock, self._listener, self._lock = clock, listener, threading.Lock()
        self._file = os.open(run_dir / FILE, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o644)
        self._mend()

    def _mend(self) -> None:
        """End a line that a crash tore, so that the next event starts on its own."""
        size_bytes = os.fstat(self._file).st_size
        if size_bytes and os.pread(self._file, 1, size_bytes - 1) != b"\n":
            os.write(self._file, b"\n")

    def append(self, event: str, **members: Any) -> None:
        """Write one event with the present time, in seconds since 1970.

        Raises:
            OSError: the disk is full or the folder is gone.
        """
        entry = {"event": event, "time": round(self._clock(), 3), **members}
        with self._lock:
            line = (json.dumps(entry, sort_keys=True, default=str) + "\n").encode()
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(28, "No space left on device", FILE)
            self._listener(entry)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
