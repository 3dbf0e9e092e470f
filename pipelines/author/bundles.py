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
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.config.algorithm_rules import built_in
from pipelines.config.model import Job, PipelineConfig
from pipelines.config.package_rules import checked, packaged
from pipelines.config.training_rules import shards
from pipelines.errors import ConfigError
from pipelines.jobs import jobs_root
from pipelines.sql.query import translate

SHIPPED: Mapping[str, str] = {
    "profile": "processing/profile_data.py",
    "preprocess": "processing/preprocess.py",
    "training": "training/train.py",
    "evaluation": "evaluation/evaluate.py",
    "package": "processing/package_model.py",
    "skew": "processing/skew_check.py",
}
STEPS: Mapping[str, str] = {
    "profile": "Profile",
    "preprocess": "Preprocess",
    "training": "Train",
    "evaluation": "Evaluate",
    "package": "PackageModel",
    "skew": "SkewCheck",
}
# What a package brings along to serve its model.
SERVING = "training/inference.py"
SAMPLE_ROWS = 500
HASH_CHARACTERS = 16
BLOCK_BYTES = 1 << 20
LARGEST_CODE_BYTES = 50 * 2**20


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


def build(config: PipelineConfig, root: Path) -> dict[str, Bundle]:
    """Return the bundle of each job by configuration section; `training` has one only in script mode.

    Raises:
        ConfigError: a script is not there or is not Python.
    """
    judged = [] if built_in(config) else ["evaluation"]
    wanted = [*(["profile"] if config.profile else []), "preprocess", *judged, *(["training"] if config.training.script else [])]
    wanted += [*(["package"] if packaged(config) else []), *(["skew"] if checked(config) else [])]
    return {section: _bundle(config, root, section) for section in wanted}


def job_settings(config: PipelineConfig, section: str) -> dict[str, Any]:
    """Return the part of the configuration that a job reads from job.json."""
    full = config.as_json()
    parts = {key: full[key] for key in ("label", "problem", *(("recipe", "split", "inference", "leakage") if section == "preprocess" else ()))}
    if section == "profile" and config.profile:
        parts["profile"] = {**config.profile.settings(), "recipe": full["recipe"]}
    algorithm = built_in(config)
    if section == "preprocess" and algorithm is not None:
        parts["output"] = {"format": "csv", "label": algorithm.labelled}
    if section == "preprocess" and shards(config) > 1:
        parts["output"] = {"format": "parquet", "label": True, **parts.get("output", {}), "parts": shards(config)}
    if section == "preprocess" and checked(config):
        parts["sample"] = SAMPLE_ROWS
    return {**parts, "data": _reading(full["data"])} if section in ("profile", "preprocess") else parts


