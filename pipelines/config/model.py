"""The configuration of a pipeline: frozen, typed, and strict about keys and types. `pipeline.schema.json` and docs/configuration.md are made from it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from typing_extensions import Self

INSTANCE_TYPE = r"^ml\.[a-z0-9\-]+\.[a-z0-9]+$"
GROUP_NAME = r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$"
PIPELINE_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}$"
DURATION = r"^P(\d+W|\d+D|\d+DT\d+H|T\d+[HM])$"
REGION = r"^[a-z]{2}(-[a-z]+)+-\d$"
BUCKET = r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"
ROLE = r"^arn:aws[a-z\-]*:iam::\d{12}:role/[\w+=,.@/\-]+$"
# What a pattern means, for people.
FORMS: Mapping[str, str] = {
    INSTANCE_TYPE: "a SageMaker instance type such as ml.m5.xlarge",
    GROUP_NAME: "1 to 63 letters, digits and inner hyphens",
    PIPELINE_NAME: "1 to 256 letters, digits and inner hyphens",
    DURATION: "an ISO 8601 duration such as P30D or PT12H",
    REGION: "an AWS region such as eu-west-1",
    BUCKET: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    ROLE: "the ARN of an IAM role such as arn:aws:iam::111122223333:role/Name",
}
METRICS: Mapping[str, tuple[str, ...]] = {
    "binary_classification": ("accuracy", "precision", "recall", "f1", "f0_5", "f2", "auc")
    + ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
}

InstanceType = Annotated[str, Field(pattern=INSTANCE_TYPE, description="SageMaker instance type, e.g. ml.m5.xlarge")]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=GROUP_NAME)]


def _as_tuple(value: Any) -> Any:
    """Take a YAML list for a tuple; everything else about types stays strict."""
    return tuple(value) if isinstance(value, list) else value


FromList = BeforeValidator(_as_tuple)
Texts = Annotated[tuple[str, ...], FromList]
InstanceTypes = Annotated[tuple[InstanceType, ...], Field(min_length=1), FromList]


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        b"a".decode(name)
    except UnicodeDecodeError:
        return name
    except (LookupError, ValueError):
        raise ValueError(f"there is no such text encoding; got {name!r}, expected one such as utf-8, utf-8-sig, latin-1 or cp1252.") from None
    return name


def _delimiter(mark: str) -> str:
    if mark in '\r\n"\0':
        raise ValueError(f"this cannot divide cells; got {mark!r}, expected a character such as ',', ';', '|' or \"\\t\".")
    return mark


class Section(BaseModel):
    """Refuse unknown keys, other types and later changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())


class Data(Section):
    """Say where the rows come from and how the file is written."""

    input: Annotated[str, Field(min_length=1)] = Field(
        description="Local path (relative to the YAML file) or s3:// URI; the default of the parameter InputData"
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] = Field(
        default=",", description='One character, e.g. ";" or "\\t"'
    )
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(default="utf-8", description="Text encoding, e.g. latin-1")
    null_values: Texts = Field(default=("", "NULL", "NA", "NaN", "null", "None"), description="Texts that mean a missing value")


class Label(Section):
    """Name the column to predict and the value that counts as positive."""

    column: str = Field(description="The column to predict; it must hold exactly two values")
    positive: bool | int | str = Field(default=1, description="The value that counts as positive; the other one is the negative class")


class DropColumns(Section):
    """Leave columns out before anything else happens."""

    step: Literal["drop_columns"]
    columns: Texts = Field(description="Columns to leave out")


class DropDuplicates(Section):
    """Keep the first of equal rows; whole rows, or rows equal in `columns`."""

    step: Literal["drop_duplicates"]
    columns: Texts = Field(default=(), description="Compare these columns only; all when empty")


class Impute(Section):
    """Fill missing values with a statistic of the training split, or with a constant."""

    step: Literal["impute"]
    columns: Texts = Field(description="Columns to fill")
    strategy: Literal["mean", "median", "mode", "constant"] = Field(default="median", description="What to fill in; mode and constant also work for text")
    value: float | str | None = Field(default=None, description="What strategy constant fills in")

    @model_validator(mode="after")
    def _constant(self) -> Self:
        if (self.strategy == "constant") == (self.value is None):
            raise ValueError(
                "value: missing; strategy constant needs a value."
                if self.value is None
                else f"value: has no effect; got strategy {self.strategy}, expected strategy constant with a value."
            )
        return self


