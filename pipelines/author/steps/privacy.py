"""CheckInputs: are the splits those that Preprocess wrote? PrivacyProbe: can training rows be told from others by the model's answers?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.gate import Report
from pipelines.author.steps.jobs import ML, input_, processing_step

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "PrivacyProbe"
OUTPUT = "privacy"


def compose(composition: Composition, prepared: Any, model: Any) -> tuple[Any, Report]:
    """Return the step and what gates read of it; `model` is the URI of the model.tar.gz that training left."""
    from sagemaker.core.workflow.properties import PropertyFile

    outputs = prepared.properties.ProcessingOutputConfig.Outputs
    file = PropertyFile(name="PrivacyReport", output_name=OUTPUT, path="privacy.json")
    splits = [input_(name, outputs[name].S3Output.S3Uri, f"{ML}/{name}") for name in ("train", "test", "recipe")]
    step = processing_step(
        composition,
        NAME,
        "privacy",
        inputs=[input_("model", model, f"{ML}/model"), *splits],
        outputs=[OUTPUT],
        arguments=["--seed", composition.parameters["Seed"].to_string()],
        instances=1,
        property_files=[file],
        display_name="Does the model give rows away?",
        description="Tells training rows from others by the model's answers (membership inference): by a threshold of the loss and by shadow models.",
    )
    return step, Report(step, file)


def check_inputs(composition: Composition, prepared: Any) -> Any:
    """Return the step before the training that fails when a split is not what Preprocess wrote."""
    outputs = prepared.properties.ProcessingOutputConfig.Outputs
    return processing_step(
        composition,
        "CheckInputs",
        "check_inputs",
        inputs=[input_(name, outputs[name].S3Output.S3Uri, f"{ML}/{name}") for name in ("train", "validation", "test", "recipe")],
        outputs=[],
        arguments=[],
        instances=1,
        display_name="Are the splits unchanged?",
        description="Compares the splits with the hashes that Preprocess took, before anything is trained on them.",
    )
