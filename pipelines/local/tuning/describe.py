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
    data = [definition.request.get("InputDataConfig") for definition in history.plan.definitions]
    partial.write_text(json.dumps({"trials": [each.as_json() for each in history.ended.values()], "data": data}, sort_keys=True, default=str))
    os.replace(partial, file)


def inherit(home: Path, plan: Plan) -> tuple[Ended, ...]:
    """Return the trials of the jobs that a plan starts from.

    Raises:
        ClientFault: there is no such job here, or one with other data where identical data are asked for.
    """
    found: list[Ended] = []
    wanted = json.loads(json.dumps([definition.request.get("InputDataConfig") for definition in plan.definitions], default=str))
    for name in plan.parents:
        try:
            kept = json.loads((home / "tuning" / f"{Path(name).name}.json").read_text())
        except (OSError, ValueError):
            raise ClientFault(f"WarmStartConfig: no tuning job {name!r} was run here; tuning jobs of AWS cannot be started from locally") from None
        if plan.identical and kept["data"] != wanted:
            raise ClientFault(f"WarmStartConfig: {name!r} had other input data; IdenticalDataAndAlgorithm needs the same, else take TransferLearning")
        found += [_first_definition(Ended.from_json(each), len(plan.definitions)) for each in kept["trials"]]
    return tuple(found)


def _first_definition(each: Ended, definitions: int) -> Ended:
    """Return a parent's trial as one of the definition that has its place, of the first one when there is none."""
    if each.trial.definition < definitions:
        return each
    return Ended(Trial(each.trial.number, 0, each.trial.name, each.trial.tuned), each.status, each.objective, each.curve, each.summary)
