"""Series of metrics in a job's log: XGBoost's rounds, the lines of `jobkit.Run`, and what MetricDefinitions catch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.metrics import caught

POINTS = 2000
ROUND = re.compile(r"\[(\d+)\]((?:\t[^\t:]+-[^\t:]+:[^\t\s]+)+)")
METRIC = re.compile(r"\[metric\] (\S+)=([^;\s]+);(?: step=(\d+);)?")
PARAMETER = re.compile(r"\[parameter\] ([^=\s]+)=(.*)")


@dataclass
class Series:
    """Collect values by step, a whole number from 0; the last value of a step counts, and a value without a step takes the next one."""

    points: dict[int, float] = field(default_factory=dict)
    stepped: bool = False
    last: float = math.nan

    def add(self, value: float, step: int | None) -> None:
        """Add one value."""
        self.stepped = self.stepped or step is not None
        self.points[max(self.points, default=-1) + 1 if step is None else step] = value
        self.last = value

    def as_json(self) -> dict[str, Any]:
        """Return steps and values in order, at most some 2,000 (every n-th and the last); a value that is no finite number is null."""
        steps = sorted(self.points)
        every = max(1, math.ceil(len(steps) / POINTS))
        kept = [step for place, step in enumerate(steps) if place % every == 0 or place == len(steps) - 1]
        return {"steps": kept, "values": [finite(self.points[step]) for step in kept]}


def finite(value: float) -> float | None:
    """Return a number that JSON has, None for the others."""
    return value if math.isfinite(value) else None


@dataclass
class Log:
    """Hold what a log tells: series by metric of XGBoost and of MetricDefinitions, and what `Run` printed."""

    series: dict[str, Series] = field(default_factory=dict)
    logged: dict[str, Series] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def read(lines: Iterable[str], definitions: Sequence[Mapping[str, str]]) -> Log:
    """Return what the lines of a log tell; names of XGBoost's metrics are written as the service does, `validation:auc`."""
    patterns = [(each["Name"], _compiled(each.get("Regex", ""))) for each in definitions if each.get("Name")]
    log, defined = Log(), dict[str, Series]()
    for line in lines:
        if line.startswith("["):
            _marked(log, line)
        _rounds(log, line)
        for name, pattern in patterns:
            value = caught(pattern, line) if pattern else None
            if value is not None and not METRIC.search(line):
                defined.setdefault(name, Series()).add(value, None)
    # A definition that catches what XGBoost prints by round is the same series, without its rounds.
    log.series = {**defined, **log.series}
    return log


def _marked(log: Log, line: str) -> None:
    metric = METRIC.match(line)
    number = _number(metric.group(2)) if metric else None
    if metric and number is not None:
        log.logged.setdefault(metric.group(1), Series()).add(number, int(metric.group(3)) if metric.group(3) else None)
    parameter = PARAMETER.match(line)
    if parameter:
        try:
            log.parameters[parameter.group(1)] = json.loads(parameter.group(2))
        except ValueError:
            pass


def _rounds(log: Log, line: str) -> None:
    match = ROUND.search(line.replace("#011", "\t")) if "]\t" in line or "]#011" in line else None
    for part in match.group(2).strip("\t").split("\t") if match else ():
        name, _, text = part.rpartition(":")
        value = _number(text)
        if match and value is not None:
            log.series.setdefault(name.replace("-", ":", 1), Series()).add(value, int(match.group(1)))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _compiled(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:
        return None
