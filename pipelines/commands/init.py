"""sagewright init"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    data: Annotated[Path, typer.Option("--data", help="Your CSV file.")],
    label: Annotated[str, typer.Option("--label", help="The column to predict.")],
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to write pipeline.yaml and profiles.")] = Path("."),
    name: Annotated[str | None, typer.Option("--name", help="The pipeline's name; made from the file's name if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Look at a CSV and write a pipeline.yaml for it, with a comment on every choice.

    Example: sagewright init --data churn.csv --label "Churn?"
    """
    from pipelines.commands.printing import print_json
    from pipelines.samples.scaffold import scaffold

    written = scaffold(data, label, directory, name)
    if output is flags.Output.json:
        print_json({"written": [str(path) for path in written]})
    else:
        print("\n".join(f"wrote {path}" for path in written))
        print("Next: sagewright run" if directory == Path(".") else f"Next: sagewright run {directory / 'pipeline.yaml'}")
    return 0