def _reading(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the files are written, without where they are."""
    keys = ("format", "delimiter", "quote", "encoding", "null_values")
    others = {name: {key: other[key] for key in keys} for name, other in data["others"].items()}
    return {**{key: data[key] for key in keys}, **_athena_format(data), "others": others}


def _athena_format(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return how Athena writes a query's result; TEXTFILE is Hive's: no header, fields divided by \\x01, \\N for a missing value, no quotes."""
    athena = data["athena"]
    if not athena:
        return {}
    if athena["output_format"] == "PARQUET":
        return {"format": "parquet"}
    columns = translate(athena["query"], athena["catalog"], athena["database"]).columns
    if not columns:
        raise ConfigError("TEXTFILE has no header, and the query selects *", where="data.athena.query", hint="Name the columns, or use PARQUET.")
    nulls = [*data["null_values"], "\\N"]
    return {"format": "csv", "delimiter": "\x01", "quote": "", "encoding": "utf-8", "null_values": nulls, "columns": list(columns)}


def _bundle(config: PipelineConfig, root: Path, section: str) -> Bundle:
    job: Job = getattr(config, section)
    folder = config.training.source_dir if section == "training" else None
    own = _folder(root / folder) if folder is not None else {}
    path = root / (folder or "") / job.script if job.script else jobs_root() / SHIPPED[section]
    body = _script(path, f"{section}.script") if job.script else path.read_bytes()
    script = job.script if folder is not None and job.script else path.name
    files = {**own, script: body, "job.json": _json(job_settings(config, section))}
    for file in sorted((jobs_root() / "jobkit").rglob("*.py")):
        files[file.relative_to(jobs_root()).as_posix()] = file.read_bytes()
    files.update(_functions(config, root) if section in ("preprocess", "package") else {})
    files.update({PurePosixPath(SERVING).name: (jobs_root() / SERVING).read_bytes()} if section == "package" else {})
    prefix = f"s3://{config.aws.bucket}/{config.name}/code/{STEPS[section]}/{_hash(files)}"
    return Bundle(STEPS[section], script, dict(sorted(files.items())), prefix)


def _folder(folder: Path) -> dict[str, bytes]:
    """Return the files below `training.source_dir` by their path in it; hidden ones and caches are left out.

    Raises:
        ConfigError: it is no folder, holds names that are ours, or is too large for code.
    """
    where = "training.source_dir"
    if not folder.is_dir():
        raise ConfigError("there is no such folder", where=where, got=str(folder), expected="a folder with your script, relative to pipeline.yaml")
    names = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()}
    kept = {path: name for path, name in names.items() if not any(part.startswith(".") or part == "__pycache__" for part in name.parts)}
    ours = [name.as_posix() for name in kept.values() if name.parts[0] in ("jobkit", "job.json")]
    if ours:
        raise ConfigError("this name is taken: jobkit and job.json are added to every script", where=where, got=ours[0], hint="Rename it.")
    size_bytes = sum(path.stat().st_size for path in kept)
    if size_bytes > LARGEST_CODE_BYTES:
        limit = f"at most {LARGEST_CODE_BYTES // 2**20} MiB of code"
        raise ConfigError("the folder is too large for code", where=where, got=f"{size_bytes / 2**20:.0f} MiB", expected=limit, hint="Keep data out of it.")
    return {name.as_posix(): path.read_bytes() for path, name in kept.items()}


def _functions(config: PipelineConfig, root: Path) -> dict[str, bytes]:
    """Return the user's files that `python` steps of the recipe name."""
    files: dict[str, bytes] = {}
    for index, step in enumerate(config.recipe):
        for key in ("function", "fit"):
            reference = getattr(step, key, None)
            if reference:
                file = reference.rpartition(":")[0]
                files[file] = _script(root / file, f"recipe[{index}].{key}")
    return files


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


def data_objects(config: PipelineConfig, root: Path) -> dict[str, tuple[str, dict[str, Path]]]:
    """Return for each input that is a local file or folder, by its dotted key, its URI and the files by theirs.

    Raises:
        ConfigError: a file is not there, or a folder is empty.
    """
    rows = {} if config.data.athena else {"data.input": config.data.input}
    sources = {**rows, **{f"data.others.{name}.input": source.input for name, source in config.data.others.items()}}
    batch = config.batch_transform
    sources |= {"batch_transform.input": batch.input} if batch and batch.input is not None else {}
    local = {key: (root / value).expanduser() for key, value in sources.items() if not value.startswith("s3://")}
    return {key: _data_object(config, key, path) for key, path in local.items()}


def _data_object(config: PipelineConfig, key: str, path: Path) -> tuple[str, dict[str, Path]]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not files or not path.exists():
        hint = "`sagewright sample hotel-bookings` makes the example's data." if "hotel_bookings" in path.name else ""
        what = "there is no file in this folder" if path.is_dir() else "there is no such file"
        raise ConfigError(what, where=key, got=str(path), expected="a file, a folder of files or an s3:// URI", hint=hint)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path).as_posix()}\0".encode() if path.is_dir() else b"")
        with open(file, "rb") as handle:
            for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
                digest.update(block)
    base = f"s3://{config.aws.bucket}/{config.name}/data/{digest.hexdigest()[:HASH_CHARACTERS]}"
    if not path.is_dir():
        return f"{base}/{path.name}", {f"{base}/{path.name}": path}
    return f"{base}/", {f"{base}/{file.relative_to(path).as_posix()}": file for file in files}
