"""sagewright logs"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.local.journal import StepState


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    home: flags.HomeFlag,
    run: Annotated[str | None, typer.Argument(help="The run's id or the start of it; the newest run if absent.")] = None,
    step: Annotated[str | None, typer.Argument(help="The step; every step with a job if absent.")] = None,
    tail: Annotated[int | None, typer.Option("--tail", min=1, help="Only the last so many lines of each step.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Print what the jobs of a run wrote to stdout and stderr.

    Example: sagewright logs 3k2j Train --tail 20
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.container import log_lines
    from pipelines.local.home import Home

    place = Home(home)
    state = place.find(run)
    wanted = [state.steps[step]] if step and step in state.steps else list(state.steps.values())
    if step and step not in state.steps:
        raise UsageError(f"run {state.execution_id} has no step {step!r}", expected=f"one of: {', '.join(state.steps)}")
    jobs = {name: job for s in wanted for name, job in _jobs(s).items()}
    files = {called: file for name, job in jobs.items() for called, file in _files(name, place.run_dir(state) / "jobs" / job).items()}
    found = {name: list(log_lines(file))[-(tail or 0) :] for name, file in files.items()}
    if output is flags.Output.json:
        print_json(found)
        return 0
    for name, lines in found.items():
        if lines:
            print(*([] if step and len(found) == 1 else [f"==> {name} <=="]), *lines, sep="\n")
    for name, source in sorted({s.name: s.cache_source for s in wanted if s.cache_source}.items()):
        print(f"{name} was taken from an earlier run: sagewright logs {str(source).rsplit('/', 1)[-1]} {name}")
    return 0


def _files(name: str, job_dir: Path) -> dict[str, Path]:
    """Return a job's logs by what people call them: the job, and `Train (algo-2)` for a further instance of it."""
    from pipelines.local.instances import log_files

    return {name if number == 0 else f"{name} ({host})": file for number, (host, file) in enumerate(log_files(job_dir).items())}


def _jobs(step: StepState) -> dict[str, str]:
    """Return the names of a step's jobs by what people call them: the step, or `Tune #3` for a training job of a search."""
    if step.trials:
        return {f"{step.name} #{place + 1}": trial["name"] for place, trial in sorted(step.trials.items())}
    return {step.name: step.job_name} if step.job_name else {}
