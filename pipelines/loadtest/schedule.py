"""When requests are due (pure): phases of constant or changing rate, and the intended start of every request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import UsageError

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
FORMS = "a rate such as 50, a ramp such as 10:200:60s, or several such as 10:200:60s,200:200:2m"


@dataclass(frozen=True)
class Phase:
    """Hold requests per second at the start and at the end of some seconds; between them the rate changes evenly."""

    start: float
    end: float
    seconds: float

    @property
    def requests(self) -> float:
        """Return how many requests are due in it."""
        return (self.start + self.end) / 2 * self.seconds

    def time_of(self, count: float) -> float:
        """Return after how many seconds so many requests were due: where `start * t + slope * t * t / 2` is `count`."""
        slope = (self.end - self.start) / self.seconds
        root = math.sqrt(max(0.0, self.start * self.start + 2 * slope * count))
        return min(self.seconds, 2 * count / (self.start + root)) if count else 0.0

    def rate_at(self, second: float) -> float:
        """Return requests per second after some seconds."""
        return self.start + (self.end - self.start) * second / self.seconds


def seconds_of(text: str, where: str) -> float:
    """Return a duration such as `90`, `90s`, `2m`, `1h` or `500ms` in seconds.

    Raises:
        UsageError: it is none, or nothing.
    """
    match = DURATION.fullmatch(text.strip())
    found = float(match.group(1)) * UNITS_S[match.group(2)] if match else 0.0
    if not 0 < found < 1e6:
        raise UsageError("this is no duration", where=where, got=repr(text), expected="90s, 2m, 1h or 500ms")
    return found


def phases(text: str, duration_s: float) -> list[Phase]:
    """Return the phases of a rate: `RATE` for the duration, `FROM:TO:SECONDS`, or several of these with commas between.

    Raises:
        UsageError: it has another form.
    """
    return [_phase(part.strip(), duration_s) for part in text.split(",")]


def _phase(text: str, duration_s: float) -> Phase:
    parts = text.split(":")
    if len(parts) not in (1, 3):
        raise UsageError("this is no rate", where="--rate", got=repr(text), expected=FORMS)
    start, end = _rate(parts[0]), _rate(parts[min(1, len(parts) - 1)])
    if start + end <= 0:
        raise UsageError("a rate of nothing sends nothing", where="--rate", got=repr(text), expected=FORMS)
    return Phase(start, end, seconds_of(parts[2], "--rate") if len(parts) == 3 else duration_s)


def _rate(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1e6:
        raise UsageError("this is no rate", where="--rate", got=repr(text), expected=FORMS)
    return found


def due(every: Sequence[Phase]) -> Iterator[float]:
    """Yield the intended start of each request in seconds from the beginning: the nth when n requests are due, the first at once."""
    before, started = 0.0, 0.0
    number = 0
    for phase in every:
        while number < before + phase.requests - 1e-9:
            yield started + phase.time_of(number - before)
            number += 1
        before += phase.requests
        started += phase.seconds


def total_s(every: Sequence[Phase]) -> float:
    """Return how long all phases take, in seconds."""
    return sum(phase.seconds for phase in every)
