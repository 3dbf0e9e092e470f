"""Evaluate: the model on the held-out test split, as a property file that conditions read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import ML, input_, processing_step
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Evaluate"
REPORT = "EvaluationReport"
FILE = "evaluation.json"


def compose(composition: Composition, prepared: Any, model: Any) -> tuple[Any, Any]:
    """Return the step and its property file; `model` is the URI of model.tar.gz."""
    from sagemaker.core.workflow.properties import PropertyFile

    kind = KINDS[composition.config.problem]
    report = PropertyFile(name=REPORT, output_name="evaluation", path=FILE)
    test = prepared.properties.ProcessingOutputConfig.Outputs["test"].S3Output.S3Uri
    step = processing_step(
        composition,
        NAME,
        "evaluation",
        inputs=[input_("model", model, f"{ML}/model"), input_("test", test, f"{ML}/test")],
        outputs=["evaluation"],
        arguments=["--threshold", composition.parameters["DecisionThreshold"].to_string()] if kind.cells else [],
        property_files=[report],
        image=composition.training_image if composition.config.training.script else None,
        display_name="Evaluate on the test split",
        description=f"Scores the held-out test split: {kind.told}.",
    )
    return step, report
