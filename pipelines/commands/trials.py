"""sagewright trials"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.formats import Format, write
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.local.journal import StepState


SEARCHES = frozenset({"Tuning"})


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trials")(trials)


def trials(
    home: flags.HomeFlag,
    run: Annotated[str | None, typer.Argument(help="The run's id or the start of it; the newest run if absent.")] = None,
    step: Annotated[str | None, typer.Argument(help="The tuning step; the only one if absent.")] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Only the best so many.")] = None,
    output: Annotated[Format, typer.Option("--output", help="A table for people, for Markdown or as CSV, or one JSON document.")] = Format.text,
) -> int:
    """Show the training jobs of a search for hyperparameters, best first.

    Examples: sagewright trials | sagewright trials 3k2j Tune --top 5 --output md
    """
    from pipelines.commands.progress import shortened
    from pipelines.local.home import Home

    state = Home(home).find(run)
    found = _rows(_step(state.steps, step, state.execution_id))[:top]
    if output in (Format.text, Format.md):
        found = [{name: shortened(str(value)) for name, value in row.items()} for row in found]
    write(found, output)
    return 0


def _step(steps: Mapping[str, StepState], name: str | None, run: str) -> StepState:
    searches = {each.name: each for each in steps.values() if each.type in SEARCHES}
    if name is None and len(searches) == 1:
        return next(iter(searches.values()))
    if name not in searches:
        known = ", ".join(searches) or "none; give the configuration a section `tuning`"
        said = "there is no such tuning step" if name else "there is not one tuning step"
        raise UsageError(said, where=f"run {run}", got=name or "no name", expected=f"one of: {known}")
    return searches[name]


def _rows(step: StepState) -> list[dict[str, Any]]:
    """Return a row for each job: those of TrainingJobSummaries in its order, else, while the search runs, those that were journalled."""
    numbers = {trial["name"]: place for place, trial in step.trials.items()}
    summaries = step.properties.get("TrainingJobSummaries") or [trial["ended"]["summary"] for trial in step.trials.values() if "ended" in trial]
    rows = [_row(rank, numbers.get(each["TrainingJobName"]), each) for rank, each in enumerate(summaries, 1)]
    running = [trial for trial in step.trials.values() if "ended" not in trial] if not step.properties else []
    return [*rows, *({"rank": "", "job": numbers[each["name"]] + 1, "status": "InProgress", **each["tuned"]} for each in running)]


def _row(rank: int, place: int | None, summary: Any) -> dict[str, Any]:
    objective = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    told = {"reason": summary["FailureReason"]} if "FailureReason" in summary else {}
    job = place + 1 if place is not None else summary["TrainingJobName"]
    value = {objective["MetricName"]: objective["Value"]} if objective else {}
    return {"rank": rank, "job": job, "status": summary["TrainingJobStatus"], **value, **summary["TunedHyperParameters"], **told}
