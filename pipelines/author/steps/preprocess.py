"""Preprocess: raw rows in, three splits and the fitted recipe out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import leakage
from pipelines.author.steps.jobs import ML, input_, processing_step, raw_input
from pipelines.config.algorithm_rules import built_in
from pipelines.config.check_rules import raw_rows
from pipelines.config.package_rules import checked
from pipelines.config.parameters import input_parameter

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "Preprocess"
SHAPE = "Shape"
OUTPUTS = ["train", "validation", "test", "recipe", "leakage"]
SAMPLE = "sample"
# Where raw rows are left as CSV, by which of them.
RAW = {"all": "raw", "test": "raw_test", "explained": "raw_explained"}


def _shape_file() -> Any:
    from sagemaker.core.workflow.properties import PropertyFile

    return PropertyFile(name=SHAPE, output_name="recipe", path="shape.json")


def feature_dim() -> Any:
    """Return the number of features, which the recipe makes and only the finished step knows."""
    from sagemaker.core.workflow.functions import JsonGet

    return JsonGet(step_name=NAME, property_file=SHAPE, json_path="feature_dim")


def compose(composition: Composition) -> tuple[Any, Any]:
    """Return the step, and the property file that LeakageGate reads, None when there is no such gate."""
    steps = [step.step.replace("_", " ") for step in composition.config.recipe]
    done = ", ".join(dict.fromkeys(steps)) or "no recipe"
    others = [
        input_(name, composition.parameters[input_parameter(name)], f"{ML}/input/{name}", source.distribution)
        for name, source in composition.config.data.others.items()
    ]
    report = leakage.property_file() if composition.config.leakage.fail_on else None
    files = [*([report] if report else []), *([_shape_file()] if built_in(composition.config) else [])]
    step = processing_step(
        composition,
        NAME,
        "preprocess",
        inputs=[raw_input(composition), *others],
        outputs=[*OUTPUTS, *([SAMPLE] if checked(composition.config) else []), *(RAW[name] for name in raw_rows(composition.config))],
        arguments=["--seed", composition.parameters["Seed"].to_string()],
        display_name="Prepare and split the data",
        description=f"Splits the rows, then fits on the training split only: {done}."[:3072],
        property_files=files or None,
    )
    return step, report
