"""LeakageGate: nothing is trained on data in which Preprocess found a leak that `leakage.fail_on` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import guard
from pipelines.author.steps.guard import Guard

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

FAIL = "LeakageFailed"
REPORT = "LeakageReport"
FILE = "leakage.json"
GUARD = Guard(
    name="LeakageGate",
    fail=FAIL,
    title="Is the prepared data free of leaks?",
    told="Opens when the checks of the prepared data find nothing of",
    found="The leakage checks stopped the pipeline, findings:",
    see="- see leakage.json of the step Preprocess; nothing was trained.",
    stop="Stop: the data leaks",
)


def property_file() -> Any:
    """Return the file of Preprocess that the gate reads."""
    from sagemaker.core.workflow.properties import PropertyFile

    return PropertyFile(name=REPORT, output_name="leakage", path=FILE)


def compose(composition: Composition, prepared: Any, report: Any, behind: list[Any]) -> Any:
    """Return the gate that has the steps in its branch; without a reason to close it the one step itself."""
    reasons = composition.config.leakage.fail_on
    return guard.compose(GUARD, prepared, report, reasons, behind) if reasons else behind[0]
