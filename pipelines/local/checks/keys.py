"""What of a check step decides whether its result can be reused, beside the request of its job (AWS developer guide, "Caching pipeline steps").

The service's key has names and paths only. Here the baseline that the names lead to, and what the model consists of, are in it: when another version is
approved or the model was trained anew, the check runs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.definition.expressions import Scope, evaluate
from pipelines.definition.model import Step
from pipelines.local import container
from pipelines.local.checks import baselines
from pipelines.local.checks.request import read
from pipelines.local.context import Run

STEP_KEYS = ("CheckType", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName", "SuppliedBaselineConstraints", "SuppliedBaselineStatistics")
KEYS = (*STEP_KEYS, "Baseline", "Model")
CHECKED = frozenset({"ClarifyCheck", "QualityCheck"})


def with_check(run: Run, step: Step, arguments: Any, scope: Scope) -> Any:
    """Return a step's arguments and, of a check step, what else its key is made of.

    Raises:
        ClientFault: a value is not of its type, or the previous baseline that the step needs is not there.
    """
    if step.type not in CHECKED:
        return arguments
    keys = evaluate(step.extra, scope)
    check = read(keys)
    known = {name: keys[name] for name in STEP_KEYS if keys.get(name) is not None}
    baseline = baselines.previous(run, check) if check.needs_previous else {}
    model = {"Model": _model(run, check.model_name)} if check.model_name else {}
    return {**arguments, **known, "Baseline": baseline, **model}


def _model(run: Run, name: str) -> Any:
    """Return what a model consists of; its name is another one in each execution."""
    found = container.read_json(run.home / "models" / f"{name}.json") if "/" not in name else None
    described: Mapping[str, Any] = found if isinstance(found, dict) else {}
    return [described.get("PrimaryContainer"), described.get("Containers")]
