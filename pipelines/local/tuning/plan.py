"""What a tuning job asks for, read from the arguments of CreateHyperParameterTuningJob."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.images import builtin_metric_definitions
from pipelines.local.tuning import ranges, search

OBJECTIVE = "_tuning_objective_metric"
MOST_TRIALS = 750


@dataclass(frozen=True)
class Definition:
    """Hold one training job definition: its request without what is tuned, its ranges, its objective and the regular expression that finds it."""

    name: str
    request: Mapping[str, Any]
    ranges: tuple[ranges.Range, ...]
    metric: str
    maximize: bool
    regex: str


@dataclass(frozen=True)
class Criteria:
    """Hold when a job is done before its last trial; None where nothing is asked."""

    target: float | None = None
    not_improving: int | None = None
    converged: bool = False
    runtime_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """Hold a tuning job: strategy, definitions, limits, seed, the rule that stops trials, and what earlier jobs it starts from."""

    strategy: str
    definitions: tuple[Definition, ...]
    trials: int
    parallel: int
    seed: int
    early_stopping: bool
    criteria: Criteria
    resource: tuple[int, int] | None
    parents: tuple[str, ...]
    identical: bool

    def space(self, definition: Definition) -> search.Space:
        """Return what the search for a definition needs."""
        return search.Space(definition.ranges, self.seed, self.trials, definition.maximize)


def read(arguments: Mapping[str, Any], job_name: str, most_parallel: int) -> Plan:
    """Return the plan; `most_parallel` is how many trials this machine runs side by side.

    Raises:
        ClientFault: the request contradicts itself, or asks for what does not run here.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    strategy = str(config["Strategy"])
    definitions = _definitions(arguments, config)
    limits = config.get("ResourceLimits") or {}
    warm = arguments.get("WarmStartConfig") or {}
    early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    if strategy == "Hyperband" and early:
        raise ClientFault("strategy Hyperband stops trials itself; TrainingJobEarlyStoppingType must be Off")
    return Plan(
        strategy=strategy,
        definitions=definitions,
        trials=_trials(strategy, definitions, limits),
        parallel=max(1, min(int(limits.get("MaxParallelTrainingJobs", 1)), most_parallel)),
        seed=int(config["RandomSeed"]) if config.get("RandomSeed") is not None else zlib.crc32(job_name.encode()),
        early_stopping=early,
        criteria=_criteria(config, limits),
        resource=_resource(config, definitions) if strategy == "Hyperband" else None,
        parents=tuple(str(each["HyperParameterTuningJobName"]) for each in warm.get("ParentHyperParameterTuningJobs") or ()),
        identical=warm.get("WarmStartType") == "IdenticalDataAndAlgorithm",
    )


def _definitions(arguments: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[Definition, ...]:
    several = arguments.get("TrainingJobDefinitions")
    if several:
        return tuple(_definition(each, each.get("TuningObjective"), each.get("HyperParameterRanges")) for each in several)
    single = arguments.get("TrainingJobDefinition")
    if not single:
        raise ClientFault("a tuning job needs a TrainingJobDefinition, or TrainingJobDefinitions")
    return (_definition(single, config.get("HyperParameterTuningJobObjective"), config.get("ParameterRanges") or single.get("HyperParameterRanges")),)


def _definition(given: Mapping[str, Any], objective: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> Definition:
    if not objective:
        raise ClientFault("a tuning job needs an objective: HyperParameterTuningJobObjective, or TuningObjective of each definition")
    found = ranges.read(wanted)
    static = {name: str(value) for name, value in (given.get("StaticHyperParameters") or {}).items()}
    both = [each.name for each in found if each.name in static]
    if both:
        raise ClientFault(f"the hyperparameter {both[0]!r} has a range and a static value; expected one of them")
    metric = str(objective["MetricName"])
    specification = given["AlgorithmSpecification"]
    own = specification.get("MetricDefinitions") or []
    known = [*own, *builtin_metric_definitions(str(specification.get("TrainingImage", "")), static)]
    regex = next((each["Regex"] for each in known if each["Name"] == metric), None)
    if regex is None:
        names = ", ".join(each["Name"] for each in known) or "none"
        raise ClientFault(f"no metric definition is called {metric!r}, the objective; got {names}")
    return Definition(
        str(given.get("DefinitionName", "")), _request(given, {**static, OBJECTIVE: metric}), found, metric, objective["Type"] == "Maximize", regex
    )


def _request(given: Mapping[str, Any], static: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition as CreateTrainingJob takes it."""
    own = ("StaticHyperParameters", "HyperParameterRanges", "TuningObjective", "DefinitionName", "HyperParameterTuningResourceConfig", "RetryStrategy")
    request = {key: value for key, value in given.items() if key not in own}
    resources = given.get("HyperParameterTuningResourceConfig")
    if resources and "ResourceConfig" not in request:
        first = (resources.get("InstanceConfigs") or [{}])[0]
        request["ResourceConfig"] = {**{key: value for key, value in resources.items() if key in ("InstanceType", "InstanceCount", "VolumeSizeInGB")}, **first}
    return {**request, "HyperParameters": dict(static)}


def _trials(strategy: str, definitions: tuple[Definition, ...], limits: Mapping[str, Any]) -> int:
    if strategy == "Grid":
        points = sum(search.combinations(each.ranges) for each in definitions)
        return min(points, int(limits.get("MaxNumberOfTrainingJobs") or points))
    asked = limits.get("MaxNumberOfTrainingJobs")
    if asked is None:
        raise ClientFault(f"ResourceLimits.MaxNumberOfTrainingJobs is missing; expected 1 to {MOST_TRIALS}")
    return int(asked)


def _criteria(config: Mapping[str, Any], limits: Mapping[str, Any]) -> Criteria:
    given = config.get("TuningJobCompletionCriteria") or {}
    stuck = (given.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
    runtime = limits.get("MaxRuntimeInSeconds")
    return Criteria(
        target=float(given["TargetObjectiveMetricValue"]) if given.get("TargetObjectiveMetricValue") is not None else None,
        not_improving=int(stuck) if stuck is not None else None,
        converged=(given.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled",
        runtime_s=float(runtime) if runtime is not None else None,
    )


def _resource(config: Mapping[str, Any], definitions: tuple[Definition, ...]) -> tuple[int, int]:
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    static = definitions[0].request["HyperParameters"]
    rounds = next((int(static[name]) for name in ("num_round", "epochs", "num_epochs") if str(static.get(name, "")).isdigit()), 100)
    most = int(given.get("MaxResource") or rounds)
    least = int(given.get("MinResource") or 1)
    if not 1 <= least <= most:
        raise ClientFault(f"HyperbandStrategyConfig: MinResource is {least} and MaxResource {most}; expected 1 <= MinResource <= MaxResource")
    return least, most
