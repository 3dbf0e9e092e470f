"""The checks as check steps of the service: ClarifyCheck and QualityCheck, for accounts that still have SageMaker Clarify and Model Monitor.

The constructors of the SDK upload two files each; those are made by `pipelines.author.analysis` and stored with the code, so that nothing is uploaded while
composing and no two steps overwrite each other's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.author.analysis import CSV, bias_config, endpoint, predicted_label, scores, shap_config
from pipelines.author.steps.checks import KINDS, PROBLEMS, Checked, Given, monitoring_uri
from pipelines.author.steps.jobs import cache
from pipelines.config.check_rules import checks
from pipelines.config.checks import Bias, Check, Explainability

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition


def compose(composition: Composition, key: str, given: Given, model_name: Any = None) -> Checked:
    """Return a check step of the service; `model_name` is that of CreateModel, which the checks of a model need."""
    step = MADE[key](composition, key, given, model_name)
    statistics = {"statistics": "Statistics"} if key.startswith("quality.") else {}
    members = {"constraints": "Constraints", **statistics}
    found = {member: getattr(step.properties, f"CalculatedBaseline{name}") for member, name in members.items()}
    baseline = {member: getattr(step.properties, f"BaselineUsedForDriftCheck{name}") for member, name in members.items()}
    return Checked(key, step, found, baseline)


def _job(composition: Composition, check: Check) -> Any:
    from sagemaker.mlops.workflow.check_job_config import CheckJobConfig

    return CheckJobConfig(
        role=composition.config.aws.role_arn,
        instance_count=1,
        instance_type=check.instance_type,
        volume_size_in_gb=check.volume_size_gb,
        max_runtime_in_seconds=check.max_runtime_s,
        env=dict(check.environment) or None,
        sagemaker_session=composition.session,
    )


def _options(composition: Composition, key: str) -> dict[str, Any]:
    """Return what all check steps share: with what they compare and what a violation does."""
    kind, check = KINDS[key], checks(composition.config)[key]
    registration = composition.config.registration
    return {
        "check_job_config": _job(composition, check),
        "skip_check": composition.parameters["SkipChecks"] if check.drift.compare else True,
        "fail_on_violation": check.drift.fail_on_violation,
        "register_new_baseline": check.drift.register_new_baseline,
        "model_package_group_name": registration.model_package_group if registration else None,
        "display_name": kind.title,
        "description": f"{kind.told}.",
        "cache_config": cache(composition),
    }


def _clarify(composition: Composition, key: str, config: Any) -> Any:
    from sagemaker.mlops.workflow.clarify_check_step import ClarifyCheckStep

    step = ClarifyCheckStep(KINDS[key].step, clarify_check_config=config, **_options(composition, key))
    step.clarify_check_config.monitoring_analysis_config_uri = monitoring_uri(composition, key)
    return step


def _data_config(composition: Composition, key: str, uri: Any) -> Any:
    from sagemaker.core.clarify import DataConfig

    return DataConfig(
        s3_data_input_path=uri,
        s3_output_path=composition.output_uri(KINDS[key].step, KINDS[key].output),
        s3_analysis_config_output_path=f"{composition.bundles[key].prefix}/config",
        label=composition.config.label.column,
        dataset_type=CSV,
    )


def _bias_config(composition: Composition) -> Any:
    from sagemaker.core.clarify import BiasConfig

    made = bias_config(composition.config)
    return BiasConfig(
        label_values_or_threshold=made["label_values_or_threshold"],
        facet_name=[facet["name_or_index"] for facet in made["facet"]],
        facet_values_or_threshold=[facet.get("value_or_threshold") for facet in made["facet"]],
        group_name=made.get("group_variable"),
    )


def _model_config(section: Bias | Explainability, name: Any) -> Any:
    from sagemaker.core.clarify import ModelConfig

    made = endpoint(section)
    types = {key: made[key] for key in ("instance_type", "accept_type", "content_type", "content_template", "record_template") if key in made}
    return ModelConfig(model_name=name, instance_count=made["initial_instance_count"], **types)


def _data_bias(composition: Composition, key: str, given: Given, model_name: Any) -> Any:
    from sagemaker.mlops.workflow.clarify_check_step import DataBiasCheckConfig

    bias = composition.config.bias
    assert bias
    methods = "all" if bias.pre_training is True else list(bias.pre_training or ())
    config = DataBiasCheckConfig(data_config=_data_config(composition, key, given.raw), data_bias_config=_bias_config(composition), methods=methods)
    return _clarify(composition, key, config)


def _model_bias(composition: Composition, key: str, given: Given, model_name: Any) -> Any:
    from sagemaker.core.clarify import ModelPredictedLabelConfig
    from sagemaker.mlops.workflow.clarify_check_step import ModelBiasCheckConfig

    bias = composition.config.bias
    assert bias
    config = ModelBiasCheckConfig(
        data_config=_data_config(composition, key, given.raw_test),
        data_bias_config=_bias_config(composition),
        model_config=_model_config(bias, model_name),
        model_predicted_label_config=ModelPredictedLabelConfig(**predicted_label(composition.config)),
        methods="all" if bias.post_training is True else list(bias.post_training or ()),
    )
    return _clarify(composition, key, config)


def _explain(composition: Composition, key: str, given: Given, model_name: Any) -> Any:
    from sagemaker.core.clarify import ModelPredictedLabelConfig, SHAPConfig
    from sagemaker.mlops.workflow.clarify_check_step import ModelExplainabilityCheckConfig

    section = composition.config.explainability
    assert section
    made = shap_config(section, composition.config.seed)
    shap = SHAPConfig(
        num_samples=made.get("num_samples"),
        agg_method=made["agg_method"],
        use_logit=made["use_logit"],
        save_local_shap_values=made["save_local_shap_values"],
        seed=made["seed"],
    )
    config = ModelExplainabilityCheckConfig(
        data_config=_data_config(composition, key, given.explained),
        model_config=_model_config(section, model_name),
        explainability_config=shap,
        model_scores=ModelPredictedLabelConfig(probability=scores(composition.config)["probability"]),
    )
    return _clarify(composition, key, config)


def _quality(composition: Composition, key: str, config: Any) -> Any:
    from sagemaker.mlops.workflow.quality_check_step import QualityCheckStep

    return QualityCheckStep(KINDS[key].step, quality_check_config=config, **_options(composition, key))


def _csv() -> Any:
    from sagemaker.core.model_monitor import DatasetFormat

    return DatasetFormat.csv(header=True)


def _data_quality(composition: Composition, key: str, given: Given, model_name: Any) -> Any:
    from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig

    output = composition.output_uri(KINDS[key].step, KINDS[key].output)
    return _quality(composition, key, DataQualityCheckConfig(baseline_dataset=given.raw, dataset_format=_csv(), output_s3_uri=output))


def _model_quality(composition: Composition, key: str, given: Given, model_name: Any) -> Any:
    from sagemaker.mlops.workflow.quality_check_step import ModelQualityCheckConfig

    output = composition.output_uri(KINDS[key].step, KINDS[key].output)
    config = ModelQualityCheckConfig(
        baseline_dataset=given.predictions,
        dataset_format=_csv(),
        output_s3_uri=output,
        problem_type=PROBLEMS[composition.config.problem],
        inference_attribute="prediction",
        ground_truth_attribute="label",
        **({"probability_attribute": "probability"} if composition.config.problem == "binary_classification" else {}),
    )
    return _quality(composition, key, config)


MADE: Mapping[str, Callable[[Composition, str, Given, Any], Any]] = {
    "pre_training": _data_bias,
    "post_training": _model_bias,
    "explainability": _explain,
    "quality.data": _data_quality,
    "quality.model": _model_quality,
}
