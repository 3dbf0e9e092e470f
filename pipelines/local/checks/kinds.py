"""What each CheckType compares: the files that its job writes, where a baseline of it stands in a model package, and where the job reads one.

Sources: AWS developer guide, "Baseline calculation, drift detection and lifecycle with ClarifyCheck and QualityCheck steps"; botocore's DriftCheckBaselines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CONSTRAINTS, STATISTICS = "Constraints", "Statistics"
VIOLATIONS = "constraint_violations.json"


@dataclass(frozen=True)
class Item:
    """Describe one part of a baseline: the file, its place in DriftCheckBaselines, where a job reads it, and by which variable it learns that.

    Without one that is `needed` there is nothing to compare with.
    """

    file: str
    member: str
    reads: str
    variable: str | None = None
    needed: bool = True


@dataclass(frozen=True)
class Kind:
    """Describe a CheckType: the word that the service has for it, its part of DriftCheckBaselines, its items, and how many of what is compared."""

    word: str
    part: str
    items: Mapping[str, Item]
    unit: str
    count: Callable[[Mapping[str, Any]], int]


def _metrics_of(section: str) -> Callable[[Mapping[str, Any]], int]:
    def count(analysis: Mapping[str, Any]) -> int:
        facets = (analysis.get(section) or {}).get("facets") or {}
        metrics = [metric for values in facets.values() for value in values for metric in value.get("metrics") or ()]
        return sum(metric.get("value") is not None for metric in metrics)

    return count


def _explained(analysis: Mapping[str, Any]) -> int:
    labels = (analysis.get("explanations") or {}).get("kernel_shap") or {}
    return max((len(each.get("global_shap_values") or ()) for each in labels.values() if isinstance(each, Mapping)), default=0)


def _columns(constraints: Mapping[str, Any]) -> int:
    return len(constraints.get("features") or ())


def _thresholds(constraints: Mapping[str, Any]) -> int:
    return sum(len(group) for name, group in constraints.items() if name.endswith("_constraints") and isinstance(group, Mapping))


def _clarify(part: str, member: str, unit: str, count: Callable[[Mapping[str, Any]], int]) -> Kind:
    return Kind("Clarify", part, {CONSTRAINTS: Item("analysis.json", member, "input/baseline/analysis.json")}, unit, count)


def _quality(part: str, unit: str, count: Callable[[Mapping[str, Any]], int], *, statistics: bool) -> Kind:
    items = {
        STATISTICS: Item("statistics.json", STATISTICS, "baseline/stats/statistics.json", "baseline_statistics", statistics),
        CONSTRAINTS: Item("constraints.json", CONSTRAINTS, "baseline/constraints/constraints.json", "baseline_constraints"),
    }
    return Kind("Quality", part, items, unit, count)


KINDS: Mapping[str, Kind] = {
    "DATA_BIAS": _clarify("Bias", "PreTrainingConstraints", "metrics", _metrics_of("pre_training_bias_metrics")),
    "MODEL_BIAS": _clarify("Bias", "PostTrainingConstraints", "metrics", _metrics_of("post_training_bias_metrics")),
    "MODEL_EXPLAINABILITY": _clarify("Explainability", "Constraints", "features", _explained),
    "DATA_QUALITY": _quality("ModelDataQuality", "columns", _columns, statistics=True),
    "MODEL_QUALITY": _quality("ModelQuality", "metrics", _thresholds, statistics=False),
}
