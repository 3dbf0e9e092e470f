"""Evaluate: the model on the held-out test split, as a property file that conditions read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import ML, input_, processing_step
from pipelines.config.check_rules import judges_approved
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Evaluate"
REPORT = "EvaluationReport"
FILE = "evaluation.json"
DETAILS = "EvaluationDetails"
OUTPUT = "evaluation"


def compose(composition: Composition, prepared: Any, model: Any) -> tuple[Any, Any, Any]:
    """Return the step and its two property files, the metrics and what is known besides them; `model` is the URI of model.tar.gz."""
    from sagemaker.core.workflow.properties import PropertyFile

    config, kind = composition.config, KINDS[composition.config.problem]
    report = PropertyFile(name=REPORT, output_name=OUTPUT, path=FILE)
    details = PropertyFile(name=DETAILS, output_name=OUTPUT, path="evaluation_details.json")
    step = processing_step(
        composition,
        NAME,
        "evaluation",
        inputs=[input_("model", model, f"{ML}/model"), *_rows(composition, prepared)],
        outputs=[OUTPUT],
        arguments=["--threshold", composition.parameters["DecisionThreshold"].to_string()] if kind.cells else [],
        property_files=[report, details] if config.evaluation.script is None else [report],
        image=composition.training_image if config.training.script else None,
        display_name="Evaluate on the test split",
        description=f"Scores the held-out test split: {kind.told}.",
    )
    return step, report, details


def _rows(composition: Composition, prepared: Any) -> list[Any]:
    """Return the inputs with rows: the test split, the validation split to choose a threshold on, raw rows for slices and the approved model."""
    config, outputs = composition.config, prepared.properties.ProcessingOutputConfig.Outputs
    names = ["test", *(["validation"] if config.evaluation.costs else [])]
    names += ["raw_test"] if config.evaluation.slices or judges_approved(config) else []
    found = [input_(name, outputs[name].S3Output.S3Uri, f"{ML}/{name}") for name in names]
    approved = [input_("approved", composition.parameters["ApprovedModel"], f"{ML}/approved")] if judges_approved(config) else []
    return [*found, *approved]


def predictions(step: Any) -> Any:
    """Return the file with the answers on the test split: header, prediction, probability, label."""
    from sagemaker.core.workflow.functions import Join

    return Join(on="/", values=[step.properties.ProcessingOutputConfig.Outputs[OUTPUT].S3Output.S3Uri, "predictions.csv"])
