"""What decides whether a check's or a batch transform's result can be reused, beside its request (AWS developer guide, "Caching pipeline steps").

The service's key has names and paths only. Here the baseline that the names lead to, and what the model consists of, are in it: when another version is
approved or the model was trained anew, the step runs again; and when CreateModel made another name for the same model, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.definition.expressions import Scope, evaluate
from pipelines.definition.model import Step
from pipelines.local import container
from pipelines.local.checks import baselines
from pipelines.local.checks.request import read
from pipelines.local.context import Run

STEP_KEYS = ("CheckType", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName", "SuppliedBaselineConstraints", "SuppliedBaselineStatistics")
KEYS = (*STEP_KEYS, "Baseline", "Model")


def with_named(run: Run, step: Step, arguments: Any, scope: Scope) -> Any:
    """Return a step's arguments with what the names in them lead to, as its key is made of it.

    Raises:
        ClientFault: a value is not of its type, or the previous baseline that the step needs is not there.
    """
    return NAMED[step.type](run, step, arguments, scope) if step.type in NAMED else arguments


def _of_transform(run: Run, step: Step, arguments: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    model = _model(run, str(arguments["ModelName"]))
    return {**arguments, "ModelName": model} if any(model) else arguments


def _of_check(run: Run, step: Step, arguments: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    keys = evaluate(step.extra, scope)
    check = read(keys)
    known = {name: keys[name] for name in STEP_KEYS if keys.get(name) is not None}
    baseline = baselines.previous(run, check) if check.needs_previous else {}
    served = {"Model": _model(run, check.model_name)} if check.model_name else {}
    return {**arguments, **known, "Baseline": baseline, **served}


NAMED: Mapping[str, Callable[[Run, Step, Mapping[str, Any], Scope], Mapping[str, Any]]] = {
    "ClarifyCheck": _of_check,
    "QualityCheck": _of_check,
    "Transform": _of_transform,
}


def _model(run: Run, name: str) -> list[Any]:
    """Return what a model consists of; its name is another one in each execution."""
    found = container.read_json(run.home / "models" / f"{name}.json") if "/" not in name else None
    described: Mapping[str, Any] = found if isinstance(found, dict) else {}
    return [described.get("PrimaryContainer"), described.get("Containers")]
