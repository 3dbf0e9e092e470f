"""sagewright resume"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("resume")(resume)


def resume(
    home: flags.HomeFlag,
    run: Annotated[str | None, typer.Argument(help="The run's id or the start of it; the newest run if absent.")] = None,
    no_cache: flags.NoCacheFlag = False,
    max_parallel: flags.MaxParallelFlag = 50,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    cold: flags.ColdFlag = False,
    keep_warm: flags.KeepWarmFlag = 0.0,
    stop_grace: flags.GraceFlag = 120.0,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Go on with a run that failed, crashed or was stopped; steps that succeeded are kept.

    Example: sagewright resume
    """
    from pipelines.commands.execution import carry_out
    from pipelines.definition.model import loads
    from pipelines.local import runs
    from pipelines.local.home import Home
    from pipelines.local.launch import make_launcher

    place = Home(home)
    state = place.find(run)
    definition = loads((place.run_dir(state) / "definition.json").read_text())
    launcher = make_launcher(isolation.value, cold=cold, keep_minutes=keep_warm)
    options = runs.Options(max_parallel, not no_cache, stop_grace)
    return carry_out(
        place,
        definition,
        launcher,
        lambda hear, stopper: runs.resume(place, state.execution_id, options=options, launcher=launcher, listener=hear, stopper=stopper),
        output=output,
        quiet=quiet,
        before=state,
    )
