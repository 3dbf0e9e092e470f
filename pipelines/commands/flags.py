"""Flags that several commands share."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import UsageError


class Output(str, enum.Enum):
    """Choose between words for people and one JSON document for machines."""

    text = "text"
    json = "json"


class Images(str, enum.Enum):
    """Choose what the jobs of an image run on."""

    host = "host"
    pinned = "pinned"


class Layer(str, enum.Enum):
    """Choose how a job gets its own /opt/ml."""

    auto = "auto"
    namespace = "namespace"
    symlink = "symlink"
    shim = "shim"


def default_home() -> Path:
    """Return the folder of local state: $SAGEWRIGHT_HOME, else `.sagewright` in the working directory."""
    return Path(os.environ.get("SAGEWRIGHT_HOME", ".sagewright")).absolute()


def in_folder(source: Path) -> Path:
    """Return the pipeline.yaml of a folder, its definition.json when it has no such file; any other path as it is."""
    if not source.is_dir():
        return source
    return next((source / name for name in ("pipeline.yaml", "definition.json") if (source / name).is_file()), source / "pipeline.yaml")


OutputFlag = Annotated[Output, typer.Option("--output", help="Print text, or one JSON document on stdout.")]
HomeFlag = Annotated[Path, typer.Option("--home", help="Folder of local state.", default_factory=default_home, show_default="./.sagewright")]
SourceArgument = Annotated[Path, typer.Argument(help="pipeline.yaml, a definition .json made by anything, or the folder of one.", callback=in_folder)]
ConfigArgument = Annotated[Path, typer.Argument(help="The pipeline's configuration, or its folder.", callback=in_folder)]
ProfileFlag = Annotated[str | None, typer.Option("--profile", help="Overlay profiles/NAME.yaml.")]
ParamFlag = Annotated[list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE of a pipeline parameter; a local file is fine for data. Repeatable.")]
ParamsFileFlag = Annotated[Path | None, typer.Option("--params-file", help="YAML or JSON file of pipeline parameters.")]
SetFlag = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of a configuration key, e.g. training.version=3.0-5. Repeatable.")]
RoleFlag = Annotated[str | None, typer.Option("--role-arn", help="Execution role of the jobs (aws.role_arn).")]
BucketFlag = Annotated[str | None, typer.Option("--bucket", help="Bucket of code, data and results (aws.bucket).")]
RegionFlag = Annotated[str | None, typer.Option("--region", help="AWS region (aws.region).")]
TableFlag = Annotated[
    list[str] | None, typer.Option("--table", help="NAME=FILE (or folder) that stands for a table of an Athena query: TABLE or DATABASE.TABLE. Repeatable.")
]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
IsolationFlag = Annotated[Layer, typer.Option("--isolation", help="How a job gets its own /opt/ml; auto takes the best that works here.")]
ImagesFlag = Annotated[Images, typer.Option("--images", help="Run jobs on the libraries of this machine, or on environments with the images' own versions.")]
ImageMapFlag = Annotated[
    Path | None, typer.Option("--image-map", help="YAML or JSON: what images stand for on this machine, as `images.map` of a pipeline.yaml says it.")
]
ColdFlag = Annotated[bool, typer.Option("--cold", help="A fresh interpreter for every job, no warm one to fork.")]
KeepWarmFlag = Annotated[
    float,
    typer.Option("--keep-warm", min=0, envvar="SAGEWRIGHT_KEEP_WARM", metavar="MINUTES", help="Keep the libraries of jobs in memory for the next run."),
]
NoCacheFlag = Annotated[bool, typer.Option("--no-cache", help="Run every step, whatever its CacheConfig says.")]
MaxParallelFlag = Annotated[int, typer.Option("--max-parallel", min=1, help="Steps that may run side by side.")]
GraceFlag = Annotated[float, typer.Option("--stop-grace", min=0, help="Seconds between SIGTERM and SIGKILL for a job that is stopped.")]


def pairs(flags: list[str] | None, name: str) -> dict[str, str]:
    """Return repeated NAME=VALUE flags as a mapping.

    Raises:
        UsageError: one has no `=` or no name, or a name comes twice.
    """
    found: dict[str, str] = {}
    for flag in flags or ():
        key, sign, value = flag.partition("=")
        if not sign or not key:
            raise UsageError("this flag is not NAME=VALUE", where=name, got=repr(flag), expected="NAME=VALUE")
        if key in found:
            raise UsageError("this name was given twice", where=name, got=repr(key))
        found[key] = value
    return found
