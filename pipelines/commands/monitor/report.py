"""sagewright monitor report"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

PAGE = "report.html"


def report(
    home: flags.HomeFlag,
    name: Annotated[str, typer.Argument(help="What was monitored; everything if absent.")] = "",
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write a page about every execution: what is violated now, and how each number moved over time.

    Example: sagewright monitor report hotel-bookings --open
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.monitoring import executions

    known = executions.names(home)
    if not known or (name and name not in known):
        what = "nothing has been monitored here yet" if not known else "this has not been monitored here"
        hint = "`sagewright monitor run` does it."
        raise UsageError(what, where=name or str(home), expected=f"one of: {', '.join(known)}" if known else "", hint=hint)
    found = {each: executions.history(home, each) for each in ([name] if name else known)}
    page = _write(home, found, alone=bool(name))
    if output is flags.Output.json:
        print_json({"page": str(page), "executions": found})
    else:
        _print(found, page)
    if open_:
        typer.launch(str(page.absolute()))
    return 0


def _write(home: Path, found: Mapping[str, Sequence[Mapping[str, Any]]], *, alone: bool) -> Path:
    """Write the pages, drawn by the code that the jobs carry, and return the one that leads to the rest."""
    from pipelines.jobs import job_module
    from pipelines.local.monitoring import executions

    drawing = job_module("jobkit.drift.history_page")
    pages = {executions.root(home, each) / PAGE: drawing.page(each, listed) for each, listed in found.items()}
    first = next(iter(pages))
    if not alone:
        first = home / executions.FOLDER / PAGE
        pages[first] = drawing.index(found)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return first


def _print(found: Mapping[str, Sequence[Mapping[str, Any]]], page: Path) -> None:
    from pipelines.commands.printing import table

    rows = [
        [name, execution["time"], analysis["kind"], analysis["status"], f"{analysis['rows']:,}" if "rows" in analysis else "", _first(analysis)]
        for name, executions in found.items()
        for execution in reversed(executions)
        for analysis in execution["analyses"]
    ]
    print(table(rows, ["MONITORED", "TIME", "ANALYSIS", "STATUS", "ROWS", "VIOLATIONS"]))
    print(f"\nThe page: {page}")


def _first(analysis: Mapping[str, Any]) -> str:
    """Return how many violations there are and what the first is about."""
    violations = analysis["violations"]
    return f"{len(violations)}: {', '.join(each.partition(':')[0] for each in violations[:3])}{', …' if len(violations) > 3 else ''}" if violations else ""