class Outliers(Section):
    """Treat numeric values outside bounds fitted on the training split; rows are only ever removed from that split."""

    step: Literal["outliers"]
    columns: Texts = Field(description="Numeric columns to look at")
    method: Literal["standard_deviation", "quantile"] = Field(default="standard_deviation", description="How the bounds are found")
    threshold: Annotated[float, Field(gt=0)] = Field(default=4.0, description="Standard deviations from the mean, or the share cut off at each end")
    action: Literal["remove", "clip", "null"] = Field(default="remove", description="Remove the row, cut the value to the bound, or make it missing")

    @model_validator(mode="after")
    def _share(self) -> Self:
        if self.method == "quantile" and self.threshold >= 0.5:
            raise ValueError(f"threshold: out of range for method quantile; got {self.threshold:g}, expected a share below 0.5 such as 0.01.")
        return self


class OneHot(Section):
    """Replace text columns by one 0/1 column per level seen in the training split; an unseen level is all zeros."""

    step: Literal["one_hot"]
    columns: Literal["auto"] | Texts = Field(default="auto", description="Columns to encode; `auto` is every text column that is left")
    max_levels: Annotated[int, Field(ge=2, le=1000)] = Field(default=100, description="Most frequent levels to keep of each column")
    drop_last: bool = Field(default=False, description="Leave the rarest kept level out")


RecipeStep = Annotated[DropColumns | DropDuplicates | Impute | Outliers | OneHot, Field(discriminator="step")]


class Split(Section):
    """Divide the rows before anything is fitted; what is neither training nor validation is the held-out test split."""

    train: Fraction = Field(default=0.7, description="Share of the rows to train on")
    validation: Fraction = Field(default=0.15, description="Share of the rows to watch the training with")
    stratify: bool = Field(default=True, description="Keep the share of positives alike in every split")

    @model_validator(mode="after")
    def _rest(self) -> Self:
        total = self.train + self.validation
        if total >= 1 - 1e-9:
            raise ValueError(f"nothing is left for the test split; got train + validation = {total:g}, expected less than 1.")
        return self


