"""Suggest thresholds for model quality and find what misses them, in Model Monitor's layouts of constraints.json and constraint_violations.json."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from jobkit.failure import JobError
from jobkit.monitor.java_json import double
from jobkit.monitor.quality import CONSTANT

LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"
# What is better the lower it is.
ERRORS = frozenset({"mae", "mse", "rmse", "false_positive_rate", "false_negative_rate"})
METRICS, LIMITS = "_metrics", "_constraints"
# A value this near to its threshold, relative to it, meets it: the last bits differ from machine to machine.
ROOM = 1e-9


def constraints(statistics: Mapping[str, Any]) -> Dict[str, Any]:
    """Return constraints.json: the value of each metric as its threshold, as the published fixture has it; not of the constant classifier's."""
    group, metrics = group_of(statistics)
    limits = {
        name: {"threshold": metric["value"], "comparison_operator": GREATER if name in ERRORS else LESS}
        for name, metric in metrics.items()
        if "value" in metric and not name.endswith(CONSTANT)
    }
    return {"version": 0.0, group + LIMITS: limits}


def group_of(document: Mapping[str, Any]) -> Tuple[str, Mapping[str, Any]]:
    """Return the problem whose metrics or constraints a document holds, e.g. `regression`, and these; an empty name when there are none."""
    for name, members in document.items():
        for ending in (METRICS, LIMITS):
            if name.endswith(ending):
                return name[: -len(ending)], members
    return "", {}


def violations(statistics: Mapping[str, Any], limits: Mapping[str, Any]) -> List[Dict[str, str]]:
    """Return what misses its threshold.

    Raises:
        JobError: the constraints are those of another problem, or ask for a metric or a comparison that there is not.
    """
    group, metrics = group_of(statistics)
    other, wanted = group_of(limits)
    if other != group:
        raise JobError("constraints.json of the baseline: got {!r}; expected {!r}. Give the constraints of this problem".format(other, group + LIMITS))
    return [_violation(name, value, limit) for name, value, limit in _compared(metrics, wanted) if missed(value, limit)]


def _compared(metrics: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
    for name, limit in wanted.items():
        value = metrics.get(name, {}).get("value")
        operator = limit.get("comparison_operator")
        if not isinstance(value, (int, float)) or operator not in (LESS, GREATER):
            told = "constraints.json of the baseline: {} {}: got the metrics {}; expected one of them, with {} or {}"
            raise JobError(told.format(name, operator, ", ".join(metrics), LESS, GREATER))
        yield name, float(value), limit


def missed(value: float, limit: Mapping[str, Any]) -> bool:
    """Tell whether a value lies on the wrong side of its threshold."""
    threshold = float(limit["threshold"])
    room = ROOM * max(1.0, abs(threshold))
    return value < threshold - room if limit["comparison_operator"] == LESS else value > threshold + room


def _violation(name: str, value: float, limit: Mapping[str, Any]) -> Dict[str, str]:
    operator = limit["comparison_operator"]
    words = "Metric {} with {} was {} {}".format(name, double(value), operator, double(float(limit["threshold"])))
    return {"constraint_check_type": operator, "description": words, "metric_name": name}
