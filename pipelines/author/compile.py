"""Compile a configuration to a definition and the objects it reads, once per content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines.author import bundles
from pipelines.config.check_rules import approved_parameters
from pipelines.config.model import PipelineConfig
from pipelines.errors import ConfigError, InternalError

GATE_MARK = "sagewright.gate."
GUARD_MARK = "sagewright.guards."
# Which parameter takes what of the latest approved version of a group: `<group>:<path in its DescribeModelPackage>`.
APPROVED_MARK = "sagewright.approved."


@dataclass(frozen=True)
class Compiled:
    """Hold a definition's text and the objects that it reads, by URI."""

    definition_json: str
    objects: Mapping[str, bytes | Path]

    @property
    def sha256(self) -> str:
        """Return the hash of the definition's bytes."""
        return hashlib.sha256(self.definition_json.encode()).hexdigest()


def objects_of(config: PipelineConfig, root: Path) -> dict[str, bytes | Path]:
    """Return every object that the pipeline reads: code bundles, and the inputs that are local files.

    Raises:
        ConfigError: a script or the input is not there.
    """
    made = bundles.build(config, root)
    objects: dict[str, bytes | Path] = {}
    for section, bundle in made.items():
        objects.update([bundle.archive()] if section == "training" else bundle.objects())
    for _, files in bundles.data_objects(config, root).values():
        objects.update(files)
    return {**objects, **(bundles.placeholder(config) if approved_parameters(config) else {})}


def compile_pipeline(config: PipelineConfig, root: Path) -> Compiled:
    """Return the definition and its objects, composed in this process; the same input gives the same bytes.

    Raises:
        ConfigError: a script or the input is not there, or the SDK refuses a value.
    """
    from pipelines.author.pipeline import MARKS, build, guard_places
    from pipelines.author.sdk import quiet_sdk, with_dataset, with_descriptions
    from pipelines.author.steps.jobs import dataset
    from pipelines.config.parameters import pipeline_parameters

    root = root.absolute()
    objects = objects_of(config, root)
    with quiet_sdk(config.aws.region):
        document = json.loads(build(config, root).definition())
    marks = {f"{GATE_MARK}{name}": kind for name, kind in MARKS.items() if name in _fails(document)}
    marks |= {f"{GUARD_MARK}{name}": places for name, places in guard_places(config).items()}
    marks |= {f"{APPROVED_MARK}{name}": path for name, path in approved_parameters(config).items()}
    if config.data.athena:
        document = with_dataset(document, "raw", dataset(config.data))
    described = with_descriptions(document, {p.name: p.description for p in pipeline_parameters(config)}, marks)
    return Compiled(json.dumps(described, separators=(",", ":"), ensure_ascii=False), objects)


def _fails(document: Mapping[str, Any]) -> set[str]:
    """Return the names of the Fail steps in the branches of conditions."""
    branches = [step["Arguments"][branch] for step in document["Steps"] if step["Type"] == "Condition" for branch in ("IfSteps", "ElseSteps")]
    return {step["Name"] for branch in branches for step in branch if step["Type"] == "Fail"}


def compile_key(config: PipelineConfig, objects: Iterable[str]) -> str:
    """Return a hash of all that the definition depends on, its objects by their URIs, found without importing the SDK."""
    # Where records are sent is no part of a definition.
    configured = {key: value for key, value in config.as_json().items() if key != "mlflow"}
    parts: dict[str, Any] = {"config": configured, "sdk": _installed("sagemaker"), "sagewright": _installed("sagewright")}
    parts["objects"] = sorted(objects)
    here = Path(__file__).resolve().parent
    parts["author"] = [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted([*here.rglob("*.py"), *(here.parent / "config").glob("*.py"), *(here.parent / "algorithms").glob("*.py")])
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def compile_in_subprocess(config: PipelineConfig, root: Path, cache_dir: Path, announce: Callable[[str], None] = lambda line: None) -> Compiled:
    """Return the compiled pipeline from the cache, or have another process import the SDK and compile it, which `announce` is told.

    Raises:
        ConfigError: see `compile_pipeline`.
        InternalError: the other process failed in a way it should not.
    """
    root = root.absolute()
    objects = objects_of(config, root)
    file = cache_dir / f"{compile_key(config, objects)}.json"
    text = _cached(file)
    if text is None:
        announce("compiling with the SageMaker SDK (some seconds, once per change)")
        text = _ask(config, root)
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w") as out:
            out.write(text)
        shutil.move(partial, file)
    return Compiled(text, objects)


def _cached(file: Path) -> str | None:
    try:
        text = file.read_text()
        json.loads(text)
    except (OSError, ValueError):
        return None
    return text


def _ask(config: PipelineConfig, root: Path) -> str:
    request = json.dumps({"config": config.as_json(), "root": str(root)})
    done = subprocess.run([sys.executable, "-m", "pipelines.author"], input=request, capture_output=True, text=True, check=False)
    if done.returncode == ConfigError.exit_code:
        told = json.loads(done.stdout)
        raise ConfigError(**told)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InternalError("the pipeline could not be composed", got=last, hint="`sagewright doctor` shows what is installed.")
    return done.stdout
