"""Hold an analysis against an earlier one and write what got worse in the layout of Clarify's `constraint_violations.json`.

The constraints of a Clarify check are an earlier analysis.json. The wording and the order of the keys are those of files that the service wrote in 2024.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

VERSION = "1.0"
# The last digits of the same metric differ between machines; what differs by less is the same.
TOLERANCE = 1e-9
NDCG_THRESHOLD = 0.9
PARTS = ("post_training_bias_metrics", "pre_training_bias_metrics")
# What a metric is without any bias; 0 where it is not named. For DI the guide names 1, and that the distance to it counts is our reading.
IDEAL: Mapping[str, float] = {"DI": 1.0}

Found = Mapping[str, Any]
# Part, facet, group, metric.
Key = Tuple[str, str, str, str]


def violations(baseline: Found, current: Found) -> Dict[str, Any]:
    """Return constraint_violations.json: what the bias metrics and the explanations of `current` violate of `baseline`, both parsed analysis.json."""
    return {"version": VERSION, "violations": bias_violations(baseline, current) + explanation_violations(baseline, current)}


def bias_violations(baseline: Found, current: Found) -> List[Dict[str, str]]:
    """Return the metrics that are farther from their ideal than the baseline's; what has no value on either side, or stands on one only, is skipped."""
    before = {same(key): value for key, value in metrics(baseline)}
    made = []
    for key, value in metrics(current):
        if same(key) in before and _worse(key[3], before[same(key)], value):
            made.append(violation(key, before[same(key)], value))
    return made


def same(key: Key) -> Key:
    """Return the key with the threshold alone for an interval: `(0.5, 0.99]` ends at the largest value of the data, which differs from data to data."""
    part, facet, group, metric = key
    return part, facet, group.split(",")[0] if group.startswith("(") and group.endswith("]") else group, metric


def metrics(analysis: Found) -> Iterator[Tuple[Key, Any]]:
    """Yield the metrics of an analysis.json: (part, facet, value, metric) and what the file has there."""
    for part in PARTS:
        for facet, groups in analysis.get(part, {}).get("facets", {}).items():
            for group in groups:
                for metric in group["metrics"]:
                    yield (part, facet, str(group["value_or_threshold"]), metric["name"]), metric["value"]


def _worse(name: str, before: Any, now: Any) -> bool:
    old, new = _number(before), _number(now)
    if old is None or new is None:
        return False
    ideal = IDEAL.get(name, 0.0)
    return abs(new - ideal) > abs(old - ideal) + TOLERANCE


def _number(value: Any) -> Optional[float]:
    """Return a metric's value; the service writes infinite ones as text, and both its files' readers and ours take them."""
    if value is None:
        return None
    number = float(value)
    return None if math.isnan(number) else number


def violation(key: Key, before: Any, now: Any) -> Dict[str, str]:
    """Return the entry of a metric that is farther from no bias than the baseline's."""
    told = "Metric value {} doesn't meet the baseline constraint requirement {}"
    return {
        "constraint_check_type": "bias_drift_check",
        "description": told.format(now, before),
        "facet": key[1],
        "facet_value": key[2],
        "metric_name": key[3],
    }


def explanation_violations(baseline: Found, current: Found) -> List[Dict[str, str]]:
    """Return the labels whose ranking of features by global SHAP values has an NDCG below 0.9 against the baseline's ranking."""
    before, now = (analysis.get("explanations", {}).get("kernel_shap", {}) for analysis in (baseline, current))
    made = []
    for label in now:
        if label in before:
            score = ndcg(before[label]["global_shap_values"], now[label]["global_shap_values"])
            if score < NDCG_THRESHOLD:
                made.append(_attribution(label, score))
    return made


def _attribution(label: str, score: float) -> Dict[str, str]:
    return {
        "constraint_check_type": "feature_attribution_drift_check",
        "description": "Feature attribution drift {} exceeds threshold {}".format(score, NDCG_THRESHOLD),
        "label": label,
        "metric_name": "shap",
    }


def ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Return how well the current importance ranks the features, from 0 to 1: normalised discounted cumulative gain, the gains being the baseline's.

    Features on one side only count as 0 on the other; features that tie now share the mean of their gains.
    """
    names = sorted(set(baseline) | set(current))
    gains = np.array([baseline.get(name, 0.0) for name in names], dtype=np.float64)
    ranks = np.array([current.get(name, 0.0) for name in names], dtype=np.float64)
    discount = 1 / np.log2(np.arange(len(names)) + 2)
    ideal = float(np.dot(np.sort(gains)[::-1], discount))
    if not ideal:
        return 1.0
    _, place, counts = np.unique(-ranks, return_inverse=True, return_counts=True)
    ties = np.bincount(place, gains) / counts
    return float(np.dot(ties[np.sort(place)], discount)) / ideal
