"""Register: the model as a new version of its group, with its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.sdk import with_environment
from pipelines.author.steps.evaluate import FILE
from pipelines.author.steps.jobs import step_retries
from pipelines.config.algorithm_rules import ANSWERS, built_in
from pipelines.config.model import Registration

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Register"
INFERENCE = "inference.py"


def compose(composition: Composition, model: Any, judged: Any) -> Any:
    """Return the step; `model` is the URI of model.tar.gz, `judged` the step that evaluated it, None when none did."""
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.serve import ModelBuilder

    config = composition.config.registration
    assert config
    builder = ModelBuilder(
        s3_model_data_url=model,
        image_uri=composition.training_image,
        role_arn=composition.config.aws.role_arn,
        sagemaker_session=composition.session,
    )
    step_args = builder.register(
        model_package_group_name=config.model_package_group,
        content_types=list(config.content_types),
        response_types=_response_types(composition),
        inference_instances=list(config.inference_instances),
        transform_instances=list(config.transform_instances),
        model_metrics=_metrics(judged),
        approval_status=composition.parameters["ModelApprovalStatus"],
        description=config.description or composition.config.description or None,
    )
    return ModelStep(
        NAME,
        step_args=with_environment(step_args, _environment(composition)),
        retry_policies=step_retries(composition),
        display_name="Register the model",
        description=f"Adds a version to the model package group {config.model_package_group}{', with the evaluation as its model quality' if judged else ''}.",
    )


def _environment(composition: Composition) -> dict[str, str]:
    """Return where the framework's image finds the inference code that a script saved with its model; nothing for a model without."""
    bundle = composition.bundles.get("training")
    served = bundle is not None and INFERENCE in bundle.files
    return {"SAGEMAKER_PROGRAM": INFERENCE, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"} if served else {}


def _metrics(judged: Any) -> Any:
    from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.core.workflow.functions import Join

    if judged is None:
        return None
    report = Join(on="/", values=[judged.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri, FILE])
    return ModelMetrics(model_statistics=MetricsSource(content_type="application/json", s3_uri=report))


def _response_types(composition: Composition) -> list[str]:
    """Return the content types of answers; where the default stands, those that the algorithm's container has."""
    config = composition.config.registration
    assert config
    usual = config.response_types == Registration.model_fields["response_types"].default
    return [ANSWERS[0]] if usual and built_in(composition.config) else list(config.response_types)
