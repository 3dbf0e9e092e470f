"""Dates as seconds since 1970 (UTC): reading them from text, and the parts of the calendar, for one and for many."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, NamedTuple, Sequence

import numpy as np

EPOCH = datetime(1970, 1, 1)
DAY_S = 86400
UNITS_S: Dict[str, float] = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


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
    calendar = _calendar(whole)
    return {name: np.where(missing, np.nan, MANY[name](calendar)) for name in wanted}


class _Calendar(NamedTuple):
    """Hold days since 1970 (int64), seconds of the day (int64), and days, months and years as dates; every array has shape (rows,)."""

    days: np.ndarray
    clock: np.ndarray
    date: np.ndarray
    month: np.ndarray
    year: np.ndarray


def _calendar(whole: np.ndarray) -> _Calendar:
    days = np.floor_divide(whole, DAY_S)
    date = days.astype("datetime64[D]")
    return _Calendar(days, whole - days * DAY_S, date, date.astype("datetime64[M]"), date.astype("datetime64[Y]"))


def _within(dates: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the number of days since the first day of a month or year, 1 on that day."""
    return (dates - start.astype("datetime64[D]")).astype(np.int64) + 1


def _week(at: _Calendar) -> np.ndarray:
    thursday = (at.days - (at.days + 3) % 7 + 3).astype("datetime64[D]")
    return (_within(thursday, thursday.astype("datetime64[Y]")) - 1) // 7 + 1


MANY: Dict[str, Callable[[_Calendar], np.ndarray]] = {
    "year": lambda at: at.year.astype(np.int64) + 1970,
    "quarter": lambda at: at.month.astype(np.int64) % 12 // 3 + 1,
    "month": lambda at: at.month.astype(np.int64) % 12 + 1,
    "week": _week,
    "day": lambda at: _within(at.date, at.month),
    "day_of_year": lambda at: _within(at.date, at.year),
    "day_of_week": lambda at: (at.days + 3) % 7,
    "hour": lambda at: at.clock // 3600,
    "minute": lambda at: at.clock // 60 % 60,
    "second": lambda at: at.clock % 60,
    "is_weekend": lambda at: (at.days + 3) % 7 >= 5,
    "is_month_start": lambda at: _within(at.date, at.month) == 1,
    "is_month_end": lambda at: (at.days + 1).astype("datetime64[D]").astype("datetime64[M]") != at.month,
}


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
