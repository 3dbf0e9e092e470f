"""EndpointConfig and Endpoint: the new model behind an endpoint, which is made or brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import cache, step_retries

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.config.deployment import Endpoint, Variant

CONFIG, NAME = "EndpointConfig", "Endpoint"
USUAL = "AllTraffic"


def compose(composition: Composition, created: Any) -> list[Any]:
    """Return the two steps; `created` is the Model step."""
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join
    from sagemaker.mlops.workflow.endpoint_step import EndpointConfigStep, EndpointStep

    config = composition.config.endpoint
    assert config is not None
    described = EndpointConfigStep(
        CONFIG,
        step_args=composition.session.create_endpoint_config(
            name=Join(on="-", values=[config.name[:40], ExecutionVariables.PIPELINE_EXECUTION_ID]),
            production_variants=variants(config, created.properties.ModelName),
            data_capture_config_dict=capture(config),
            async_inference_config_dict=asynchronous(config),
        ),
        cache_config=cache(composition),
        retry_policies=step_retries(composition),
        display_name="Describe the endpoint",
        description=f"Says on what {config.name} runs, and which models share its requests.",
    )
    served = EndpointStep(
        NAME,
        step_args=composition.session.create_endpoint(endpoint_name=config.name, config_name=described.properties.EndpointConfigName, wait=False),
        cache_config=cache(composition),
        display_name="Serve the model",
        description=f"Makes the endpoint {config.name}, or moves it to the new configuration.",
    )
    return [described, served]


def variants(config: Endpoint, model: Any) -> list[dict[str, Any]]:
    """Return ProductionVariants as CreateEndpointConfig takes them; `model` is the name of this pipeline's model."""
    if not config.variants:
        return [{"VariantName": USUAL, "ModelName": model, "InitialVariantWeight": 1.0, **_machines(config, None)}]
    return [
        {"VariantName": each.name, "ModelName": each.model or model, "InitialVariantWeight": each.weight, **_machines(config, each)} for each in config.variants
    ]


def _machines(config: Endpoint, variant: Variant | None) -> dict[str, Any]:
    if config.serverless:
        given = {"MemorySizeInMB": config.serverless.memory_mb, "MaxConcurrency": config.serverless.max_concurrency}
        kept = config.serverless.provisioned_concurrency
        return {"ServerlessConfig": {**given, **({"ProvisionedConcurrency": kept} if kept else {})}}
    kind, count = (variant.instance_type, variant.instance_count) if variant else (None, None)
    return {"InstanceType": kind or config.instance_type, "InitialInstanceCount": count or config.instance_count}


def capture(config: Endpoint) -> dict[str, Any] | None:
    """Return DataCaptureConfig as CreateEndpointConfig takes it."""
    if config.data_capture is None:
        return None
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": config.data_capture.percentage,
        "DestinationS3Uri": config.data_capture.s3_uri,
        "CaptureOptions": [{"CaptureMode": mode} for mode in config.data_capture.modes],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json", "application/jsonlines"]},
    }


def asynchronous(config: Endpoint) -> dict[str, Any] | None:
    """Return AsyncInferenceConfig as CreateEndpointConfig takes it."""
    given = config.asynchronous
    if given is None:
        return None
    topics = {"SuccessTopic": given.success_topic, "ErrorTopic": given.error_topic}
    told = {name: arn for name, arn in topics.items() if arn}
    output = {"S3OutputPath": given.output_s3_uri, **({"S3FailurePath": given.failure_s3_uri} if given.failure_s3_uri else {})}
    client = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": given.max_concurrent}} if given.max_concurrent else {}
    return {"OutputConfig": {**output, **({"NotificationConfig": told} if told else {})}, **client}