class Retry(Section):
    """Retry a step on faults of the service (never on a failing script)."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] = Field(default=3, description="Retries at most")
    interval_s: Annotated[int, Field(ge=1, le=43200)] = Field(default=30, description="Seconds before the first retry")
    backoff_rate: Annotated[float, Field(ge=1)] = Field(default=2.0, description="Each wait is this many times the one before")


class Cache(Section):
    """Reuse the result of a step whose arguments did not change."""

    enabled: bool = Field(default=True, description="Whether steps are cached")
    expire_after: Annotated[str, Field(pattern=DURATION)] = Field(default="P30D", description="ISO 8601 duration, e.g. P30D or PT12H")


class Job(Section):
    """Choose the script of a job and the machine it runs on."""

    script: str | None = Field(default=None, description="Your own script, relative to the YAML file; the shipped job if absent")
    instance_type: InstanceType = Field(default="ml.m5.large", description="SageMaker instance type, e.g. ml.m5.xlarge")
    instance_count: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="Number of instances")
    volume_size_gb: Annotated[int, Field(ge=1, le=16384)] = Field(default=30, description="Size of the disk in GB")
    max_runtime_s: Annotated[int, Field(ge=1, le=2419200)] = Field(default=3600, description="Seconds after which the job is stopped")
    environment: dict[str, str] = Field(default={}, description="Environment variables of the job; quote numbers")


class Training(Job):
    """Train with the built-in XGBoost algorithm, or in script mode when `script` is given."""

    algorithm: Literal["xgboost"] = Field(default="xgboost", description="The algorithm")
    version: Literal["1.5-1", "1.7-1", "3.0-5", "3.2-0"] = Field(default="3.2-0", description="Version of the XGBoost image that all jobs run in; quote it")
    instance_type: InstanceType = Field(default="ml.m5.xlarge", description="SageMaker instance type, e.g. ml.m5.xlarge")
    hyperparameters: dict[str, bool | int | float | str] = Field(default={}, description="Hyperparameters of the algorithm or of your script")


class Evaluation(Job):
    """Score the held-out test split; the job runs on the instances of `preprocess`."""

    threshold: Fraction = Field(default=0.5, description="Probability from which a row counts as positive; the default of DecisionThreshold")


Metric = Literal["accuracy", "precision", "recall", "f1", "auc"]
Cell = Literal["true_positive", "true_negative", "false_positive", "false_negative"]


def _one_bound(bar: Any) -> Any:
    if (bar.at_least is None) == (bar.at_most is None):
        raise ValueError(f"a bar has one bound; got {'neither' if bar.at_least is None else 'both'}, expected at_least or at_most.")
    return bar


class MetricBar(Section):
    """Hold a metric of the test split to a bound."""

    metric: str = Field(
        description="A metric of evaluation.json, e.g. accuracy or auc", json_schema_extra={"enum": list[Any](METRICS["binary_classification"])}
    )
    at_least: float | None = Field(default=None, ge=0, le=1, description="The gate opens only with the metric at or above this, 0 to 1")
    at_most: float | None = Field(default=None, ge=0, le=1, description="The gate opens only with the metric at or below this, 0 to 1")

    _bound = model_validator(mode="after")(_one_bound)


class CellBar(Section):
    """Hold a cell of the confusion matrix (a number of test rows) to a bound."""

    cell: Cell = Field(description="The cell")
    at_least: Annotated[int, Field(ge=0)] | None = Field(default=None, description="The gate opens only with at least this many test rows in the cell")
    at_most: Annotated[int, Field(ge=0)] | None = Field(default=None, description="The gate opens only with at most this many test rows in the cell")

    _bound = model_validator(mode="after")(_one_bound)


def _bar_kind(value: Any) -> str | None:
    keys = value if isinstance(value, Mapping) else type(value).model_fields if isinstance(value, BaseModel) else ()
    kinds = [kind for kind in ("metric", "cell") if kind in keys]
    return kinds[0] if len(kinds) == 1 else None


Bar = Annotated[Annotated[MetricBar, Tag("metric")] | Annotated[CellBar, Tag("cell")], Discriminator(_bar_kind, "bar_kind", "a metric or a cell")]


class Registration(Section):
    """Register the model as a new version in a model package group."""

    model_package_group: Name = Field(description="The model package group; 1 to 63 letters, digits and inner hyphens")
    approval_status: Literal["PendingManualApproval", "Approved", "Rejected"] = Field(
        default="PendingManualApproval", description="Status of a new version; the default of ModelApprovalStatus"
    )
    description: str = Field(default="", description="Description of the version; the pipeline's when empty")
    content_types: Texts = Field(default=("text/csv",), description="Content types that an endpoint takes")
    response_types: Texts = Field(default=("text/csv",), description="Content types that it answers with")
    inference_instances: InstanceTypes = Field(default=("ml.m5.large",), description="Instance types recommended for endpoints")
    transform_instances: InstanceTypes = Field(default=("ml.m5.large",), description="Instance types recommended for batch transform")


class Aws(Section):
    """Place the pipeline in an account; only `upsert` needs real values."""

    region: Annotated[str, Field(pattern=REGION)] = Field(default="us-east-1", description="AWS region; `--region` wins")
    bucket: Annotated[str, Field(pattern=BUCKET)] = Field(default="sagewright-local", description="S3 bucket for code, data and results; `--bucket` wins")
    role_arn: Annotated[str, Field(pattern=ROLE)] = Field(
        default="arn:aws:iam::000000000000:role/SagewrightLocal", description="IAM role of the pipeline and its jobs; `--role-arn` wins"
    )


class PipelineConfig(Section):
    """Describe a whole pipeline; every part but `name`, `data` and `label` has a default."""

    name: Annotated[str, Field(pattern=PIPELINE_NAME)] = Field(description="The pipeline's name; 1 to 256 letters, digits and inner hyphens")
    description: str = Field(default="", description="What the pipeline is for")
    problem: Literal["binary_classification"] = Field(default="binary_classification", description="The kind of problem")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=0, description="Seed of the split and of the training; the default of Seed")
    data: Data
    label: Label
    recipe: Annotated[tuple[RecipeStep, ...], FromList] = Field(default=(), description="Steps that turn raw rows into features, in order")
    split: Split = Split()
    preprocess: Job = Job()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    gate: Annotated[tuple[Bar, ...], FromList] = Field(default=(), description="Bars that a model must clear to be registered; no gate when empty")
    registration: Registration | None = Field(default=None, description="Register the model; nothing is registered if absent")
    parameters: dict[str, bool | int | float | str] = Field(default={}, description="Other defaults for the pipeline's parameters, e.g. in a profile")
    cache: Cache = Cache()
    retry: Retry = Retry()
    aws: Aws = Aws()

    def as_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready members."""
        return self.model_dump(mode="json")
