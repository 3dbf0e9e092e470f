"""Where a version of a model comes from: a fold over the run that registered it, kept beside the version when the run ends.

The document names every object by URI with its SHA-256 and the step that made it, and every step by its job, image, code, inputs and hyperparameters, back
to the data that no step made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.local import experiment
from pipelines.local.experiment.objects import fingerprint
from pipelines.local.experiment.record import Trial, named_by
from pipelines.local.home import Home
from pipelines.local.journal import RunState, StepState
from pipelines.local.model_packages.named import baseline_uris, containers, metric_uris, model_uri
from pipelines.local.registry import Package

DOCUMENT = "lineage"
FORMAT = 1
HEAD = ("run", "execution_arn", "pipeline", "status", "started_at", "ended_at", "definition_sha256")


def keep(home: Home, state: RunState, *, again: bool = True) -> str | None:
    """Keep the lineage of the versions that a run registered; return why it could not be kept, None when it was. A run never fails for it.

    Unless `again`, one that is kept stays: what it was made from may be gone since.
    """
    try:
        for package in _registered(home, state):
            group, number = package["ModelPackageName"], package["ModelPackageVersion"]
            if again or not home.registry.document(group, number, DOCUMENT):
                home.registry.keep_document(group, number, DOCUMENT, _traced(home, package, state))
    except experiment.PROBLEMS as error:
        return f"the lineage of what run {state.execution_id} registered was not kept: {type(error).__name__}: {error}"
    return None


def load(home: Home, package: Package) -> dict[str, Any]:
    """Return the lineage of a version: the one that is kept, else what its run tells now; without a run only model and metrics, and why under `problem`."""
    kept = home.registry.document(package["ModelPackageName"], package["ModelPackageVersion"], DOCUMENT)
    if kept:
        return {**kept, "model_package_arn": package["ModelPackageArn"]}
    run = str(package.get("ClientToken", "")).partition("/")[0]
    state = next((state for state in home.states() if state.execution_id == run), None)
    if state is None:
        return {**_bare(home, package), "problem": f"run {run} is not there any more" if run else "no run registered this version"}
    try:
        return _traced(home, package, state)
    except experiment.PROBLEMS as error:
        return {**_bare(home, package), "problem": f"{type(error).__name__}: {error}"}


def _registered(home: Home, state: RunState) -> Iterator[Package]:
    """Yield the versions that a run itself registered, not those of an earlier run whose steps it took over."""
    for step in state.steps.values():
        name = step.properties.get("ModelPackageName")
        if "ModelPackageVersion" in step.properties and name in home.registry.groups():
            found = [each for each in home.registry.versions(name) if each.get("ClientToken") == f"{state.execution_id}/{step.name}"]
            yield from found


def _bare(home: Home, package: Package) -> dict[str, Any]:
    models = {uri: each.get("Image", "") for each in containers(package) if (uri := model_uri(each))}
    metrics, baselines = metric_uris(package), baseline_uris(package)
    objects = {uri: _object(home, uri, None) for uri in (*models, *metrics.values(), *baselines.values())}
    head = {"format": FORMAT, "model_package_arn": package["ModelPackageArn"], "execution": None, "git": None, "environment": {}, "parameters": {}}
    named = {"models": [{"uri": uri, "image": image} for uri, image in models.items()], "metrics": metrics, **({"baselines": baselines} if baselines else {})}
    return {**head, **named, "objects": objects, "steps": {}, "names": {}}


def _traced(home: Home, package: Package, state: RunState) -> dict[str, Any]:
    record = experiment.load(home.run_dir(state), state, home.store)
    trials = [Trial(step, home.store, home.runs_dir, state.execution_id) for step in state.steps.values()]
    bare = _bare(home, package)
    steps, objects = _walk(home, list(bare["objects"]), trials)
    names = named_by(state.parameters)
    return {
        **bare,
        "execution": {key: record.get(key) for key in HEAD},
        "git": record.get("git"),
        "environment": record.get("environment") or {},
        "parameters": dict(state.parameters),
        "objects": objects,
        "steps": steps,
        "names": {uri: names[uri] for uri in objects if uri in names},
    }


def _walk(home: Home, wanted: list[str], trials: Sequence[Trial]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return steps and objects from which the wanted ones were made, in the order of the run; what a step reads was made by one before it."""
    steps: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    left = [(uri, len(trials)) for uri in wanted]
    while left:
        uri, before = left.pop(0)
        if uri in objects:
            continue
        maker = _maker(uri, trials[:before])
        objects[uri] = _object(home, uri, maker.step.name if maker else None)
        if maker and maker.step.name not in steps:
            steps[maker.step.name] = _step(home, maker)
            left += [(each, trials.index(maker)) for each in maker.facts.inputs.values()]
    return {trial.step.name: steps[trial.step.name] for trial in trials if trial.step.name in steps}, objects


def _maker(uri: str, trials: Sequence[Trial]) -> Trial | None:
    return next((trial for trial in trials if any(_meet(uri, made) for made in trial.facts.outputs.values())), None)


def _meet(uri: str, made: str) -> bool:
    """Tell whether an object lies in an output, or an output in what is read."""
    one, other = uri.rstrip("/"), made.rstrip("/")
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _object(home: Home, uri: str, maker: str | None) -> dict[str, Any]:
    found = fingerprint(home.store, uri)
    return {"sha256": found["sha256"], "bytes": found["bytes"], "files": found["files"], "made_by": maker}


def _step(home: Home, trial: Trial) -> dict[str, Any]:
    step, facts = trial.step, trial.facts
    found = {
        "type": step.type,
        "job": facts.name or step.job_name,
        "image": facts.image,
        "instance_type": facts.instance_type,
        "instances": facts.instances,
        "inputs": dict(facts.inputs),
        "outputs": dict(facts.outputs),
        "queries": dict(facts.queries),
        "code": fingerprint(home.store, facts.code) if facts.code else None,
        "hyperparameters": dict(facts.hyperparameters),
        "arguments": " ".join(facts.arguments),
        "reused_from": step.cache_source.rsplit("/", 1)[-1] if step.cache_source else None,
        "search": _search(step),
    }
    return {name: value for name, value in found.items() if value not in (None, "", {})}


def _search(step: StepState) -> dict[str, Any] | None:
    best = step.properties.get("BestTrainingJob")
    if not best:
        return None
    objective = best.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    return {
        "trial": best.get("TrainingJobName"),
        "of": len(step.properties.get("TrainingJobSummaries") or ()),
        "objective": objective.get("MetricName") or step.objective,
        "value": objective.get("Value"),
        "tuned": dict(best.get("TunedHyperParameters") or {}),
    }
