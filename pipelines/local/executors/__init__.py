"""One executor a step type. The table is the only place that knows which types run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.local.context import Outcome, StepRun
from pipelines.local.executors import (
    clarify_check,
    condition,
    endpoint,
    endpoint_config,
    fail,
    model,
    processing,
    quality_check,
    register_model,
    training,
    transform,
    tuning,
)

EXECUTORS: Mapping[str, Callable[[StepRun], Outcome]] = {
    "ClarifyCheck": clarify_check.execute,
    "Condition": condition.execute,
    "Endpoint": endpoint.execute,
    "EndpointConfig": endpoint_config.execute,
    "Fail": fail.execute,
    "Model": model.execute,
    "Processing": processing.execute,
    "QualityCheck": quality_check.execute,
    "RegisterModel": register_model.execute,
    "Training": training.execute,
    "Transform": transform.execute,
    "Tuning": tuning.execute,
}
EXECUTABLE = frozenset(EXECUTORS)

# What a type's steps will need later, brought about while the first job of a run has its turn; it gets the arguments as the definition has them.
WARM_UPS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {"Transform": transform.warm_up, "Tuning": tuning.warm_up}

# Types whose arguments hold other steps, so that the executor and not the engine evaluates what it needs of them.
UNEVALUATED = frozenset({"Condition"})
