"""One executor a step type. The table is the only place that knows which types run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipelines.local.context import Outcome, StepRun
from pipelines.local.executors import fail, model, processing, register_model, training

EXECUTORS: Mapping[str, Callable[[StepRun], Outcome]] = {
    "Fail": fail.execute,
    "Model": model.execute,
    "Processing": processing.execute,
    "RegisterModel": register_model.execute,
    "Training": training.execute,
}

# A Condition is not an executor's work: the engine itself takes the branch.
EXECUTABLE = frozenset({*EXECUTORS, "Condition"})
