"""The record itself: one document with everything that makes a run comparable with another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.local.experiment import logged, series
from pipelines.local.experiment.jobs import Facts, facts
from pipelines.local.experiment.objects import fingerprint
from pipelines.local.images.environments import environments
from pipelines.local.instances import log_lines
from pipelines.local.journal import RunState, StepState
from pipelines.local.store import Store

VERSION = 1
REUSED = ("hit", "selective")


@dataclass
class Trial:
    """Hold one step of a run with its job's facts and where to find its log; what is costly is read once."""

    step: StepState
    store: Store
    runs_dir: Path
    run: str

    @cached_property
    def facts(self) -> Facts:
        """Return what the properties say about the job."""
        return facts(self.step.type, self.step.properties)

    @cached_property
    def job_dir(self) -> Path | None:
        """Return the job's folder: of this run, of the run whose result was reused, or of whichever has it; None when it is deleted."""
        name = self.facts.name or (self.step.job_name or "")
        runs = [self.run, *([self.step.cache_source.rsplit("/", 1)[-1]] if self.step.cache_source else [])]
        folders = [self.runs_dir / run / "jobs" / name for run in runs]
        return next((folder for folder in folders if name and folder.is_dir()), next(iter(self.runs_dir.glob(f"*/jobs/{name}")), None) if name else None)

    @cached_property
    def log(self) -> series.Log:
        """Return what the job's log tells."""
        return series.read(log_lines(self.job_dir) if self.job_dir else (), self.facts.metric_definitions)

    @cached_property
    def logged(self) -> logged.Logged:
        """Return what the job's script logged."""
        return logged.read(self.log, self.job_dir, self.facts.experiment, self.store)

    @property
    def metrics(self) -> dict[str, float | None]:
        """Return the last value of each metric; None for what is no finite number."""
        own = {name: series.finite(found.last) for name, found in self.logged.series.items()}
        return {**{name: series.finite(float(value)) for name, value in self.step.metrics.items()}, **own}

    @property
    def curves(self) -> dict[str, dict[str, Any]]:
        """Return the series of two values or more."""
        every = {**self.log.series, **{name: found for name, found in self.logged.series.items() if found.stepped or len(found.points) > 1}}
        return {name: found.as_json() for name, found in every.items() if len(found.points) > 1}


def record(state: RunState, store: Store, runs_dir: Path) -> dict[str, Any]:
    """Return the record of a run, JSON-ready. Names are `<step>.<name>`, but for parameters of the pipeline."""
    trials = [Trial(step, store, runs_dir, state.execution_id) for step in state.steps.values()]
    made = {uri for trial in trials for uri in trial.facts.outputs.values()}
    return {
        "version": VERSION,
        **_head(state),
        "parameters": dict(state.parameters),
        "hyperparameters": _joined((trial.step.name, trial.facts.hyperparameters) for trial in trials),
        "arguments": {trial.step.name: " ".join(trial.facts.arguments) for trial in trials if trial.facts.arguments},
        "logged": _joined((trial.step.name, trial.logged.parameters) for trial in trials),
        "metrics": _joined((trial.step.name, trial.metrics) for trial in trials),
        "curves": _joined((trial.step.name, trial.curves) for trial in trials),
        "artefacts": {**_joined((trial.step.name, _artefacts(trial)) for trial in trials)},
        "files": _joined((trial.step.name, trial.logged.files) for trial in trials),
        "code": {trial.step.name: fingerprint(store, trial.facts.code) for trial in trials if trial.facts.code},
        "data": _data(trials, made, state, store),
        "searches": {trial.step.name: _search(trial.step) for trial in trials if trial.step.properties.get("TrainingJobSummaries")},
        "checks": {trial.step.name: _checked(trial.step.check) for trial in trials if trial.step.check},
        "steps": {trial.step.name: _step(trial) for trial in trials},
        "environment": _environment(state, trials),
        "git": state.provenance.get("git"),
    }


def bare(state: RunState) -> dict[str, Any]:
    """Return the same of the journal alone."""
    parts = ("hyperparameters", "arguments", "logged", "curves", "artefacts", "files", "code", "data", "searches", "checks", "steps", "environment")
    metrics = _joined((step.name, {name: series.finite(value) for name, value in step.metrics.items()}) for step in state.steps.values())
    return {"version": VERSION, **_head(state), "parameters": dict(state.parameters), "metrics": metrics, **{part: {} for part in parts}, "git": None}


