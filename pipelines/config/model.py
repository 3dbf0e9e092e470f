"""The configuration of a pipeline: frozen, typed, and strict about keys. `pipeline.schema.json` is made from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9\-]+\.[a-z0-9]+$", description="SageMaker instance type, e.g. ml.m5.xlarge")]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$")]


class Section(BaseModel):
    """Refuse unknown keys and later changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Data(Section):
    """Say where the rows come from and how the file is written."""

    input: str = Field(description="Local path (relative to the YAML file) or s3:// URI; the default of the parameter InputData")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("", "NULL", "NA", "NaN", "null", "None")


class Label(Section):
    """Name the column to predict and the value that counts as positive."""

    column: str
    positive: bool | int | str = 1


class DropColumns(Section):
    """Leave columns out before anything else happens."""

    step: Literal["drop_columns"]
    columns: tuple[str, ...]


class DropDuplicates(Section):
    """Keep the first of equal rows; whole rows, or rows equal in `columns`."""

    step: Literal["drop_duplicates"]
    columns: tuple[str, ...] = ()


class Impute(Section):
    """Fill missing values with a statistic of the training split, or with a constant."""

    step: Literal["impute"]
    columns: tuple[str, ...]
    strategy: Literal["mean", "median", "mode", "constant"] = "median"
    value: float | str | None = None


class Outliers(Section):
    """Treat numeric values outside bounds fitted on the training split; rows are only ever removed from that split."""

    step: Literal["outliers"]
    columns: tuple[str, ...]
    method: Literal["standard_deviation", "quantile"] = "standard_deviation"
    threshold: Annotated[float, Field(gt=0)] = 4.0
    action: Literal["remove", "clip", "null"] = "remove"


class OneHot(Section):
    """Replace text columns by one 0/1 column per level seen in the training split; an unseen level is all zeros."""

    step: Literal["one_hot"]
    columns: Literal["auto"] | tuple[str, ...] = "auto"
    max_levels: Annotated[int, Field(ge=2, le=1000)] = 100
    drop_last: bool = False


RecipeStep = Annotated[DropColumns | DropDuplicates | Impute | Outliers | OneHot, Field(discriminator="step")]


class Split(Section):
    """Divide the rows before anything is fitted; what is neither training nor validation is the held-out test split."""

    train: Fraction = 0.7
    validation: Fraction = 0.15
    stratify: bool = True


class Retry(Section):
    """Retry a step on faults of the service (never on a failing script)."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    interval_s: Annotated[int, Field(ge=1, le=43200)] = 30
    backoff_rate: Annotated[float, Field(ge=1)] = 2.0


class Cache(Section):
    """Reuse the result of a step whose arguments did not change."""

    enabled: bool = True
    expire_after: Annotated[str, Field(pattern=r"^P(\d+W|\d+D|\d+DT\d+H|T\d+[HM])$", description="ISO 8601 duration, e.g. P30D or PT12H")] = "P30D"


class Job(Section):
    """Choose the script of a job and the machine it runs on."""

    script: str | None = Field(default=None, description="Your own script, relative to the YAML file; the shipped job if absent")
    instance_type: InstanceType = "ml.m5.large"
    instance_count: Annotated[int, Field(ge=1, le=100)] = 1
    volume_size_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    max_runtime_s: Annotated[int, Field(ge=1, le=2419200)] = 3600
    environment: dict[str, str] = {}


class Training(Job):
    """Train with the built-in XGBoost algorithm, or in script mode when `script` is given."""

    algorithm: Literal["xgboost"] = "xgboost"
    version: Literal["1.5-1", "1.7-1", "3.0-5", "3.2-0"] = "3.2-0"
    instance_type: InstanceType = "ml.m5.xlarge"
    hyperparameters: dict[str, bool | int | float | str] = {}


class Evaluation(Job):
    """Score the held-out test split."""

    threshold: Fraction = Field(default=0.5, description="Probability from which a row counts as positive; the default of DecisionThreshold")


Metric = Literal["accuracy", "precision", "recall", "f1", "auc"]
Cell = Literal["true_positive", "true_negative", "false_positive", "false_negative"]


class MetricBar(Section):
    """Hold a metric of the test split to a bound."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None


class CellBar(Section):
    """Hold a cell of the confusion matrix (a number of test rows) to a bound."""

    cell: Cell
    at_least: Annotated[int, Field(ge=0)] | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None


class Registration(Section):
    """Register the model as a new version in a model package group."""

    model_package_group: Name
    approval_status: Literal["PendingManualApproval", "Approved", "Rejected"] = "PendingManualApproval"
    description: str = ""
    content_types: tuple[str, ...] = ("text/csv",)
    response_types: tuple[str, ...] = ("text/csv",)
    inference_instances: tuple[InstanceType, ...] = ("ml.m5.large",)
    transform_instances: tuple[InstanceType, ...] = ("ml.m5.large",)


class Aws(Section):
    """Place the pipeline in an account; only `upsert` needs real values."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$")] = "sagewright-local"
    role_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z\-]*:iam::\d{12}:role/[\w+=,.@/\-]+$")] = "arn:aws:iam::000000000000:role/SagewrightLocal"


class PipelineConfig(Section):
    """Describe a whole pipeline; every part but `name`, `data` and `label` has a default."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}$")]
    description: str = ""
    problem: Literal["binary_classification"] = "binary_classification"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    data: Data
    label: Label
    recipe: tuple[RecipeStep, ...] = ()
    split: Split = Split()
    preprocess: Job = Job()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    gate: tuple[MetricBar | CellBar, ...] = ()
    registration: Registration | None = None
    parameters: dict[str, bool | int | float | str] = Field(default={}, description="Other defaults for the pipeline's parameters, e.g. in a profile")
    cache: Cache = Cache()
    retry: Retry = Retry()
    aws: Aws = Aws()

    def as_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready members."""
        return self.model_dump(mode="json")
