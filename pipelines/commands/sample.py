"""sagewright sample"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample)


def sample(
    name: Annotated[str, typer.Argument(help="The example: hotel-bookings, churn-builtin, wine-quality or loan-approval.")],
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to write.")] = Path("."),
    data_only: Annotated[bool, typer.Option("--data-only", help="Only the data.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Make an example: seeded data with real flaws, and the pipeline.yaml that goes with it.

    Example: sagewright sample hotel-bookings && sagewright run
    """
    from pipelines.commands.printing import print_json
    from pipelines.samples import write_sample

    written = write_sample(name, directory, data_only=data_only)
    if output is flags.Output.json:
        print_json({"written": [str(path) for path in written]})
    else:
        print("\n".join(f"wrote {path}" for path in written) or "everything is there already")
    return 0
