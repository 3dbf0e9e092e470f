"""PackageModel: model, recipe and the code that serves them in one model.tar.gz, which takes raw rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.sdk import with_second_container
from pipelines.author.steps.jobs import ML, input_, processing_step
from pipelines.config.package_rules import pipelined
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition
    from pipelines.author.steps.gate import Report

NAME = "PackageModel"
OUTPUT = "package"
FEATURES_ONLY = {"SAGEWRIGHT_ANSWERS": "features"}
ARCHIVE = "model.tar.gz"
INFERENCE = "inference.py"
CODE_FOLDER = "/opt/ml/model/code"


def compose(composition: Composition, prepared: Any, model: Any, told: list[Any]) -> Any:
    """Return the step; `model` is the URI of the model.tar.gz that training left, `told` the arguments that say the threshold."""
    return processing_step(
        composition,
        NAME,
        "package",
        inputs=[input_("model", model, f"{ML}/model"), input_("recipe", recipe_uri(prepared), f"{ML}/recipe")],
        outputs=[OUTPUT],
        arguments=told,
        instances=1,
        display_name="Pack the model for raw rows",
        description="Puts model, recipe and inference code into one model.tar.gz; the registered version, the endpoint and the batch job take raw rows.",
    )


def threshold(composition: Composition, details: Report) -> list[Any]:
    """Return the arguments that tell a job the threshold: the parameter's, or what Evaluate chose by costs; none where there are not two classes."""
    if not KINDS[composition.config.problem].cells:
        return []
    chosen = composition.config.evaluation.costs is not None
    return ["--threshold", details.read("threshold.chosen") if chosen else composition.parameters["DecisionThreshold"].to_string()]


def recipe_uri(prepared: Any) -> Any:
    """Return where Preprocess left the recipe."""
    return prepared.properties.ProcessingOutputConfig.Outputs["recipe"].S3Output.S3Uri


def folder_uri(packed: Any) -> Any:
    """Return the folder of the package."""
    return packed.properties.ProcessingOutputConfig.Outputs[OUTPUT].S3Output.S3Uri


def uri(packed: Any) -> Any:
    """Return the URI of the package itself."""
    from sagemaker.core.workflow.functions import Join

    return Join(on="/", values=[folder_uri(packed), ARCHIVE])


def in_pipeline(composition: Composition, step: Any, model: Any) -> Any:
    """Return a ModelStep as the configuration wants it: of one container, or of one that prepares features and one of built-in XGBoost that answers."""
    if not pipelined(composition.config):
        return step
    return with_second_container(step, FEATURES_ONLY, composition.training_image, model)


def environment(composition: Composition, packed: Any) -> dict[str, str]:
    """Return where the framework's image finds the code that serves: that of the package, or what a script saved with its model; nothing without either."""
    bundle = composition.bundles.get("training")
    own = bundle is not None and INFERENCE in bundle.files
    ours = packed is not None and composition.config.training.framework == "xgboost" and composition.config.training.image is None
    return {"SAGEMAKER_PROGRAM": INFERENCE, "SAGEMAKER_SUBMIT_DIRECTORY": CODE_FOLDER} if own or ours else {}
