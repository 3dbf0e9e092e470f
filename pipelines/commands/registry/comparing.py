"""sagewright registry compare"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.compare import Form
from pipelines.commands.registry.looking import parse_version
from pipelines.errors import UsageError


def compare(
    home: flags.HomeFlag,
    version: Annotated[list[str], typer.Argument(help="Two versions or more: GROUP/NUMBER, GROUP or ARNs. Deltas are to the first.")],
    output: Annotated[Form, typer.Option("--output", help="Text, Markdown for a pull request, or one JSON document.")] = Form.text,
) -> int:
    """Compare versions: metrics with deltas, and of hyperparameters, parameters, data, code and libraries only what differs.

    Example: sagewright registry compare hotel-bookings/1 hotel-bookings/2 --output md
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home
    from pipelines.local.model_packages.beside import record
    from pipelines.report.compare_text import markdown, text
    from pipelines.report.compare_view import compare as compared
    from pipelines.report.curves_text import Style

    place = Home(home)
    packages = {each["ModelPackageArn"]: each for each in (place.registry.version(*parse_version(name)) for name in version)}
    if len(packages) < 2:
        got = f"{len(version)} name{'' if len(version) == 1 else 's'} of one version"
        raise UsageError("there is nothing to compare", where="sagewright registry compare", got=got, expected="two different versions")
    view = {**compared([record(place, package) for package in packages.values()]), "what": "version"}
    if output is Form.json:
        print_json(view)
    else:
        print(markdown(view) if output is Form.md else text(view, Style()))
    return 0
