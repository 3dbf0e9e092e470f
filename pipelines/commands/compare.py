"""sagewright compare"""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.files import replace_file
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.report.curves_text import Style


class Form(str, enum.Enum):
    """Choose how the comparison is written."""

    text = "text"
    md = "md"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    home: flags.HomeFlag,
    run: Annotated[list[str], typer.Argument(help="Two runs or more: ids, starts of ids, or `latest`. Deltas are to the first.")],
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the metrics per round to this file, .svg or .png (png needs matplotlib).")] = None,
    output: Annotated[Form, typer.Option("--output", help="Text with charts, Markdown for a pull request, or one JSON document.")] = Form.text,
) -> int:
    """Compare runs: only what differs, metrics with deltas, metrics per round as charts.

    Examples: sagewright compare 3k2j latest | sagewright compare 3k2j 9xw1 --output md | sagewright compare 3k2j 9xw1 --chart curves.svg
    """
    from pipelines.commands.printing import print_json
    from pipelines.local import experiment
    from pipelines.local.home import Home
    from pipelines.report.compare_text import markdown, text
    from pipelines.report.compare_view import compare as compared

    place = Home(home)
    states = {state.execution_id: state for state in map(place.find, run)}
    if len(states) < 2:
        got = f"{len(run)} name{'' if len(run) == 1 else 's'} of one run"
        raise UsageError(
            "there is nothing to compare", where="sagewright compare", got=got, expected="two different runs", hint="`sagewright runs` lists them."
        )
    writer = _writer(chart) if chart else None
    view = compared([experiment.load(place.run_dir(state), state, place.store) for state in states.values()])
    if output is Form.json:
        print_json(view)
    else:
        print(markdown(view) if output is Form.md else text(view, _style()))
    if chart and writer:
        writer(chart, view)
        print(f"wrote {chart}", file=sys.stderr)
    return 0


def _style() -> Style:
    """Return how charts are drawn here: colours on a terminal without NO_COLOR, characters beyond ASCII where the output takes them."""
    from pipelines.report.curves_text import Style

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour=colour, unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8")


def _writer(path: Path) -> Any:
    if path.suffix.lower() not in WRITERS:
        raise UsageError("a chart cannot be written as this", where="--chart", got=str(path), expected="a file name that ends in .svg or .png")
    if not path.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where="--chart", got=str(path.absolute().parent), expected="a folder that exists")
    return WRITERS[path.suffix.lower()]


def _svg(path: Path, view: Mapping[str, Any]) -> None:
    from pipelines.report.curves_svg import svg

    replace_file(path, svg(view["curves"], [run["run"] for run in view["runs"]]).encode())


def _png(path: Path, view: Mapping[str, Any]) -> None:
    from pipelines.report.curves_png import png

    replace_file(path, png(view["curves"], [run["run"] for run in view["runs"]]))


WRITERS = {".svg": _svg, ".png": _png}
