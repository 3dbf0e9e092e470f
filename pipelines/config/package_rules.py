"""What a package, and what is made of it, cannot have: nothing to serve, nothing to answer, machines that nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from pipelines.config.algorithm_rules import built_in
from pipelines.config.model import PipelineConfig

Found = Iterator[tuple[str, str]]
SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
PACKED = (".gz", ".bz2", ".zst")
MACHINES = ("script", "instance_type", "instance_count")


def packaged(config: PipelineConfig) -> bool:
    """Tell whether there is a package: the built-in algorithms but for XGBoost have containers of their own, which take prepared CSV."""
    return config.package.enabled and built_in(config) is None


def checked(config: PipelineConfig) -> bool:
    """Tell whether the package is held to what the training made."""
    return packaged(config) and config.skew.enabled


def guarded(config: PipelineConfig) -> bool:
    """Tell whether a finding of the skew check ends the pipeline."""
    return checked(config) and config.skew.fail


def pipelined(config: PipelineConfig) -> bool:
    """Tell whether the model is an inference pipeline: one container prepares raw rows, built-in XGBoost's own answers."""
    return packaged(config) and config.package.containers == 2


def hosted(config: PipelineConfig) -> bool:
    """Tell whether a model is created, which batch transform and endpoints need, and which tells the last gate that the package holds."""
    judged = guarded(config) and bool(config.gate)
    return packaged(config) and (config.batch_transform is not None or config.endpoint is not None or judged)


def batch_format(config: PipelineConfig) -> str:
    """Return how the rows of batch transform are written: csv, jsonl or parquet."""
    batch = config.batch_transform
    assert batch is not None
    if batch.format:
        return batch.format
    if batch.input is None and config.data.format != "auto":
        return config.data.format
    return next((SUFFIXES[suffix] for suffix in _suffixes(config) if suffix in SUFFIXES), "csv")


def batch_packed(config: PipelineConfig) -> bool:
    """Tell whether the rows of batch transform are compressed with gzip."""
    return _suffixes(config)[-1:] == [".gz"]


def _suffixes(config: PipelineConfig) -> list[str]:
    batch = config.batch_transform
    return [suffix.lower() for suffix in PurePosixPath((batch.input if batch else None) or config.data.input).suffixes]


def package(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong)."""
    algorithm = built_in(config)
    if algorithm is not None:
        for key in ("package", "skew"):
            if _given(config, key):
                yield key, f"has no effect: {algorithm.title} is served by its own container, which takes prepared rows. Remove it."
    for key in ("batch_transform", "endpoint"):
        if getattr(config, key) is not None and not packaged(config):
            why = "package.enabled is false" if algorithm is None else f"{algorithm.title} has none"
            yield key, f"needs the package, which takes raw rows, and {why}. Remove it."
    if config.package.containers == 2 and (config.training.script or not packaged(config)):
        yield "package.containers", "2 needs built-in XGBoost, whose container is the second; got a script's model. Remove it."
    if not config.package.enabled and _given(config, "skew"):
        yield "skew", "has no effect without the package that it checks. Remove it, or package.enabled: false."
    yield from _unused(config)
    yield from _batch(config)


def _given(config: PipelineConfig, section: str) -> bool:
    """Tell whether a section is other than it is without being named."""
    return bool(getattr(config, section) != PipelineConfig.model_fields[section].default)


def _unused(config: PipelineConfig) -> Found:
    for section in ("package", "skew"):
        job = getattr(config, section)
        for key in MACHINES:
            if getattr(job, key) != type(job).model_fields[key].default:
                yield f"{section}.{key}", "has no effect: the job is ours, and runs on one instance of preprocess.instance_type. Remove it."


def _batch(config: PipelineConfig) -> Found:
    batch = config.batch_transform
    if batch is None:
        return
    if batch.input is None and config.data.athena is not None:
        yield "batch_transform.input", "missing; the rows of a query have no file of their own. Name the rows to answer."
    if batch.input is None and config.data.others:
        yield "batch_transform.input", "missing; the model takes rows after join and concat, which no input file holds. Name the rows to answer."
    kind = batch_format(config)
    answered = {"text/csv": "csv", "application/jsonlines": "jsonl"}.get(batch.accept, "")
    if batch.join == "Input" and (answered != kind or kind == "parquet"):
        yield "batch_transform.join", f"the service joins rows and answers of the same format; got {kind} rows and {batch.accept}."
    if kind == "parquet" and batch.strategy == "SingleRecord":
        yield "batch_transform.strategy", "Parquet is not split into records; got 'SingleRecord', expected 'MultiRecord'."
