"""Dates as seconds since 1970 (UTC): reading them from text, and the parts of the calendar, for one and for many."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Sequence

import numpy as np

EPOCH = datetime(1970, 1, 1)
DAY_S = 86400
UNITS_S: Dict[str, float] = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
PARTS = ("year", "quarter", "month", "week", "day", "day_of_year", "day_of_week", "hour", "minute", "second", "is_weekend", "is_month_start", "is_month_end")


def parse(text: str, formats: Sequence[str]) -> float:
    """Return the seconds since 1970 of a date in the first format that fits, ISO 8601 when there are none; NaN when none does. A time without zone is UTC."""
    text = text.strip()
    for read in [lambda: _iso(text)] if not formats else [lambda form=form: datetime.strptime(text, form) for form in formats]:
        try:
            return _seconds(read())
        except (ValueError, OverflowError):
            continue
    return math.nan


def _iso(text: str) -> datetime:
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    if not text[:4].isdigit() or "-" not in text[4:5]:
        raise ValueError(text)
    head, dot, rest = text.partition(".")
    if dot:  # Python before 3.11 takes three or six digits only
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = head + "." + rest[:digits][:6].ljust(6, "0") + rest[digits:]
    return datetime.fromisoformat(text)


def _seconds(moment: datetime) -> float:
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    since = moment - EPOCH
    return float(since.days * DAY_S + since.seconds) + since.microseconds / 1e6


def parts(seconds: np.ndarray, wanted: Sequence[str]) -> Dict[str, np.ndarray]:
    """Return parts of the calendar (float64, shape (rows,), NaN where missing); Monday is day_of_week 0, weeks are ISO 8601 weeks."""
    missing = np.isnan(seconds)
    whole = np.floor(np.where(missing, 0.0, seconds)).astype(np.int64)
    calendar = _Calendar(whole)
    return {name: np.where(missing, np.nan, getattr(calendar, name)()) for name in wanted}


class _Calendar:
    """Compute each part once asked for; every method returns an array of shape (rows,)."""

    def __init__(self, whole: np.ndarray) -> None:
        self._days = np.floor_divide(whole, DAY_S)
        self._clock = whole - self._days * DAY_S
        self._dates = self._days.astype("datetime64[D]")

    def year(self) -> np.ndarray:
        return self._dates.astype("datetime64[Y]").astype(np.int64) + 1970

    def month(self) -> np.ndarray:
        return self._dates.astype("datetime64[M]").astype(np.int64) % 12 + 1

    def quarter(self) -> np.ndarray:
        return (self.month() + 2) // 3

    def day(self) -> np.ndarray:
        return (self._dates - self._dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1

    def day_of_year(self) -> np.ndarray:
        return (self._dates - self._dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1

    def day_of_week(self) -> np.ndarray:
        return (self._days + 3) % 7

    def week(self) -> np.ndarray:
        thursday = (self._days - self.day_of_week() + 3).astype("datetime64[D]")
        return (thursday - thursday.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) // 7 + 1

    def hour(self) -> np.ndarray:
        return self._clock // 3600

    def minute(self) -> np.ndarray:
        return self._clock // 60 % 60

    def second(self) -> np.ndarray:
        return self._clock % 60

    def is_weekend(self) -> np.ndarray:
        return self.day_of_week() >= 5

    def is_month_start(self) -> np.ndarray:
        return self.day() == 1

    def is_month_end(self) -> np.ndarray:
        return (self._days + 1).astype("datetime64[D]").astype("datetime64[M]") != self._dates.astype("datetime64[M]")


def moment(seconds: float) -> datetime:
    """Return the whole second of a date, in UTC without zone."""
    return EPOCH + timedelta(seconds=math.floor(seconds))


ONE: Dict[str, Callable[[datetime], Any]] = {
    "year": lambda at: at.year,
    "quarter": lambda at: (at.month + 2) // 3,
    "month": lambda at: at.month,
    "week": lambda at: at.isocalendar()[1],
    "day": lambda at: at.day,
    "day_of_year": lambda at: at.timetuple().tm_yday,
    "day_of_week": lambda at: at.weekday(),
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "second": lambda at: at.second,
    "is_weekend": lambda at: at.weekday() >= 5,
    "is_month_start": lambda at: at.day == 1,
    "is_month_end": lambda at: (
        at.month == 12 and at.day == 31 or (at.month != 12 and (at.replace(day=1, month=at.month + 1) - at.replace(day=1)).days == at.day)
    ),
}
