"""Look at someone's data and write a pipeline.yaml for it, with a reason beside every choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.config.model import FORMS, GROUP_NAME
from pipelines.config.schema import schema_text
from pipelines.errors import UsageError
from pipelines.samples import SCHEMA_FILE, write_files
from pipelines.scaffold.choose import choose
from pipelines.scaffold.look import look
from pipelines.scaffold.text import yaml_text

PROFILES: Mapping[str, str] = {
    "local": "# sagewright run --profile local: a quick look while the recipe changes.\ntraining:\n  hyperparameters:\n    num_round: 30\n",
    "dev": "# sagewright upsert --profile dev --role-arn ... --bucket ...: a small machine.\ntraining:\n  instance_type: ml.m5.large\n",
    "prod": "# sagewright upsert --profile prod --role-arn ... --bucket ...: patient retries.\nretry:\n  max_attempts: 5\n",
}


def scaffold(
    data: Path, target: str, directory: Path, name: str | None = None, problem: str | None = None, progress: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Write pipeline.yaml, profiles and the schema for a table and return the new files.

    Raises:
        UsageError: the data cannot be read as a table, has no such column, or the column makes no problem to learn.
    """
    plain = _name(name, data)
    looked = look(data, target, problem, progress)
    text = yaml_text(looked, choose(looked), directory, plain)
    profiles = {Path(f"profiles/{profile}.yaml"): body.encode() for profile, body in PROFILES.items()}
    return write_files(directory, {Path("pipeline.yaml"): text.encode(), **profiles, Path(SCHEMA_FILE): schema_text().encode()})


def _name(given: str | None, data: Path) -> str:
    """Return the pipeline's name, at most 63 characters so that it also names the model package group."""
    stem = re.sub(r"(\.(csv|tsv|txt|parquet|pq|jsonl|ndjson|json|gz|bz2|zst))+$", "", data.name, flags=re.IGNORECASE)
    name = given or re.sub(r"[^a-zA-Z0-9]+", "-", stem).strip("-").lower()[:63].strip("-") or "pipeline"
    if not re.fullmatch(GROUP_NAME, name):
        raise UsageError("this cannot name a pipeline", where="--name", got=repr(name), expected=FORMS[GROUP_NAME])
    return name
