"""Images: an image URI selects what its container runs. The table is the only place that knows the images by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.faults import ClientFault

URI = re.compile(r"(?:(?P<registry>[a-z0-9.\-]+(?::\d+)?)/)?(?P<repository>[a-z0-9._/\-]+)(?::(?P<tag>[\w.\-]+))?(?:@sha256:[0-9a-f]{64})?")
SCRIPT_MODE = ("python3", "-m", "pipelines.local.images.script_mode")
XGBOOST_ALGORITHM = ("python3", "-m", "pipelines.local.images.xgboost_algorithm")
XGBOOST_METRICS = (
    ("accuracy", "aft-nloglik", "auc", "aucpr", "balanced_accuracy", "cox-nloglik", "error", "f1", "f1_binary", "f1_macro", "gamma-deviance")
    + ("gamma-nloglik", "interval-regression-accuracy", "logloss", "mae", "map", "mape", "merror", "mlogloss", "mphe", "mse", "ndcg")
    + ("poisson-nloglik", "precision", "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro", "rmse", "rmsle")
    + ("tweedie-nloglik",)
)


@dataclass(frozen=True)
class ImageRef:
    """Hold the parts of an image URI."""

    registry: str
    repository: str
    tag: str


@dataclass(frozen=True)
class ContainerCommand:
    """State what a container runs, with which environment of the image, in which working directory."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/opt/ml"


def parse_image(uri: str) -> ImageRef:
    """Return registry, repository and tag of an image URI; without a tag the tag is `latest`.

    Raises:
        ClientFault: it is no image URI.
    """
    match = URI.fullmatch(uri)
    if match is None:
        raise ClientFault(f"{uri[:200]!r} is not an image URI")
    return ImageRef(match["registry"] or "", match["repository"], match["tag"] or "latest")


def _train_xgboost(hyperparameters: Mapping[str, str]) -> tuple[str, ...]:
    """Choose script mode when a program is given, else the built-in algorithm, as the XGBoost container does."""
    return SCRIPT_MODE if "sagemaker_program" in hyperparameters else XGBOOST_ALGORITHM


def _train_scikit_learn(hyperparameters: Mapping[str, str]) -> tuple[str, ...]:
    if "sagemaker_program" not in hyperparameters:
        raise ClientFault("the scikit-learn image has no algorithm of its own: give the hyperparameters sagemaker_program and sagemaker_submit_directory")
    return SCRIPT_MODE


TRAINERS: Mapping[str, Callable[[Mapping[str, str]], tuple[str, ...]]] = {
    "sagemaker-xgboost": _train_xgboost,
    "sagemaker-scikit-learn": _train_scikit_learn,
}


def plan_training(image_uri: str, request: Mapping[str, Any], hyperparameters: Mapping[str, str]) -> ContainerCommand:
    """Return what a training container runs: the request's entrypoint, else what the image does.

    Raises:
        ClientFault: the image is not known and the request gives no entrypoint.
    """
    specification = request["AlgorithmSpecification"]
    given = _entrypoint(specification)
    if given:
        return ContainerCommand(given)
    repository = parse_image(image_uri).repository
    if repository not in TRAINERS:
        known = ", ".join(TRAINERS)
        raise ClientFault(f"the image {repository} is not known here ({known}); it runs with AlgorithmSpecification.ContainerEntrypoint")
    return ContainerCommand(TRAINERS[repository](hyperparameters))


def plan_processing(image_uri: str, request: Mapping[str, Any]) -> ContainerCommand:
    """Return what a processing container runs; any image runs its entrypoint on the libraries of this machine.

    Raises:
        ClientFault: there is no entrypoint, and the image's own is not known here.
    """
    parse_image(image_uri)
    given = _entrypoint(request["AppSpecification"])
    if not given:
        raise ClientFault("AppSpecification has no ContainerEntrypoint, and the image's own is not known here")
    return ContainerCommand(given)


def _entrypoint(specification: Mapping[str, Any]) -> tuple[str, ...]:
    entrypoint: Sequence[Any] = specification.get("ContainerEntrypoint") or ()
    arguments: Sequence[Any] = specification.get("ContainerArguments") or ()
    return tuple(str(part) for part in (*entrypoint, *arguments)) if entrypoint else ()


def builtin_metric_definitions(image_uri: str, hyperparameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the metric definitions that the service adds for a built-in algorithm (AWS developer guide, XGBoost metrics).

    `Contains` is ours: text that a line has to hold, so that 84 regular expressions are not tried on every line.
    """
    if parse_image(image_uri).repository != "sagemaker-xgboost" or "sagemaker_program" in hyperparameters:
        return []
    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:(\S+)", "Contains": f"{channel}-{metric}:"}
        for channel in ("train", "validation")
        for metric in XGBOOST_METRICS
    ]
