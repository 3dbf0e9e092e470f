"""What `monitor schedule` is about: the version behind an endpoint, of this machine or of the account, and what can be watched of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.definition.schedules import Watch

REPOSITORY = "sagemaker-xgboost"
NO_TRUTH = "there is no ground truth; give --ground-truth s3://…"


@dataclass(frozen=True)
class Asked:
    """Hold what the command line says; `kinds` are the kinds and whether they are all."""

    endpoint: str
    cron: str
    kinds: tuple[tuple[str, ...], bool]
    hours: int
    output_uri: str
    truth: str
    captured: str
    topic: str
    instance_type: str
    problem: str


@dataclass(frozen=True)
class Found:
    """Hold the version that is watched, where its endpoint captures, and what of its baselines could be read: `limits` constraints.json by kind."""

    package: Mapping[str, Any]
    captured_uri: str
    limits: Mapping[str, Mapping[str, Any]]
    shap_uri: str


def watch_of(
    home: Path, asked: Asked, version: str | None, roles: tuple[str, str], region: str | None, *, offline: bool, managed: bool
) -> tuple[Watch, Mapping[str, Any], list[str]]:
    """Return what is watched, the version behind it, and in words what is not.

    Raises:
        UsageError: nothing can be watched, or a place is missing.
        CloudError: AWS refused a call.
    """
    from pipelines.definition.cron import schedule_expression
    from pipelines.definition.monitoring import KINDS, baselines
    from pipelines.definition.schedules import Watch

    found = _found(home, asked, version, region, offline)
    captured = asked.captured or found.captured_uri
    if not captured:
        raise UsageError("the endpoint does not capture its requests", where=asked.endpoint, hint="Deploy it with --capture, or give --captured s3://….")
    held = {kind: baselines(found.package, KINDS[kind]) for kind in asked.kinds[0]}
    kinds, skipped = _possible(asked, held, managed)
    if found.shap_uri and "explainability" in kinds and not managed:
        held["explainability"]["shap"] = found.shap_uri
    watch = Watch(
        asked.endpoint,
        kinds,
        schedule_expression(asked.cron),
        *roles,
        output_uri=asked.output_uri.rstrip("/") or _beside(captured),
        captured_uri=captured,
        region=region or _region(found.package),
        hours=asked.hours,
        baselines={kind: held[kind] for kind in kinds},
        model_uri=_model_uri(found.package),
        truth=asked.truth,
        problem=asked.problem or _problem(found.limits),
        instance_type=asked.instance_type,
        limits=found.limits,
        topic=asked.topic,
    )
    return watch, found.package, skipped


def _possible(asked: Asked, held: Mapping[str, Mapping[str, str]], managed: bool) -> tuple[list[str], list[str]]:
    """Return the kinds that can be watched, and in words why others cannot.

    Raises:
        UsageError: one that was asked for by name, or none at all, can be watched.
    """
    from pipelines.definition.monitoring import KINDS, missing

    kinds, skipped = [], []
    for kind in asked.kinds[0]:
        needs_truth = kind == "model-quality" or (managed and KINDS[kind].takes_truth)
        lacking = missing(held[kind], KINDS[kind]) or (NO_TRUTH if needs_truth and not asked.truth else "")
        if lacking and not asked.kinds[1]:
            raise UsageError(f"{kind} cannot be watched: {lacking}", where=asked.endpoint)
        if lacking:
            skipped.append(f"{kind} is not watched: {lacking}")
        else:
            kinds.append(kind)
    if not kinds:
        raise UsageError(f"nothing can be watched: {'; '.join(skipped)}", where=asked.endpoint)
    return kinds, skipped


def _found(home: Path, asked: Asked, version: str | None, region: str | None, offline: bool) -> Found:
    """Return the version, from this machine where it is named or nothing may be asked, else from the account."""
    if version is None and not offline:
        return _in_account(asked.endpoint, region)
    from pipelines.local.monitoring.baselines import baseline_files
    from pipelines.local.monitoring.subject import captures, find

    subject = find(home, version or asked.endpoint)
    captured = next(iter(captures(home, asked.endpoint)), "")
    files = {kind: baseline_files(home, subject, kind) for kind in asked.kinds[0]}
    limits = {kind: document for kind, each in files.items() if (document := _read(each.get("constraints"))) is not None}
    return Found(subject.package, captured, limits, _shap(subject.package) if files.get("explainability", {}).get("shap") else "")


def _in_account(endpoint: str, region: str | None) -> Found:
    from pipelines.aws import monitoring
    from pipelines.definition.monitoring import KINDS, baselines

    connection = monitoring.session(region)
    served = monitoring.deployed(connection, endpoint)
    uris = {kind: baselines(served.package, described).get("constraints") for kind, described in KINDS.items()}
    limits = {kind: document for kind, uri in uris.items() if uri and (document := monitoring.read_json(connection, uri)) is not None}
    return Found(served.package, served.captured_uri, limits, _shap(served.package) if monitoring.has(connection, _shap(served.package)) else "")


def _shap(package: Mapping[str, Any]) -> str:
    from pipelines.definition.monitoring import KINDS, baselines, shap_rows

    return shap_rows(baselines(package, KINDS["explainability"]))


def _read(path: str | None) -> Mapping[str, Any] | None:
    from pipelines.local.container import read_json

    return read_json(Path(path)) if path else None


def _beside(captured: str) -> str:
    """Return a place in the bucket of the captured data."""
    bucket = captured.removeprefix("s3://").partition("/")[0]
    return f"s3://{bucket}/sagewright-monitoring"


def _region(package: Mapping[str, Any]) -> str:
    return str(package["ModelPackageArn"]).split(":")[3]


def _model_uri(package: Mapping[str, Any]) -> str:
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or [{}]
    return str(containers[0].get("ModelDataUrl") or "")


def _problem(limits: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the problem whose metrics the baseline of the model's quality bounds, in Model Monitor's words."""
    words = {"regression": "Regression", "multiclass_classification": "MulticlassClassification"}
    groups = [name.removesuffix("_constraints") for name in limits.get("model-quality", {}) if name.endswith("_constraints")]
    return next((words[group] for group in groups if group in words), "BinaryClassification")


def requests_of(watch: Watch, package: Mapping[str, Any], *, managed: bool) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """Return the requests by operation and the objects of code that they need."""
    from dataclasses import replace

    from pipelines.author import monitoring as author
    from pipelines.definition.schedules import monitor_requests, pipeline_requests

    if managed:
        return monitor_requests(replace(watch, images=author.service_images(watch.region))), {}
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or [{}]
    served = str(containers[0].get("Image") or "")
    fits = REPOSITORY in served and f".{watch.region}." in served
    composed = author.compose(watch, served if fits else author.xgboost_image(watch.region))
    return pipeline_requests(watch, composed.definition), composed.objects
