"""Which policy, and which instance type: estimates from service times that were measured on one machine, for another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.autoscale.instances import Instance
from pipelines.autoscale.policies import Policy, TargetTracking
from pipelines.autoscale.service import Service, waits
from pipelines.autoscale.simulate import Fleet, brief, quantile, simulate

# Parts of an instance's full rate that are tried as targets, and the failures that are taken: a tenth of a percent.
PARTS = (0.85, 0.7, 0.55, 0.4)
PLANNED, FAILED_PERCENT = 0.7, 0.1
MOST = 500
# A worker process with its libraries, and a model as it lies in memory, by the size of its archive.
SYSTEM_GIB, WORKER_GIB, UNPACKED = 1.0, 0.25, 3.0
DRAWS = 20_000


def per_minute(fleet: Fleet, part: float) -> float:
    """Return requests per instance and minute at a part of its full rate, in whole tens where that is exact enough."""
    full = fleet.per_second * 60 * part
    return float(max(1, round(full, -1) if full >= 200 else round(full)))


def recommend(rates: Sequence[float], fleet: Fleet, goal_ms: float, seed: int, floor: int = 1, most: int = MOST) -> dict[str, Any] | None:
    """Return the cheapest target tracking policy whose p99 meets the goal with hardly a failure, None when none does.

    Tried are targets of 85 to 40 % of an instance's full rate with the least number of instances for the lowest, the mean and the highest rate.
    """
    found: list[tuple[float, Policy, dict[str, Any]]] = []
    for least in _leasts(rates, fleet, floor, most):
        for part in PARTS:
            target = per_minute(fleet, part)
            policy = Policy(f"target:{target:g}", least, most, TargetTracking(target))
            told = brief(simulate(rates, fleet, policy), fleet, seed)
            if told["p99_ms"] is not None and told["p99_ms"] <= goal_ms and told["failed_percent"] <= FAILED_PERCENT:
                found.append((told["instance_hours"], policy, told))
                break
    if not found:
        return None
    _, policy, told = min(found, key=lambda each: each[0])
    largest = min(most, max(policy.least, math.ceil(told["instances"]["max"] * 1.25)))
    scaling = policy.scaling
    assert isinstance(scaling, TargetTracking)
    return {"policy": replace(policy, most=largest), "min": policy.least, "max": largest, "target": scaling.target, "expected": told, "goal_p99_ms": goal_ms}


def _leasts(rates: Sequence[float], fleet: Fleet, floor: int, most: int) -> list[int]:
    wanted = (min(rates), sum(rates) / len(rates), max(rates))
    return sorted({min(most, max(floor, math.ceil(rate / (fleet.per_second * PLANNED) - 1e-9))) for rate in wanted})


def instances(
    rate: float, goal_ms: float, service: Service, model_bytes: int, known: Mapping[str, Instance], seed: int, floor: int = 1
) -> list[dict[str, Any]]:
    """Return for each type how many instances a rate needs at 70 % load, what they cost and which p99 to expect; those that fit first, by cost.

    It is taken that a vCPU works on one request at a time as fast as the machine that was measured, and that each worker holds the model.
    """
    rows = list(_rows(rate, goal_ms, service, model_bytes, known, seed, floor))
    return sorted(rows, key=lambda row: (bool(row["reasons"]), row["usd_per_month"], row["instance_type"]))


def _rows(rate: float, goal_ms: float, service: Service, model_bytes: int, known: Mapping[str, Instance], seed: int, floor: int) -> Iterator[dict[str, Any]]:
    for each in known.values():
        fleet = Fleet(service, each.vcpus, each.usd_per_hour)
        count = max(floor, math.ceil(rate / (fleet.per_second * PLANNED) - 1e-9))
        memory = SYSTEM_GIB + each.vcpus * (WORKER_GIB + UNPACKED * model_bytes / 2**30)
        p99_ms = _p99_ms(rate / count, fleet, seed)
        reasons = [f"needs about {memory:.1f} GiB of {each.memory_gib:g}"] if memory > each.memory_gib else []
        reasons += [f"p99 about {p99_ms:.0f} ms"] if p99_ms > goal_ms else []
        reasons += ["its GPU was not measured"] if each.gpus else ["its CPU lives on credits"] if each.burstable else []
        yield {
            "instance_type": each.name,
            "vcpus": each.vcpus,
            "memory_gib": each.memory_gib,
            "memory_needed_gib": round(memory, 2),
            "requests_per_second": round(fleet.per_second, 2),
            "instances": count,
            "p99_ms": round(p99_ms, 2),
            "usd_per_hour": each.usd_per_hour,
            "usd_per_month": round(count * each.usd_per_hour * 720, 2),
            "reasons": reasons,
        }


def _p99_ms(rate: float, fleet: Fleet, seed: int) -> float:
    random = np.random.default_rng(seed)
    chance, length, part = (random.random(DRAWS) for _ in range(3))
    load, servers = np.full(DRAWS, min(0.98, rate / fleet.per_second)), np.full(DRAWS, fleet.parallel)
    found = waits(load, servers, fleet.service, chance, length) + fleet.service.at(part)
    return (quantile(found, np.ones(DRAWS), 0.99) or 0.0) * 1000
