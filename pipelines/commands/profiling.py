"""What `sagewright profile` does: find out how to read the data, borrow the job's own code, write its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError


@dataclass(frozen=True)
class Asked:
    """Hold what to profile: where the rows are and how they are written, the label, the problem, and the members of the section `profile`."""

    path: Path
    data: Mapping[str, Any]
    label: str | None
    problem: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


def from_config(source: Path, overlay: str | None, sets: Mapping[str, str], target: str | None, seed: int | None) -> Asked:
    """Return what a pipeline.yaml says about its data; another target than its label makes the problem be guessed.

    Raises:
        UsageError, ConfigError: the file is wrong, or its data is not on this machine.
    """
    from pipelines.config.loader import load
    from pipelines.config.profile import Profile

    loaded = load(source, profile=overlay, sets=sets)
    config = loaded.config
    if config.data.input.startswith("s3://"):
        raise UsageError(
            "the data is in S3", where="data.input", got=config.data.input, expected="a local file", hint="Copy a part of it here and profile that."
        )
    full = config.as_json()
    settings = {**(config.profile or Profile()).settings(), "recipe": full["recipe"]}
    label = target or config.label.column
    problem = config.problem if label == config.label.column else None
    return Asked((loaded.root / config.data.input).expanduser(), full["data"], label, problem, settings, config.seed if seed is None else seed)


def from_data(source: Path, target: str | None, delimiter: str | None, seed: int) -> Asked:
    """Return a file or folder of rows, read as a pipeline with default settings would; delimiter and encoding are found by a look at its start."""
    from pipelines.config.model import Data
    from pipelines.scaffold.look import reading

    if delimiter is not None and len(delimiter) != 1:
        raise UsageError("a delimiter is one character", where="--delimiter", got=repr(delimiter))
    found = {**reading(source), **({"delimiter": delimiter} if delimiter else {})}
    return Asked(source, {**Data(input=str(source)).model_dump(mode="json"), **found}, target, None, {}, seed)


def look(asked: Asked, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Profile the rows, write profile.json, profile.html and verdict.json into a folder and return the profile.

    Raises:
        UsageError: the rows cannot be read, or a column that is named is not among them.
    """
    from pipelines.jobs import job_module

    failure, table = job_module("jobkit.failure"), job_module("jobkit.table")
    library, files = job_module("jobkit.profile"), job_module("jobkit.profile.files")
    try:
        rows = table.read_table(asked.path, asked.data, table.Wanted())
        found: dict[str, Any] = library.profile_table(rows, asked.label, asked.problem, asked.settings, asked.seed, tell)
        files.write(found, folder)
    except failure.JobError as error:
        raise UsageError(str(error).rstrip("."), where="profile") from None
    return found
