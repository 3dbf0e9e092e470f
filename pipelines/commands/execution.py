"""What `run` and `resume` share: a launcher, signals, progress, the report and the exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pipelines.commands.flags import Output
from pipelines.commands.printing import print_json, run_report
from pipelines.commands.progress import choose
from pipelines.commands.sending import send_afterwards
from pipelines.definition.model import Definition
from pipelines.local.context import Run
from pipelines.local.home import Home
from pipelines.local.journal import Event, RunState
from pipelines.local.launcher import Launcher
from pipelines.local.metrics import confusion_matrix
from pipelines.local.results import exit_code, missed_bars, summarize

Stopper = Callable[[Run], None]


@contextmanager
def stopping_on_signals() -> Iterator[Stopper]:
    """Stop the run on the first Ctrl-C or SIGTERM, kill its jobs on the second; the earlier handlers come back at the end."""
    runs: list[Run] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not runs:
            raise KeyboardInterrupt
        kill = runs[0].stopping.is_set()
        runs[0].stopping.set()
        runs[0].launcher.stop_all(kill=kill)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield runs.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def carry_out(
    home: Home,
    definition: Definition,
    launcher: Launcher,
    act: Callable[[Callable[[Event], None], Stopper], RunState],
    *,
    output: Output,
    quiet: bool,
    before: RunState | None = None,
) -> int:
    """Do the run with progress on stderr, print the result on stdout and return the exit code; `before` is where a resumed run stands."""
    names = [step.name for step in definition.all_steps()]
    try:
        with choose(names, quiet=quiet, before=before) as progress, stopping_on_signals() as stopper:
            state = act(progress.hear, stopper)
    finally:
        launcher.close()
    report(home, definition, state, output)
    if state.options.get("tracking"):
        send_afterwards(home, state)
    return exit_code(state, definition)


def report(home: Home, definition: Definition, state: RunState, output: Output) -> None:
    """Print a run's result."""
    summary = summarize(state, home.store, home.run_dir(state))
    if output is Output.json:
        print_json({**summary, "missed": missed_bars(state)})
        return
    print(run_report(summary, _matrix(home, definition, state), missed_bars(state)))


def _matrix(home: Home, definition: Definition, state: RunState) -> dict[str, dict[str, int]] | None:
    from pipelines.local.container import read_json

    for step in definition.all_steps():
        done = state.steps.get(step.name)
        outputs = (done.properties.get("ProcessingOutputConfig") or {}).get("Outputs", []) if done and done.status == "Succeeded" else []
        for file in step.property_files:
            uris = [output["S3Output"]["S3Uri"] for output in outputs if output["OutputName"] == file.output_name]
            matrix = confusion_matrix(read_json(home.store.path(uris[0]) / file.file_path)) if uris else None
            if matrix:
                return matrix
    return None
