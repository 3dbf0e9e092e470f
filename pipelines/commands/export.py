"""sagewright export python | notebook | data"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

HELP = """Carry a recipe that a run fitted elsewhere: a plain pandas file, a Jupyter notebook, or the prepared data.

Example: sagewright export python --file prepare.py
"""
RunOption = Annotated[str | None, typer.Option("--run", help="The run whose recipe it is; the newest that prepared data if absent.")]


class Format(str, Enum):
    """List the formats of `export data`."""

    parquet = "parquet"
    csv = "csv"


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    for name, command in (("python", python), ("notebook", notebook), ("data", data)):
        group.command(name)(command)
    app.add_typer(group, name="export")


def python(
    home: flags.HomeFlag,
    run: RunOption = None,
    file: Annotated[Path, typer.Option("--file", help="The file to write.")] = Path("prepare.py"),
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write the fitted recipe as one Python file that needs pandas and NumPy only and gives the model's features to the bit.

    Example: sagewright export python && python prepare.py rows.csv features.csv
    """
    from pipelines.export.python_file import python_file

    found = _prepared(home, run)
    files = {file: python_file(found["recipe"], found["name"], file.name, found["reading"]).encode(), **_own(found, file.parent)}
    return _written(files, output)


def notebook(
    home: flags.HomeFlag,
    run: RunOption = None,
    file: Annotated[Path, typer.Option("--file", help="The file to write.")] = Path("prepare.ipynb"),
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write the fitted recipe as a Jupyter notebook that does the same step by step, with plots (needs pandas and matplotlib).

    Example: sagewright export notebook --file bookings.ipynb
    """
    from pipelines.export.notebook import notebook as write

    found = _prepared(home, run)
    text = write(found["recipe"], found["name"], found["data"], found["reading"], found["charts"])
    return _written({file: text.encode(), **_own(found, file.parent)}, output)


def data(
    home: flags.HomeFlag,
    to: Annotated[str, typer.Option("--to", help="A new folder, or s3://bucket/prefix.")],
    run: RunOption = None,
    format_: Annotated[Format, typer.Option("--format", help="How the splits are written.")] = Format.parquet,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Copy train, validation and test split, recipe.json and a manifest to a folder, or to S3 below the manifest's hash.

    Example: sagewright export data --to s3://my-bucket/bookings
    """
    import sys
    import tempfile

    from pipelines.aws.objects import put_all
    from pipelines.commands.printing import print_json
    from pipelines.export.data import lay_out, objects

    found = _prepared(home, run)
    if not to.startswith("s3://"):
        lay_out(found["outputs"], Path(to), format_.value, found["name"])
        written = sorted(str(path) for path in Path(to).iterdir())
    else:
        with tempfile.TemporaryDirectory() as folder:
            lay_out(found["outputs"], Path(folder) / "data", format_.value, found["name"])
            wanted = objects(Path(folder) / "data", to)
            put_all(wanted, region, lambda line: print(line, file=sys.stderr))
            written = list(wanted)
    if output is flags.Output.json:
        print_json({"written": written})
    else:
        print("\n".join(f"wrote {name}" for name in written))
    return 0


def _prepared(home: Path, run: str | None) -> dict[str, Any]:
    """Return what a run's step Preprocess left: recipe, outputs by name, how its data was read, and the folder of its code."""
    from pipelines.local.home import Home

    place = Home(home)
    for state in [place.find(run)] if run else place.states() or [place.find(None)]:
        found = _left_by(place, state)
        if found:
            return found
    raise UsageError("no run has prepared data", where=str(place.runs_dir), hint="Run `sagewright run --until Preprocess` first.")


def _left_by(place: Any, state: Any) -> dict[str, Any] | None:
    from pipelines.local.results import summarize

    run_dir = place.run_dir(state)
    paths = summarize(state, place.store, run_dir)["outputs"]
    outputs = {key.partition(".")[2]: Path(path) for key, path in paths.items() if key.startswith("Preprocess.")}
    recipe = _json(outputs.get("recipe", Path("?")) / "recipe.json")
    if not recipe:
        return None
    definition = _json(run_dir / "definition.json")
    code, looked = (_code(definition, place.store, step) for step in ("Preprocess", "Profile"))
    return {
        "recipe": recipe,
        "outputs": outputs,
        "reading": _json(code / "job.json").get("data", {}) if code else {},
        "charts": _json(looked / "job.json").get("profile", {}) if looked else {},
        "code": code,
        "name": state.pipeline_name,
        "data": str(state.parameters.get("InputData", "rows.csv")).rsplit("/", 1)[-1],
    }


def _json(path: Path) -> dict[str, Any]:
    import json

    return dict(json.loads(path.read_text())) if path.is_file() else {}


def _code(definition: Mapping[str, Any], store: Any, step: str) -> Path | None:
    """Return the local folder of a processing step's code, None when the step is not there."""
    from pipelines.definition.model import parse

    for found in parse(definition).all_steps():
        inputs = found.arguments.get("ProcessingInputs") or () if found.name == step else ()
        uri = next((entry["S3Input"]["S3Uri"] for entry in inputs if entry.get("InputName") == "code" and "S3Input" in entry), None)
        if isinstance(uri, str):
            return Path(store.path(uri))
    return None


def _own(found: Mapping[str, Any], folder: Path) -> dict[Path, bytes]:
    """Return the files of the user's own functions, which the exported file calls."""
    names = {state["function"].rpartition(":")[0] for state in found["recipe"]["steps"] if state["step"] == "python"}
    return {folder / name: (found["code"] / name).read_bytes() for name in sorted(names)}


def _written(files: Mapping[Path, bytes], output: flags.Output) -> int:
    from pipelines.commands.printing import print_json
    from pipelines.samples import write_files

    written = write_files(Path("."), files)
    if output is flags.Output.json:
        print_json({"written": [str(path) for path in written]})
    else:
        print("\n".join(f"wrote {path}" for path in written) or "everything is there already")
    return 0
