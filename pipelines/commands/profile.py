"""sagewright profile"""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

FILES = ("profile.html", "profile.json")
SHOWN = 15
YAML = (".yaml", ".yml")


class Problem(str, enum.Enum):
    """Choose what the label is: two classes, several, or an amount."""

    binary_classification = "binary_classification"
    multiclass_classification = "multiclass_classification"
    regression = "regression"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("profile")(profile)


def profile(
    home: flags.HomeFlag,
    source: Annotated[Path, typer.Argument(help="A file or folder of CSV, Parquet or JSON Lines; or a pipeline.yaml, whose data is meant.")] = Path(
        "pipeline.yaml"
    ),
    target: Annotated[str | None, typer.Option("--target", help="The column to predict; with a pipeline.yaml it is label.column.")] = None,
    problem: Annotated[Problem | None, typer.Option("--problem", help="The kind of problem; guessed from the values of the target if absent.")] = None,
    directory: Annotated[Path | None, typer.Option("--directory", "-d", help="Where to write profile.html and profile.json.")] = None,
    overlay: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="What divides the cells of a CSV file; found by itself if absent.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of samples and models.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Look at data: what is in it, what is wrong with it, and the line of the recipe that mends it.

    Examples: sagewright profile bookings.csv --target is_canceled | sagewright profile
    """
    from pipelines.commands.profiling import from_config, from_data, look

    if not source.exists():
        raise UsageError("there is no such file", where=str(source), expected="a file of rows, or a pipeline.yaml")
    if source.suffix in YAML:
        _refuse({"--delimiter": delimiter}, "they belong to a file of rows; set data.delimiter")
        asked = from_config(source, overlay, flags.pairs(set_, "--set"), target, seed)
    else:
        _refuse({"--profile": overlay, "--set": set_}, "they configure a pipeline.yaml")
        asked = from_data(source, target, delimiter, seed or 0)
    asked = replace(asked, problem=problem.value) if problem else asked
    folder = directory or home / "profile" / source.stem
    found = look(asked, folder, (lambda line: None) if quiet else _tell)
    if output is flags.Output.json:
        _print_json({**found, "files": {name: str(folder / name) for name in FILES}})
    else:
        _print(found, folder)
    if open_:
        typer.launch(str((folder / FILES[0]).absolute()))
    return 0


def _refuse(given: Mapping[str, Any], why: str) -> None:
    wrong = [name for name, value in given.items() if value]
    if wrong:
        raise UsageError("this flag has no effect here", where=", ".join(wrong), hint=f"{why[0].upper()}{why[1:]}.")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print_json(value: Any) -> None:
    from pipelines.commands.printing import print_json

    print_json(value)


def _print(found: Mapping[str, Any], folder: Path) -> None:
    """Print the ranked findings as a table, each with the line that mends it."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    label = f", to predict {found['label']} ({found['problem'].replace('_', ' ') if found['problem'] else 'no problem to learn'})" if found["label"] else ""
    console.print(f"{found['rows']:,} rows, {found['columns']} columns{label}", markup=False)
    if found["findings"]:
        console.print(_table(found["findings"][:SHOWN]))
    rest = len(found["findings"]) - SHOWN
    if rest > 0:
        console.print(f"and {rest} more, none of them worse", markup=False)
    if not found["findings"]:
        console.print("Nothing was found that needs mending.")
    console.print(f"The page: {folder / FILES[0]}", markup=False, soft_wrap=True)


def _table(findings: Sequence[Mapping[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    colours = {"high": "bold red", "medium": "yellow", "low": "cyan"}
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("SEVERITY", no_wrap=True)
    made.add_column("FINDING", overflow="fold")
    for finding in findings:
        text = Text(f"{finding['kind']}: {finding['message']}")
        mending = f"already mended by {finding['mended_by']}" if finding["mended_by"] else finding["yaml"] or finding["advice"]
        text.append(f"\n{mending}", style="green" if finding["yaml"] else "dim")
        made.add_row(Text(finding["severity"], style=colours[finding["severity"]]), text)
    return made
