"""Code bundles: a job's script with `jobkit` and its part of the configuration, under a name made from the content."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.config.model import Job, PipelineConfig
from pipelines.errors import ConfigError

SHIPPED: Mapping[str, str] = {"preprocess": "processing/preprocess.py", "training": "training/train.py", "evaluation": "evaluation/evaluate.py"}
STEPS: Mapping[str, str] = {"preprocess": "Preprocess", "training": "Train", "evaluation": "Evaluate"}
HASH_CHARACTERS = 16
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """Hold the files of one job's code, its entry script, and the S3 prefix that carries their hash."""

    step: str
    script: str
    files: Mapping[str, bytes]
    prefix: str

    def objects(self) -> dict[str, bytes]:
        """Return the files as S3 objects, as a processing job takes them."""
        return {f"{self.prefix}/{name}": body for name, body in self.files.items()}

    def archive(self) -> tuple[str, bytes]:
        """Return URI and bytes of the same files as sourcedir.tar.gz, as script mode takes them."""
        return f"{self.prefix}/sourcedir.tar.gz", _pack(self.files)


def jobs_root() -> Path:
    """Return the folder that holds processing/, training/, evaluation/ and jobkit/: inside the wheel, or the checkout's root."""
    package = Path(__file__).resolve().parents[1]
    return package / "_jobs" if (package / "_jobs" / "jobkit").is_dir() else package.parent


def build(config: PipelineConfig, root: Path) -> dict[str, Bundle]:
    """Return the bundle of each job by configuration section; `training` has one only in script mode.

    Raises:
        ConfigError: a script is not there or is not Python.
    """
    wanted = ["preprocess", "evaluation", *(["training"] if config.training.script else [])]
    return {section: _bundle(config, root, section) for section in wanted}


def job_settings(config: PipelineConfig, section: str) -> dict[str, Any]:
    """Return the part of the configuration that a job reads from job.json."""
    full = config.as_json()
    data = {key: value for key, value in full["data"].items() if key != "input"}
    parts = {"preprocess": {"data": data, "label": full["label"], "recipe": full["recipe"], "split": full["split"]}}
    return parts.get(section, {"label": full["label"], "problem": full["problem"]})


def _bundle(config: PipelineConfig, root: Path, section: str) -> Bundle:
    job: Job = getattr(config, section)
    path = root / job.script if job.script else jobs_root() / SHIPPED[section]
    body = _script(path, f"{section}.script")
    files = {path.name: body, "job.json": _json(job_settings(config, section))}
    for file in sorted((jobs_root() / "jobkit").glob("*.py")):
        files[f"jobkit/{file.name}"] = file.read_bytes()
    prefix = f"s3://{config.aws.bucket}/{config.name}/code/{STEPS[section]}/{_hash(files)}"
    return Bundle(STEPS[section], path.name, dict(sorted(files.items())), prefix)


def _script(path: Path, key: str) -> bytes:
    if not path.is_file():
        raise ConfigError("there is no such script", where=key, got=str(path), expected="a Python file, relative to pipeline.yaml")
    body = path.read_bytes()
    try:
        ast.parse(body, filename=path.name)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(f"the script is not Python: {error.args[0]}", where=f"{path}{f':{line}' if line else ''}") from None
    return body


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1) + "\n").encode()


def _hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, body in sorted(files.items()):
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    return digest.hexdigest()[:HASH_CHARACTERS]


def _pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, body in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def data_object(config: PipelineConfig, root: Path) -> tuple[str, Path] | None:
    """Return URI and path of a local input file, None when the input is in S3 already.

    Raises:
        ConfigError: the file is not there.
    """
    if config.data.input.startswith("s3://"):
        return None
    path = (root / config.data.input).expanduser()
    if not path.is_file():
        hint = "`sagewright sample hotel-bookings` makes the example's data." if "hotel_bookings" in path.name else ""
        raise ConfigError("there is no such file", where="data.input", got=str(path), expected="a CSV file or an s3:// URI", hint=hint)
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
            digest.update(block)
    return f"s3://{config.aws.bucket}/{config.name}/data/{digest.hexdigest()[:HASH_CHARACTERS]}/{path.name}", path
