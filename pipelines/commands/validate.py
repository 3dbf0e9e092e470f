"""sagewright validate"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import DefinitionError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("validate")(validate)


def validate(
    home: flags.HomeFlag,
    source: flags.SourceArgument = Path("pipeline.yaml"),
    param: flags.ParamFlag = None,
    params_file: flags.ParamsFileFlag = None,
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    role_arn: flags.RoleFlag = None,
    bucket: flags.BucketFlag = None,
    region: flags.RegionFlag = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show where every value came from.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Check a configuration and the definition it makes, or any definition, without running anything.

    Example: sagewright validate --explain --profile prod
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.project import Request, aws_sets, open_project
    from pipelines.definition.checks import check
    from pipelines.definition.model import loads

    sets = {**flags.pairs(set_, "--set"), **aws_sets(role_arn, bucket, region)}
    request = Request(source, home, profile, params_file, flags.pairs(param, "--param"), sets)
    project = open_project(request)
    problems = check(loads(project.text).raw)
    rows = _explained(project, request) if explain else []
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if errors:
        raise DefinitionError(errors, where=str(source))
    if output is flags.Output.json:
        print_json({"valid": True, "problems": [vars(problem) for problem in problems], **({"values": rows} if explain else {})})
        return 0
    _print(rows, [str(problem) for problem in problems], source)
    return 0


def _explained(project: Any, request: Any) -> list[dict[str, Any]]:
    from pipelines.config.explain import explain

    return [vars(row) for row in explain(project.loaded, request.params, request.params_file)] if project.loaded else []


def _near(place: str) -> str:
    """Return a place relative to the working directory when it is below it."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def _print(rows: list[dict[str, Any]], warnings: list[str], source: Path) -> None:
    from pipelines.commands.printing import table

    if rows:
        shown = [[row["key"], row["value"], row["source"], _near(row["place"])] for row in rows]
        print(table(shown, ["KEY", "VALUE", "SOURCE", "PLACE"]))
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"{source} is valid")