def _head(state: RunState) -> dict[str, Any]:
    registered = [step.properties["ModelPackageArn"] for step in state.steps.values() if "ModelPackageVersion" in step.properties]
    return {
        "run": state.execution_id,
        "execution_arn": state.execution_arn,
        "pipeline": state.pipeline_name,
        "status": state.status,
        "failure_reason": state.failure_reason,
        "started_at": _clock(state.started_at),
        "ended_at": _clock(state.ended_at),
        "seconds": None if state.ended_at is None else round(state.ended_at - state.started_at, 3),
        "definition_sha256": state.definition_sha256,
        "model_package_arn": registered[-1] if registered else None,
    }


def _clock(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds") if seconds else None


def _joined(parts: Iterator[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    return {f"{step}.{name}": value for step, values in parts for name, value in values.items()}


def _artefacts(trial: Trial) -> dict[str, Any]:
    return {name: fingerprint(trial.store, uri) for name, uri in trial.facts.outputs.items()} if trial.step.status == "Succeeded" else {}


def named_by(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameter of each text that one parameter alone has; of a text that several have, none can be named."""
    texts = [value for value in parameters.values() if isinstance(value, str)]
    return {value: name for name, value in parameters.items() if isinstance(value, str) and texts.count(value) == 1}


def _data(trials: list[Trial], made: set[str], state: RunState, store: Store) -> dict[str, Any]:
    """Return the inputs that no step of the run made, each once, under the name of the parameter that gave it where one did."""
    names = named_by(state.parameters)
    found: dict[str, Any] = {}
    for trial in trials:
        for name, uri in trial.facts.inputs.items():
            if not any(uri == other or uri.startswith(f"{other.rstrip('/')}/") for other in made):
                found.setdefault(uri, names.get(uri, f"{trial.step.name}.{name}"))
    queries = _joined((trial.step.name, trial.facts.queries) for trial in trials)
    asked = {name: {"query": text, "sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in queries.items()}
    return {**{name: fingerprint(store, uri) for uri, name in found.items()}, **asked}


def _search(step: StepState) -> dict[str, Any]:
    summaries = step.properties["TrainingJobSummaries"]
    jobs = [
        {
            "name": each.get("TrainingJobName"),
            "status": each.get("TrainingJobStatus"),
            "objective": (each.get("FinalHyperParameterTuningJobObjectiveMetric") or {}).get("Value"),
            "tuned": each.get("TunedHyperParameters") or {},
        }
        for each in summaries
    ]
    return {"objective": step.objective or next(iter(step.metrics), ""), "jobs": jobs}


def _checked(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a check against a baseline found; the report is a URI, None without a violation."""
    body = next(iter(check["metadata"].values()))
    return {"type": body["CheckType"], **{name: check[name] for name in ("measured", "unit", "compared", "violations")}, "report": body.get("ViolationReport")}


def _step(trial: Trial) -> dict[str, Any]:
    step, told = trial.step, trial.facts
    local = _describe(trial.job_dir)
    return {
        "type": step.type,
        "status": step.status,
        "seconds": step.seconds,
        "failure_reason": step.failure_reason,
        "job": told.name or step.job_name,
        "image": told.image,
        "instance_type": told.instance_type,
        "instances": told.instances,
        "isolation": local.get("Isolation"),
        "cache": step.cache,
        "reused_from": step.cache_source.rsplit("/", 1)[-1] if step.cache in REUSED and step.cache_source else None,
        "logged": trial.logged.status,
    }


def _describe(job_dir: Path | None) -> dict[str, Any]:
    try:
        found = json.loads((job_dir / "describe.json").read_bytes()).get("LocalExecution") if job_dir else None
    except (OSError, ValueError):
        found = None
    return found or {}


def _environment(state: RunState, trials: list[Trial]) -> dict[str, Any]:
    """Return what the jobs ran on: this machine's libraries, or with `--images pinned` those of each image's environment."""
    own = {key: value for key, value in state.provenance.items() if key != "git"}
    images = state.options.get("images", "host")
    if images == "host":
        return {**own, "images": images}
    used = {trial.facts.image for trial in trials if trial.facts.image}
    return {**own, "images": images, "pinned": {each.image: dict(each.installed) for each in environments() if each.image in used}}
