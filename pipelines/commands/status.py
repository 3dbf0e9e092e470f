"""sagewright status"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    home: flags.HomeFlag,
    run: Annotated[str | None, typer.Argument(help="The run's id or the start of it; the newest run if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show one run step by step: status, seconds, cache hit or the reason of the miss, metrics, failure.

    Example: sagewright status
    """
    from pipelines.commands.printing import checked_lines, clock_time, print_json, table, visible
    from pipelines.commands.progress import remark
    from pipelines.local.home import Home
    from pipelines.local.results import checked, missed_bars, summarize

    place = Home(home)
    state = place.find(run)
    if output is flags.Output.json:
        print_json({**summarize(state, place.store, place.run_dir(state)), "missed": missed_bars(state)})
        return 0
    print(f"Run {state.execution_id} of {state.pipeline_name}: {state.status}, started {clock_time(state.started_at)}")
    rows = [[step.name, step.type, step.status, "" if step.seconds is None else f"{step.seconds:.2f}", remark(step)] for step in state.steps.values()]
    print(table(rows, ["STEP", "TYPE", "STATUS", "SECONDS", ""]) if rows else "No step has started.")
    for step in state.steps.values():
        if step.cache.startswith("miss"):
            print(f"{step.name} was not taken from the cache: {step.cache[6:]}")
    for step in state.steps.values():
        if step.check:
            print(checked_lines(step.name, checked(step, place.store)))
    if place.is_abandoned(state):
        print(f"No process is executing this run any more. Go on with it: sagewright resume {state.execution_id}")
    if state.failure_reason:
        print(visible(state.failure_reason))
    print(f"Files: {place.run_dir(state)}")
    return 0
