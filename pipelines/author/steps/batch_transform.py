"""BatchTransform: the new model answers many raw rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import cache, retries
from pipelines.config.package_rules import batch_format, batch_packed

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.config.deployment import BatchTransform as BatchConfig

NAME = "BatchTransform"
TYPES = {"csv": "text/csv", "jsonl": "application/jsonlines", "parquet": "application/x-parquet"}
# Lets the answer to the chunk that has the header begin with one, so that each line of a file has its answer; see docs/package.md.
CSV_HEADER = {"SAGEWRIGHT_CSV_HEADER": "same"}


def compose(composition: Composition, created: Any) -> Any:
    """Return the step; `created` is the Model step."""
    from sagemaker.mlops.workflow.steps import TransformStep

    config = composition.config.batch_transform
    assert config is not None
    kind = batch_format(composition.config)
    return TransformStep(
        NAME,
        step_args=_job(composition, config, kind, created),
        cache_config=cache(composition),
        retry_policies=retries(composition),
        display_name="Answer many rows",
        description=f"Batch transform of raw rows ({kind}) with the package, {config.strategy}.",
    )


def _job(composition: Composition, config: BatchConfig, kind: str, created: Any) -> Any:
    """Return the arguments of the transform job."""
    from sagemaker.core.transformer import Transformer

    by_line = kind != "parquet"
    headed = CSV_HEADER if kind == "csv" and config.join == "Input" else {}
    transformer = Transformer(
        model_name=created.properties.ModelName,
        instance_count=config.instance_count,
        instance_type=config.instance_type,
        strategy=config.strategy if by_line else None,
        assemble_with="Line" if by_line and config.accept != "application/json" else "None",
        accept=config.accept,
        max_payload=config.max_payload_mb,
        max_concurrent_transforms=config.max_concurrent,
        output_path=composition.output_uri(NAME, ""),
        env={**headed, **config.environment} or None,
        sagemaker_session=composition.session,
    )
    return transformer.transform(
        data=composition.parameters["BatchInput" if config.input is not None else "InputData"],
        data_type="S3Prefix",
        content_type=TYPES[kind],
        compression_type="Gzip" if batch_packed(composition.config) else None,
        split_type="Line" if by_line else None,
        input_filter=config.input_filter,
        output_filter=config.output_filter,
        join_source=config.join if config.join != "None" else None,
        wait=False,
        logs=False,
    )
