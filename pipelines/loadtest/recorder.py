"""Count what came back: percentiles of the whole and of every second, errors by kind."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hdrh.histogram import HdrHistogram

LONGEST_US = 3_600_000_000
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
NAMES = ("p50", "p90", "p95", "p99", "p99.9")


class Recorder:
    """Take the outcome of each request in the order in which they end; times are seconds since the load began."""

    def __init__(self) -> None:
        self.done = _histogram()
        self.failed = _histogram()
        self.service = _histogram()
        self.lag = _histogram()
        self.errors: Counter[str] = Counter()
        self.timeline: list[dict[str, Any]] = []
        self.second = _histogram()
        self.second_failed = 0

    def record(self, intended: float, sent: float, ended: float, outcome: str) -> None:
        """Add a request: `outcome` is empty for a success, else the kind of error; latency counts from the intended start."""
        self.until(ended)
        latency_us = _whole(ended - intended)
        if outcome:
            self.errors[outcome] += 1
            self.failed.record_value(latency_us)
            self.second_failed += 1
            return
        self.done.record_value(latency_us)
        self.second.record_value(latency_us)
        self.service.record_value(_whole(ended - sent))

    def until(self, now: float) -> None:
        """Close every second that is over."""
        while now >= len(self.timeline) + 1:
            self._close()

    def _close(self) -> None:
        entry = {"second": len(self.timeline), "done": self.second.get_total_count(), "failed": self.second_failed, **latencies(self.second)}
        self.timeline.append(entry)
        self.second.reset()
        self.second_failed = 0

    def end(self, now: float) -> None:
        """Close the last second, which may be a part of one, when something ended in it."""
        self.until(now)
        if self.second.get_total_count() or self.second_failed:
            self._close()


def _histogram() -> Any:
    return HdrHistogram(1, LONGEST_US, 3)


def _whole(seconds: float) -> int:
    return min(LONGEST_US, max(1, round(seconds * 1e6)))


def latencies(histogram: Any) -> dict[str, float | None]:
    """Return percentiles and the largest value in milliseconds; None without any."""
    if not histogram.get_total_count():
        return {**dict.fromkeys(NAMES), "max": None}
    found = histogram.get_percentile_to_value_dict(list(PERCENTILES))
    return {**{name: found[each] / 1000 for name, each in zip(NAMES, PERCENTILES, strict=True)}, "max": histogram.get_max_value() / 1000}


def distribution(histogram: Any) -> list[list[int]]:
    """Return what was recorded as [microseconds, count], the values with three significant digits, ascending."""
    found: Counter[int] = Counter()
    for item in histogram.get_recorded_iterator():
        found[_three_digits(int(item.value_iterated_to))] += item.count_added_in_this_iter_step
    return [[value, count] for value, count in sorted(found.items())]


def _three_digits(value: int) -> int:
    return int(round(value, 3 - len(str(value))))
