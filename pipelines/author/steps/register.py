"""Register: the model as a new version of its group, with its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.author.sdk import with_card, with_environment
from pipelines.author.steps.checks import Checked
from pipelines.author.steps.jobs import step_retries
from pipelines.author.steps.model_metrics import drift_baselines, model_metrics
from pipelines.author.steps.package_model import environment, in_pipeline
from pipelines.config.algorithm_rules import ANSWERS, built_in
from pipelines.config.model import Registration
from pipelines.config.package_rules import pipelined

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Register"
# What the code of the package takes; all but the last it answers, too.
TAKEN = ("text/csv", "application/json", "application/jsonlines", "application/x-parquet")


@dataclass(frozen=True)
class Told:
    """Hold what a version is registered with.

    `model` is the URI of model.tar.gz, `judged` the step that evaluated it and `packed` the one that packed it, None when none did. `certificate` is what the
    version's metadata tell of the skew check, `bare` the URI of the model that training left, `found` what checks found, `card` the text of the model card.
    """

    model: Any
    judged: Any = None
    packed: Any = None
    certificate: Mapping[str, Any] | None = None
    bare: Any = None
    found: Mapping[str, Checked] = field(default_factory=dict)
    card: Any = None


def compose(composition: Composition, told: Told) -> Any:
    """Return the step."""
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.serve import ModelBuilder

    config = composition.config.registration
    assert config
    served = environment(composition, told.packed)
    builder = ModelBuilder(
        s3_model_data_url=told.model,
        image_uri=composition.training_image,
        role_arn=composition.config.aws.role_arn,
        sagemaker_session=composition.session,
    )
    step_args = builder.register(
        model_package_group_name=config.model_package_group,
        content_types=_content_types(composition, served),
        response_types=_response_types(composition, served),
        inference_instances=list(config.inference_instances),
        transform_instances=list(config.transform_instances),
        model_metrics=model_metrics(told.judged, told.found),
        drift_check_baselines=drift_baselines(composition, told.found),
        approval_status=composition.parameters["ModelApprovalStatus"],
        description=config.description or composition.config.description or None,
        customer_metadata_properties=dict(told.certificate) if told.certificate else None,
    )
    status = composition.config.model_card.status if composition.config.model_card else ""
    step = ModelStep(
        NAME,
        step_args=with_card(with_environment(step_args, served), told.card, status),
        retry_policies=step_retries(composition),
        display_name="Register the model",
        description=f"Adds a version to the model package group {config.model_package_group}{', with what was measured' if told.judged else ''}.",
    )
    return in_pipeline(composition, step, told.bare)


def _content_types(composition: Composition, served: Mapping[str, str]) -> list[str]:
    """Return the content types of requests; where the default stands, those that the package's code takes."""
    config = composition.config.registration
    assert config
    return list(TAKEN) if _ours(composition, served) and config.content_types == _usual("content_types") else list(config.content_types)


def _response_types(composition: Composition, served: Mapping[str, str]) -> list[str]:
    """Return the content types of answers; where the default stands, those that the package's code or the algorithm's container has."""
    config = composition.config.registration
    assert config
    if config.response_types != _usual("response_types"):
        return list(config.response_types)
    if built_in(composition.config):
        return [ANSWERS[0]]
    if pipelined(composition.config):
        return list(TAKEN[:2])
    return list(TAKEN[:3]) if _ours(composition, served) else list(config.response_types)


def _usual(key: str) -> Any:
    return Registration.model_fields[key].default


def _ours(composition: Composition, served: Mapping[str, str]) -> bool:
    """Tell whether the package's own code serves, and not some that a script saved with its model."""
    return bool(served) and composition.config.training.script is None
