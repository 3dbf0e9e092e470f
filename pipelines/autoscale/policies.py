"""Scaling policies as Application Auto Scaling has them: target tracking, step scaling, scheduled actions, or a fixed number of instances.

A datapoint is SageMakerVariantInvocationsPerInstance of one minute: requests of the minute by instances in service; there is none for a minute without
requests. A policy is asked once a minute for the capacity that it wants.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.errors import UsageError

# What Application Auto Scaling creates for target tracking (its user guide): alarms over three and fifteen one-minute datapoints, the lower one below 90 %.
OUT_MINUTES, IN_MINUTES, IN_PART = 3, 15, 0.9
COOLDOWN_S = 300
FORMS = "fixed:N, target:VALUE, step:THRESHOLD,0=+1,300=+3,-300=-1 or scheduled:08:00=4,20:00=1; several with & between"
Datapoints = Sequence[float | None]


def _all(datapoints: Datapoints, count: int, above: float | None, below: float | None) -> bool:
    last = datapoints[-count:]
    there = [value for value in last if value is not None]
    return len(there) == count and all((above is None or value > above) and (below is None or value < below) for value in there)


@dataclass(frozen=True)
class TargetTracking:
    """Keep invocations per instance and minute near `target`."""

    target: float
    out_cooldown_s: int = COOLDOWN_S
    in_cooldown_s: int = COOLDOWN_S

    def wanted(self, datapoints: Datapoints, capacity: int) -> int:
        """Return the capacity that would have kept the last datapoint at the target, when an alarm rings."""
        if _all(datapoints, OUT_MINUTES, self.target, None):
            return max(capacity, math.ceil(capacity * (datapoints[-1] or 0) / self.target - 1e-9))
        if _all(datapoints, IN_MINUTES, None, self.target * IN_PART):
            return min(capacity, math.ceil(capacity * (datapoints[-1] or 0) / self.target - 1e-9))
        return capacity


@dataclass(frozen=True)
class StepScaling:
    """Add `steps` of (bound above the threshold, change) when the metric is above it, `in_steps` of (bound below it, change) when it is below that bound."""

    threshold: float
    steps: Sequence[tuple[float, int]]
    in_steps: Sequence[tuple[float, int]] = ()
    out_cooldown_s: int = COOLDOWN_S
    in_cooldown_s: int = COOLDOWN_S

    def wanted(self, datapoints: Datapoints, capacity: int) -> int:
        """Return the capacity after the step that the last datapoint falls into, when an alarm rings."""
        last = (datapoints[-1] if datapoints else None) or 0.0
        if self.steps and _all(datapoints, OUT_MINUTES, self.threshold + self.steps[0][0], None):
            return capacity + [change for bound, change in self.steps if last > self.threshold + bound][-1]
        if self.in_steps and _all(datapoints, IN_MINUTES, None, self.threshold + self.in_steps[0][0]):
            return capacity + [change for bound, change in self.in_steps if last < self.threshold + bound][-1]
        return capacity


@dataclass(frozen=True)
class Scheduled:
    """Set the least number of instances at times of the day, by (minute of the day, instances)."""

    actions: Sequence[tuple[int, int]]

    def least(self, minute: int) -> int:
        """Return the number that is in force at a minute since the first midnight: that of the last action, the evening before's in the morning."""
        of_day = minute % 1440
        passed = [least for at, least in self.actions if at <= of_day]
        return passed[-1] if passed else self.actions[-1][1]


@dataclass(frozen=True)
class Policy:
    """Name a policy: what scales, by what schedule, and between which numbers of instances."""

    name: str
    least: int
    most: int
    scaling: TargetTracking | StepScaling | None = None
    scheduled: Scheduled | None = None
    details: dict[str, float] = field(default_factory=dict, compare=False)

    def bounds(self, minute: int) -> tuple[int, int]:
        """Return the least and the largest number of instances at a minute."""
        return (min(self.most, max(1, self.scheduled.least(minute))) if self.scheduled else self.least), self.most


def parse(text: str, least: int, most: int) -> Policy:
    """Return a policy of its form on the command line.

    Raises:
        UsageError: it has another form.
    """
    fixed: int | None = None
    scaling: TargetTracking | StepScaling | None = None
    scheduled: Scheduled | None = None
    for part in text.split("&"):
        kind, _, rest = part.strip().partition(":")
        if kind == "fixed" and rest.isdigit() and int(rest):
            fixed = int(rest)
        elif kind == "target" and scaling is None:
            scaling = _target(rest, text)
        elif kind == "step" and scaling is None:
            scaling = _step(rest, text)
        elif kind == "scheduled" and scheduled is None:
            scheduled = _scheduled(rest, text)
        else:
            raise _wrong(text)
    if fixed is not None:
        if scaling or scheduled:
            raise _wrong(text)
        return Policy(text, fixed, fixed)
    return Policy(text, least, most, scaling, scheduled)


def _wrong(text: str) -> UsageError:
    return UsageError("this is no scaling policy", where="--policy", got=repr(text), expected=FORMS)


def _number(text: str, whole: str) -> float:
    try:
        found = float(text)
    except ValueError:
        raise _wrong(whole) from None
    if not math.isfinite(found):
        raise _wrong(whole)
    return found


def _target(text: str, whole: str) -> TargetTracking:
    value, *cooldowns = text.split(",")
    found = dict(pair.partition("=")[::2] for pair in cooldowns)
    target = _number(value, whole)
    if target <= 0 or set(found) - {"out", "in"} or not all(each.isdigit() for each in found.values()):
        raise _wrong(whole)
    return TargetTracking(target, int(found.get("out", COOLDOWN_S)), int(found.get("in", COOLDOWN_S)))


def _step(text: str, whole: str) -> StepScaling:
    threshold, *steps = text.split(",")
    pairs = [(_number(bound, whole), change) for bound, _, change in (each.partition("=") for each in steps)]
    if not pairs or any(not re.fullmatch(r"[+-]\d{1,4}", change) or (bound < 0) != change.startswith("-") for bound, change in pairs):
        raise _wrong(whole)
    above = sorted((bound, int(change)) for bound, change in pairs if bound >= 0)
    below = sorted(((bound, int(change)) for bound, change in pairs if bound < 0), reverse=True)
    return StepScaling(_number(threshold, whole), above, below)


def _scheduled(text: str, whole: str) -> Scheduled:
    found = [re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)=(\d{1,4})", each) for each in text.split(",")]
    if not all(found):
        raise _wrong(whole)
    return Scheduled(sorted((int(each[1]) * 60 + int(each[2]), int(each[3])) for each in found if each))
