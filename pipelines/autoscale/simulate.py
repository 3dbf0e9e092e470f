"""An endpoint under traffic and a scaling policy, second by second: instances that start and stop, requests that queue, what it costs.

Requests flow: what comes in a second and what the instances cannot do in it waits for the next one, and what would wait longer than the service allows
fails. Within a second requests wait for each other by queueing theory (`service.waits`). Scaling looks at whole minutes, as CloudWatch does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.autoscale.policies import Policy
from pipelines.autoscale.service import Array, Service, waits

# Latencies that are drawn for each second: many of a short time, few of a long one.
DRAWN, FEWEST, MANY = 500_000, 8, 64
# What an endpoint begins with: enough for the first second at this load.
BEGIN = 0.7
# Requests that come at random would queue without end at a full load; what is above is told by the flow.
FULLEST = 0.98


@dataclass(frozen=True)
class Fleet:
    """Describe the instances: requests that one works on at once, its price, seconds until a new one serves, minutes until a metric can ring an alarm.

    With `shared` a request goes to the instance with the fewest requests (LEAST_OUTSTANDING_REQUESTS), else to any one (RANDOM, the service's default).
    """

    service: Service
    parallel: float = 1.0
    usd_per_hour: float = 0.0
    start_s: int = 300
    metric_delay_minutes: int = 1
    timeout_s: float = 60.0
    shared: bool = False

    @property
    def per_second(self) -> float:
        """Return how many requests one instance can do in a second."""
        return self.parallel / self.service.mean


@dataclass(frozen=True)
class Change:
    """Note one scaling activity: when it began and ended in seconds, from how many instances to how many."""

    began: int
    ended: int
    before: int
    after: int


@dataclass
class Simulated:
    """Hold what a simulation found, by second: requests that came, were done, failed, waited at its start; instances that served and that are paid."""

    policy: Policy
    arrived: Sequence[float]
    done: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    serving: list[int] = field(default_factory=list)
    paid: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    left: float = 0.0


class _Endpoint:
    """Hold instances and alarms while time goes by."""

    def __init__(self, fleet: Fleet, policy: Policy, rate: float) -> None:
        self.fleet, self.policy = fleet, policy
        least, most = policy.bounds(0)
        self.serving = self.desired = min(most, max(least, math.ceil(rate / (fleet.per_second * BEGIN) - 1e-9)))
        self.ready_at = 0
        self.datapoints: list[float | None] = []
        self.changes: list[Change] = []
        self.last_out = self.last_in = -math.inf

    def second(self, now: int) -> None:
        """Let instances that have started serve."""
        if self.serving < self.desired and now >= self.ready_at:
            self.serving = self.desired

    def minute(self, now: int) -> None:
        """Ask the schedule and the policy what they want; nothing changes while instances start, as an endpoint that is Updating cannot be changed."""
        least, most = self.policy.bounds(now // 60)
        if now < self.ready_at:
            return
        wanted = self.desired
        if self.policy.scaling:
            known = self.datapoints[: max(0, len(self.datapoints) - self.fleet.metric_delay_minutes)]
            wanted = self._cooled(self.policy.scaling.wanted(known, self.desired), now)
        self._change(min(most, max(least, wanted)), now)

    def _cooled(self, wanted: int, now: int) -> int:
        scaling = self.policy.scaling
        if scaling and wanted > self.desired and now < self.last_out + scaling.out_cooldown_s:
            return self.desired
        if scaling and wanted < self.desired and now < max(self.last_in, self.last_out) + scaling.in_cooldown_s:
            return self.desired
        return wanted

    def _change(self, wanted: int, now: int) -> None:
        if wanted == self.desired:
            return
        ended = now + self.fleet.start_s if wanted > self.desired else now
        self.changes.append(Change(now, ended, self.desired, wanted))
        if wanted > self.desired:
            self.ready_at = self.last_out = ended
        else:
            self.serving, self.last_in = wanted, ended
        self.desired = wanted


def simulate(rates: Sequence[float], fleet: Fleet, policy: Policy) -> Simulated:
    """Return what the policy does with requests per second `rates`, one for each second."""
    found = Simulated(policy, rates)
    endpoint = _Endpoint(fleet, policy, rates[0])
    waiting, came = 0.0, 0.0
    for now, arriving in enumerate(rates):
        endpoint.second(now)
        if now % 60 == 0 and now:
            endpoint.datapoints.append(came / endpoint.serving if came else None)
            endpoint.minute(now)
            endpoint.second(now)
            came = 0.0
        came += arriving
        able = endpoint.serving * fleet.per_second
        done = min(able, waiting + arriving)
        left = waiting + arriving - done
        failed = max(0.0, left - able * fleet.timeout_s)
        found.waiting.append(waiting)
        found.done.append(done)
        found.failed.append(failed)
        found.serving.append(endpoint.serving)
        found.paid.append(endpoint.desired)
        waiting = left - failed
    found.left, found.changes = waiting, endpoint.changes
    return found


def latencies(found: Simulated, fleet: Fleet, seed: int) -> tuple[Array, Array]:
    """Return latencies in seconds, float[seconds, draws], of requests that come at random in each second, and how many requests each stands for."""
    random = np.random.default_rng(seed)
    draws = min(MANY, max(FEWEST, DRAWN // len(found.arrived)))
    shape = (len(found.arrived), draws)
    within, chance, length, part = (random.random(shape) for _ in range(4))
    arrived, waiting, serving = (np.asarray(values, float)[:, None] for values in (found.arrived, found.waiting, found.serving))
    able = serving * fleet.per_second
    flowing = np.clip((waiting + (arrived - able) * within) / able, 0.0, fleet.timeout_s)
    servers = np.broadcast_to(fleet.parallel * (serving if fleet.shared else 1.0), shape)
    load = np.minimum(np.broadcast_to(arrived / able, shape), FULLEST)
    random_wait = np.where(flowing > 0, 0.0, waits(load, servers, fleet.service, chance, length))
    weights = np.broadcast_to(arrived / draws, shape)
    return flowing + random_wait + fleet.service.at(part), weights


def quantile(values: Array, weights: Array, part: float) -> float | None:
    """Return the value below which a part of the weight lies, None without weight."""
    flat, heavy = np.ravel(values), np.ravel(weights)
    total = heavy.sum()
    if total <= 0:
        return None
    order = np.argsort(flat)
    place = int(np.searchsorted(np.cumsum(heavy[order]), part * total))
    return float(flat[order][min(place, len(flat) - 1)])


def summary(found: Simulated, fleet: Fleet, seed: int) -> dict[str, Any]:
    """Return numbers of the whole time and of each minute, JSON-ready: latency in milliseconds, cost in US dollars; the last part of a minute is left out."""
    values, weights = latencies(found, fleet, seed)
    minutes = [_minute(found, values, weights, start, fleet) for start in range(0, len(found.paid) - 59, 60)]
    worst = [minute["p99_ms"] for minute in minutes if minute["p99_ms"] is not None]
    return {**_whole(found, values, weights, fleet), "worst_minute_p99_ms": max(worst) if worst else None, "minutes": minutes}


def brief(found: Simulated, fleet: Fleet, seed: int) -> dict[str, Any]:
    """Return the numbers of the whole time alone."""
    return _whole(found, *latencies(found, fleet, seed), fleet)


def _whole(found: Simulated, values: Array, weights: Array, fleet: Fleet) -> dict[str, Any]:
    arrived, failed = math.fsum(found.arrived), math.fsum(found.failed)
    hours = sum(found.paid) / 3600
    days = len(found.paid) / 86_400
    return {
        "policy": found.policy.name,
        "instances": {"min": min(found.paid), "mean": round(hours * 3600 / len(found.paid), 2), "max": max(found.paid)},
        "changes": len(found.changes),
        "requests": round(arrived),
        "failed_percent": round(100 * failed / arrived, 4) if arrived else 0.0,
        "p50_ms": _ms(quantile(values, weights, 0.5)),
        "p99_ms": _ms(quantile(values, weights, 0.99)),
        "instance_hours": round(hours, 3),
        "usd": round(hours * fleet.usd_per_hour, 4),
        "usd_per_month": round(hours * fleet.usd_per_hour / days * 30, 2),
    }


def _minute(found: Simulated, values: Array, weights: Array, start: int, fleet: Fleet) -> dict[str, Any]:
    part = slice(start, start + 60)
    return {
        "minute": start // 60,
        "rate": round(sum(found.arrived[part]) / 60, 3),
        "serving": found.serving[start + 59],
        "paid": found.paid[start + 59],
        "failed": round(sum(found.failed[part]), 3),
        "p50_ms": _ms(quantile(values[part], weights[part], 0.5)),
        "p99_ms": _ms(quantile(values[part], weights[part], 0.99)),
        "usd": round(sum(found.paid[part]) / 3600 * fleet.usd_per_hour, 6),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
