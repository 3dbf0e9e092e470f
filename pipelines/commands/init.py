"""sagewright init"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags


class Problem(str, Enum):
    """List the problems of `--problem`."""

    binary_classification = "binary_classification"
    multiclass_classification = "multiclass_classification"
    regression = "regression"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    data: Annotated[Path, typer.Argument(help="Your table: CSV, Parquet or JSON Lines, also compressed, or a folder of such files.")],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    problem: Annotated[Problem | None, typer.Option("--problem", help="What kind of problem it is; guessed from the column if absent.")] = None,
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to write pipeline.yaml and profiles.")] = Path("."),
    name: Annotated[str | None, typer.Option("--name", help="The pipeline's name; made from the file's name if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Profile a table and write a pipeline.yaml for it: types, drops, imputations, encodings and bars, with a comment on every choice.

    Example: sagewright init churn.csv --target "Churn?"
    """
    import sys

    from pipelines.commands.printing import print_json
    from pipelines.scaffold import scaffold

    written = scaffold(data, target, directory, name, problem.value if problem else None, lambda line: print(f"{line} ...", file=sys.stderr))
    if output is flags.Output.json:
        print_json({"written": [str(path) for path in written]})
    else:
        print("\n".join(f"wrote {path}" for path in written))
        print("Next: sagewright run" if directory == Path(".") else f"Next: sagewright run {directory / 'pipeline.yaml'}")
    return 0
