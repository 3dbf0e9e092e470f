"""SkewCheck: a canary of the package, and its features and answers against those of the training; SkewGate ends the pipeline when they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import guard, package_model, preprocess
from pipelines.author.steps.guard import Guard
from pipelines.author.steps.jobs import ML, input_, processing_step

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "SkewCheck"
FAIL = "SkewFailed"
REPORT = "SkewCertificate"
OUTPUT = "certificate"
FILE = "skew.json"
# What of the certificate the Model Registry keeps; its metadata are texts.
KEPT = {"skew_rows": "registry.rows", "skew_sha256": "registry.sha256", "skew_largest_difference": "registry.largest_difference"}
GUARD = Guard(
    name="SkewGate",
    fail=FAIL,
    title="Does the package do what the training did?",
    told="Opens when the package loads and makes of raw rows the very features and answers that the training made",
    found="The package is not what was trained, findings:",
    see="- see skew.json of the step SkewCheck; nothing was registered.",
    stop="Stop: the package differs",
)


def compose(composition: Composition, prepared: Any, packed: Any, told: list[Any]) -> tuple[Any, Any]:
    """Return the step and the property file of its certificate; `told` are the arguments that say the threshold."""
    from sagemaker.core.workflow.properties import PropertyFile

    certificate = PropertyFile(name=REPORT, output_name=OUTPUT, path=FILE)
    sample = prepared.properties.ProcessingOutputConfig.Outputs[preprocess.SAMPLE].S3Output.S3Uri
    step = processing_step(
        composition,
        NAME,
        "skew",
        inputs=[
            input_("package", package_model.folder_uri(packed), f"{ML}/package"),
            input_("recipe", package_model.recipe_uri(prepared), f"{ML}/recipe"),
            input_("sample", sample, f"{ML}/sample"),
        ],
        outputs=[OUTPUT],
        arguments=["--rows", str(composition.config.skew.rows), *told],
        instances=1,
        property_files=[certificate],
        display_name="Try the package: canary and skew check",
        description=f"Starts the package, replays {composition.config.skew.rows} raw rows as batch transform and an endpoint do, and compares every bit.",
    )
    return step, certificate


def gate(step: Any, certificate: Any, behind: list[Any]) -> Any:
    """Return the Condition step with what is behind it in its branch."""
    return guard.compose(GUARD, step, certificate, (), behind)


def metadata(step: Any, certificate: Any) -> dict[str, Any]:
    """Return what the registered version tells of the certificate."""
    from sagemaker.core.workflow.functions import JsonGet

    return {key: JsonGet(step_name=step.name, property_file=certificate, json_path=path) for key, path in KEPT.items()}
