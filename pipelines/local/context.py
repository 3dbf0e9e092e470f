"""What a step executor is given, and what it gives back."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.definition.expressions import Scope
from pipelines.definition.model import Step
from pipelines.local.images.mapped import Images
from pipelines.local.launcher import Launcher
from pipelines.local.registry import Registry
from pipelines.local.store import Store

JOB_NAME_LENGTH = 63


@dataclass(frozen=True)
class Run:
    """Hold what all steps of one execution share; the effects (clock, launcher, stores) are passed in.

    `images` says what stands for an image on this machine.
    """

    home: Path
    run_dir: Path
    store: Store
    registry: Registry
    launcher: Launcher
    clock: Callable[[], float]
    pipeline_name: str
    execution_id: str
    started_at: float
    region: str = "us-east-1"
    account: str = "000000000000"
    stop_grace_s: float = 120.0
    stopping: threading.Event = field(default_factory=threading.Event)
    images: Images = field(default_factory=Images)

    @property
    def arn_prefix(self) -> str:
        """Return `arn:aws:sagemaker:<region>:<account>:`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:"

    @property
    def pipeline_arn(self) -> str:
        """Return the ARN that the pipeline would have, its name in lower case as the service writes it."""
        return f"{self.arn_prefix}pipeline/{self.pipeline_name.lower()}"

    @property
    def execution_arn(self) -> str:
        """Return the ARN of this execution."""
        return f"{self.pipeline_arn}/execution/{self.execution_id}"

    def job_name(self, step_name: str, attempt: int) -> str:
        """Return the name the job of a step gets: `pipelines-<execution>-<step>-<10 characters>`, as the service builds it.

        The last part is made from the rest, so that a resumed run names its jobs alike.
        """
        tail = hashlib.sha256(f"{self.execution_id}/{step_name}/{attempt}".encode()).hexdigest()[:10]
        head = f"pipelines-{self.execution_id}-{step_name}".replace("_", "-")
        return f"{head[: JOB_NAME_LENGTH - 11]}-{tail}"


@dataclass(frozen=True)
class StepRun:
    """Hold one attempt at one step: its arguments with every expression replaced by its value, and its share of cores and memory.

    `name` is the job's name where it is not the step's own. `report` journals what happens within the step; `finished` is what an earlier part of the same run
    journalled of it (the trials that ended).
    """

    run: Run
    step: Step
    arguments: Mapping[str, Any]
    scope: Scope
    attempt: int = 1
    cores: int = 1
    memory_share: float = 1.0
    name: str | None = None
    report: Callable[..., None] = lambda event, **members: None
    finished: tuple[Mapping[str, Any], ...] = ()

    @property
    def job_name(self) -> str:
        """Return the name of this attempt's job."""
        return self.name or self.run.job_name(self.step.name, self.attempt)

    @property
    def job_dir(self) -> Path:
        """Return the folder that holds this attempt's /opt/ml, /tmp and log."""
        return self.run.run_dir / "jobs" / self.job_name

    def timestamp(self) -> str:
        """Return the present time as ISO 8601, UTC."""
        return datetime.fromtimestamp(self.run.clock(), timezone.utc).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Outcome:
    """State how a step ended, with its properties in the shape of the service's Describe call.

    `checks` are the conditions of a Condition step; `check` is what a check step found, and its metadata.
    """

    status: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure_reason: str | None = None
    fault: str | None = None
    checks: tuple[Mapping[str, Any], ...] = ()
    check: Mapping[str, Any] = field(default_factory=dict)
