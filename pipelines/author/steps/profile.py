"""Profile: what is in the raw data and what is wrong with it; ProfileGate stops the pipeline for the findings that `fail_on` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import processing_step, raw_input

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Profile"
GATE = "ProfileGate"
FAIL = "ProfileFailed"
REPORT = "ProfileVerdict"
FILE = "verdict.json"  # a file of its own: profile.json grows with the columns, and a condition reads two members


def compose(composition: Composition, prepared: Any) -> list[Any]:
    """Return the top-level steps up to Preprocess; with `fail_on` Preprocess is in a branch of the gate, so that nothing starts behind a closed one."""
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
    return [step, _gate(config.fail_on, step, verdict, prepared)] if config.fail_on else [step, prepared]


def _gate(reasons: tuple[str, ...], profiled: Any, verdict: Any, prepared: Any) -> Any:
    from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
    from sagemaker.core.workflow.functions import JsonGet
    from sagemaker.mlops.workflow.condition_step import ConditionStep

    count = JsonGet(step_name=profiled.name, property_file=verdict, json_path="verdict.findings")
    told = JsonGet(step_name=profiled.name, property_file=verdict, json_path="verdict.message")
    return ConditionStep(
        GATE,
        conditions=[ConditionLessThanOrEqualTo(left=count, right=0)],
        if_steps=[prepared],
        else_steps=[_fail(count, told)],
        display_name="Is the data fit to learn from?",
        description=f"Opens when the profile finds nothing of: {', '.join(reasons)}."[:3072],
    )


def _fail(count: Any, told: Any) -> Any:
    from sagemaker.core.workflow.functions import Join
    from sagemaker.mlops.workflow.fail_step import FailStep

    words = ["The profile stopped the pipeline, findings:", count, "namely", told, "- see profile.html of the step Profile; nothing was trained."]
    return FailStep(
        FAIL,
        error_message=Join(on=" ", values=words),
        display_name="Stop: the data has flaws",
        description="Ends the execution and names the findings.",
    )
