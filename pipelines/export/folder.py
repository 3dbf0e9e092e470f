"""Put finished files into a folder: each by one rename, the manifest last, and nothing that is there already."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

BLOCK_BYTES = 1 << 20
MANIFEST = "manifest.json"
TEMPORARY = ".sagewright-partial-"


def write_text(file: Path, body: str) -> None:
    """Write a text file by a temporary one beside it and a rename."""
    if file.is_dir():
        raise UsageError("this is a folder", where=str(file), expected="the name of a file")
    file.parent.mkdir(parents=True, exist_ok=True)
    with staging(file.parent) as folder:
        (folder / file.name).write_text(body, encoding="utf-8")
        os.replace(folder / file.name, file)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make a temporary folder inside a folder, on the same file system, for the time of the block."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("this is a file", where=str(folder), expected="a folder, or the name of a new one")
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with open(file, "rb") as handle:
        for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def files_below(folder: Path) -> dict[str, Path]:
    """Return every file below a folder by its place, sorted, the manifest last."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: found[name] for name in sorted(found, key=lambda name: (name == MANIFEST, name))}


def move_into(staged: Path, folder: Path) -> list[str]:
    """Move staged files into a folder, the manifest last; return those that were not there with the same bytes."""
    copied = []
    for name, file in files_below(staged).items():
        target = folder / name
        if target.is_file() and target.stat().st_size == file.stat().st_size and sha256(target) == sha256(file):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
        copied.append(name)
    return copied


def manifest(staged: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write manifest.json beside staged files: hash, size and, for tables, rows and columns of each; return what it holds."""
    files = {}
    for name, file in files_below(staged).items():
        files[name] = {"sha256": sha256(file), "size_bytes": file.stat().st_size, **_shape(file)}
    told = {"version": 1, **facts, "files": files}
    (staged / MANIFEST).write_text(json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return told


def _shape(file: Path) -> dict[str, int]:
    """Return the number of rows and columns of prepared data; raw files are not opened."""
    if "raw" in file.parts or file.suffix not in (".parquet", ".csv"):
        return {}
    if file.suffix == ".parquet":
        import pyarrow.parquet as parquet

        found = parquet.read_metadata(file)
        return {"rows": found.num_rows, "columns": found.num_columns}
    from pyarrow import csv

    table = csv.read_csv(file)
    return {"rows": table.num_rows, "columns": table.num_columns}
