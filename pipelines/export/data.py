"""Lay out prepared data for others: the splits, the recipe, and a manifest with hashes and numbers of rows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.errors import UsageError

SPLITS = ("train", "validation", "test")
HASH_CHARACTERS = 16


def _csv(source: Path, target: Path) -> None:
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as parquet

    arrow_csv.write_csv(parquet.read_table(str(source)), str(target))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


FORMATS: Mapping[str, Callable[[Path, Path], None]] = {"parquet": _copy, "csv": _csv}


def lay_out(outputs: Mapping[str, Path], folder: Path, kind: str, name: str) -> Path:
    """Write the splits, recipe.json and manifest.json of a run's Preprocess outputs (split or `recipe` to folder) into a folder that is new or empty.

    Returns the manifest. The folder appears whole or not at all.

    Raises:
        UsageError: the folder is there and holds something, or cannot be written.
    """
    if folder.is_file() or folder.is_dir() and any(folder.iterdir()):
        raise UsageError("the place is taken", where=str(folder), expected="a folder that is new or empty")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".export-"))
        try:
            _fill(partial, outputs, kind, name)
            partial.chmod(0o755)
            if folder.is_dir():
                folder.rmdir()
            os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(error.filename or folder)) from None
    return folder / "manifest.json"


def _fill(folder: Path, outputs: Mapping[str, Path], kind: str, name: str) -> None:
    import pyarrow.parquet as parquet

    files = {}
    for split in SPLITS:
        source = outputs[split] / f"{split}.parquet"
        FORMATS[kind](source, folder / f"{split}.{kind}")
        files[f"{split}.{kind}"] = {"rows": parquet.read_metadata(str(source)).num_rows, "sha256": _sha256(folder / f"{split}.{kind}")}
    _copy(outputs["recipe"] / "recipe.json", folder / "recipe.json")
    recipe = json.loads((folder / "recipe.json").read_text())
    files["recipe.json"] = {"sha256": _sha256(folder / "recipe.json")}
    columns = [recipe["label"]["column"], *recipe["features"]]
    manifest = {"pipeline": name, "format": kind, "columns": columns, "label": recipe["label"], "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def objects(folder: Path, prefix: str) -> dict[str, bytes | Path]:
    """Return the files of a laid out folder by URI below a prefix and the hash of the manifest, the manifest last."""
    manifest = folder / "manifest.json"
    base = f"{prefix.rstrip('/')}/{_sha256(manifest)[:HASH_CHARACTERS]}"
    files = sorted((path for path in folder.iterdir()), key=lambda path: (path == manifest, path.name))
    return {f"{base}/{path.name}": path for path in files}
