"""Images: an image URI selects what its container runs. The table is the only place that knows the images by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.algorithms.table import ALGORITHMS, ELSEWHERE
from pipelines.algorithms.xgboost import METRICS as XGBOOST_METRICS
from pipelines.local.faults import ClientFault
from pipelines.local.images import analyzers
from pipelines.local.images.mapped import Mapped
from pipelines.local.images.uri import parse_image

SCRIPT_MODE = ("python3", "-m", "pipelines.local.images.script_mode")
SERVE = ("python3", "-m", "pipelines.local.images.serving.serve")
XGBOOST_ALGORITHM = ("python3", "-m", "pipelines.local.images.xgboost_algorithm")


@dataclass(frozen=True)
class ContainerCommand:
    """State what a container runs, with which environment of the image, in which working directory."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/opt/ml"


def _train_xgboost(hyperparameters: Mapping[str, str]) -> tuple[str, ...]:
    """Choose script mode when a program is given, else the built-in algorithm, as the XGBoost container does."""
    return SCRIPT_MODE if "sagemaker_program" in hyperparameters else XGBOOST_ALGORITHM


def _train_scikit_learn(hyperparameters: Mapping[str, str]) -> tuple[str, ...]:
    if "sagemaker_program" not in hyperparameters:
        raise ClientFault("the scikit-learn image has no algorithm of its own: give the hyperparameters sagemaker_program and sagemaker_submit_directory")
    return SCRIPT_MODE


def _train_algorithm(name: str) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    return lambda hyperparameters: ("python3", "-m", "pipelines.local.images.algorithms.train", name)


TRAINERS: Mapping[str, Callable[[Mapping[str, str]], tuple[str, ...]]] = {
    "sagemaker-xgboost": _train_xgboost,
    "sagemaker-scikit-learn": _train_scikit_learn,
    **{name: _train_algorithm(name) for name in ALGORITHMS},
}


HOW_TO_MAP = "say in `images.map` what it stands for on this machine (docs/images.md)"


def plan_training(image_uri: str, request: Mapping[str, Any], hyperparameters: Mapping[str, str], mapped: Mapped | None = None) -> ContainerCommand:
    """Return what a training container runs: the request's entrypoint, else what the user mapped the image to, else what the image does.

    An image with an interpreter of the user's runs scripts as the framework containers do.

    Raises:
        ClientFault: the image is not known and nothing says what it runs.
    """
    image = parse_image(image_uri)
    given = _entrypoint(request["AlgorithmSpecification"]) or (mapped.train if mapped else ())
    if given:
        return _in_container(given, mapped)
    if mapped and mapped.python and "sagemaker_program" in hyperparameters:
        return _in_container(SCRIPT_MODE, mapped)
    if image.repository not in TRAINERS:
        raise ClientFault(why_unknown(image.repository))
    return ContainerCommand(TRAINERS[image.repository](hyperparameters))


def why_unknown(repository: str) -> str:
    """Say of an image that nothing here stands for, what it is and what to do."""
    known = ", ".join(TRAINERS)
    if repository in ELSEWHERE:
        return f"the built-in algorithm {ELSEWHERE[repository]} ({repository}) does not run locally; it can be upserted. These run here: {known}"
    return f"the image {repository} is not known here ({known}); {HOW_TO_MAP}, or give it an AlgorithmSpecification.ContainerEntrypoint"


def plan_processing(image_uri: str, request: Mapping[str, Any], mapped: Mapped | None = None) -> ContainerCommand:
    """Return what a processing container runs; any image runs its entrypoint on the libraries of this machine, or on those that the user mapped it to.

    The images of Clarify and Model Monitor have an entrypoint of their own.

    Raises:
        ClientFault: there is no entrypoint, and the image's own is not known here.
    """
    repository = parse_image(image_uri).repository
    given = _entrypoint(request["AppSpecification"]) or (mapped.process if mapped else ())
    if given:
        return _in_container(given, mapped)
    own = analyzers.program(repository)
    if not own:
        raise ClientFault(f"AppSpecification has no ContainerEntrypoint, and the image's own is not known here; {HOW_TO_MAP}")
    command = _in_container((*own, *_arguments(request["AppSpecification"])), mapped)
    return replace(command, environment={**analyzers.search_path(repository), **command.environment})


def _serve_xgboost(environment: Mapping[str, str]) -> str:
    return "xgboost-script" if environment.get("SAGEMAKER_PROGRAM") else "xgboost"


# What of `pipelines.local.images.serving.worker` answers for an image, by the environment of its container.
SERVERS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "sagemaker-xgboost": _serve_xgboost,
    "sagemaker-scikit-learn": lambda environment: "scikit-learn",
    **{name: lambda environment: "algorithm" for name in ALGORITHMS},
}


def plan_serving(image_uri: str, environment: Mapping[str, str], mapped: Mapped | None = None) -> ContainerCommand:
    """Return what a serving container runs: what the user mapped the image to, else what the image does.

    An image with an interpreter of the user's serves scripts as the framework containers do.

    Raises:
        ClientFault: the image is not known and nothing says what it runs.
    """
    repository = parse_image(image_uri).repository
    if mapped and mapped.serve:
        return _in_container(mapped.serve, mapped)
    if mapped and mapped.python:
        return _in_container((*SERVE, "script"), mapped)
    if repository not in SERVERS:
        raise ClientFault(why_unknown(repository))
    return ContainerCommand((*SERVE, SERVERS[repository](environment)))


def _in_container(argv: tuple[str, ...], mapped: Mapped | None) -> ContainerCommand:
    return ContainerCommand(argv, mapped.environment, mapped.workdir) if mapped else ContainerCommand(argv)


def _entrypoint(specification: Mapping[str, Any]) -> tuple[str, ...]:
    entrypoint: Sequence[Any] = specification.get("ContainerEntrypoint") or ()
    return (*map(str, entrypoint), *_arguments(specification)) if entrypoint else ()


def _arguments(specification: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, specification.get("ContainerArguments") or ()))


def builtin_metric_definitions(image_uri: str, hyperparameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the metric definitions that the service adds for a built-in algorithm (AWS developer guide, XGBoost metrics; `pipelines.algorithms`).

    `Contains` is ours: text that a line has to hold, so that 84 regular expressions are not tried on every line.
    """
    repository = parse_image(image_uri).repository
    if repository in ALGORITHMS:
        return [{"Name": name, "Regex": regex, "Contains": "_metric: host="} for name, regex in ALGORITHMS[repository].metrics.items()]
    if repository != "sagemaker-xgboost" or "sagemaker_program" in hyperparameters:
        return []
    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:(\S+)", "Contains": f"{channel}-{metric}:"}
        for channel in ("train", "validation")
        for metric in sorted(XGBOOST_METRICS)
    ]
