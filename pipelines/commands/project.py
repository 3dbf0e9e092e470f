"""From a file on the command line to a definition and what it needs: YAML is compiled, JSON is taken as it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

JSON_BYTES = 1_048_576


@dataclass(frozen=True)
class Request:
    """Hold what the command line says about a project."""

    source: Path
    home: Path
    profile: str | None = None
    params_file: Path | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_definition(self) -> bool:
        """Tell whether the source is a definition document rather than a configuration."""
        return self.source.suffix == ".json"


@dataclass(frozen=True)
class Project:
    """Hold a definition's text, the objects it reads, the values for its parameters and the pipeline's name."""

    name: str
    text: str
    objects: Mapping[str, bytes | Path]
    parameters: Mapping[str, Any]
    config: Any = None
    loaded: Any = None
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tracking(self) -> dict[str, str]:
        """Return where the record of a run is sent, empty when it is not."""
        section = self.config.mlflow if self.config is not None else None
        return {"tracking_uri": section.tracking_uri, "experiment": section.experiment or self.name} if section else {}


def aws_sets(role_arn: str | None, bucket: str | None, region: str | None) -> dict[str, str]:
    """Return the account flags as configuration keys."""
    flags = {"aws.role_arn": role_arn, "aws.bucket": bucket, "aws.region": region}
    return {key: value for key, value in flags.items() if value is not None}


def open_project(request: Request) -> Project:
    """Return the project behind the command line.

    Raises:
        UsageError, ConfigError: the file is missing or wrong.
    """
    if not request.source.exists():
        hint = "Run `sagewright sample hotel-bookings` or `sagewright init` first." if request.source.name == "pipeline.yaml" else ""
        raise UsageError("there is no such file", where=str(request.source), expected="a pipeline.yaml or a definition .json", hint=hint)
    return _from_definition(request) if request.is_definition else _from_config(request)


def _from_definition(request: Request) -> Project:
    if request.profile or request.sets:
        raise UsageError("a definition takes no --profile, --set or account flags", where=str(request.source), hint="They configure a pipeline.yaml.")
    if request.source.stat().st_size > 4 * JSON_BYTES:
        raise UsageError("the file is too large for a definition", where=str(request.source), expected=f"at most {JSON_BYTES} characters")
    try:
        text = request.source.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", where=str(request.source), got=f"byte {error.object[error.start]:#04x} at offset {error.start}") from None
    given = {**_params_of(request.params_file), **request.params}
    name = request.source.parent.absolute().name if request.source.stem == "definition" else request.source.stem
    return Project(_pipeline_name(name), text, {}, given)


def _pipeline_name(text: str) -> str:
    kept = "".join(character if character.isascii() and character.isalnum() else "-" for character in text).strip("-")
    return "-".join(part for part in kept.split("-") if part)[:256] or "pipeline"


def _params_of(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    from pipelines.config.loader import read_params_file

    return dict(read_params_file(path))


def athena_tables(config: Any, root: Path) -> dict[str, Any]:
    """Return the files that stand for the tables of `data.athena`: those of `tables`, and `data.input` for the one table that is not among them.

    Raises:
        UsageError: the query is no SELECT.
    """
    from pipelines.local.tables import Given
    from pipelines.sql.query import translate

    athena = config.data.athena
    if athena is None:
        return {}
    options = {key: getattr(config.data, key) for key in ("delimiter", "quote", "encoding")} | {"null_values": list(config.data.null_values)}
    place = f"{athena.catalog}.{athena.database}.".lower()
    found = {name if name.count(".") else place + name: Given(root / file, "auto", options) for name, file in athena.tables.items()}
    try:
        named = translate(athena.query, athena.catalog, athena.database).tables.values()
    except UsageError as error:
        error.where = "data.athena.query"
        raise
    left = [str(name) for name in named if not {*name.spellings()} & {key.lower() for key in found}]
    if len(left) == 1 and not config.data.input.startswith("s3://"):
        found[left[0]] = Given(root / config.data.input, config.data.format, options)
    return found


def all_tables(project: Project, flags: Mapping[str, str]) -> dict[str, Any]:
    """Return the files that stand for tables: those of repeated `--table NAME=FILE`, and the project's own where no flag names the table."""
    from pipelines.config.model import Source
    from pipelines.local.tables import Given

    nulls = list(Source.model_fields["null_values"].default)
    given = {name.lower(): Given(Path(file), options={"null_values": nulls}) for name, file in flags.items()}
    own = {name: table for name, table in project.tables.items() if not any(f".{name}".lower().endswith(f".{flag}") for flag in given)}
    return {**own, **given}


def all_images(project: Project, file: Path | None) -> Any:
    """Return what images stand for: the entries of `--image-map FILE`, then those of the project's `images.map`.

    Raises:
        ConfigError, UsageError: the file cannot be read, or an entry is wrong.
    """
    from pipelines.config.image_map import read_image_map
    from pipelines.local.images.mapped import ImageMap, read

    flagged = read(read_image_map(file), file.absolute().parent, str(file)) if file else ImageMap()
    own = project.config.images.model_dump()["map"] if project.config else {}
    mapped = read(own, project.loaded.root, "images.map") if own else ImageMap()
    return ImageMap((*flagged.entries, *mapped.entries))


def _announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _from_config(request: Request) -> Project:
    from pipelines.author.compile import compile_in_subprocess
    from pipelines.config.loader import load, parameter_values

    loaded = load(request.source, profile=request.profile, params_file=request.params_file, flags=request.params, sets=request.sets)
    values, _ = parameter_values(loaded, request.params, request.params_file)
    compiled = compile_in_subprocess(loaded.config, loaded.root, request.home / "compiled", _announce)
    return Project(loaded.config.name, compiled.definition_json, compiled.objects, values, loaded.config, loaded, athena_tables(loaded.config, loaded.root))
