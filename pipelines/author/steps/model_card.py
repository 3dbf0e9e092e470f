"""ModelCard: what was measured and what people say of the model, as the service's model card; it is stored with the registered version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.author.steps.jobs import ML, input_, processing_step

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "ModelCard"
OUTPUT = "model_card"


def compose(composition: Composition, folders: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the step, and the JsonGet of the card's text; `folders` are the outputs of other steps by the name that the job knows them by."""
    from sagemaker.core.workflow.functions import JsonGet
    from sagemaker.core.workflow.properties import PropertyFile

    file = PropertyFile(name="ModelCardContent", output_name=OUTPUT, path="registry.json")
    step = processing_step(
        composition,
        NAME,
        "model_card",
        inputs=[input_(name, uri, f"{ML}/{name}") for name, uri in folders.items()],
        outputs=[OUTPUT],
        arguments=["--image", composition.training_image],
        instances=1,
        property_files=[file],
        display_name="Write the model card",
        description="Gathers what was measured and what model_card says: model_card.json in the service's schema, and a page.",
    )
    return step, JsonGet(step_name=step.name, property_file=file, json_path="content")
