"""sagewright graph"""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags


class Format(str, enum.Enum):
    """Choose how the graph is drawn."""

    tree = "tree"
    mermaid = "mermaid"
    svg = "svg"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("graph")(graph)


def graph(
    home: flags.HomeFlag,
    source: flags.SourceArgument = Path("pipeline.yaml"),
    format_: Annotated[Format, typer.Option("--format", help="tree for the terminal, mermaid for Markdown, svg for a picture.")] = Format.tree,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Write to this file instead of stdout.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Colour the steps by their status in this run.")] = None,
    profile: flags.ProfileFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Draw the pipeline.

    Example: sagewright graph --format svg --file graph.svg
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.project import Request, open_project
    from pipelines.definition.model import loads
    from pipelines.local.home import Home
    from pipelines.report import as_json, mermaid, svg, tree

    definition = loads(open_project(Request(source, home, profile)).text)
    states = {name: step.status for name, step in Home(home).find(run).steps.items()} if run else {}
    if output is flags.Output.json:
        print_json(as_json(definition, states))
        return 0
    plain = file is None and (sys.stdout.encoding or "ascii").lower() not in ("utf-8", "utf8")
    drawn = {
        Format.tree: lambda: tree(definition, states, ascii=plain),
        Format.mermaid: lambda: mermaid(definition, states),
        Format.svg: lambda: svg(definition, states),
    }
    text = drawn[format_]()
    if file:
        file.write_text(text, encoding="utf-8")
    print(f"wrote {file}" if file else text)
    return 0
