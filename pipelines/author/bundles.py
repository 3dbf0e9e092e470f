"""Code bundles: a job's script with `jobkit` and its part of the configuration, under a name made from the content."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.author import carried
from pipelines.author.analysis import MADE, analysis_config, monitoring_config
from pipelines.config.algorithm_rules import built_in
from pipelines.config.check_rules import checks, nothing, raw_rows
from pipelines.config.job import Job, Limits
from pipelines.config.model import PipelineConfig
from pipelines.config.package_rules import checked, packaged
from pipelines.config.profile import Profile
from pipelines.config.training_rules import shards
from pipelines.errors import ConfigError
from pipelines.jobs import jobs_root
from pipelines.sql.query import translate

# The step of each job, and its script where it is ours, by the section of the configuration or the key of the check.
SHIPPED: Mapping[str, tuple[str, str]] = {
    "profile": ("Profile", "processing/profile_data.py"),
    "preprocess": ("Preprocess", "processing/preprocess.py"),
    "training": ("Train", "training/train.py"),
    "evaluation": ("Evaluate", "evaluation/evaluate.py"),
    "package": ("PackageModel", "processing/package_model.py"),
    "skew": ("SkewCheck", "processing/skew_check.py"),
    "pre_training": ("PreTrainingBias", "evaluation/clarify.py"),
    "post_training": ("PostTrainingBias", "evaluation/clarify.py"),
    "explainability": ("Explain", "evaluation/clarify.py"),
    "quality.data": ("DataQuality", "evaluation/monitor.py"),
    "quality.model": ("ModelQuality", "evaluation/monitor.py"),
    "check_inputs": ("CheckInputs", "evaluation/check_inputs.py"),
    "privacy": ("PrivacyProbe", "evaluation/privacy.py"),
    "model_card": ("ModelCard", "evaluation/model_card.py"),
}
# What a package brings along to serve its model.
SERVING = "training/inference.py"
SAMPLE_ROWS = 500
HASH_CHARACTERS = 16
BLOCK_BYTES = 1 << 20
LARGEST_CODE_BYTES = 50 * 2**20


@dataclass(frozen=True)
class Bundle:
    """Hold the files of one job's code, its entry script, the S3 prefix that carries their hash, and the section that bounds the job."""

    step: str
    script: str
    files: Mapping[str, bytes]
    prefix: str
    job: Limits

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
    wanted += [*(["package"] if packaged(config) else []), *(["skew"] if checked(config) else []), *checks(config)]
    wanted += [section for section in ("privacy", "model_card") if getattr(config, section) is not None]
    wanted += ["check_inputs"] if config.privacy and config.privacy.check_inputs else []
    return {section: _bundle(config, root, section) for section in wanted}


def job_settings(config: PipelineConfig, section: str) -> dict[str, Any]:
    """Return the part of the configuration that a job reads from job.json."""
    full = config.as_json()
    parts = {key: full[key] for key in ("label", "problem")}
    return {**parts, **(SETTINGS[section](config, full) if section in SETTINGS else {})}


def _of_profile(config: PipelineConfig, full: Mapping[str, Any]) -> dict[str, Any]:
    assert config.profile
    return {"profile": {**config.profile.settings(), "recipe": full["recipe"]}, "data": _reading(full["data"])}


def _of_preprocess(config: PipelineConfig, full: Mapping[str, Any]) -> dict[str, Any]:
    algorithm, parts = built_in(config), shards(config)
    output = {"format": "csv", "label": algorithm.labelled} if algorithm else {}
    output = {"format": "parquet", "label": True, **output, "parts": parts} if parts > 1 else output
    return {
        **{key: full[key] for key in ("recipe", "split", "inference", "leakage")},
        "data": _reading(full["data"]),
        **({"output": output} if output else {}),
        **({"sample": SAMPLE_ROWS} if checked(config) else {}),
        **({"raw": raw} if (raw := raw_rows(config)) else {}),
    }


def _of_evaluation(config: PipelineConfig, full: Mapping[str, Any]) -> dict[str, Any]:
    return {"evaluation": {key: full["evaluation"][key] for key in ("slices", "confidence", "costs")}}


def _of_model_card(config: PipelineConfig, full: Mapping[str, Any]) -> dict[str, Any]:
    told = full["model_card"]
    card = {
        "model_name": config.name,
        "description": told["model_description"] or config.description,
        "creator": told["model_creator"],
        "owner": told["model_owner"],
        "intended_uses": told["intended_uses"],
        "business_details": told["business_details"],
        "training": {"objective": told["objective"], "observations": told["training_observations"]},
        "caveats": told["caveats_and_recommendations"],
        "ethical_considerations": told["ethical_considerations"],
        "custom_details": told["custom_details"],
        "status": told["status"],
    }
    return {"model_card": card, "algorithm": config.training.algorithm, "hyperparameters": full["training"]["hyperparameters"]}


def _of_privacy(config: PipelineConfig, full: Mapping[str, Any]) -> dict[str, Any]:
    attack = {key: full["privacy"][key] for key in ("shadow_models", "rows", "at_most")}
    return {"privacy": attack, "hyperparameters": full["training"]["hyperparameters"]}


SETTINGS: Mapping[str, Callable[[PipelineConfig, Mapping[str, Any]], dict[str, Any]]] = {
    "profile": _of_profile,
    "preprocess": _of_preprocess,
    "evaluation": _of_evaluation,
    "privacy": _of_privacy,
    "model_card": _of_model_card,
}


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
    job = job_of(config, section)
    step, shipped = SHIPPED[section]
    own_script = job.script if isinstance(job, (Job, Profile)) else None
    folder = config.training.source_dir if section == "training" else None
    own = _folder(root / folder) if folder is not None else {}
    path = root / (folder or "") / own_script if own_script else jobs_root() / shipped
    body = _script(path, f"{section}.script") if own_script else path.read_bytes()
    script = own_script if folder is not None and own_script else path.name
    files = {**own, script: body, "job.json": _json(job_settings(config, section)), **_analysis(config, section)}
    functions = _functions(config, root) if section in ("preprocess", "package") else {}
    serving = {PurePosixPath(SERVING).name: (jobs_root() / SERVING).read_bytes()} if section == "package" else {}
    # Code of the user's may import any of it; the evaluation runs that of a model by script, too.
    theirs = own_script or functions or config.training.script
    files.update(carried.whole() if theirs else carried.imported([body, *serving.values()]))
    files.update({**functions, **serving})
    prefix = f"s3://{config.aws.bucket}/{config.name}/code/{step}/{_hash(files)}"
    return Bundle(step, script, dict(sorted(files.items())), prefix, job)


def job_of(config: PipelineConfig, section: str) -> Any:
    """Return the section of the configuration that bounds a job."""
    if section == "check_inputs":
        return config.privacy
    return checks(config)[section] if section in checks(config) else getattr(config, section)


def _analysis(config: PipelineConfig, section: str) -> dict[str, bytes]:
    """Return the configuration of Clarify's analysis and of the monitor that goes on with it."""
    if section not in MADE:
        return {}
    made = {"config": analysis_config(config, section), "monitoring": monitoring_config(config, section)}
    return {f"{folder}/analysis_config.json": json.dumps(value).encode() for folder, value in made.items()}


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


def placeholder(config: PipelineConfig) -> dict[str, bytes]:
    """Return what stands for an approved version's files while there is none: an object that says so."""
    return {f"{nothing(config)}/nothing.txt": b"There is no approved version yet, or none was named when this execution was started.\n"}


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
