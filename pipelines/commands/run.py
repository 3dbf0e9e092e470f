"""sagewright run"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from pipelines.definition.model import Definition
    from pipelines.local.images.mapped import ImageMap


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    home: flags.HomeFlag,
    source: flags.SourceArgument = Path("pipeline.yaml"),
    param: flags.ParamFlag = None,
    params_file: flags.ParamsFileFlag = None,
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    role_arn: flags.RoleFlag = None,
    bucket: flags.BucketFlag = None,
    region: flags.RegionFlag = None,
    only: Annotated[str | None, typer.Option("--only", help="Run these steps (comma-separated) on the results of an earlier run.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Run this step and all after it.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Run this step and all before it.")] = None,
    from_run: Annotated[str | None, typer.Option("--source", help="The run whose results --only and --from start from.")] = None,
    no_cache: flags.NoCacheFlag = False,
    max_parallel: flags.MaxParallelFlag = 50,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    images: flags.ImagesFlag = flags.Images.host,
    image_map: flags.ImageMapFlag = None,
    cold: flags.ColdFlag = False,
    keep_warm: flags.KeepWarmFlag = 0.0,
    stop_grace: flags.GraceFlag = 120.0,
    fault: Annotated[list[str] | None, typer.Option("--fault", help="STEP=TYPE[:COUNT]: let attempts at a step meet a fault, to rehearse retries.")] = None,
    table: flags.TableFlag = None,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Run a pipeline here: the very definition that `upsert` sends, without Docker or AWS.

    Examples: sagewright run | sagewright run -p InputData=bookings.csv | sagewright run any-definition.json --only Evaluate
    """
    from pipelines.local.launch import make_launcher

    # First of all: it imports the libraries of jobs while the rest is imported here.
    launcher = make_launcher(isolation.value, cold=cold, keep_minutes=keep_warm)
    try:
        from dataclasses import replace

        from pipelines.commands.execution import carry_out
        from pipelines.commands.project import Request, all_images, all_tables, aws_sets, open_project
        from pipelines.local import runs
        from pipelines.local.home import Home
        from pipelines.local.selection import Selection

        sets = {**flags.pairs(set_, "--set"), **aws_sets(role_arn, bucket, region)}
        project = open_project(Request(source, home, profile, params_file, flags.pairs(param, "--param"), sets))
        mapped = all_images(project, image_map)
        definition = checked(project.text, str(source), mapped=mapped)
        chosen = Selection(tuple(only.split(",")) if only else (), start, until, from_run)
        tables = all_tables(project, flags.pairs(table, "--table"))
        options = runs.Options(max_parallel, not no_cache, stop_grace, chosen, _faults(fault), region or "us-east-1", tables, images.value, mapped)
        options = replace(options, project=source.absolute().parent, tracking=project.tracking)
        place = Home(home)
        place.store.put_objects(project.objects)
    except BaseException:
        launcher.close()
        raise
    return carry_out(
        place,
        definition,
        launcher,
        lambda hear, stopper: runs.start(
            place, project.text, pipeline_name=project.name, given=project.parameters, options=options, launcher=launcher, listener=hear, stopper=stopper
        ),
        output=output,
        quiet=quiet,
    )


def checked(text: str, where: str, *, runs_here: bool = True, mapped: ImageMap | None = None) -> Definition:
    """Return the definition when the deep checks find no error and, for a local run, every step type and built-in algorithm runs here; warnings go to stderr.

    Raises:
        DefinitionError: the deep checks found an error; nothing was started.
    """
    import sys

    from pipelines.definition.checks import check
    from pipelines.definition.model import loads
    from pipelines.local.executors import EXECUTABLE
    from pipelines.local.images.mapped import ImageMap
    from pipelines.local.images.unrunnable import unrunnable
    from pipelines.local.transform.refusals import refused

    definition = loads(text)
    problems = check(definition.raw, executable=EXECUTABLE if runs_here else None)
    problems += (*unrunnable(definition, mapped or ImageMap()), *refused(definition)) if runs_here else ()
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if errors:
        raise DefinitionError(errors, where=where)
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    return definition


def _faults(given: list[str] | None) -> dict[str, tuple[str, ...]]:
    faults: dict[str, tuple[str, ...]] = {}
    for step, text in flags.pairs(given, "--fault").items():
        kind, _, count = text.partition(":")
        if count and not count.isdigit():
            raise UsageError("this is not a number of attempts", where="--fault", got=repr(count), expected="STEP=TYPE or STEP=TYPE:COUNT")
        faults[step] = (kind,) * int(count or 1)
    return faults
