"""The sections `bias`, `explainability`, `quality` and `privacy`: what is looked at besides the metrics of the test split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.config.gate import PostTraining, PreTraining
from pipelines.config.job import Limits
from pipelines.config.section import FromList, InstanceType, Scalar, Section, Texts

Runner = Literal["processing", "clarify"]
MonitorRunner = Literal["processing", "model-monitor"]


class Drift(Section):
    """Compare with the baseline of the latest approved version of the group."""

    compare: bool = Field(
        default=True, description="Whether there is a comparison; without an approved version nothing is compared. Managed checks: see SkipChecks"
    )
    register_new_baseline: bool = Field(
        default=True, description="Whether what is found now is the baseline of the registered version, else the one before stays"
    )
    fail_on_violation: bool = Field(default=True, description="Whether a violation closes the gate")


class Check(Limits):
    """Say who computes a check and on which machine."""

    instance_type: InstanceType = Field(default="ml.m5.xlarge", description="SageMaker instance type of the managed check, e.g. ml.m5.xlarge")
    drift: Drift = Drift()


class Predictor(Section):
    """Say how a model of your own script is asked and where its answer has what; packages with our code need none of it."""

    content_type: Literal["text/csv", "application/json", "application/jsonlines"] = Field(default="text/csv", description="How rows are sent")
    accept_type: Literal["text/csv", "application/json", "application/jsonlines"] = Field(default="text/csv", description="How it answers")
    content_template: str | None = Field(
        default=None, description="Of JSON: the request, with $records or $record; of JSON Lines a line, with $features; Clarify's defaults if absent"
    )
    record_template: str | None = Field(
        default=None, description="Of JSON: one row, with $features, $features_kvp or ${column}; an object of names and values if absent"
    )
    label: int | str | None = Field(default=None, description="Where the predicted label stands: a column of CSV from 0, or a JMESPath")
    probability: int | str | None = Field(default=None, description="Where the probability, or the amount, stands: a column of CSV from 0, or a JMESPath")


class Facet(Section):
    """Name a column that tells groups of people apart, and which of its values make the group that may be at a disadvantage."""

    column: str = Field(description="The column of the raw data")
    values: Annotated[tuple[Scalar, ...], FromList] = Field(default=(), description="The values of the disadvantaged group; each value in turn if absent")
    threshold: float | None = Field(default=None, description="Of a number: the disadvantaged group has values above this")

    @model_validator(mode="after")
    def _one_way(self) -> Facet:
        if self.values and self.threshold is not None:
            raise ValueError("a facet has values or a threshold; got both.")
        return self


class Bias(Check):
    """Compute Clarify's bias metrics, of the whole input before training and of the model's answers on the test split after it."""

    runner: Runner = Field(
        default="processing",
        description="processing: our own job in an ordinary Processing step. clarify: ClarifyCheck steps, for accounts that still have SageMaker Clarify",
    )
    predictor: Predictor | None = Field(default=None, description="How the model of a script answers; needed with training.script")
    facets: Annotated[tuple[Facet, ...], Field(min_length=1), FromList] = Field(description="Columns whose groups are compared")
    favourable: Annotated[tuple[Scalar, ...], FromList] = Field(
        default=(), description="Values of the label that are good for a person; of two classes label.positive if absent"
    )
    group: str | None = Field(default=None, description="A column for the conditional metrics CDDL and CDDPL")
    pre_training: Annotated[tuple[PreTraining, ...], FromList] | bool = Field(default=True, description="Metrics of the data; true: all, false: no such step")
    post_training: Annotated[tuple[PostTraining, ...], FromList] | bool = Field(
        default=True, description="Metrics of the model; true: all, false: no such step"
    )


class Pdp(Section):
    """Draw partial dependence: how the answer changes with one column, all else as it is."""

    columns: Texts = Field(default=(), description="The columns; the most important ones if absent")
    top: Annotated[int, Field(ge=1, le=100)] = Field(default=10, description="How many of the most important columns")
    grid: Annotated[int, Field(ge=2, le=200)] = Field(default=10, description="Points of a number's range")


class Explainability(Check):
    """Explain answers on the test split by SHAP values and partial dependence."""

    runner: Runner = Field(
        default="processing", description="processing: our own job. clarify: a ClarifyCheck step, for accounts that still have SageMaker Clarify"
    )
    predictor: Predictor | None = Field(default=None, description="How the model of a script answers; needed with training.script")
    rows: Annotated[int, Field(ge=1, le=100000)] = Field(default=100, description="Rows of the test split to explain, the first ones")
    samples: Annotated[int, Field(ge=10, le=100000)] | None = Field(
        default=None, description="Coalitions of each explanation; 2 x columns + 2048 if absent, as SHAP's KernelExplainer"
    )
    logit: bool = Field(default=False, description="Explain log-odds instead of probabilities (use_logit)")
    aggregate: Literal["mean_abs", "median", "mean_sq"] = Field(default="mean_abs", description="How values of rows become the importance of a column")
    pdp: Pdp | None = Pdp()


class QualityCheck(Check):
    """Describe data or model as Model Monitor does: statistics, constraints, and violations of a baseline."""

    runner: MonitorRunner = Field(
        default="processing",
        description="processing: our own job. model-monitor: a QualityCheck step, for accounts that still have SageMaker Model Monitor",
    )


class Quality(Section):
    """Check the quality of the data and of the model as Model Monitor does, and leave baselines for monitoring."""

    data: QualityCheck | None = Field(default=None, description="Statistics and constraints of the raw rows; no such step if absent")
    model: QualityCheck | None = Field(default=None, description="Metrics of the model as constraints; no such step if absent")


class Privacy(Limits):
    """Try to tell training rows from others by the model's answers (membership inference); see that nobody changes the splits before they are trained on."""

    check_inputs: bool = Field(default=True, description="Whether a step before the training compares the splits with the hashes that Preprocess took")
    shadow_models: Annotated[int, Field(ge=0, le=32)] = Field(default=4, description="Models trained in the attack; 0 leaves that attack out")
    rows: Annotated[int, Field(ge=100, le=1000000)] = Field(default=5000, description="Rows of each side that are attacked at most")
    at_most: Annotated[float, Field(gt=0.5, le=1)] = Field(default=0.6, description="AUC of the attack above which the model is said to memorise rows")
