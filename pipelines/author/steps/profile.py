"""Profile: what is in the raw data and what is wrong with it; ProfileGate stops the pipeline for the findings that `fail_on` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import guard
from pipelines.author.steps.gate import Report
from pipelines.author.steps.guard import Guard
from pipelines.author.steps.jobs import processing_step, raw_input

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Profile"
FAIL = "ProfileFailed"
GUARD = Guard(
    name="ProfileGate",
    fail=FAIL,
    title="Is the data fit to learn from?",
    told="Opens when the profile finds nothing of",
    found="The profile stopped the pipeline, findings:",
    see="- see profile.html of the step Profile; nothing was trained.",
    stop="Stop: the data has flaws",
)
REPORT = "ProfileVerdict"
FILE = "verdict.json"  # a file of its own: profile.json grows with the columns, and a condition reads two members


def compose(composition: Composition, prepared: Any) -> tuple[list[Any], Report]:
    """Return the top-level steps up to Preprocess, and what gates read.

    With `fail_on` Preprocess is in a branch of the gate, so that nothing starts behind a closed one.
    """
    from sagemaker.core.workflow.properties import PropertyFile

    config = composition.config.profile
    assert config is not None
    verdict = PropertyFile(name=REPORT, output_name="profile", path=FILE)
    step = processing_step(
        composition,
        NAME,
        "profile",
        inputs=[raw_input(composition, "FullyReplicated")],
        outputs=["profile"],
        arguments=["--seed", composition.parameters["Seed"].to_string()],
        instances=1,
        property_files=[verdict],
        display_name="Look at the raw data",
        description="Reports types, missing values, duplicates, leaks, correlation, unusual rows and a quick model: profile.html and profile.json.",
    )
    steps = [step, guard.compose(GUARD, step, verdict, config.fail_on, [prepared])] if config.fail_on else [step, prepared]
    return steps, Report(step, verdict)
