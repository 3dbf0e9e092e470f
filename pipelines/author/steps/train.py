"""Train: built-in XGBoost, or a script on the XGBoost image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import cache, retries
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Train"
# What `Run` of jobkit prints for a metric, as `jobkit.run.METRIC` has it.
METRIC = r"\[metric\] {}=([-+.0-9eE]+);"
PARQUET = "application/x-parquet"


def compose(composition: Composition, prepared: Any) -> Any:
    """Return the step."""
    from sagemaker.mlops.workflow.steps import TrainingStep

    config = composition.config.training
    kind = f"with {config.script}" if config.script else f"{config.version}, built-in algorithm"
    return TrainingStep(
        NAME,
        step_args=trainer(composition, NAME, channels(prepared), composition.output_uri(NAME, "")).train(wait=False),
        display_name="Train XGBoost",
        description=f"Trains XGBoost {kind}, on the training split with the validation split beside it."[:3072],
        cache_config=cache(composition),
        retry_policies=retries(composition),
    )


def channels(prepared: Any) -> list[Any]:
    """Return the training and the validation split as channels."""
    from sagemaker.core.training.configs import InputData

    outputs = prepared.properties.ProcessingOutputConfig.Outputs
    return [InputData(channel_name=name, data_source=outputs[name].S3Output.S3Uri, content_type=PARQUET) for name in ("train", "validation")]


def trainer(composition: Composition, name: str, inputs: list[Any], output: Any, without: frozenset[str] = frozenset()) -> Any:
    """Return the SDK's trainer for a step; `output` is where models go, `without` names the hyperparameters that something else sets."""
    from sagemaker.core.shapes import MetricDefinition
    from sagemaker.core.training.configs import Compute, OutputDataConfig, StoppingCondition
    from sagemaker.train import ModelTrainer

    config = composition.config.training
    given = {key: value for key, value in hyperparameters(composition).items() if key not in without}
    made = ModelTrainer(
        training_image=composition.image,
        role=composition.config.aws.role_arn,
        base_job_name=name.lower(),
        compute=Compute(
            instance_type=composition.parameters["TrainingInstanceType"],
            instance_count=composition.parameters["TrainingInstanceCount"],
            volume_size_in_gb=config.volume_size_gb,
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=config.max_runtime_s),
        output_data_config=OutputDataConfig(s3_output_path=output),
        hyperparameters=given,
        environment=dict(config.environment) or None,
        input_data_config=inputs,
        sagemaker_session=composition.session,
    )
    if not config.metrics:
        return made
    return made.with_metric_definitions([MetricDefinition(name=metric, regex=regex) for metric, regex in metrics(config.metrics).items()])


def metrics(names: tuple[str, ...]) -> dict[str, str]:
    """Return the regular expressions by which the service finds what `Run` of jobkit prints."""
    return {name: METRIC.format(re.escape(name)) for name in names}


def hyperparameters(composition: Composition) -> dict[str, Any]:
    """Return the hyperparameters of one training."""
    given = {name: text(value) for name, value in composition.config.training.hyperparameters.items()}
    seed = {} if "seed" in given else {"seed": composition.parameters["Seed"].to_string()}
    if not composition.config.training.script:
        kind, classes = KINDS[composition.config.problem], composition.config.label.classes
        several = {"num_class": str(len(classes))} if classes else {}
        return {"objective": kind.objectives[0], "num_round": "100", **several, **given, **seed}
    bundle = composition.bundles["training"]
    uri, _ = bundle.archive()
    return {**given, **seed, "sagemaker_program": bundle.script, "sagemaker_submit_directory": uri}


def text(value: Any) -> str:
    """Return a hyperparameter as the text that a job gets."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
