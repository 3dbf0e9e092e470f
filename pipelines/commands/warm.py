"""sagewright warm"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("warm")(warm)


def warm(
    keep: Annotated[float | None, typer.Option("--keep", min=0.1, metavar="MINUTES", help="Keep the libraries in memory from now on.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End every process that is kept.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Say whether the libraries of jobs are kept in memory between runs, begin with that, or end it.

    Examples: sagewright warm --keep 30 | SAGEWRIGHT_KEEP_WARM=30 sagewright run | sagewright warm --stop
    """
    from pipelines.commands.printing import print_json
    from pipelines.local import nursery

    if stop:
        ended = nursery.stop()
        print_json({"ended": ended}) if output is flags.Output.json else print(f"{ended} ended")
        return 0
    if keep is not None:
        nursery.keep(keep)
    kept = [{"pid": pid, "socket": str(place), "fits": place == nursery.address()} for pid, place in nursery.parents()]
    if output is flags.Output.json:
        print_json(kept)
    elif keep is not None:
        print(f"kept for {keep:g} minutes after the last run; `sagewright warm --stop` ends it")
    else:
        lines = [f"process {each['pid']}{'' if each['fits'] else ', of another Sagewright or environment'}" for each in kept]
        print("\n".join(lines) or "nothing is kept")
    return 0
