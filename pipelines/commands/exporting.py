"""Export data: run Preprocess here, stage raw and prepared rows with a manifest, then move them to a folder or upload them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.commands.project import Project, Request, open_project
from pipelines.errors import RunFailed, UsageError

STEP = "Preprocess"
ALL_ROWS = "All rows, fitted on all of them and not split: for use outside training. A model trained on these must not be tested on them."
SPLIT = "The splits of the Preprocess job; the recipe is fitted on the training split only."


@dataclass(frozen=True)
class Wanted:
    """Hold what the command line asks for."""

    to: str
    form: str
    all_rows: bool
    region: str | None
    isolation: str
    cold: bool
    no_cache: bool
    quiet: bool


def export_data(request: Request, wanted: Wanted) -> dict[str, Any]:
    """Return what was exported: `to`, the `files` in it and those of them that were `copied`.

    Raises:
        UsageError: the command line or the configuration is wrong.
        RunFailed: the job failed.
    """
    from pipelines.export.folder import staging
    from pipelines.export.tables import checked_format
    from pipelines.local.home import Home

    checked_format(wanted.form)
    if request.is_definition:
        raise UsageError("data is exported by a configuration", where=str(request.source), expected="a pipeline.yaml")
    project = open_project(request)
    home = Home(request.home)
    home.store.put_objects(project.objects)
    if wanted.to.startswith("s3://"):
        with tempfile.TemporaryDirectory() as folder:
            return _sent(_staged(project, home, wanted, Path(folder)), Path(folder), wanted)
    with staging(Path(wanted.to)) as folder:
        return _moved(_staged(project, home, wanted, folder), folder, wanted)


def _moved(manifest: Mapping[str, Any], folder: Path, wanted: Wanted) -> dict[str, Any]:
    from pipelines.export.folder import files_below, move_into

    names = list(files_below(folder))
    return {"to": wanted.to, "files": names, "copied": move_into(folder, Path(wanted.to)), "manifest": manifest}


def _sent(manifest: Mapping[str, Any], folder: Path, wanted: Wanted) -> dict[str, Any]:
    from pipelines.aws.put import put_files
    from pipelines.export.folder import files_below, sha256

    files = files_below(folder)
    digests = {name: sha256(file) for name, file in files.items()}
    return {"to": wanted.to, "files": list(files), "copied": put_files(wanted.to, files, digests, wanted.region), "manifest": manifest}


def _staged(project: Project, home: Any, wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Fill a folder with the files to export and return its manifest."""
    from pipelines.commands.run import checked
    from pipelines.export.folder import manifest
    from pipelines.local.parameters import resolve_parameters

    definition = checked(project.text, str(project.loaded.path))
    parameters = resolve_parameters(definition, project.parameters, home.store, project.name, Path.cwd())
    inputs = _inputs(definition, parameters)
    seed = int(parameters.get("Seed", project.config.seed))
    for name, uri in inputs.items():
        home.store.download(uri, folder / ("raw" if name == "raw" else f"raw-{name}"))
    if wanted.all_rows:
        _all_rows(project, seed, folder, wanted, inputs)
    else:
        _splits(project, home, wanted, folder)
    facts = {"pipeline": project.name, "seed": seed, "format": wanted.form, "what": ALL_ROWS if wanted.all_rows else SPLIT}
    return manifest(folder, {**facts, "label": project.config.label.column, "all_rows": wanted.all_rows})


def _inputs(definition: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the URI of each input of the job but its code, by name."""
    step = next((step for step in definition.all_steps() if step.name == STEP), None)
    found = {}
    for entry in step.arguments["ProcessingInputs"] if step else ():
        uri = (entry.get("S3Input") or {}).get("S3Uri")
        if entry["InputName"] != "code" and uri is not None:
            named = uri["Get"].removeprefix("Parameters.") if isinstance(uri, Mapping) and "Get" in uri else None
            found[entry["InputName"]] = str(parameters[named] if named else uri)
    return found


def _splits(project: Project, home: Any, wanted: Wanted, folder: Path) -> None:
    """Run the job, or find it in the cache, and copy its splits and its recipe."""
    import shutil

    from pipelines.export.tables import convert

    outputs = _run(project, home, wanted)
    for split in ("train", "validation", "test"):
        convert(Path(outputs[f"{STEP}.{split}"]) / f"{split}.parquet", folder / split, wanted.form)
    shutil.copyfile(Path(outputs[f"{STEP}.recipe"]) / "recipe.json", folder / "recipe.json")


def _run(project: Project, home: Any, wanted: Wanted) -> Mapping[str, str]:
    from pipelines.commands.execution import stopping_on_signals
    from pipelines.commands.progress import choose
    from pipelines.local import runs
    from pipelines.local.launch import make_launcher
    from pipelines.local.results import summarize
    from pipelines.local.selection import Selection

    options = runs.Options(use_cache=not wanted.no_cache, selection=Selection(until=STEP), region=wanted.region or "us-east-1")
    launcher = make_launcher(wanted.isolation, cold=wanted.cold)
    try:
        with choose([STEP], quiet=wanted.quiet) as progress, stopping_on_signals() as stopper:
            given: dict[str, Any] = {"given": project.parameters, "options": options, "launcher": launcher}
            state = runs.start(home, project.text, pipeline_name=project.name, listener=progress.hear, stopper=stopper, **given)
    finally:
        launcher.close()
    if state.status != "Succeeded":
        raise RunFailed(
            state.failure_reason or state.status, where=f"run {state.execution_id}", hint=f"See the log: sagewright logs {state.execution_id} {STEP}"
        )
    outputs: Mapping[str, str] = summarize(state, home.store, home.run_dir(state))["outputs"]
    return outputs


def _all_rows(project: Project, seed: int, folder: Path, wanted: Wanted, inputs: Mapping[str, str]) -> None:
    from pipelines.export.recipe import Source, user_files
    from pipelines.export.tables import all_rows, convert

    config = {**project.config.as_json(), "seed": seed}
    config["recipe"] = [_dated(step, time.time()) for step in config["recipe"]]
    source = Source(project.name, config, user_files(config, project.loaded.root))
    target = folder / "all_rows.parquet"
    all_rows(source, {name: folder / ("raw" if name == "raw" else f"raw-{name}") for name in inputs}, target)
    if wanted.form == "csv":
        convert(target, folder / "all_rows", "csv")
        target.unlink()


def _dated(step: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    """Return a step with the time of the run, where it asks for that; in seconds since 1970."""
    return {**step, "value": now} if step["step"] == "timestamp" and step["value"] is None else step
