"""Requests a second over time: built-in shapes, or the rows of a file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence

from pipelines.errors import UsageError

DAY_S = 86_400
LONGEST_S = 14 * DAY_S
HIGHEST = 1_000_000.0
FORMS = "constant:RATE, ramp:FROM:TO, daily:LOW:HIGH, spike:BASE:PEAK, or a CSV file of seconds,rate"


def _constant(seconds: int, rate: float) -> list[float]:
    return [rate] * seconds


def _ramp(seconds: int, first: float, last: float) -> list[float]:
    return [first + (last - first) * second / max(1, seconds - 1) for second in range(seconds)]


def _daily(seconds: int, low: float, high: float) -> list[float]:
    """Return a day's wave: least at 04:00, most at 16:00."""
    return [low + (high - low) * (1 - math.cos(2 * math.pi * (second / DAY_S - 4 / 24))) / 2 for second in range(seconds)]


def _spike(seconds: int, base: float, peak: float) -> list[float]:
    """Return a base rate that jumps to the peak after a third of the time, for a sixth of it."""
    return [peak if seconds / 3 <= second < seconds / 2 else base for second in range(seconds)]


SHAPES: Mapping[str, tuple[int, Callable[..., list[float]]]] = {"constant": (1, _constant), "ramp": (2, _ramp), "daily": (2, _daily), "spike": (2, _spike)}


def shape(text: str, seconds: int) -> list[float]:
    """Return the rate of each second of a built-in shape such as `daily:20:200`.

    Raises:
        UsageError: there is no such shape, or its numbers are none.
    """
    name, *numbers = text.split(":")
    count, maker = SHAPES.get(name, (0, _constant))
    if not count or len(numbers) != count:
        raise UsageError("this is no traffic", where="--traffic", got=repr(text), expected=FORMS)
    _length(seconds)
    return maker(seconds, *(_rate(number, text) for number in numbers))


def from_csv(text: str, name: str) -> list[float]:
    """Return the rate of each second of rows `seconds,rate`: from that second on, until the next row; the last row ends it. A heading is passed over.

    Raises:
        UsageError: a row is no pair of numbers, or the seconds do not rise from 0.
    """
    rows = [row for row in csv.reader(io.StringIO(text)) if row and any(cell.strip() for cell in row)]
    if rows and not _is_number(rows[0][0]):
        rows = rows[1:]
    points = [(_rate(row[0], name), _rate(row[1], name)) if len(row) == 2 else (-1.0, 0.0) for row in rows]
    times = [int(second) for second, _ in points]
    if len(points) < 2 or times[0] != 0 or any(after <= before for before, after in zip(times, times[1:], strict=False)):
        raise UsageError("this is no traffic", where=name, expected="rows of seconds,rate whose seconds rise from 0; the last row ends it")
    _length(times[-1])
    return [rate for (start, end), (_, rate) in zip(zip(times, times[1:], strict=False), points, strict=False) for _ in range(end - start)]


def _length(seconds: int) -> None:
    if not 60 <= seconds <= LONGEST_S:
        raise UsageError("this is too short or too long to simulate", where="--traffic", got=f"{seconds} s", expected="a minute to two weeks")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _rate(text: str, where: str) -> float:
    if not _is_number(text) or not 0 <= float(text) <= HIGHEST:
        raise UsageError("this is no rate", where=where, got=repr(text), expected=f"0 to {HIGHEST:,.0f}")
    return float(text)


def per_minute(rates: Sequence[float]) -> list[float]:
    """Return the requests of each whole minute."""
    return [sum(rates[start : start + 60]) for start in range(0, len(rates) - len(rates) % 60, 60)]
