"""The configuration of a pipeline: frozen, typed, and strict about keys and types. `pipeline.schema.json` and docs/configuration.md are made from it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.config.checks import Bias, Explainability, Privacy, Quality
from pipelines.config.deployment import ENDPOINT_NAME, BatchTransform, Endpoint
from pipelines.config.evaluation import Evaluation
from pipelines.config.feature_group import FeatureGroup
from pipelines.config.gate import Bar
from pipelines.config.images import Images
from pipelines.config.job import Job
from pipelines.config.leakage import Leakage
from pipelines.config.model_card import ModelCard
from pipelines.config.problem import Problem
from pipelines.config.profile import Profile
from pipelines.config.recipe import RecipeStep
from pipelines.config.section import INSTANCE_TYPE, FromList, InstanceType, Section, Texts
from pipelines.config.split import Inference, Split
from pipelines.config.tracking import Mlflow
from pipelines.config.tuning import Tuning

GROUP_NAME = r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$"
PIPELINE_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}$"
DURATION = r"^P(\d+W|\d+D|\d+DT\d+H|T\d+[HM])$"
REGION = r"^[a-z]{2}(-[a-z]+)+-\d$"
BUCKET = r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"
METRIC_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.:/@\-]{0,249}$"
ROLE = r"^arn:aws[a-z\-]*:iam::\d{12}:role/[\w+=,.@/\-]+$"
# What a pattern means, for people.
FORMS: Mapping[str, str] = {
    INSTANCE_TYPE: "a SageMaker instance type such as ml.m5.xlarge",
    GROUP_NAME: "1 to 63 letters, digits and inner hyphens",
    PIPELINE_NAME: "1 to 256 letters, digits and inner hyphens",
    DURATION: "an ISO 8601 duration such as P30D or PT12H",
    REGION: "an AWS region such as eu-west-1",
    METRIC_NAME: "1 to 250 letters, digits and _ . : / @ -",
    ENDPOINT_NAME: "1 to 63 letters, digits and inner hyphens",
    BUCKET: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    ROLE: "the ARN of an IAM role such as arn:aws:iam::111122223333:role/Name",
}

Name = Annotated[str, Field(pattern=GROUP_NAME)]


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


class Source(Section):
    """Say where rows come from and how the files are written."""

    input: Annotated[str, Field(min_length=1)] = Field(
        description="A file or a folder of files: local path (relative to the YAML file) or s3:// URI, also with .gz"
    )
    format: Literal["auto", "csv", "parquet", "jsonl"] = Field(default="auto", description="`auto` goes by the file's name; csv when that tells nothing")
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] = Field(
        default=",", description='One character, e.g. ";" or "\\t"'
    )
    quote: Annotated[str, Field(max_length=1)] = Field(default='"', description="The quoting character of CSV; none when empty")
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(default="utf-8", description="Text encoding, e.g. latin-1")
    null_values: Texts = Field(default=("", "NULL", "NA", "NaN", "null", "None"), description="Texts that mean a missing value")
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = Field(
        default="FullyReplicated", description="Whether each instance of the job gets every file, or its share of them"
    )


class Athena(Section):
    """Import the result of a SQL query: on AWS by Athena as the job's DatasetDefinition, locally by DuckDB over local files."""

    catalog: str = Field(default="AwsDataCatalog", description="The data catalog")
    database: str = Field(description="The database")
    query: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="The SQL query")
    output_s3_uri: Annotated[str, Field(pattern=r"^(https|s3)://([^/]+)/?(.*)$")] = Field(description="Where Athena puts the result")
    output_format: Literal["PARQUET", "TEXTFILE"] = Field(default="PARQUET", description="How Athena writes the result")
    work_group: str | None = Field(default=None, description="The Athena work group")
    tables: dict[str, str] = Field(default={}, description="Locally: a CSV, Parquet or JSON Lines file (relative to the YAML file) for each table of the query")


class Data(Source):
    """Say where the rows come from: files (the default of the parameter InputData), and others to join or append."""

    athena: Athena | None = Field(
        default=None, description="Import the rows by a query instead; `input` then may be left out, or name the local file of the query's table"
    )
    others: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], Source] = Field(
        default={}, description="Further inputs by name, for the steps join and concat"
    )

    @model_validator(mode="before")
    @classmethod
    def _input_of_athena(cls, value: Any) -> Any:
        """Let `input` be left out with `athena`: it then is where Athena puts the result."""
        athena = value.get("athena") if isinstance(value, Mapping) else None
        output = athena.get("output_s3_uri") if isinstance(athena, Mapping) else getattr(athena, "output_s3_uri", None)
        return {**value, "input": output} if isinstance(output, str) and "input" not in value else value


class Label(Section):
    """Name the column to predict and, for classes, its values."""

    column: str = Field(description="The column to predict: two values, several classes, or an amount, as `problem` says")
    positive: bool | int | str = Field(default=1, description="Binary classification: the value that counts as positive; the other one is the negative class")
    classes: Texts = Field(default=(), description="Multi-class classification: every class, in the order of their numbers; quote numbers")


