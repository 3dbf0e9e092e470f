"""What a registered version tells of evaluation and checks (ModelMetrics), and what later versions are held to (DriftCheckBaselines)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.author.steps.checks import Checked, monitoring_uri
from pipelines.author.steps.evaluate import FILE, OUTPUT

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

JSON = "application/json"
# The arguments of the SDK's two classes for what each check leaves, by the check's key and file.
METRICS: Mapping[tuple[str, str], str] = {
    ("pre_training", "constraints"): "bias_pre_training",
    ("post_training", "constraints"): "bias_post_training",
    ("explainability", "constraints"): "explainability",
    ("quality.data", "statistics"): "model_data_statistics",
    ("quality.data", "constraints"): "model_data_constraints",
    ("quality.model", "statistics"): "model_statistics",
    ("quality.model", "constraints"): "model_constraints",
}
BASELINES: Mapping[tuple[str, str], str] = {
    ("pre_training", "constraints"): "bias_pre_training_constraints",
    ("post_training", "constraints"): "bias_post_training_constraints",
    ("explainability", "constraints"): "explainability_constraints",
    ("quality.data", "statistics"): "model_data_statistics",
    ("quality.data", "constraints"): "model_data_constraints",
    ("quality.model", "statistics"): "model_statistics",
    ("quality.model", "constraints"): "model_constraints",
}
CONFIG_FILES = {"pre_training": "bias_config_file", "post_training": "bias_config_file", "explainability": "explainability_config_file"}


def model_metrics(judged: Any, found: Mapping[str, Checked]) -> Any:
    """Return ModelMetrics, None when nothing was measured; the evaluation is the model's statistics, whatever a check of its quality says."""
    from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.core.workflow.functions import Join

    sources = {METRICS[key, member]: MetricsSource(content_type=JSON, s3_uri=uri) for key, check in found.items() for member, uri in check.found.items()}
    if judged is not None:
        report = Join(on="/", values=[judged.properties.ProcessingOutputConfig.Outputs[OUTPUT].S3Output.S3Uri, FILE])
        sources["model_statistics"] = MetricsSource(content_type=JSON, s3_uri=report)
    return ModelMetrics(**sources) if sources else None


def drift_baselines(composition: Composition, found: Mapping[str, Checked]) -> Any:
    """Return DriftCheckBaselines, None without a check."""
    from sagemaker.core.drift_check_baselines import DriftCheckBaselines
    from sagemaker.core.model_metrics import FileSource, MetricsSource

    sources = {BASELINES[key, member]: MetricsSource(content_type=JSON, s3_uri=uri) for key, check in found.items() for member, uri in check.baseline.items()}
    files = {CONFIG_FILES[key]: FileSource(content_type=JSON, s3_uri=monitoring_uri(composition, key)) for key in found if key in CONFIG_FILES}
    return DriftCheckBaselines(**sources, **files) if sources else None
