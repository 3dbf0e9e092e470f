"""Write `analysis.json` as Clarify's job does, and `bias_metrics.json`, which a condition of a pipeline can read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from jobkit.clarify.bias import Metric
from jobkit.clarify.study import Entry, Study

VERSION = "1.0"
# JSON has no infinite number; a condition needs one to compare with.
HUGE = 1e308
SHOWN, MESSAGE = 4, 900


def document(study: Optional[Study], explanations: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return analysis.json: version, bias after and before training, explanations, each where it was asked for."""
    made: Dict[str, Any] = {"version": VERSION}
    if study is not None:
        for key, entries in (("post_training_bias_metrics", study.post), ("pre_training_bias_metrics", study.pre)):
            if entries:
                made[key] = _part(study, entries)
    if explanations:
        made["explanations"] = explanations
    return made


def _part(study: Study, entries: Sequence[Entry]) -> Dict[str, Any]:
    facets: Dict[str, List[Any]] = {}
    for entry in entries:
        facets.setdefault(entry.facet, []).append({"value_or_threshold": entry.value, "metrics": [_metric(metric) for metric in entry.metrics]})
    return {"label": study.label, "facets": facets, "label_value_or_threshold": study.positive}


def _metric(metric: Metric) -> Dict[str, Any]:
    made: Dict[str, Any] = {"name": metric.name, "description": metric.description, "value": written(metric.value)}
    if metric.value is None:
        made["error"] = metric.error
    return made


def written(value: Optional[float]) -> Any:
    """Return a metric's value as the service writes it: infinite ones as text, since JSON has no such number."""
    if value is None or math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def bias_metrics(study: Study) -> Dict[str, Any]:
    """Return {"pre_training": {facet: {value: {metric: number}}}, "post_training": …, "facets": {facet: {metric: {"lowest", "highest", "absolute"}}}}.

    The last is what a gate reads, over all groups of a facet; `absolute` is the largest size. What has no value is left out, ±Infinity is ±1e308.
    """
    parts = {"pre_training": _numbers(study.pre), "post_training": _numbers(study.post)}
    found: Dict[str, Dict[str, List[float]]] = {}
    for part in parts.values():
        for facet, groups in part.items():
            for metrics in groups.values():
                for name, value in metrics.items():
                    found.setdefault(facet, {}).setdefault(name, []).append(value)
    worst = {facet: {name: _worst(values) for name, values in metrics.items()} for facet, metrics in found.items()}
    return {**parts, "facets": worst}


def _worst(values: Sequence[float]) -> Dict[str, float]:
    return {"lowest": min(values), "highest": max(values), "absolute": max(map(abs, values))}


def _numbers(entries: Sequence[Entry]) -> Dict[str, Any]:
    made: Dict[str, Any] = {}
    for entry in entries:
        values = {metric.name: max(-HUGE, min(HUGE, metric.value)) for metric in entry.metrics if metric.value is not None}
        made.setdefault(entry.facet, {})[entry.value] = values
    return made


def summary(worse: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return what a condition reads of the comparison with a baseline: how many violations, and the first of them in words."""
    entries = worse["violations"] if worse else []
    told = ["{} {}: {}".format(entry.get("facet", entry.get("label", "")), entry["metric_name"], entry["description"]) for entry in entries[:SHOWN]]
    more = ["and {} more".format(len(entries) - SHOWN)] if len(entries) > SHOWN else []
    text = "; ".join(told + more) or ("nothing drifted" if worse else "there is no baseline")
    return {"violations": len(entries), "message": text[:MESSAGE]}


def write_like_the_service(value: Any, path: Path) -> None:
    """Write JSON as the service's files are: indented by four, keys in the order given, no line end after the last brace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=4, allow_nan=False), encoding="utf-8")
