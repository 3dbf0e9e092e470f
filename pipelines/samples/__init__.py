"""Examples that anyone can run: data made from a seed, and the pipeline.yaml that goes with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.samples import churn, hotel_bookings, loan, wine

SCHEMA_FILE = "pipeline.schema.json"
# What makes the files of each example's data.
SAMPLES: Mapping[str, Callable[[], Mapping[str, bytes]]] = {
    "hotel-bookings": lambda: {hotel_bookings.FILE: hotel_bookings.generate()},
    "churn-builtin": churn.generate,
    "wine-quality": wine.generate,
    "loan-approval": loan.generate,
}
# The files of an example that go with its data.
CARRIED = ("*.yaml", "*.json", "*.py", "*.txt")


def examples_root() -> Path:
    """Return the folder of the examples: inside the wheel, or in the checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "_examples" if (package / "_examples").is_dir() else package.parent / "examples"


def write_sample(name: str, directory: Path, *, data_only: bool = False) -> list[Path]:
    """Write an example's data, and unless `data_only` its pipeline.yaml or definition.json, profiles, scripts and schema; return the files that are new.

    A file that is there with other content is never overwritten.

    Raises:
        UsageError: there is no such example, or a file of the same name has other content.
    """
    if name not in SAMPLES:
        raise UsageError("there is no such example", got=name, expected=f"one of: {', '.join(SAMPLES)}")
    files: dict[Path, bytes] = {}
    if not data_only:
        root = examples_root() / name
        found = sorted({path for pattern in CARRIED for path in root.rglob(pattern) if not {"data", ".sagewright"} & set(path.relative_to(root).parts)})
        files = {path.relative_to(root): path.read_bytes() for path in found}
    files.update({Path("data") / file: body for file, body in SAMPLES[name]().items()})
    return write_files(directory, files)


def write_files(directory: Path, files: Mapping[Path, bytes]) -> list[Path]:
    """Write files below a folder, all or none; return those that were not there with the same content already.

    Raises:
        UsageError: one is there with other content, or the folder cannot be written.
    """
    for name, body in files.items():
        if (directory / name).exists() and (directory / name).read_bytes() != body:
            hint = "Move it away, or choose another --directory."
            raise UsageError("this file exists with other content and is left alone; nothing was written", where=str(directory / name), hint=hint)
    new = [name for name in files if not (directory / name).exists()]
    try:
        for name in new:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(files[name])
            os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(error.filename or directory)) from None
    return [directory / name for name in new]
