"""Recipes for tests: steps with the defaults of the configuration, fitted on all rows of a frame."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from jobkit import recipe
from jobkit.columns import Table, from_frame
from jobkit.steps.base import Context
from pipelines.config.model import Data
from pipelines.config.recipe import RecipeStep
from pipelines.config.split import Inference, Split

STEP: TypeAdapter[Any] = TypeAdapter(RecipeStep)


def step(name: str, **members: Any) -> dict[str, Any]:
    """Return a step as job.json holds it."""
    return STEP.validate_python({"step": name, **members}).model_dump(mode="json")


def policies(**inference: str) -> dict[str, Any]:
    """Return the members of a recipe that come from the configuration and not from rows."""
    return {"inference": Inference(**inference).model_dump(), "null_values": list(Data.model_fields["null_values"].default)}  # type: ignore[arg-type]


def learn(frame: pd.DataFrame, steps: list[dict[str, Any]], label: str | None = None, target: Any = None, **inference: str) -> tuple[recipe.Fitted, Table]:
    """Fit the steps on every row; return the recipe and the rows as they were trained on."""
    rows = from_frame(frame)
    context = Context(label=label, training=True, target=target)
    states, after = recipe.run(rows, steps, context)
    fitted = recipe.finish(recipe.schema_of(rows, label), states, [], after, context)
    return {**fitted, **policies(**inference)}, after


def job(steps: list[dict[str, Any]], label: str = "y", positive: Any = "yes", **members: Any) -> dict[str, Any]:
    """Return the settings of a Preprocess job."""
    split = Split(**{"train": 0.6, "validation": 0.2, **members.pop("split", {})}).model_dump(mode="json")
    return {
        "data": {**Data(input="x").model_dump(mode="json")},
        "label": {"column": label, "positive": positive},
        "problem": "binary_classification",
        "recipe": steps,
        "split": split,
        "inference": Inference(**members).model_dump(),
    }
