"""What becomes of a model beyond its registration: batch predictions, and an endpoint."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.config.section import FromList, InstanceType, Section

ENDPOINT_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
S3_URI = r"^(https|s3)://([^/]+)/?(.*)$"
ENVIRONMENT = 16

Instances = Annotated[int, Field(ge=1, le=100)]
Environment = Annotated[dict[str, str], Field(max_length=ENVIRONMENT)]


class BatchTransform(Section):
    """Answer many rows with the new model once it is good enough: a Transform step over raw rows."""

    input: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Raw rows to answer, a path or an s3:// URI: the default of the parameter BatchInput; those of `data` if absent"
    )
    format: Literal["csv", "jsonl", "parquet"] | None = Field(default=None, description="How they are written; as the file's name says if absent, else csv")
    instance_type: InstanceType = Field(default="ml.m5.large", description="SageMaker instance type, e.g. ml.m5.xlarge")
    instance_count: Instances = Field(default=1, description="Number of instances")
    strategy: Literal["MultiRecord", "SingleRecord"] = Field(default="MultiRecord", description="Many records in each request, or one")
    max_payload_mb: Annotated[int, Field(ge=0, le=100)] = Field(default=6, description="Largest request in MB; 0 streams each file")
    max_concurrent: Annotated[int, Field(ge=0, le=100)] = Field(default=1, description="Requests side by side on each instance; 0 lets the container say")
    accept: Literal["text/csv", "application/json", "application/jsonlines"] = Field(default="text/csv", description="How the answers are written")
    join: Literal["None", "Input"] = Field(default="None", description="Input puts each answer behind its row; quote None")
    input_filter: Annotated[str, Field(max_length=63)] | None = Field(default=None, description="JSONPath of what of a row the model gets, e.g. $[1:]")
    output_filter: Annotated[str, Field(max_length=63)] | None = Field(default=None, description="JSONPath of what is kept, e.g. $[0,-1]")
    environment: Environment = Field(default={}, description="Environment variables of the job; quote numbers")

    @model_validator(mode="after")
    def _limits(self) -> BatchTransform:
        if self.max_payload_mb * self.max_concurrent > 100:
            raise ValueError(f"max_payload_mb times max_concurrent is {self.max_payload_mb * self.max_concurrent}; the service takes at most 100.")
        return self


class DataCapture(Section):
    """Keep requests and answers of an endpoint in S3, for Model Monitor."""

    s3_uri: Annotated[str, Field(pattern=S3_URI, max_length=512)] = Field(description="Where they are kept")
    percentage: Annotated[int, Field(ge=0, le=100)] = Field(default=100, description="Share of the requests, percent")
    modes: Annotated[tuple[Literal["Input", "Output"], ...], Field(min_length=1), FromList] = Field(default=("Input", "Output"), description="What is kept")


class Variant(Section):
    """Name one of the models behind an endpoint and its share of the requests."""

    name: Annotated[str, Field(pattern=ENDPOINT_NAME)] = Field(description="The production variant; 1 to 63 letters, digits and inner hyphens")
    model: Annotated[str, Field(pattern=ENDPOINT_NAME)] | None = Field(default=None, description="Name of a model that exists; this pipeline's if absent")
    weight: Annotated[float, Field(ge=0)] = Field(default=1.0, description="Share of the requests, relative to the other variants")
    instance_type: InstanceType | None = Field(default=None, description="Instance type; that of the endpoint if absent")
    instance_count: Instances | None = Field(default=None, description="Number of instances; that of the endpoint if absent")


class Serverless(Section):
    """Serve without instances."""

    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = Field(default=2048, description="Memory in MB")
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = Field(default=20, description="Requests side by side")
    provisioned_concurrency: Annotated[int, Field(ge=1, le=200)] | None = Field(default=None, description="Requests side by side that never wait for a start")


class Async(Section):
    """Take requests as S3 objects and leave the answers in S3."""

    output_s3_uri: Annotated[str, Field(pattern=S3_URI, max_length=1024)] = Field(description="Where the answers go")
    failure_s3_uri: Annotated[str, Field(pattern=S3_URI, max_length=1024)] | None = Field(default=None, description="Where failures go; nowhere if absent")
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] | None = Field(default=None, description="Requests side by side on each instance")
    success_topic: Annotated[str, Field(max_length=2048)] | None = Field(default=None, description="ARN of the SNS topic that hears of answers")
    error_topic: Annotated[str, Field(max_length=2048)] | None = Field(default=None, description="ARN of the SNS topic that hears of failures")


class Endpoint(Section):
    """Serve the new model once it is good enough: made, or brought up to date when there is an endpoint of this name."""

    name: Annotated[str, Field(pattern=ENDPOINT_NAME)] = Field(description="The endpoint; 1 to 63 letters, digits and inner hyphens")
    instance_type: InstanceType = Field(default="ml.m5.large", description="SageMaker instance type, e.g. ml.m5.xlarge")
    instance_count: Instances = Field(default=1, description="Number of instances")
    data_capture: DataCapture | None = Field(default=None, description="Keep requests and answers; nothing is kept if absent")
    variants: Annotated[tuple[Variant, ...], Field(max_length=10), FromList] = Field(
        default=(), description="Several models that share the requests, ours among them; ours alone when empty"
    )
    serverless: Serverless | None = Field(default=None, description="Serve without instances; on instances if absent")
    asynchronous: Async | None = Field(default=None, description="Take requests as S3 objects; answer at once if absent")

    @model_validator(mode="after")
    def _together(self) -> Endpoint:
        if self.serverless and (self.asynchronous or self.data_capture):
            other = "asynchronous" if self.asynchronous else "data_capture"
            raise ValueError(f"the service has no serverless endpoint with {other}. Remove one of them.")
        if self.serverless and {"instance_type", "instance_count"} & self.model_fields_set:
            raise ValueError("instance_type and instance_count have no effect with serverless. Remove them.")
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("two variants have the same name.")
        if self.variants and all(variant.model for variant in self.variants):
            raise ValueError("no variant is this pipeline's own model. Leave out `model` in one of them.")
        return self
