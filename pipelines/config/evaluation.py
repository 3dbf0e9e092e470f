"""The section `evaluation`: how the held-out test split is judged, and from which probability on a row counts as positive."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipelines.config.job import Job
from pipelines.config.section import Fraction, Section, Texts


class Confidence(Section):
    """Say how sure a metric is: the interval that a bootstrap over the test rows gives."""

    level: Annotated[float, Field(ge=0.5, le=0.999)] = Field(default=0.95, description="Share of such intervals that hold the true value")
    resamples: Annotated[int, Field(ge=100, le=20000)] = Field(default=1000, description="Resamples of the test rows")


class Costs(Section):
    """Say what each kind of row costs (gains are negative); Evaluate then takes the threshold with the least cost on the validation split."""

    true_positive: float = Field(default=0.0, description="Cost of a positive row that is found")
    false_positive: float = Field(default=1.0, description="Cost of a negative row that is called positive")
    false_negative: float = Field(default=1.0, description="Cost of a positive row that is missed")
    true_negative: float = Field(default=0.0, description="Cost of a negative row that is left alone")

    @model_validator(mode="after")
    def _some_difference(self) -> Costs:
        if self.false_positive <= self.true_negative or self.false_negative <= self.true_positive:
            raise ValueError("an error costs more than being right; got false_positive <= true_negative or false_negative <= true_positive.")
        return self


class Evaluation(Job):
    """Score the held-out test split; the job runs on the instances of `preprocess`."""

    threshold: Fraction = Field(
        default=0.5, description="Binary classification: probability from which a row counts as positive; the default of DecisionThreshold"
    )
    costs: Costs | None = Field(default=None, description="Choose the threshold by cost instead, for evaluation and package; `threshold` holds if absent")
    slices: Texts = Field(default=(), description="Raw columns by whose values the metrics are told apart, also ones that the recipe drops")
    confidence: Confidence = Confidence()
    approved: bool = Field(
        default=True, description="Whether the latest approved version of the group is judged on the same rows; needs package and registration"
    )
