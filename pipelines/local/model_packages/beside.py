"""A version of a model as a record of the form that runs have, so that versions are compared as runs are."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.model_packages import lineage
from pipelines.local.model_packages.named import metric_uris
from pipelines.local.registry import Package

STATISTICS = "ModelQuality.Statistics"
HASH_CHARACTERS = 12


def record(home: Home, package: Package) -> dict[str, Any]:
    """Return parameters, hyperparameters, metrics, code and data of a version, JSON-ready, under the names that the record of a run has."""
    traced = lineage.load(home, package)
    steps: Mapping[str, Any] = traced["steps"]
    return {
        "run": f"{package['ModelPackageName']}/{package['ModelPackageVersion']}",
        "pipeline": (traced["execution"] or {}).get("pipeline"),
        "status": package["ModelApprovalStatus"],
        "started_at": datetime.fromtimestamp(package["CreationTime"], timezone.utc).isoformat(timespec="seconds"),
        "seconds": None,
        "parameters": traced["parameters"],
        "hyperparameters": {f"{step}.{name}": value for step, own in steps.items() for name, value in own.get("hyperparameters", {}).items()},
        "arguments": {step: own["arguments"] for step, own in steps.items() if own.get("arguments")},
        "model": _model(package, traced),
        "metrics": metrics(home, package),
        "code": {step: own["code"] for step, own in steps.items() if own.get("code")},
        "data": data(traced),
        "curves": {},
        "steps": {},
        "environment": traced["environment"],
        "git": traced["git"],
        **({"problem": traced["problem"]} if traced.get("problem") else {}),
    }


def data(traced: Mapping[str, Any]) -> dict[str, Any]:
    """Return what no step made, by the parameter that named it, else by step and input."""
    names = {uri: f"{step}.{name}" for step, own in reversed(list(traced["steps"].items())) for name, uri in own.get("inputs", {}).items()}
    made = {uri: each for uri, each in traced["objects"].items() if each["made_by"] is None and uri in names}
    return {traced["names"].get(uri, names[uri]): {"uri": uri, **each} for uri, each in made.items()}


def metrics(home: Home, package: Package) -> dict[str, float]:
    """Return the numbers of the statistics that ModelMetrics names, e.g. `auc` of `{"binary_classification_metrics": {"auc": {"value": 0.9}}}`."""
    uri = metric_uris(package).get(STATISTICS)
    try:
        document = json.loads(home.store.read(uri)) if uri else {}
    except (UsageError, ValueError, OSError):
        return {}
    parts = document.items() if isinstance(document, dict) else ()
    found = {".".join(path): value for name, part in parts for path, value in _numbers(part, () if name.endswith("_metrics") else (name,))}
    return {name.removesuffix(".value"): value for name, value in found.items() if not name.endswith(".standard_deviation")}


def _numbers(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the numbers of a document by path; lists (curves) are left out."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, (*path, str(name)))
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        yield path, float(value)


def _model(package: Package, traced: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a description says of the version that runs have no name for: of each container image and hash of the model, and the description."""
    found: dict[str, Any] = {"description": package.get("ModelPackageDescription")}
    for place, each in enumerate(traced["models"]):
        digest = traced["objects"][each["uri"]]["sha256"] or "gone"
        found |= {f"image{place or ''}": each["image"], f"sha256{place or ''}": digest[:HASH_CHARACTERS]}
    return found
