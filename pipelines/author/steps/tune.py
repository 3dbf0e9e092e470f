"""Tune: many trainings in the place of one; the best model goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.sdk import with_tuning_parameters
from pipelines.author.steps import train
from pipelines.author.steps.jobs import cache, retries
from pipelines.config.algorithm_rules import as_text
from pipelines.config.tuning_rules import objective

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.config.tuning import Tuning

NAME = "Tune"


def compose(composition: Composition, prepared: Any) -> Any:
    """Return the step."""
    from sagemaker.mlops.workflow.steps import TuningStep
    from sagemaker.train.tuner import HyperparameterTuner

    tuning = composition.config.tuning
    assert tuning is not None
    metric, maximize = objective(composition.config)
    channels = train.channels(composition, prepared)
    tuner = HyperparameterTuner(
        model_trainer=train.trainer(composition, NAME, channels, _output(composition), without=frozenset(tuning.ranges)),
        objective_metric_name=metric,
        objective_type="Maximize" if maximize else "Minimize",
        metric_definitions=_definitions(composition, metric) or None,
        hyperparameter_ranges={name: _range(given) for name, given in tuning.ranges.items()},
        strategy=tuning.strategy,
        max_jobs=None if tuning.strategy == "Grid" else tuning.jobs,
        max_parallel_jobs=tuning.parallel,
        max_runtime_in_seconds=tuning.max_runtime_s,
        early_stopping_type="Auto" if tuning.early_stopping else "Off",
        base_tuning_job_name=NAME.lower(),
        **_options(tuning),
    )
    parameters = composition.parameters
    limits = {"MaxParallelTrainingJobs": parameters["TuningParallelJobs"], "MaxNumberOfTrainingJobs": parameters.get("TuningJobs")}
    step_args = with_tuning_parameters(tuner.tune(inputs=channels, wait=False), _given(limits), parameters["Seed"])
    return TuningStep(
        NAME,
        step_args=step_args,
        display_name=f"Tune {train.title(composition)}",
        description=f"Searches {', '.join(tuning.ranges)} for the best {metric}, strategy {tuning.strategy}; the best model goes on."[:3072],
        cache_config=cache(composition),
        retry_policies=retries(composition),
    )


def model_uri(composition: Composition, step: Any) -> Any:
    """Return the URI of the best model, as `get_top_model_s3_uri` of the SDK writes it."""
    from sagemaker.core.workflow.functions import Join

    return Join(on="/", values=[_output(composition), step.properties.TrainingJobSummaries[0].TrainingJobName, "output/model.tar.gz"])


def _output(composition: Composition) -> str:
    """Return where the models go: the same for every execution, since the service's cache key of a tuning step holds the output; job names tell them apart."""
    return f"s3://{composition.config.aws.bucket}/{composition.config.name}/tuning"


def _definitions(composition: Composition, metric: str) -> list[dict[str, str]]:
    """Return how the service finds the metrics of a script: the objective, and those that it logs with `Run` of jobkit."""
    tuning, named = composition.config.tuning, train.metrics(composition.config.training.metrics)
    own = tuning.metric_regex if tuning else None
    return [{"Name": name, "Regex": regex} for name, regex in {**named, **({metric: own} if own else {})}.items()]


def _given(limits: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in limits.items() if value is not None}


def _range(given: Any) -> Any:
    from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter

    if given.values:
        return CategoricalParameter([as_text(value) for value in given.values])
    if given.is_integer:
        return IntegerParameter(int(given.low), int(given.high), scaling_type=given.scaling)
    return ContinuousParameter(float(given.low), float(given.high), scaling_type=given.scaling)


def _options(tuning: Tuning) -> dict[str, Any]:
    """Return the optional parts as the SDK's shapes; a part that is not asked for is left out."""
    from sagemaker.core import shapes

    made: dict[str, Any] = {}
    if tuning.hyperband:
        band = shapes.HyperbandStrategyConfig(min_resource=tuning.hyperband.min_resource, max_resource=tuning.hyperband.max_resource)
        made["strategy_config"] = shapes.HyperParameterTuningJobStrategyConfig(hyperband_strategy_config=band)
    if tuning.warm_start:
        parents = [shapes.ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=name) for name in tuning.warm_start.jobs]
        made["warm_start_config"] = shapes.HyperParameterTuningJobWarmStartConfig(
            parent_hyper_parameter_tuning_jobs=parents, warm_start_type=tuning.warm_start.type
        )
    stop = tuning.stop
    criteria: dict[str, Any] = {}
    if stop.target is not None:
        criteria["target_objective_metric_value"] = stop.target
    if stop.not_improving is not None:
        criteria["best_objective_not_improving"] = shapes.BestObjectiveNotImproving(max_number_of_training_jobs_not_improving=stop.not_improving)
    if stop.on_convergence:
        criteria["convergence_detected"] = shapes.ConvergenceDetected(complete_on_convergence="Enabled")
    if criteria:
        made["completion_criteria_config"] = shapes.TuningJobCompletionCriteria(**criteria)
    return made
