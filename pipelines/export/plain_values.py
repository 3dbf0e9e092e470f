"""Values and columns of rows in plain pandas and NumPy; `sagewright export python` copies from here what a recipe needs.

A frame of rows holds numbers as float64 (NaN where missing), text as object (None where missing) and dates as float64 seconds since 1970, UTC.
"""

# ruff: noqa: PLR1704
# mypy: ignore-errors
from __future__ import annotations

import math
import re
from datetime import datetime, timezone

import numpy as np
import pandas as pd

EPOCH = datetime(1970, 1, 1)
FIRST_SECOND, LAST_SECOND = -62135596800.0, 253402300799.999999
DAY_S = 86400
UNITS_S = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
TRUE, FALSE = {"true", "true.", "t", "yes", "y", "on", "1"}, {"false", "false.", "f", "no", "n", "off", "0"}


# Values


def is_missing(value):
    """Tell whether a value is None or NaN."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, (float, np.floating)) and value != value)


def finite(values):
    """Return numbers with NaN in place of infinity."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def in_calendar(seconds):
    """Return seconds since 1970 with NaN outside the years 1 to 9999."""
    with np.errstate(invalid="ignore"):
        return np.where((seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND), seconds, np.nan)


def number_text(value):
    """Return a number as text: 2 and not 2.0."""
    return str(int(value)) if value.is_integer() and abs(value) < 2.0**53 else repr(value)


def date_text(seconds):
    """Return a date as ISO 8601 text, without the time at midnight."""
    day, _, clock = str(np.datetime64(round(seconds * 1e6), "us")).partition("T")
    return day if clock.startswith("00:00:00.000000") else day + "T" + clock.replace(".000000", "")


def value_text(value):
    """Return a value of any kind as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return number_text(float(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return number_text(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def read_number(text, thousands="", decimal="."):
    """Return the number that a text writes, NaN when it does not."""
    text = text.strip()
    if thousands:
        text = text.replace(thousands, "")
    if decimal != ".":
        text = text.replace(decimal, ".")
    return float(text) if NUMERAL.fullmatch(text) else math.nan


def read_truth(text):
    """Return 1 for yes and true, 0 for no and false, NaN for anything else."""
    word = text.strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


def number_of(text):
    """Return the number that a text writes, 1 or 0 for true and false, NaN for anything else."""
    found = read_number(text)
    return found if found == found else read_truth(text)


def read_date(text, formats=()):
    """Return the seconds since 1970 of a date in the first format that fits, ISO 8601 when there are none; NaN when none does."""
    text = text.strip()
    for form in formats or [None]:
        try:
            moment = iso_date(text) if form is None else datetime.strptime(text, form)
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
            since = moment - EPOCH
            return float(since.days * DAY_S + since.seconds) + since.microseconds / 1e6
        except (ValueError, OverflowError):
            continue
    return math.nan


def iso_date(text):
    """Return the moment that an ISO 8601 text names, also with a Z and any number of digits behind the point."""
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    if not text[:4].isdigit() or "-" not in text[4:5]:
        raise ValueError(text)
    head, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = head + "." + rest[:digits][:6].ljust(6, "0") + rest[digits:]
    return datetime.fromisoformat(text)


# Columns


def column_of(series):
    """Return (kind, values) of a column: number and date as float64, text as a list of str and None."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(series):
        plain = series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz is not None else series
        stamps = plain.to_numpy().astype("datetime64[us]")
        return "date", in_calendar(np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / 1e6))
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series):
        return "number", finite(series.astype("float64") if not series.isna().any() else pd.to_numeric(series).to_numpy(dtype="float64", na_value=np.nan))
    values = [None if is_missing(value) else value for value in series.tolist()]
    numeric = [isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values if value is not None]
    if numeric and all(numeric):
        return "number", finite([math.nan if value is None else float(value) for value in values])
    return "text", [None if value is None else value_text(value) for value in values]


def texts(values, kind):
    """Return a column's values as texts; None where missing."""
    if kind == "text":
        return list(values)
    write = date_text if kind == "date" else number_text
    return [None if value != value else write(float(value)) for value in values]


def text_series(values):
    """Return texts as a column of objects."""
    return pd.Series(list(values), dtype=object)


def each(values, function):
    """Return a number for every text, NaN where it is missing."""
    return np.array([math.nan if value is None else function(value) for value in values], dtype=np.float64)


def take_in(frame, schema, nulls):
    """Return the columns of the schema in its order; what is missing in the frame is empty, what is of another kind is read or missing."""
    columns = {}
    for name, kind in schema.items():
        given, values = column_of(frame[name]) if name in frame else (kind, [None] * len(frame) if kind == "text" else np.full(len(frame), np.nan))
        if given == "text":
            values = [None if value in nulls else value for value in values]
        if kind == "text":
            columns[name] = text_series(texts(values, given))
        elif given == kind:
            columns[name] = pd.Series(values, dtype="float64")
        elif given == "text":
            columns[name] = pd.Series(finite(each(values, number_of)) if kind == "number" else in_calendar(each(values, read_date)))
        else:
            columns[name] = pd.Series(np.full(len(frame), np.nan))
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def is_text(rows, name):
    """Tell whether a column holds text."""
    return rows[name].dtype == object


def levels_of(rows, name):
    """Return a column's values as levels: texts, None where missing; numbers as they are written in a file."""
    return texts(rows[name].tolist() if is_text(rows, name) else rows[name].to_numpy(), "text" if is_text(rows, name) else "number")
