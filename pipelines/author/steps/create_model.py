"""CreateModel: the package as a model of SageMaker, which batch transform and endpoints take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import package_model
from pipelines.author.steps.jobs import step_retries

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "CreateModel"


def compose(composition: Composition, packed: Any, model: Any) -> Any:
    """Return the step; `model` is the URI of the model.tar.gz that training left."""
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.serve import ModelBuilder
    from sagemaker.serve.mode.function_pointers import Mode

    builder = ModelBuilder(
        s3_model_data_url=package_model.uri(packed),
        image_uri=composition.training_image,
        role_arn=composition.config.aws.role_arn,
        env_vars=package_model.environment(composition, packed),
        mode=Mode.SAGEMAKER_ENDPOINT,
        sagemaker_session=composition.session,
    )
    step = ModelStep(
        NAME,
        step_args=builder.build(),
        retry_policies=step_retries(composition),
        display_name="Create the model",
        description="Makes the package known as a model that batch transform and endpoints can take.",
    )
    return package_model.in_pipeline(composition, step, model)
