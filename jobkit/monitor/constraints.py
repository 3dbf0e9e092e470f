"""Suggest from a baseline what later data must hold to: Model Monitor's constraints.json (developer guide, "Schema for Constraints")."""

from __future__ import annotations

from typing import Any, Dict, Optional

from jobkit.monitor.cells import STRING, Cells
from jobkit.monitor.rows import Rows
from jobkit.monitor.statistics import MOST_VALUES, NUMERIC, value_counts

# Values are suggested as the domain only where at most this share of them occurs once (Deequ's CategoricalRangeRule).
SINGLE_SHARE = 0.1


def constraints(rows: Rows, categorical: Optional[str] = None) -> Dict[str, Any]:
    """Return constraints.json of these rows; `categorical` is how texts are compared (LInfinity, ChiSquared) where that is to be written down."""
    features = [_feature(name, column, rows.item_count) for name, column in zip(rows.names, rows.columns)]
    return {"version": 0.0, "features": features, "monitoring_config": _config(categorical)}


def _config(categorical: Optional[str]) -> Dict[str, Any]:
    compared: Dict[str, Any] = {"perform_comparison": "Enabled", "comparison_threshold": 0.1, "comparison_method": "Robust"}
    if categorical:
        compared.update({"categorical_comparison_threshold": 0.1, "categorical_drift_method": categorical})
    return {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": compared,
    }


def _feature(name: str, column: Cells, count: int) -> Dict[str, Any]:
    told: Dict[str, Any] = {"name": name, "inferred_type": column.kind, "completeness": column.present / count}
    if column.kind in NUMERIC and column.numbers is not None:
        told["num_constraints"] = {"is_non_negative": bool(column.numbers.min() >= 0)}
    if column.kind == STRING:
        counts = value_counts(column)
        single = sum(1 for _, count_ in counts if count_ == 1)
        if len(counts) <= MOST_VALUES and single <= SINGLE_SHARE * len(counts):
            told["string_constraints"] = {"domains": [value for value, _ in counts]}
    return told
