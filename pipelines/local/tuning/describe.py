"""A tuning job as DescribeHyperParameterTuningJobResponse, with the `TrainingJobSummaries` of a pipeline's step; and jobs kept for a warm start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.tuning.history import History
from pipelines.local.tuning.plan import Plan
from pipelines.local.tuning.trials import Ended, Trial

STATUSES = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped", "RetryableError": "RetryableError"}


def describe(arguments: Mapping[str, Any], arn: str, history: History, times: Mapping[str, str], status: str, failure: str | None) -> dict[str, Any]:
    """Return the properties of the step; summaries are best first."""
    ranked, best = history.ranked(), history.best
    overall = _overall(history)
    counters = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    for each in ranked:
        counters[STATUSES[each.status]] += 1
    succeeded = sum(each.objective is not None for each in ranked)
    return {
        **arguments,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": status,
        **times,
        "TrainingJobStatusCounters": counters,
        "ObjectiveStatusCounters": {"Succeeded": succeeded, "Pending": 0, "Failed": len(ranked) - succeeded},
        "TrainingJobSummaries": [each.summary for each in ranked],
        **({"BestTrainingJob": best.summary} if best is not None else {}),
        **({"OverallBestTrainingJob": overall.summary} if overall is not None and history.plan.identical else {}),
        "TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": history.not_improving},
        **({"FailureReason": failure} if failure else {}),
    }


def _overall(history: History) -> Ended | None:
    done = [each for each in (*history.inherited, *history.ended.values()) if each.objective is not None and each.status == "Completed"]
    return history.ranked(done)[0] if done else None


def keep(home: Path, name: str, history: History) -> None:
    """Keep a job's trials for later jobs that start from it."""
    file = home / "tuning" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps({"trials": [each.as_json() for each in history.ended.values()], **_told(history.plan)}, sort_keys=True, default=str))
    os.replace(partial, file)


def _told(plan: Plan) -> dict[str, list[Any]]:
    """Return what a later job that starts from this one must have in common with it, each by definition."""
    return {
        "data": [definition.request.get("InputDataConfig") for definition in plan.definitions],
        "images": [definition.request["AlgorithmSpecification"].get("TrainingImage") for definition in plan.definitions],
        "objectives": [["Maximize" if definition.maximize else "Minimize", definition.metric] for definition in plan.definitions],
    }


def inherit(home: Path, plan: Plan) -> tuple[Ended, ...]:
    """Return the trials of the jobs that a plan starts from.

    Raises:
        ClientFault: there is no such job here, or it does not go together with the plan.
    """
    found: list[Ended] = []
    for name in plan.parents:
        try:
            kept = json.loads((home / "tuning" / f"{Path(name).name}.json").read_text())
        except (OSError, ValueError):
            raise ClientFault(f"WarmStartConfig: no tuning job {name!r} was run here; tuning jobs of AWS cannot be started from locally") from None
        _check_parent(name, kept, plan)
        found += [_first_definition(Ended.from_json(each), len(plan.definitions)) for each in kept["trials"]]
    return tuple(found)


def _check_parent(name: str, kept: Mapping[str, Any], plan: Plan) -> None:
    """Refuse a parent that cannot be learned from (AWS developer guide, "Warm Start Tuning Job Restrictions"); jobs of earlier versions tell less."""
    own = json.loads(json.dumps(_told(plan), default=str))
    other = next((each for each in kept.get("objectives", ()) if each not in own["objectives"]), None)
    if other is not None:
        wanted = " ".join(own["objectives"][0])
        raise ClientFault(f"WarmStartConfig: the objective of {name!r} is {' '.join(other)}, of this job {wanted}; a warm start needs the same objective")
    for part, words in (("data", "input data"), ("images", "training images")) if plan.identical else ():
        if kept.get(part, own[part]) != own[part]:
            raise ClientFault(f"WarmStartConfig: {name!r} had other {words}; IdenticalDataAndAlgorithm needs the same, else take TransferLearning")


def _first_definition(each: Ended, definitions: int) -> Ended:
    """Return a parent's trial as one of the definition that has its place, of the first one when there is none."""
    if each.trial.definition < definitions:
        return each
    return Ended(Trial(each.trial.number, 0, each.trial.name, each.trial.tuned), each.status, each.objective, each.curve, each.summary)
