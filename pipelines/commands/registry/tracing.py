"""sagewright registry lineage"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.registry.looking import VersionArgument, parse_version


class Drawn(str, enum.Enum):
    """Choose how a lineage is shown."""

    tree = "tree"
    mermaid = "mermaid"
    svg = "svg"


def lineage(
    home: flags.HomeFlag,
    version: VersionArgument,
    form: Annotated[Drawn, typer.Option("--format", help="A tree of words, a Mermaid flowchart or a picture.")] = Drawn.tree,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show which data, code, parameters, training and image made a version, each with its hash.

    Examples: sagewright registry lineage hotel-bookings/1 | sagewright registry lineage hotel-bookings --format svg > lineage.svg
    """
    from pipelines.commands.printing import print_json, visible
    from pipelines.local.home import Home
    from pipelines.local.model_packages.lineage import load

    place = Home(home)
    traced = load(place, place.registry.version(*parse_version(version)))
    if output is flags.Output.json:
        print_json(traced)
    else:
        print(visible(WRITERS[form](traced).rstrip("\n")))
    return 0


def _tree(traced: Mapping[str, Any]) -> str:
    from pipelines.report.lineage_view import text

    return text(traced, unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8")


def _mermaid(traced: Mapping[str, Any]) -> str:
    from pipelines.report.graph_mermaid import flowchart
    from pipelines.report.lineage_view import picture

    return flowchart(picture(traced))


def _svg(traced: Mapping[str, Any]) -> str:
    from pipelines.report import graph_svg
    from pipelines.report.lineage_view import picture

    return graph_svg.picture(picture(traced), f"Lineage of {traced['model_package_arn']}")


WRITERS: Mapping[Drawn, Callable[[Mapping[str, Any]], str]] = {Drawn.tree: _tree, Drawn.mermaid: _mermaid, Drawn.svg: _svg}
