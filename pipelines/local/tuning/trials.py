"""One trial: a training job with its own values, and what it came to."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pipelines.local.context import StepRun
from pipelines.local.executors import training
from pipelines.local.faults import ClientFault, StepFault
from pipelines.local.tuning.plan import Definition
from pipelines.local.tuning.stopping import Follower


@dataclass(frozen=True)
class Trial:
    """Hold a trial to run: its number (from 0), the index of its definition, its job's name and its values."""

    number: int
    definition: int
    name: str
    tuned: Mapping[str, str]


@dataclass(frozen=True)
class Ended:
    """State how a trial ended: the training job's status, the objective (None when it has none) and all its values in the order of the log.

    `summary` is a HyperParameterTrainingJobSummary.
    """

    trial: Trial
    status: str
    objective: float | None
    curve: tuple[float, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready members, for the journal."""
        return {**asdict(self), "curve": list(self.curve)}

    @staticmethod
    def from_json(members: Mapping[str, Any]) -> Ended:
        """Return what `as_json` wrote."""
        return Ended(
            **{**{key: members[key] for key in ("status", "objective", "summary")}, "trial": Trial(**members["trial"]), "curve": tuple(members["curve"])}
        )


def job_name(tuning_job: str, number: int) -> str:
    """Return a trial's job name: `<tuning job>-NNN-<8 hexadecimal digits>`, as the service builds it; the digits are made from the rest."""
    head = f"{tuning_job}-{number + 1:03d}"
    return f"{head}-{hashlib.sha256(head.encode()).hexdigest()[:8]}"


def run(step_run: StepRun, definition: Definition, trial: Trial, stops_at: Sequence[int]) -> Ended:
    """Run a trial to its end; whatever goes wrong is its own failure, never the tuning job's.

    `stops_at` holds the epoch at which it was stopped, once it was.
    """
    request = {**definition.request, "HyperParameters": {**definition.request["HyperParameters"], **trial.tuned}}
    if request.get("CheckpointConfig"):
        checkpoints = request["CheckpointConfig"]
        request["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{trial.name}"}
    own = replace(step_run, arguments=request, name=trial.name)
    started = step_run.timestamp()
    try:
        outcome = training.execute(own)
        described = outcome.properties
    except ClientFault as error:
        described = {"TrainingJobStatus": "Failed", "FailureReason": f"ClientError: {error}"}
    except StepFault as fault:
        described = {"TrainingJobStatus": "Failed", "FailureReason": f"{fault.kind}: {fault}", "Retryable": True}
    curve = _curve(own, definition)[: stops_at[0] if stops_at else None]
    shutil.rmtree(own.job_dir / "opt/ml/input/data", ignore_errors=True)
    shutil.rmtree(own.job_dir / "tmp", ignore_errors=True)
    return _ended(step_run, definition, trial, {"CreationTime": started, **described}, curve)


def _curve(own: StepRun, definition: Definition) -> tuple[float, ...]:
    follower = Follower(own.job_dir / "log.txt", definition.regex)
    follower.finish()
    return tuple(follower.curve)


def _ended(step_run: StepRun, definition: Definition, trial: Trial, described: Mapping[str, Any], curve: tuple[float, ...]) -> Ended:
    status = str(described["TrainingJobStatus"])
    last = curve[-1] if curve else math.nan
    objective = last if status in ("Completed", "Stopped") and math.isfinite(last) else None
    times = {key: described[key] for key in ("CreationTime", "TrainingStartTime", "TrainingEndTime", "FailureReason") if described.get(key)}
    summary = {
        **({"TrainingJobDefinitionName": definition.name} if definition.name else {}),
        "TrainingJobName": trial.name,
        "TrainingJobArn": f"{step_run.run.arn_prefix}training-job/{trial.name}",
        "TrainingJobStatus": status,
        **times,
        "TunedHyperParameters": dict(trial.tuned),
        "ObjectiveStatus": "Failed" if objective is None else "Succeeded",
    }
    if objective is not None:
        kind = "Maximize" if definition.maximize else "Minimize"
        summary["FinalHyperParameterTuningJobObjectiveMetric"] = {"Type": kind, "MetricName": definition.metric, "Value": objective}
    # A number that is none would not be JSON.
    return Ended(trial, "RetryableError" if described.get("Retryable") else status, objective, tuple(v for v in curve if math.isfinite(v)), summary)
