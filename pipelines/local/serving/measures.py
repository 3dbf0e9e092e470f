"""What a variant counts: invocations, failures and latencies, by the names of the service's CloudWatch metrics."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pipelines.local.faults import ClientFault

KEPT = 100_000
PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100)")
# Statistic -> what it makes of the values of a period.
STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "Sum": math.fsum,
    "SampleCount": len,
    "Average": lambda values: math.fsum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}
COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, bound: value > bound,
    "GreaterThanOrEqualToThreshold": lambda value, bound: value >= bound,
    "LessThanThreshold": lambda value, bound: value < bound,
    "LessThanOrEqualToThreshold": lambda value, bound: value <= bound,
}


@dataclass
class Measures:
    """Hold a variant's invocations: when, with which status, and in how many microseconds the container answered."""

    seen: deque[tuple[float, int, float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0
    failed: int = 0

    def add(self, status: int, seconds: float) -> None:
        """Count an invocation."""
        self.count += 1
        self.failed += status >= 400
        self.seen.append((time.monotonic(), status, seconds * 1e6))

    def values(self, metric: str, since: float) -> list[float]:
        """Return the values of a metric since a moment (monotonic): a number for each invocation."""
        recent = takewhile(lambda each: each[0] >= since, reversed(self.seen))  # the loop that answers requests does not look at what is older
        return [VALUES[metric](status, micros) for _, status, micros in recent]

    def alarms(self, alarm: Mapping[str, Any], since: float) -> bool:
        """Tell whether an alarm, as PutMetricAlarm takes it, would be in ALARM for what was measured since a moment."""
        values = self.values(str(alarm["MetricName"]), since)
        if not values:
            return alarm.get("TreatMissingData") == "breaching"
        return bool(COMPARES[alarm["ComparisonOperator"]](_statistic(alarm, values), float(alarm["Threshold"])))


VALUES: Mapping[str, Callable[[int, float], float]] = {
    "Invocations": lambda status, micros: 1.0,
    "Invocation4XXErrors": lambda status, micros: float(400 <= status < 500),
    "Invocation5XXErrors": lambda status, micros: float(status >= 500),
    "InvocationModelErrors": lambda status, micros: float(status >= 400),
    "ModelLatency": lambda status, micros: micros,
}


def check_alarm(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an alarm that can be watched here.

    Raises:
        ClientFault: it is of a metric, a statistic or a comparison that is not known here.
    """
    extended = str(alarm.get("ExtendedStatistic", ""))
    known = {
        "MetricName": alarm.get("MetricName") in VALUES,
        "ComparisonOperator": alarm.get("ComparisonOperator") in COMPARES,
        "Statistic": bool(extended) or alarm.get("Statistic", "Average") in STATISTICS,
        "ExtendedStatistic": not extended or bool(PERCENTILE.fullmatch(extended)),
        "Threshold": isinstance(alarm.get("Threshold"), (int, float)),
    }
    for member, right in known.items():
        if not right:
            raise ClientFault(f"alarm {alarm.get('AlarmName')}: {member} {alarm.get(member)!r} is not watched here; metrics are {', '.join(VALUES)}")
    return alarm


def _statistic(alarm: Mapping[str, Any], values: list[float]) -> float:
    extended = str(alarm.get("ExtendedStatistic", ""))
    if extended.startswith("p"):
        return percentile(values, float(extended[1:]))
    return float(STATISTICS[alarm.get("Statistic", "Average")](values))


def percentile(values: list[float], percent: float) -> float:
    """Return the value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
