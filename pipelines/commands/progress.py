"""Live progress on stderr: a line a step and a bar for the whole on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from pipelines.commands.printing import measured, number, one_line, visible
from pipelines.local.journal import Event, RunState, StepState, fold

MARKS: Mapping[str, str] = {"Succeeded": "✓", "Failed": "✗", "Stopped": "■", "Executing": "●"}
PLAIN_MARKS: Mapping[str, str] = {"Succeeded": "ok", "Failed": "FAILED", "Stopped": "stopped", "Executing": "..."}
STYLES: Mapping[str, str] = {"Succeeded": "green", "Failed": "bold red", "Stopped": "yellow", "Executing": "cyan"}
ALGORITHM_METRICS = ("validation:binary_classification_accuracy", "validation:roc_auc_score", "validation:multiclass_accuracy", "validation:mse")
SHOWN_METRICS = (*ALGORITHM_METRICS, "test:accuracy", "test:mse", "test:msd", "accuracy", "precision", "recall", "auc", "weighted_f1", "rmse", "r2") + tuple(
    f"validation:{metric}" for metric in ("auc", "logloss", "error", "mlogloss", "merror", "rmse", "mae")
)


SHOWN_VIOLATIONS = 3
WITH_A_JOB = ("Processing", "Training", "Tuning", "Transform", "ClarifyCheck", "QualityCheck")


class Progress(Protocol):
    """Hear a run's journal and show it."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def hear(self, event: Event) -> None:
        """Take one journal entry; called from the engine's threads."""


def choose(step_names: Sequence[str], *, quiet: bool, before: RunState | None = None) -> Progress:
    """Return live progress for a terminal that can draw, plain lines for anything else, silence when asked; `before` is where a resumed run stands."""
    if quiet:
        return Silent()
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ
    return Live(step_names, before) if live else Plain(before)


def remark(step: StepState) -> str:
    """Return what is worth saying of a step that ended: where it came from, its metrics, or why it failed."""
    if step.status == "Failed":
        return visible(step.failure_reason or "")
    checked = [checked_words(step.check)] if step.check else []
    metrics = " ".join(f"{name} {number(step.metrics[name])}" for name in SHOWN_METRICS if name in step.metrics)
    branch = [f"branch: {'yes' if step.properties.get('Outcome') == 'True' else 'no'}"] if "Outcome" in step.properties else []
    package = [f"version {step.properties['ModelPackageVersion']}"] if "ModelPackageVersion" in step.properties else []
    searched = [searched_words(step)] if step.trials else []
    searched += [advanced_words(step)] if step.advanced else []
    reused = ["cached"] if step.cache == "hit" else ["from the source run"] if step.cache == "selective" else []
    return ", ".join([*reused, *branch, *package, *searched, *checked, *([metrics] if metrics and not searched else [])])


def checked_words(check: Mapping[str, Any]) -> str:
    """Return what a check step found: `12 metrics, no violation`, or the violations."""
    found = check["violations"]
    left = [f"{len(found) - SHOWN_VIOLATIONS} more"] if len(found) > SHOWN_VIOLATIONS else []
    return f"{measured(check)}{': ' if found else ''}{'; '.join([*found[:SHOWN_VIOLATIONS], *left])}"


def searched_words(step: StepState) -> str:
    """Return how far a search for hyperparameters is, and its best job so far."""
    done = sum("ended" in trial for trial in step.trials.values())
    best = step.trials.get(step.best_trial, {}).get("ended") if step.best_trial is not None else None
    return f"{done} of {step.trials_of} jobs" + (f", best {step.objective} {number(best['objective'])} (#{(step.best_trial or 0) + 1})" if best else "")


def advanced_words(step: StepState) -> str:
    """Return how far a transform job is: `1,200,000 records, 43 %`, and the files where there are several; of one that is done only how much it was."""
    done = step.advanced
    ended = done["files"] == done["files_of"]
    files = [f"{done['files']} files" if ended else f"{done['files']} of {done['files_of']} files"] if done["files_of"] > 1 else []
    records = [f"{done['records']:,} records"] if done["records"] else []
    return ", ".join([*records, *files, *([] if ended else [f"{100 * done['size_bytes'] // max(1, done['size_bytes_of'])} %"])])


def tuned_words(tuned: Mapping[str, str]) -> str:
    """Return hyperparameters in short: `eta 0.0812 max_depth 7`."""
    return " ".join(f"{name} {shortened(value)}" for name, value in tuned.items())


def shortened(value: str) -> str:
    """Return a value with a number in four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


class Silent:
    """Show nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def hear(self, event: Event) -> None:
        """Pass the entry over."""


