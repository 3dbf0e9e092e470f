"""sagewright export python | notebook | data"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.export.recipe import Source

HELP = """Take recipe and data out: as a Python file, a notebook, or data.

Examples: sagewright export python --run latest | sagewright export data --to prepared"""
RunFlag = Annotated[str | None, typer.Option("--run", help="Put in what this run learned: its id, or `latest`.")]
RecipeFlag = Annotated[Path | None, typer.Option("--recipe", help="Put in what this recipe.json holds.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    group.command("python")(python)
    group.command("notebook")(notebook)
    group.command("data")(data)
    app.add_typer(group, name="export")


def python(
    home: flags.HomeFlag,
    source: flags.ConfigArgument = Path("pipeline.yaml"),
    run: RunFlag = None,
    recipe: RecipeFlag = None,
    file: Annotated[Path, typer.Option("--file", help="The file to write.")] = Path("prepare.py"),
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write the recipe as one Python file that needs pandas and numpy only.

    Examples: sagewright export python | sagewright export python --run latest --file prepare.py
    """
    from pipelines.export.python_file import python_file

    body = python_file(_source(home, source, run, recipe, profile, set_))
    return _written(file, body, output)


def notebook(
    home: flags.HomeFlag,
    source: flags.ConfigArgument = Path("pipeline.yaml"),
    run: RunFlag = None,
    recipe: RecipeFlag = None,
    file: Annotated[Path, typer.Option("--file", help="The file to write.")] = Path("prepare.ipynb"),
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write the recipe as a Jupyter notebook: each step explained, with plots.

    Example: sagewright export notebook --file bookings.ipynb
    """
    from pipelines.export.notebook import notebook as made

    return _written(file, made(_source(home, source, run, recipe, profile, set_)), output)


def _written(file: Path, body: str, output: flags.Output) -> int:
    from pipelines.commands.printing import print_json
    from pipelines.export.folder import write_text

    write_text(file, body)
    if output is flags.Output.json:
        print_json({"written": [str(file)]})
    else:
        print(f"wrote {file}")
    return 0


def _source(home: Path, path: Path, run: str | None, recipe: Path | None, profile: str | None, sets: list[str] | None) -> Source:
    """Return what is exported, from a configuration and, where asked for, a fitted recipe."""
    from pipelines.config.loader import load
    from pipelines.export.recipe import Source, read_recipe, user_files

    if run is not None and recipe is not None:
        raise UsageError("a recipe comes from one place", where="sagewright export", got="--run and --recipe", expected="one of them")
    loaded = load(path, profile=profile, sets=flags.pairs(sets, "--set"))
    config = loaded.config.as_json()
    file = _recipe_of(home, run, loaded.config.name) if run is not None else recipe
    fitted = read_recipe(file) if file is not None else None
    return Source(loaded.config.name, config, user_files(config, loaded.root), fitted, {"raw": _input(loaded.root, config["data"]["input"])})


def _input(root: Path, text: str) -> str:
    return text if text.startswith("s3://") else str((root / text).expanduser())


def _recipe_of(home: Path, run: str, pipeline: str) -> Path:
    """Return where the recipe of a run lies."""
    from pipelines.local.home import Home
    from pipelines.local.results import summarize

    place = Home(home)
    state = place.find(None if run == "latest" else run)
    found = summarize(state, place.store, place.run_dir(state))["outputs"].get("Preprocess.recipe")
    if found is None:
        raise UsageError("this run has no fitted recipe", where=f"run {state.execution_id}", hint="Its step Preprocess has to end first.")
    if state.pipeline_name != pipeline:
        raise UsageError("this run is of another pipeline", where=f"run {state.execution_id}", got=state.pipeline_name, expected=pipeline)
    return Path(found) / "recipe.json"


def data(
    home: flags.HomeFlag,
    source: flags.ConfigArgument = Path("pipeline.yaml"),
    to: Annotated[str, typer.Option("--to", help="A folder, or s3://bucket/prefix.")] = "",
    form: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    all_rows: Annotated[bool, typer.Option("--all-rows", help="One file of all rows, fitted on all of them: for use outside training.")] = False,
    param: flags.ParamFlag = None,
    params_file: flags.ParamsFileFlag = None,
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    region: flags.RegionFlag = None,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    cold: flags.ColdFlag = False,
    no_cache: flags.NoCacheFlag = False,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Run Preprocess here and copy raw and prepared rows to a folder or to S3.

    Examples: sagewright export data --to out | sagewright export data --to s3://my-bucket/prepared --format csv
    """
    from pipelines.commands.exporting import Wanted, export_data
    from pipelines.commands.printing import print_json
    from pipelines.commands.project import Request

    if not to:
        raise UsageError("there is no destination", where="sagewright export data", expected="--to FOLDER or --to s3://bucket/prefix")
    request = Request(source, home, profile, params_file, flags.pairs(param, "--param"), flags.pairs(set_, "--set"))
    told = export_data(request, Wanted(to, form, all_rows, region, isolation.value, cold, no_cache, quiet))
    if output is flags.Output.json:
        print_json(told)
    else:
        print("\n".join([f"{'copied' if name in told['copied'] else 'there already'}: {name}" for name in told["files"]] + [f"in {told['to']}"]))
    return 0
