"""Prepared rows as files: Parquet as the job wrote it, or CSV; and all rows in one table."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import RunFailed, UsageError
from pipelines.export.python_file import python_file
from pipelines.export.recipe import Source
from pipelines.jobs import job_module

FORMATS = ("parquet", "csv")


def checked_format(form: str) -> str:
    """Return the format.

    Raises:
        UsageError: it is none of ours.
    """
    if form not in FORMATS:
        raise UsageError("there is no such format", where="--format", got=repr(form), expected=" or ".join(FORMATS))
    return form


def convert(file: Path, target: Path, form: str) -> None:
    """Copy a Parquet file, or write its rows as CSV with a header and empty cells for what is missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        shutil.copyfile(file, target.with_suffix(".parquet"))
        return
    import pyarrow.parquet as parquet
    from pyarrow import csv

    csv.write_csv(parquet.read_table(file), target.with_suffix(".csv"))


def all_rows(source: Source, inputs: Mapping[str, Path], target: Path) -> None:
    """Write all rows after every step, fitted on all of them, as Parquet: ids, label (as a number) and features as the steps leave them.

    `inputs` maps `raw` and the names of others to folders of files. The exported Python file does the work, and stays beside the data.

    Raises:
        RunFailed: the rows do not suit the recipe.
    """
    prepare = target.with_name("prepare.py")
    prepare.write_text(python_file(source), encoding="utf-8")
    try:
        frames = {name: _read(source, name, folder) for name, folder in inputs.items()}
        frame = _prepared(_module(prepare), frames)
    except (job_module("jobkit.failure").JobError, ValueError, KeyError) as error:
        raise RunFailed(f"the recipe does not suit these rows: {error}", where=source.name) from None
    _write(frame, target)


def _read(source: Source, name: str, folder: Path) -> Any:
    table = job_module("jobkit.table")
    data = source.config["data"] if name == "raw" else source.config["data"]["others"][name]
    as_text = [name for step in source.steps if step["step"] == "cast" for name, kind in step["columns"].items() if kind in ("text", "date")]
    wanted = table.Wanted([source.label], as_text) if name == "raw" else table.Wanted()
    return job_module("jobkit.columns").to_frame(table.read_table(folder, data, wanted))


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("prepare", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
    return module


def _prepared(prepare: Any, frames: Mapping[str, Any]) -> Any:
    """Return all rows after the steps, with the label as numbers."""
    raw = prepare.combine(prepare.raw_rows(frames["raw"]), {name: frame for name, frame in frames.items() if name != "raw"})
    state: dict[str, Any] = {}
    rows = prepare.before_split(raw, state)
    target = prepare.label_numbers(rows[prepare.LABEL])
    rows = prepare.learn(rows, target, state)
    return prepare.put(rows, {prepare.LABEL: target.loc[rows.index]})


def _write(frame: Any, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    parquet.write_table(table, target, compression="snappy")
