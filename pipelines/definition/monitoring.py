"""What is monitored of a deployed model: the kinds of analysis, the baselines that each needs of a registered version, and the requests of schedules.

Sources: AWS developer guide, "Monitor data and model quality"; botocore's DriftCheckBaselines, MonitoringExecutionSummary and Create…JobDefinition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMPLETED, VIOLATED, FAILED = "Completed", "CompletedWithViolations", "Failed"


@dataclass(frozen=True)
class Kind:
    """Describe a kind of analysis: the service's MonitoringType, where the job's input has which member of DriftCheckBaselines, and which of them it needs.

    `section` of pipeline.yaml makes these baselines. `asks_model` tells whether the job runs the package, `takes_truth` whether ground truth is of use.
    """

    monitoring_type: str
    files: Mapping[str, str]
    needs: tuple[str, ...]
    section: str
    asks_model: bool = False
    takes_truth: bool = False


KINDS: Mapping[str, Kind] = {
    "data-quality": Kind(
        "DataQuality", {"constraints": "ModelDataQuality.Constraints", "statistics": "ModelDataQuality.Statistics"}, ("constraints",), "quality: {data: {}}"
    ),
    "model-quality": Kind(
        "ModelQuality",
        {"constraints": "ModelQuality.Constraints", "statistics": "ModelQuality.Statistics"},
        ("constraints",),
        "quality: {model: {}}",
        takes_truth=True,
    ),
    "bias": Kind(
        "ModelBias",
        {
            "config": "Bias.ConfigFile",
            "pre_training": "Bias.PreTrainingConstraints",
            "post_training": "Bias.PostTrainingConstraints",
            # How many rows each of the two was measured on, by which chance is told from drift.
            "pre_rows": "ModelDataQuality.Statistics",
            "post_rows": "ModelQuality.Statistics",
        },
        ("config",),
        "bias: {facets: [{column: …}]}",
        takes_truth=True,
    ),
    "explainability": Kind(
        "ModelExplainability",
        {"config": "Explainability.ConfigFile", "constraints": "Explainability.Constraints"},
        ("config", "constraints"),
        "explainability: {}",
        asks_model=True,
    ),
}
# Where the explanations at training left the rows that they start from, beside Explainability.Constraints; our own jobs write it.
SHAP_ROWS = "explanations_shap/baseline.csv"


def baselines(package: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    """Return the URIs of a kind's baselines in a model package, by the folder of the job's input."""
    kept = package.get("DriftCheckBaselines") or {}
    found = {}
    for folder, place in kind.files.items():
        part, member = place.split(".")
        uri = ((kept.get(part) or {}).get(member) or {}).get("S3Uri")
        if uri:
            found[folder] = str(uri)
    return found


def missing(found: Mapping[str, str], kind: Kind) -> str:
    """Return what a version lacks to be monitored, and what adds it; empty when it lacks nothing."""
    lacking = [kind.files[folder] for folder in kind.needs if folder not in found]
    if not lacking:
        return ""
    return f"the version has no DriftCheckBaselines.{', '.join(lacking)}; add `{kind.section}` to pipeline.yaml, run it and deploy what it registers"


def shap_rows(found: Mapping[str, str]) -> str:
    """Return the URI of the rows that explanations at training started from, if our own job made them; of other kinds an empty text."""
    uri = found.get("constraints", "")
    return f"{uri.rpartition('/')[0]}/{SHAP_ROWS}" if uri else ""


def summary(kind: str, endpoint: str, job_name: str, times: tuple[str, str], status: str, reason: str, arn_prefix: str) -> dict[str, Any]:
    """Return an execution as MonitoringExecutionSummary has it; `times` are when it was asked for and when it ended, ISO 8601."""
    return {
        "MonitoringScheduleName": "on-demand",
        "ScheduledTime": times[0],
        "CreationTime": times[0],
        "LastModifiedTime": times[1],
        "MonitoringExecutionStatus": status,
        "ProcessingJobArn": f"{arn_prefix}processing-job/{job_name}",
        **({"EndpointName": endpoint} if endpoint else {}),
        **({"FailureReason": reason[:1024]} if reason else {}),
        "MonitoringType": KINDS[kind].monitoring_type,
    }
