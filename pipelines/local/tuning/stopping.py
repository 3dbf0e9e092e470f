"""When to stop a trial that runs: the median rule, and the rungs of Hyperband."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.local.faults import ClientFault
from pipelines.local.metrics import caught

FEWEST_CURVES = 3
KEPT = 3  # Hyperband: one of so many goes on at each rung


class Follower:
    """Read the objective's values from a job's log while it grows."""

    def __init__(self, log: Path, regex: str) -> None:
        """Begin at the start of the log, which need not be there yet.

        Raises:
            ClientFault: the regular expression is none.
        """
        self._log, self._offset, self._rest = log, 0, b""
        try:
            self._pattern = re.compile(regex)
        except re.error as error:
            raise ClientFault(f"the Regex of the objective is no regular expression: {error}") from None
        self.curve: list[float] = []

    def poll(self) -> bool:
        """Read what is new; tell whether there are new values."""
        try:
            with open(self._log, "rb") as handle:
                handle.seek(self._offset)
                new = handle.read()
        except FileNotFoundError:
            return False
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        values = [value for line in lines if (value := caught(self._pattern, line.decode("utf-8", errors="replace"))) is not None]
        self.curve.extend(values)
        return bool(values)

    def finish(self) -> None:
        """Read the rest, also a last line without an end."""
        self.poll()
        value = caught(self._pattern, self._rest.decode("utf-8", errors="replace"))
        self._rest = b""
        if value is not None:
            self.curve.append(value)


def _average(curve: Sequence[float], epochs: int) -> float:
    return sum(curve[:epochs]) / epochs


def median_rule(curve: Sequence[float], earlier: Sequence[Sequence[float]], *, maximize: bool) -> int | None:
    """Return the epoch (from 1) at which a trial stops, None while it goes on.

    A trial stops when its best value so far is worse than the median of the running averages that earlier trials had at the same epoch (AWS developer guide,
    "Stop Training Jobs Early"). Fewer than three earlier trials that got so far stop nothing; how many the service wants is not documented.
    """
    best = None
    for epoch, value in enumerate(curve, 1):
        best = value if best is None else (max if maximize else min)(best, value)
        averages = [_average(each, epoch) for each in earlier if len(each) >= epoch]
        if len(averages) < FEWEST_CURVES:
            continue
        median = statistics.median(averages)
        if best < median if maximize else best > median:
            return epoch
    return None


class Rungs:
    """Decide for Hyperband which trials go on: at each rung one of three of the trials that got there, asynchronously (Li et al., 2020, ASHA)."""

    def __init__(self, least: int, most: int, *, maximize: bool) -> None:
        """Lay the rungs: `least` rounds times powers of three, below `most`."""
        self._most, self._maximize = most, maximize
        self._rungs: list[int] = []
        rung = least
        while rung < most:
            self._rungs.append(rung)
            rung *= KEPT
        self._values: dict[tuple[int, int], dict[int, float]] = {}

    def bracket(self, number: int) -> int:
        """Return the first rung's index for a trial: brackets that stop early come more often than those that stop late."""
        brackets = len(self._rungs)
        if not brackets:
            return 0
        shares = [index for index in range(brackets) for _ in range(brackets - index)]
        return shares[number % len(shares)]

    def stops(self, number: int, curve: Sequence[float]) -> int | None:
        """Return the round at which a trial stops, None while it goes on."""
        bracket = self.bracket(number)
        for index, rung in enumerate(self._rungs[bracket:], bracket):
            if len(curve) < rung:
                return None
            value = (max if self._maximize else min)(curve[:rung])
            seen = self._values.setdefault((bracket, index), {})
            if number not in seen:
                seen[number] = value
                better = sum(other > value if self._maximize else other < value for other in seen.values())
                if better >= max(1, len(seen) // KEPT):
                    return rung
        return self._most if len(curve) > self._most else None


Rule = Callable[[int, Sequence[float]], int | None]


def never(number: int, curve: Sequence[float]) -> int | None:
    """Let every trial run to its end."""
    return None
