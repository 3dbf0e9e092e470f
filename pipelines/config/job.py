"""What the sections of jobs share: how long a job may take, what it needs, and for those that can be replaced the script and the machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.config.section import InstanceType, Section


class Limits(Section):
    """Bound a job of ours that runs on one instance of `preprocess`."""

    volume_size_gb: Annotated[int, Field(ge=1, le=16384)] = Field(default=30, description="Size of the disk in GB")
    max_runtime_s: Annotated[int, Field(ge=1, le=2419200)] = Field(default=3600, description="Seconds after which the job is stopped")
    environment: dict[str, str] = Field(default={}, description="Environment variables of the job; quote numbers")


class Job(Limits):
    """Choose the script of a job and the machine it runs on."""

    script: str | None = Field(default=None, description="Your own script, relative to the YAML file; the shipped job if absent")
    instance_type: InstanceType = Field(default="ml.m5.large", description="SageMaker instance type, e.g. ml.m5.xlarge")
    instance_count: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="Number of instances")