class Plain(Silent):
    """Write one line an event, for CI logs."""

    def __init__(self, before: RunState | None = None) -> None:
        self._state = before or RunState()

    def hear(self, event: Event) -> None:
        """Write what the entry says."""
        self._state = fold(iter([event]), self._state)
        line = LINES.get(str(event["event"]), lambda state, entry: "")(self._state, event)
        if line:
            print(visible(line), file=sys.stderr, flush=True)


def _ended(state: RunState, event: Event) -> str:
    step = state.steps[event["step"]]
    missed = f"({step.cache})" if step.cache.startswith("miss") else ""
    words = [f"{step.name}:", PLAIN_MARKS[step.status], f"{step.seconds or 0:.2f} s", remark(step), missed]
    return " ".join(word for word in words if word)


def _trial(step: StepState, event: Event) -> str:
    """Return a line for a training job of a search: its number, how it ended, its objective and its values."""
    ended = event["trial"]
    why = one_line(ended["summary"].get("FailureReason", "no objective"))
    objective = f"{step.objective} {number(ended['objective'])}" if ended["objective"] is not None else why
    mark = {"Completed": "ok", "Stopped": "stopped"}.get(ended["status"], "FAILED")
    best = " (best so far)" if step.best_trial == event["number"] else ""
    return f"{step.name} #{event['number'] + 1}: {mark} {objective}{best}  {tuned_words(ended['trial']['tuned'])}"


LINES: Mapping[str, Any] = {
    "run_started": lambda state, event: f"run {state.execution_id} of {state.pipeline_name}",
    "step_started": lambda state, event: f"{event['step']}: started" if event["type"] in WITH_A_JOB else "",
    "trial_ended": lambda state, event: _trial(state.steps[event["step"]], event),
    "transform_advanced": lambda state, event: f"{event['step']}: {advanced_words(state.steps[event['step']])}" if event["told"] else "",
    "step_retried": lambda state, event: f"{event['step']}: retry {event['attempt']} after {event['fault']} (the service would wait {event['wait_s']:.0f} s)",
    "step_ended": _ended,
}


class Live(Silent):
    """Redraw a table of the steps and a bar of the whole, ten times a second."""

    def __init__(self, step_names: Sequence[str], before: RunState | None = None) -> None:
        from rich.console import Console
        from rich.live import Live as Screen

        self._names, self._state = list(step_names), before or RunState()
        self._screen = Screen(get_renderable=self._draw, console=Console(stderr=True), refresh_per_second=10, transient=False)

    def __enter__(self) -> Live:
        self._screen.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._screen.stop()

    def hear(self, event: Event) -> None:
        """Fold the entry into what is drawn next."""
        self._state = fold(iter([event]), self._state)

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        for name in self._names:
            step = self._state.steps.get(name)
            if step or self._state.ended_at is None:
                grid.add_row(*_row(name, step))
            if step and step.status == "Executing":
                for row in trial_rows(step):
                    grid.add_row(*row)
        done = sum(step.status in ("Succeeded", "Failed", "Stopped") for step in self._state.steps.values())
        finished = self._state.ended_at is not None
        bar = ProgressBar(total=max(1, len(self._names)), completed=len(self._names) if finished else done, width=60)
        return grid if finished else Group(grid, bar)


def _row(name: str, step: StepState | None) -> list[Any]:
    from rich.text import Text

    if step is None:
        return [Text("·", "dim"), Text(name, "dim"), "", ""]
    seconds = step.seconds if step.seconds is not None else time.time() - step.started_at
    style = STYLES[step.status]
    return [Text(MARKS[step.status], style), Text(name, style), Text(f"{seconds:6.2f} s", "dim"), Text(remark(step))]


NEWEST = 8


def trial_rows(step: StepState) -> list[list[Any]]:
    """Return a row for each of the newest training jobs of a search that runs, and for the best one."""
    from rich.text import Text

    newest = sorted(step.trials)[-NEWEST:]
    shown = sorted({*newest, *([step.best_trial] if step.best_trial is not None else [])})
    rows = []
    for place in shown:
        trial, ended = step.trials[place], step.trials[place].get("ended")
        status = {"Completed": "Succeeded", "Stopped": "Stopped"}.get(ended["status"], "Failed") if ended else "Executing"
        style = "bold green" if place == step.best_trial else STYLES[status]
        told = number(ended["objective"]) if ended and ended["objective"] is not None else ""
        rows.append([Text(""), Text(f"  {MARKS[status]} #{place + 1}", style), Text(told, style), Text(tuned_words(trial["tuned"]), "dim")])
    return rows
