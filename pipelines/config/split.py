"""How rows are divided, and what inference does with rows that are not like them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from pipelines.config.section import Fraction, Section, Texts


class Split(Section):
    """Divide the rows before anything is fitted; what is neither training nor validation is the held-out test split."""

    method: Literal["stratified", "random", "group", "time"] = Field(
        default="stratified",
        description="stratified keeps the share of each class alike; group keeps the rows of a group together; time tests on the latest rows",
    )
    column: str | None = Field(default=None, description="The column of the groups or times; it may be dropped from the features later")
    train: Fraction = Field(default=0.7, description="Share of the rows to train on")
    validation: Fraction = Field(default=0.15, description="Share of the rows to watch the training with")
    formats: Texts = Field(default=(), description="How the times are written, e.g. %m/%d/%Y, when the column holds text; ISO 8601 when empty")

    @model_validator(mode="after")
    def _rest(self) -> Self:
        total = self.train + self.validation
        if total >= 1 - 1e-9:
            raise ValueError(f"nothing is left for the test split; got train + validation = {total:g}, expected less than 1.")
        if (self.method in ("group", "time")) != (self.column is not None):
            raise ValueError(
                f"column: missing; method {self.method} needs one." if self.column is None else f"column: has no effect with method {self.method}."
            )
        return self


class Inference(Section):
    """Say what to do at inference with a row that is not like the training data; an unseen level is declared by its encoding step."""

    missing_column: Literal["null", "fail"] = Field(default="null", description="A column that is not given counts as missing, or is an error")
    extra_column: Literal["ignore", "fail"] = Field(default="ignore", description="A column that training did not have is left out, or is an error")
    wrong_type: Literal["null", "fail"] = Field(default="null", description="Text in a numeric column counts as missing, or is an error")
