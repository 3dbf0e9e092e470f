"""analysis_config.json of SageMaker Clarify: the same text for our own job and for the check steps of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.config.checks import Bias, Explainability, Predictor
from pipelines.config.model import PipelineConfig

CSV = "text/csv"
LINES = "application/jsonlines"
REPORT = {"report": {"name": "report", "title": "Analysis Report"}}


def analysis_config(config: PipelineConfig, key: str) -> dict[str, Any]:
    """Return what a check computes, for pre_training, post_training or explainability; members are in the order in which the SDK writes them."""
    return {"dataset_type": CSV, "label": config.label.column, **MADE[key](config)}


def _pre_training(config: PipelineConfig) -> dict[str, Any]:
    assert config.bias
    return {**bias_config(config), "methods": {"pre_training_bias": {"methods": _methods(config.bias.pre_training)}, **REPORT}}


def _post_training(config: PipelineConfig) -> dict[str, Any]:
    assert config.bias
    methods = {"post_training_bias": {"methods": _methods(config.bias.post_training)}, **REPORT}
    return {**bias_config(config), "methods": methods, "predictor": {**predicted_label(config), **endpoint(config.bias)}}


def _explainability(config: PipelineConfig) -> dict[str, Any]:
    section = config.explainability
    assert section
    # The SDK's check step takes one method.
    pdp = {"pdp": pdp_config(section)} if section.pdp and section.runner == "processing" else {}
    methods = {"shap": shap_config(section, config.seed), **pdp, **REPORT}
    return {"methods": methods, "predictor": {**scores(config), **endpoint(section)}}


MADE: Mapping[str, Callable[[PipelineConfig], dict[str, Any]]] = {
    "pre_training": _pre_training,
    "post_training": _post_training,
    "explainability": _explainability,
}


def monitoring_config(config: PipelineConfig, key: str) -> dict[str, Any]:
    """Return what bias and explainability monitors are configured with (`ConfigFile` of DriftCheckBaselines), as the SDK writes it beside the analysis."""
    if key == "explainability" and config.explainability:
        made = _explainability(config)
        return {"methods": {"shap": made["methods"]["shap"]}, "predictor": endpoint(config.explainability)}
    return {**bias_config(config), "label": config.label.column}


def bias_config(config: PipelineConfig) -> dict[str, Any]:
    """Return the members that say which labels are good and whose groups are compared."""
    bias = config.bias
    assert bias
    facets = [_facet(facet.column, list(facet.values) or ([_short(facet.threshold)] if facet.threshold is not None else [])) for facet in bias.facets]
    group = {"group_variable": bias.group} if bias.group else {}
    return {"label_values_or_threshold": favourable(config), "facet": facets, **group}


def favourable(config: PipelineConfig) -> list[Any]:
    """Return the values of the label that are good for a person."""
    assert config.bias
    return list(config.bias.favourable) or [config.label.positive]


def _facet(column: str, values: list[Any]) -> dict[str, Any]:
    return {"name_or_index": column, **({"value_or_threshold": values} if values else {})}


def _short(threshold: float) -> float:
    """Return a whole number as such: it stands in the name of the group."""
    return int(threshold) if threshold.is_integer() else threshold


def _methods(asked: tuple[str, ...] | bool) -> Any:
    return "all" if asked is True else list(asked or ())


def endpoint(section: Bias | Explainability) -> dict[str, Any]:
    """Return the members of `predictor` that say how the service serves and asks the model; our own job passes over the machine."""
    asked = section.predictor or Predictor()
    shapes = {"content_template": asked.content_template, "record_template": asked.record_template}
    told = {name: text for name, text in shapes.items() if text is not None}
    return {
        "instance_type": section.instance_type,
        "initial_instance_count": 1,
        "accept_type": asked.accept_type,
        "content_type": asked.content_type,
        **told,
    }


def predicted_label(config: PipelineConfig) -> dict[str, Any]:
    """Return where the label stands: as told, or in the package's CSV answer, `probability,label` of two classes, `label,probability,…` of several."""
    told = config.bias.predictor if config.bias else None
    if told is not None:
        return {name: value for name, value in (("label", told.label), ("probability", told.probability)) if value is not None}
    return {"label": 1 if config.problem == "binary_classification" else 0}


def scores(config: PipelineConfig) -> dict[str, Any]:
    """Return where the number stands that is explained: as told, or in the package's CSV answer; of several classes our own job knows their columns."""
    told = config.explainability.predictor if config.explainability else None
    if told is not None and told.probability is not None:
        return {"probability": told.probability}
    if config.problem == "multiclass_classification":
        return {"label_headers": list(config.label.classes)}
    return {"probability": 0}


def shap_config(section: Explainability, seed: int) -> dict[str, Any]:
    """Return the member `shap`; without a baseline the job computes one from the rows."""
    samples = {"num_samples": section.samples} if section.samples else {}
    return {"use_logit": section.logit, "save_local_shap_values": True, **samples, "agg_method": section.aggregate, "seed": seed}


def pdp_config(section: Explainability) -> dict[str, Any]:
    """Return the member `pdp`."""
    assert section.pdp
    named = {"features": list(section.pdp.columns)} if section.pdp.columns else {"top_k_features": section.pdp.top}
    return {**named, "grid_resolution": section.pdp.grid}
