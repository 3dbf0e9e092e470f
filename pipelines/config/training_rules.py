"""What a training cannot have: images without a script, versions of another framework, shards that nobody gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pipelines.algorithms.program import ALLOWED, is_program
from pipelines.config.algorithm_rules import built_in
from pipelines.config.model import PipelineConfig

Found = Iterator[tuple[str, str]]
VERSIONS: Mapping[str, tuple[str, ...]] = {"xgboost": ("1.5-1", "1.7-1", "3.0-5", "3.2-0"), "scikit-learn": ("1.2-1", "1.4-2", "1.9-0")}
DEFAULTS: Mapping[str, str] = {"xgboost": "3.2-0", "scikit-learn": "1.4-2"}


def framework_version(config: PipelineConfig) -> str:
    """Return the version of the framework's image that trains."""
    return config.training.version or DEFAULTS[config.training.framework]


def processing_version(config: PipelineConfig) -> str:
    """Return the version of the XGBoost image that the processing jobs run in: that of the training where XGBoost trains."""
    ours = config.training.framework == "xgboost" and config.training.image is None
    return framework_version(config) if ours else DEFAULTS["xgboost"]


def shards(config: PipelineConfig) -> int:
    """Return the number of files that Preprocess writes of the splits that a training reads."""
    return config.training.instance_count if config.training.distribution == "ShardedByS3Key" else 1


def training(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong)."""
    yield from _script(config)
    yield from _version(config)
    yield from _instances(config)
    yield from _spot(config)


def _script(config: PipelineConfig) -> Found:
    given = config.training
    program = given.script if given.script is None or given.source_dir is not None else PurePosixPath(given.script).name
    if program is not None and not is_program(program):
        yield "training.script", f"the container takes no such name; got {program!r}, expected a path inside of source_dir, of {ALLOWED}. Rename it."
    for key in ("framework", "image", "source_dir"):
        if not given.script and getattr(given, key) not in (None, "xgboost"):
            yield f"training.{key}", "has no effect without training.script, the program that the image runs. Give a script, or remove it."
    if given.image and "framework" in given.model_fields_set:
        yield "training.framework", "has no effect beside training.image, which names the image itself. Remove one of them."


def _version(config: PipelineConfig) -> Found:
    given = config.training
    if given.version is None or built_in(config):
        return
    if given.image:
        yield "training.version", "has no effect beside training.image, which names its version itself. Remove it."
    elif given.version not in VERSIONS[given.framework]:
        yield "training.version", f"no version of {given.framework}; got {given.version!r}, expected one of: {', '.join(VERSIONS[given.framework])}."


def _instances(config: PipelineConfig) -> Found:
    given = config.training
    sharded = given.distribution == "ShardedByS3Key"
    if sharded and given.instance_count == 1:
        yield "training.distribution", "ShardedByS3Key has no effect with one instance. Raise training.instance_count, or remove it."
    if given.instance_count > 1 and not sharded and not given.script and built_in(config) is None:
        yield (
            "training.instance_count",
            f"each of {given.instance_count} instances of built-in XGBoost would train on all rows. Add distribution: ShardedByS3Key, or use one instance.",
        )
    if given.input_mode == "Pipe" and not given.script and built_in(config) is None:
        yield "training.input_mode", "built-in XGBoost reads no pipes; got 'Pipe', expected 'File' or 'FastFile'."


def _spot(config: PipelineConfig) -> Found:
    given = config.training
    if given.max_wait_s is not None and not given.spot:
        yield "training.max_wait_s", "has no effect without spot: true. Add it, or remove this."
    elif given.max_wait_s is not None and given.max_wait_s < given.max_runtime_s:
        yield "training.max_wait_s", f"less than training.max_runtime_s; got {given.max_wait_s}, expected at least {given.max_runtime_s}."
