"""The section `tuning`: a search for better hyperparameters in the place of one training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from pipelines.config.section import FromList, Scalar, Section

Strategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]
Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class TuningRange(Section):
    """Search one hyperparameter: between two bounds, both included, or among values."""

    low: int | float | None = Field(default=None, description="Lowest value")
    high: int | float | None = Field(default=None, description="Highest value")
    kind: Literal["integer", "continuous"] | None = Field(default=None, description="integer when both bounds are written as whole numbers, else continuous")
    scaling: Scaling = Field(default="Auto", description="Logarithmic for values above 0 that span powers of ten; ReverseLogarithmic for values close below 1")
    values: Annotated[tuple[Scalar, ...], FromList] = Field(default=(), description="The values to choose from, in the place of bounds")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        bounds = self.low is not None and self.high is not None
        if bool(self.values) == bounds or (self.values and (self.low is not None or self.high is not None)):
            raise ValueError("a range has both bounds, low and high, or values.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the bounds are the wrong way round; got low {self.low} and high {self.high}.")
        if self.values and (self.kind or self.scaling != "Auto"):
            raise ValueError("kind and scaling have no effect on values.")
        return self

    @property
    def is_integer(self) -> bool:
        """Tell whether the values are whole numbers."""
        return self.kind == "integer" or (self.kind is None and isinstance(self.low, int) and isinstance(self.high, int))


class TuningStop(Section):
    """End the search before its last training job."""

    target: float | None = Field(default=None, description="End when a job's objective is at least (at most, for a loss) this")
    not_improving: Annotated[int, Field(ge=3)] | None = Field(default=None, description="End when so many jobs in a row are no better than the best")
    on_convergence: bool = Field(default=False, description="End when the search finds that it gets no better")


class WarmStart(Section):
    """Begin with what earlier tuning jobs found."""

    jobs: Annotated[tuple[str, ...], Field(min_length=1, max_length=5), FromList] = Field(description="Names of up to five tuning jobs")
    type: Literal["IdenticalDataAndAlgorithm", "TransferLearning"] = Field(
        default="IdenticalDataAndAlgorithm", description="Whether data and algorithm are the same as theirs"
    )


class Hyperband(Section):
    """Give training jobs more rounds the better they are; for strategy Hyperband."""

    min_resource: Annotated[int, Field(ge=1)] = Field(default=1, description="Rounds that every job gets")
    max_resource: Annotated[int, Field(ge=1)] = Field(description="Rounds that the best jobs get")


class Tuning(Section):
    """Search hyperparameters by training many times; the best model goes on."""

    strategy: Strategy = Field(default="Bayesian", description="How values are chosen; Grid tries every combination of values")
    metric: str | None = Field(default=None, description="What to optimise, e.g. validation:auc; the problem's first metric on the validation split if absent")
    direction: Literal["Maximize", "Minimize"] | None = Field(default=None, description="Whether larger is better; known for XGBoost's own metrics")
    metric_regex: str | None = Field(default=None, description="Regular expression whose group finds the metric in the log of a script of your own")
    jobs: Annotated[int, Field(ge=1, le=750)] = Field(default=10, description="Training jobs in all; the default of TuningJobs. Grid may have fewer")
    parallel: Annotated[int, Field(ge=1, le=100)] = Field(default=2, description="Training jobs side by side; the default of TuningParallelJobs")
    early_stopping: bool = Field(default=False, description="Stop a training job that is worse than the median of earlier ones")
    ranges: Annotated[dict[str, TuningRange], Field(min_length=1, max_length=30)] = Field(
        description="The hyperparameters to search; one that also stands in training.hyperparameters is searched"
    )
    stop: TuningStop = TuningStop()
    max_runtime_s: Annotated[int, Field(ge=120, le=15768000)] | None = Field(default=None, description="Longest time for the whole search, in seconds")
    warm_start: WarmStart | None = Field(default=None, description="Begin with earlier tuning jobs; from nothing if absent")
    hyperband: Hyperband | None = Field(default=None, description="Rounds for strategy Hyperband")
