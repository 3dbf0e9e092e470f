"""What processing steps share: code as an input, files as inputs and outputs, caching and retries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.config.model import Data

ML = "/opt/ml/processing"
CODE = f"{ML}/input/code"
# The output of a script of the user's, in which `Run` of jobkit keeps what it logs.
EXPERIMENT = "experiment"


def input_(name: str, uri: Any, folder: str, distribution: str = "FullyReplicated") -> Any:
    """Return a processing input: every object below a URI, in one folder."""
    from sagemaker.core.shapes import ProcessingInput, ProcessingS3Input

    source = ProcessingS3Input(
        s3_uri=uri,
        local_path=folder,
        s3_data_type="S3Prefix",
        s3_input_mode="File",
        s3_data_distribution_type=distribution,
        s3_compression_type="None",
    )
    return ProcessingInput(input_name=name, s3_input=source)


def raw_input(composition: Composition, distribution: str | None = None) -> Any:
    """Return the raw rows as the processing input `raw`: the objects below InputData, or the result of Athena's query."""
    data = composition.config.data
    shared = distribution or data.distribution
    if data.athena is None:
        return input_("raw", composition.parameters["InputData"], f"{ML}/input/raw", shared)
    from sagemaker.core.shapes import AthenaDatasetDefinition, DatasetDefinition, ProcessingInput

    described = dataset(data)
    athena = AthenaDatasetDefinition(**{snake(key): value for key, value in described["AthenaDatasetDefinition"].items()})
    others = {snake(key): value for key, value in described.items() if isinstance(value, str)}
    return ProcessingInput(input_name="raw", dataset_definition=DatasetDefinition(athena_dataset_definition=athena, **others))


def dataset(data: Data) -> dict[str, Any]:
    """Return the DatasetDefinition of `data.athena`, as CreateProcessingJob takes it."""
    assert data.athena is not None
    athena = {
        "Catalog": data.athena.catalog,
        "Database": data.athena.database,
        "QueryString": data.athena.query,
        "OutputS3Uri": data.athena.output_s3_uri,
        "OutputFormat": data.athena.output_format,
        **({"WorkGroup": data.athena.work_group} if data.athena.work_group else {}),
    }
    return {"AthenaDatasetDefinition": athena, "LocalPath": f"{ML}/input/raw", "DataDistributionType": data.distribution, "InputMode": "File"}


def snake(name: str) -> str:
    """Return a member's name as the SDK's shapes spell it: OutputS3Uri is output_s3_uri."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def processing_step(
    composition: Composition,
    name: str,
    section: str,
    inputs: list[Any],
    outputs: list[str],
    arguments: list[Any],
    *,
    instances: int | None = None,
    image: str | None = None,
    **texts: Any,
) -> Any:
    """Return a ProcessingStep that runs a bundle's script; outputs are folders below /opt/ml/processing; `instances` is a number that no parameter changes.

    `section` is the bundle's key.
    `image` is one other than the image of the processing jobs.
    """
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
    from sagemaker.mlops.workflow.steps import ProcessingStep

    bundle = composition.bundles[section]
    job = bundle.job
    processor = Processor(
        role=composition.config.aws.role_arn,
        image_uri=image or composition.image,
        instance_count=composition.parameters["ProcessingInstanceCount"] if instances is None else instances,
        instance_type=composition.parameters["ProcessingInstanceType"],
        entrypoint=["python3", f"{CODE}/{bundle.script}"],
        volume_size_in_gb=job.volume_size_gb,
        max_runtime_in_seconds=job.max_runtime_s,
        base_job_name=name.lower(),
        env=dict(job.environment) or None,
        sagemaker_session=composition.session,
    )
    made = [
        ProcessingOutput(
            output_name=output,
            s3_output=ProcessingS3Output(s3_uri=composition.output_uri(name, output), local_path=f"{ML}/{output}", s3_upload_mode="EndOfJob"),
        )
        for output in [*outputs, *([EXPERIMENT] if getattr(job, "script", None) else [])]
    ]
    step_args = processor.run(inputs=[*inputs, input_("code", f"{bundle.prefix}/", CODE)], outputs=made, arguments=arguments or None)
    return ProcessingStep(name, step_args=step_args, cache_config=cache(composition), retry_policies=retries(composition), **texts)


def cache(composition: Composition) -> Any:
    """Return the step's CacheConfig."""
    from sagemaker.mlops.workflow.steps import CacheConfig

    config = composition.config.cache
    return CacheConfig(enable_caching=config.enabled, expire_after=config.expire_after)


def retries(composition: Composition) -> list[Any]:
    """Return retries on faults of the service and of its capacity, for steps that run a job."""
    from sagemaker.mlops.workflow.retry import SageMakerJobExceptionTypeEnum, SageMakerJobStepRetryPolicy

    config = composition.config.retry
    faults = [SageMakerJobExceptionTypeEnum.INTERNAL_ERROR, SageMakerJobExceptionTypeEnum.CAPACITY_ERROR]
    policy = SageMakerJobStepRetryPolicy(
        exception_types=faults, interval_seconds=config.interval_s, backoff_rate=config.backoff_rate, max_attempts=config.max_attempts
    )
    return [*step_retries(composition), policy]


def step_retries(composition: Composition) -> list[Any]:
    """Return retries on faults and throttling of the step itself, for steps that run no job."""
    from sagemaker.mlops.workflow.retry import StepExceptionTypeEnum, StepRetryPolicy

    config = composition.config.retry
    faults = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
    return [StepRetryPolicy(exception_types=faults, interval_seconds=config.interval_s, backoff_rate=config.backoff_rate, max_attempts=config.max_attempts)]
