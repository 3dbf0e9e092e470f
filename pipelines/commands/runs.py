"""sagewright runs"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("runs")(runs)


def runs(
    home: flags.HomeFlag,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 20,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """List local runs, newest first, with their metrics.

    Example: sagewright runs --limit 5
    """
    from pipelines.commands.printing import clock_time, number, print_json, table
    from pipelines.local.home import Home
    from pipelines.local.results import summarize

    place = Home(home)
    states = place.states()[:limit]
    if output is flags.Output.json:
        print_json([{**summarize(state, place.store, place.run_dir(state)), "started_at": clock_time(state.started_at)} for state in states])
        return 0
    if not states:
        print("No run yet. Start one with: sagewright run")
        return 0
    rows = []
    for state in states:
        metrics = {name: value for step in state.steps.values() for name, value in step.metrics.items()}
        shown = " ".join(f"{name} {number(metrics[name])}" for name in ("accuracy", "auc", "rmse", "r2") if name in metrics)
        rows.append([state.execution_id, state.pipeline_name, state.status, clock_time(state.started_at), _seconds(state.started_at, state.ended_at), shown])
    print(table(rows, ["RUN", "PIPELINE", "STATUS", "STARTED", "SECONDS", "METRICS"]))
    return 0


def _seconds(started: float, ended: float | None) -> str:
    return f"{ended - started:.1f}" if ended else ""
