"""Train: a built-in algorithm, or a script on the XGBoost image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import cache, retries
from pipelines.author.steps.preprocess import feature_dim
from pipelines.config.algorithm_rules import FROM_PREPROCESS, as_text, built_in
from pipelines.config.algorithm_rules import hyperparameters as algorithm_hyperparameters
from pipelines.config.problem import KINDS
from pipelines.config.training_rules import framework_version

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.config.model import Training

NAME = "Train"
# What `Run` of jobkit prints for a metric, as `jobkit.run.METRIC` has it.
METRIC = r"\[metric\] {}=([-+.0-9eE]+);"
PARQUET = "application/x-parquet"
TITLES: Mapping[str, str] = {"xgboost": "XGBoost", "scikit-learn": "scikit-learn"}


def compose(composition: Composition, prepared: Any) -> Any:
    """Return the step."""
    from sagemaker.mlops.workflow.steps import TrainingStep

    return TrainingStep(
        NAME,
        step_args=trainer(composition, NAME, channels(composition, prepared), composition.output_uri(NAME, "")).train(wait=False),
        display_name=f"Train {title(composition)}",
        description=_description(composition),
        cache_config=cache(composition),
        retry_policies=retries(composition),
    )


def title(composition: Composition) -> str:
    """Return what the algorithm, or what trains, is called."""
    algorithm, config = built_in(composition.config), composition.config.training
    if algorithm is not None:
        return algorithm.title
    return "the model" if config.image else TITLES[config.framework]


def _description(composition: Composition) -> str:
    config, algorithm = composition.config.training, built_in(composition.config)
    if algorithm is not None:
        splits = " and the ".join(algorithm.splits.values())
        return f"Trains {algorithm.title}, built-in algorithm, on CSV of the {splits} split."
    version = "" if config.image else f"{framework_version(composition.config)}, "
    kind = f"with {config.script}" if config.script else f"{version}built-in algorithm"
    return f"Trains {title(composition)} {kind}, on the training split with the validation split beside it."[:3072]


def channels(composition: Composition, prepared: Any) -> list[Any]:
    """Return the splits as channels, in the format that the algorithm takes."""
    from sagemaker.core.training.configs import Channel, DataSource, InputData, S3DataSource

    algorithm = built_in(composition.config)
    splits = algorithm.splits if algorithm else {"train": "train", "validation": "validation"}
    kind = f"text/csv;label_size={int(algorithm.labelled)}" if algorithm else PARQUET
    outputs = prepared.properties.ProcessingOutputConfig.Outputs
    config = composition.config.training
    uris = {name: outputs[split].S3Output.S3Uri for name, split in splits.items()}
    if config.distribution == "FullyReplicated" and config.input_mode == "File":
        return [InputData(channel_name=name, data_source=uri, content_type=kind) for name, uri in uris.items()]
    sources = {name: S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type=config.distribution) for name, uri in uris.items()}
    return [
        Channel(channel_name=name, data_source=DataSource(s3_data_source=source), content_type=kind, input_mode=config.input_mode)
        for name, source in sources.items()
    ]


def trainer(composition: Composition, name: str, inputs: list[Any], output: Any, without: frozenset[str] = frozenset()) -> Any:
    """Return the SDK's trainer for a step; `output` is where models go, `without` names the hyperparameters that something else sets."""
    from sagemaker.core.shapes import MetricDefinition
    from sagemaker.core.training.configs import CheckpointConfig, Compute, OutputDataConfig, StoppingCondition
    from sagemaker.train import ModelTrainer

    config = composition.config.training
    given = {key: value for key, value in hyperparameters(composition).items() if key not in without}
    made = ModelTrainer(
        training_image=composition.training_image,
        role=composition.config.aws.role_arn,
        base_job_name=name.lower(),
        compute=Compute(
            instance_type=composition.parameters["TrainingInstanceType"],
            instance_count=composition.parameters["TrainingInstanceCount"],
            volume_size_in_gb=config.volume_size_gb,
            **({"enable_managed_spot_training": True} if config.spot else {}),
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=config.max_runtime_s, **_waiting(config)),
        output_data_config=OutputDataConfig(s3_output_path=output),
        hyperparameters=given,
        environment=dict(config.environment) or None,
        input_data_config=inputs,
        sagemaker_session=composition.session,
        **({"checkpoint_config": CheckpointConfig(s3_uri=composition.output_uri(name, "checkpoints"))} if config.checkpoints else {}),
    )
    if not config.metrics:
        return made
    return made.with_metric_definitions([MetricDefinition(name=metric, regex=regex) for metric, regex in metrics(config.metrics).items()])


def _waiting(config: Training) -> dict[str, int]:
    return {"max_wait_time_in_seconds": config.max_wait_s or 2 * config.max_runtime_s} if config.spot else {}


def metrics(names: tuple[str, ...]) -> dict[str, str]:
    """Return the regular expressions by which the service finds what `Run` of jobkit prints."""
    return {name: METRIC.format(re.escape(name)) for name in names}


def hyperparameters(composition: Composition) -> dict[str, Any]:
    """Return the hyperparameters of one training."""
    if built_in(composition.config):
        return {FROM_PREPROCESS: feature_dim(), **algorithm_hyperparameters(composition.config)}
    given = {name: as_text(value) for name, value in composition.config.training.hyperparameters.items()}
    seed = {} if "seed" in given else {"seed": composition.parameters["Seed"].to_string()}
    if not composition.config.training.script:
        kind, classes = KINDS[composition.config.problem], composition.config.label.classes
        several = {"num_class": str(len(classes))} if classes else {}
        return {"objective": kind.objectives[0], "num_round": "100", **several, **given, **seed}
    bundle = composition.bundles["training"]
    uri, _ = bundle.archive()
    return {**given, **seed, "sagemaker_program": bundle.script, "sagemaker_submit_directory": uri}