class Retry(Section):
    """Retry a step on faults of the service (never on a failing script)."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] = Field(default=3, description="Retries at most")
    interval_s: Annotated[int, Field(ge=1, le=43200)] = Field(default=30, description="Seconds before the first retry")
    backoff_rate: Annotated[float, Field(ge=1)] = Field(default=2.0, description="Each wait is this many times the one before")


class Cache(Section):
    """Reuse the result of a step whose arguments did not change."""

    enabled: bool = Field(default=True, description="Whether steps are cached")
    expire_after: Annotated[str, Field(pattern=DURATION)] = Field(default="P30D", description="ISO 8601 duration, e.g. P30D or PT12H")


class Training(Job):
    """Train with a built-in algorithm, or in script mode when `script` is given."""

    algorithm: Literal["xgboost", "linear-learner", "knn", "kmeans", "pca"] = Field(
        default="xgboost", description="The built-in algorithm; but for xgboost the pipeline ends with the model, without Evaluate and gate"
    )
    framework: Literal["xgboost", "scikit-learn"] = Field(default="xgboost", description="The framework whose image runs your script")
    version: Literal["1.5-1", "1.7-1", "3.0-5", "3.2-0", "1.2-1", "1.4-2", "1.9-0"] | None = Field(
        default=None, description="Version of the framework's image; quote it. XGBoost: 1.5-1 to 3.2-0 (default), scikit-learn: 1.2-1, 1.4-2 (default), 1.9-0"
    )
    image: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="URI of another framework's image that runs your script, e.g. PyTorch; locally see `images.map`"
    )
    source_dir: str | None = Field(
        default=None, description="Folder that goes along with your script, requirements.txt included; relative to the YAML file, and `script` to it"
    )
    input_mode: Literal["File", "FastFile", "Pipe"] = Field(
        default="File", description="How the splits reach the job: copied first, streamed as files, or piped"
    )
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = Field(
        default="FullyReplicated", description="Whether each instance gets all rows, or its share: Preprocess then writes a file per instance"
    )
    spot: bool = Field(default=False, description="Train on spot instances, which may be taken away; use checkpoints with it")
    max_wait_s: Annotated[int, Field(ge=1, le=2419200)] | None = Field(
        default=None, description="With spot: seconds for waiting and training together, at least max_runtime_s; twice that if absent"
    )
    checkpoints: bool = Field(default=False, description="Keep checkpoints in S3, a folder per execution; the step is then never taken from the cache")
    instance_type: InstanceType = Field(default="ml.m5.xlarge", description="SageMaker instance type, e.g. ml.m5.xlarge")
    hyperparameters: dict[str, bool | int | float | str] = Field(default={}, description="Hyperparameters of the algorithm or of your script")
    metrics: Annotated[tuple[Annotated[str, Field(pattern=METRIC_NAME)], ...], Field(max_length=40), FromList] = Field(
        default=(), description="Metrics that your script logs with `Run` of jobkit: the service then finds them in its log (MetricDefinitions)"
    )


class Package(Job):
    """Pack model, recipe and the code that serves them into one model.tar.gz that takes raw rows; the job runs on the instances of `preprocess`."""

    enabled: bool = Field(default=True, description="Whether there is such a step; without it the bare model goes on, which takes prepared features")
    containers: Literal[1, 2] = Field(
        default=1, description="1: one container takes raw rows. 2: an inference pipeline, whose second container is built-in XGBoost's own, with its answers"
    )


class Skew(Job):
    """Start the package in a process of its own and hold its features and answers to those of the training, bit for bit."""

    enabled: bool = Field(default=True, description="Whether there is such a step")
    rows: Annotated[int, Field(ge=1, le=500)] = Field(default=200, description="Raw rows that are replayed, of every split a share")
    fail: bool = Field(default=True, description="Whether a finding ends the pipeline before anything is registered")


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
    problem: Problem = Field(default="binary_classification", description="What the label is: one of two values, one of several classes, or an amount")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=0, description="Seed of the split and of the training; the default of Seed")
    data: Data
    label: Label
    recipe: Annotated[tuple[RecipeStep, ...], FromList] = Field(default=(), description="Steps that turn raw rows into features, in order")
    split: Split = Split()
    inference: Inference = Inference()
    leakage: Leakage = Leakage()
    profile: Profile | None = Field(default=None, description="Look at the raw data before anything else; no such step if absent")
    preprocess: Job = Job()
    training: Training = Training()
    tuning: Tuning | None = Field(default=None, description="Search hyperparameters in the place of one training; one training if absent")
    evaluation: Evaluation = Evaluation()
    package: Package = Package()
    skew: Skew = Skew()
    bias: Bias | None = Field(default=None, description="Compare groups of people, before and after training; no such steps if absent")
    explainability: Explainability | None = Field(default=None, description="Explain the model's answers; no such step if absent")
    quality: Quality = Quality()
    privacy: Privacy | None = Field(default=None, description="Probe whether the model gives training rows away; no such step if absent")
    gate: Annotated[tuple[Bar, ...], FromList] = Field(default=(), description="Bars that a model must clear to be registered; no gate when empty")
    registration: Registration | None = Field(default=None, description="Register the model; nothing is registered if absent")
    model_card: ModelCard | None = Field(default=None, description="Write a model card, kept with the registered version; no such step if absent")
    batch_transform: BatchTransform | None = Field(default=None, description="Answer many raw rows with the new model; no such step if absent")
    endpoint: Endpoint | None = Field(default=None, description="Serve the new model; no such steps if absent")
    feature_group: FeatureGroup | None = Field(default=None, description="The feature group for prepared rows; the pipeline itself makes none")
    images: Images = Images()
    parameters: dict[str, bool | int | float | str] = Field(default={}, description="Other defaults for the pipeline's parameters, e.g. in a profile")
    cache: Cache = Cache()
    retry: Retry = Retry()
    mlflow: Mlflow | None = Field(default=None, description="Send the record of every local run to MLflow; nothing is sent if absent")
    aws: Aws = Aws()

    def as_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready members."""
        return self.model_dump(mode="json")
