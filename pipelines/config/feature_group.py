"""The feature group that the prepared rows go to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.section import Section

FEATURE_NAME = r"^[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}$"


class OfflineStore(Section):
    """Keep every record as Parquet in S3, registered as a table of the Glue catalog."""

    s3_uri: Annotated[str, Field(pattern=r"^s3://([^/]+)/?(.*)$", max_length=1024)] = Field(
        description="The S3 prefix below which the service lays out the records"
    )
    format: Literal["Glue", "Iceberg"] = Field(default="Glue", description="The table's format; only Glue works locally")


class FeatureGroup(Section):
    """Put records into SageMaker Feature Store: `sagewright feature-group create --config pipeline.yaml`, then `ingest`."""

    name: Annotated[str, Field(pattern=FEATURE_NAME)] = Field(description="The feature group; 1 to 64 letters, digits and inner hyphens or underscores")
    record_identifier: Annotated[str, Field(pattern=FEATURE_NAME)] = Field(description="The feature that names a record, e.g. the column of row_number")
    event_time: Annotated[str, Field(pattern=FEATURE_NAME)] = Field(description="The feature that dates a record, e.g. the column of timestamp")
    online: bool = Field(default=True, description="Keep the latest record of each identifier for get-record")
    offline: OfflineStore | None = Field(default=None, description="Keep all records in S3; none are kept if absent")
    description: Annotated[str, Field(max_length=128)] = Field(default="", description="What the group is for")
