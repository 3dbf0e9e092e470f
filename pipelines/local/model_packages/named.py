"""The objects that a model package names: its models, its metrics, the baselines of its drift checks, a sample payload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def containers(package: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a description's InferenceSpecification."""
    return [dict(each) for each in (package.get("InferenceSpecification") or {}).get("Containers") or ()]


def model_uri(container: Mapping[str, Any]) -> str | None:
    """Return where a container's model is: its ModelDataUrl, or the S3Uri of its ModelDataSource."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return container.get("ModelDataUrl") or source.get("S3Uri")


def source_uris(sources: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the URIs of ModelMetrics or DriftCheckBaselines by their place, e.g. `ModelQuality.Statistics`."""
    parts = {kind: part for kind, part in (sources or {}).items() if isinstance(part, Mapping)}
    found = {f"{kind}.{name}": (each or {}).get("S3Uri") for kind, part in parts.items() for name, each in part.items() if isinstance(each, Mapping)}
    return {name: str(uri) for name, uri in found.items() if uri}


def metric_uris(package: Mapping[str, Any]) -> dict[str, str]:
    """Return the URIs of ModelMetrics by their place, e.g. `ModelQuality.Statistics`."""
    return source_uris(package.get("ModelMetrics"))


def baseline_uris(package: Mapping[str, Any]) -> dict[str, str]:
    """Return the URIs of DriftCheckBaselines by their place, e.g. `Bias.PreTrainingConstraints`."""
    return source_uris(package.get("DriftCheckBaselines"))


def named_uris(package: Mapping[str, Any]) -> dict[str, str]:
    """Return the objects that a description names by where it names them: models of its containers, metrics, drift baselines, a sample payload."""
    found = {f"model/{place}": uri for place, each in enumerate(containers(package)) if (uri := model_uri(each))}
    found |= {f"metrics/{name}": uri for name, uri in metric_uris(package).items()}
    found |= {f"baselines/{name}": uri for name, uri in baseline_uris(package).items()}
    return {**found, **({"sample": str(package["SamplePayloadUrl"])} if package.get("SamplePayloadUrl") else {})}
