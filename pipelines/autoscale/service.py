"""How long an instance is busy with a request: the recorded distribution, and how long requests wait for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.errors import UsageError

Array = Any


@dataclass(frozen=True)
class Service:
    """Hold recorded service times in seconds, ascending, with how often each was seen, as parts of one."""

    seconds: Sequence[float]
    parts: Sequence[float]

    @property
    def mean(self) -> float:
        """Return the mean in seconds."""
        return float(np.dot(self.seconds, self.parts))

    @property
    def variation(self) -> float:
        """Return the squared coefficient of variation: variance by the square of the mean."""
        return float(np.dot(np.square(np.asarray(self.seconds) - self.mean), self.parts)) / self.mean**2

    def at(self, part: Array) -> Array:
        """Return the service times that parts (0 to 1, float[n]) of all requests do not exceed, float[n] seconds."""
        places = np.searchsorted(np.cumsum(self.parts), part)
        return np.asarray(self.seconds)[np.minimum(places, len(self.seconds) - 1)]


def of_result(found: Mapping[str, Any], where: str) -> Service:
    """Return the service times of a load test's result.

    Raises:
        UsageError: it has none.
    """
    try:
        recorded = (found["service_times"] or {})["distribution"]
        pairs = sorted((int(us) / 1e6, int(count)) for us, count in recorded or ())
    except (TypeError, ValueError, KeyError):
        pairs = []
    total = sum(count for _, count in pairs)
    if not total or any(seconds <= 0 or count < 0 for seconds, count in pairs):
        hint = "Run `sagewright loadtest` with --calibrate."
        raise UsageError("there are no service times in this", where=where, expected="the result of a load test", hint=hint)
    return Service([seconds for seconds, _ in pairs], [count / total for _, count in pairs])


def waits(load: Array, servers: Array, service: Service, chance: Array, length: Array) -> Array:
    """Return waiting times in seconds, float[n], of requests that come at random, for uniform random `chance` and `length`, float[n].

    `load` is the used part of the servers (0 to below 1), `servers` how many requests are worked on at once behind one queue, both float[n]. That a request
    waits at all is by Sakasegawa's approximation, for how long by Allen and Cunneen's with arrivals that do not know of each other.
    """
    waiting = chance < load ** (np.sqrt(2 * (servers + 1)) - 1)
    mean = service.mean / (servers * (1 - load)) * (1 + service.variation) / 2
    return np.where(waiting, -mean * np.log1p(-length), 0.0)
