"""Columns of three kinds: numbers, dates and text."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

import numpy as np
import pandas as pd

EXACT = 2.0**53
NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
TRUE = {"true", "true.", "t", "yes", "y", "on", "1"}
FALSE = {"false", "false.", "f", "no", "n", "off", "0"}


def kind_of(values):
    """Tell what a column holds: "number", "date" or "text"."""
    if values.dtype == object:
        return "text"
    return "date" if values.dtype.kind == "M" else "number"


def typed(frame):
    """Return any frame as float64, datetime64[us] and text (str or None).

    Its rows are numbered from 0. Infinite numbers are missing.
    """
    frame = frame.reset_index(drop=True)
    columns = {str(name): typed_column(frame[name]) for name in frame}
    return put(frame[[]], columns)


def typed_column(values):
    """Return one column as float64, datetime64[us] or text."""
    types = pd.api.types
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object).infer_objects()
    if types.is_datetime64_any_dtype(values):
        if values.dt.tz is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return as_date(values.to_numpy().astype("datetime64[us]"))
    if types.is_integer_dtype(values) and is_wide(values):
        return texts(None if is_absent(v) else str(v) for v in values.tolist())
    if types.is_bool_dtype(values) or types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values)
        return finite(numbers.to_numpy(dtype="float64", na_value=np.nan))
    return mixed(values.tolist())


def is_wide(values):
    """Tell whether integers exceed what a float holds; such are ids."""
    values = values.dropna()
    return (
        len(values)
        and max(abs(int(values.min())), abs(int(values.max()))) > EXACT
    )


def mixed(values):
    """Return Python values as numbers when all of them are, else as text."""
    values = [None if is_absent(value) else value for value in values]
    known = [value for value in values if value is not None]
    numbers = (bool, int, float, np.number, np.bool_)
    if known and all(isinstance(value, numbers) for value in known):
        found = [np.nan if value is None else float(value) for value in values]
        return finite(np.array(found))
    return texts(
        None if value is None else plain_text(value) for value in values
    )


def is_absent(value):
    """Tell whether a Python value stands for a missing one."""
    nothing = value is None or value is pd.NA or value is pd.NaT
    return nothing or (
        isinstance(value, (float, np.floating)) and value != value
    )


def texts(values):
    """Return text (str or None) as an array of objects."""
    values = list(values)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def finite(values):
    """Return numbers with the infinite ones missing."""
    return np.where(np.isfinite(values), values, np.nan)


def plain_text(value):
    """Return a value as text; whole numbers without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return number_text(float(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return number_text(float(value))
    return str(value)


def number_text(value):
    """Return a number as text: 2 and not 2.0."""
    whole = value.is_integer() and abs(value) < EXACT
    return str(int(value)) if whole else repr(value)


def date_text(moment):
    """Return a date as ISO 8601 text, without the time at midnight."""
    midnight = moment.time() == datetime.min.time()
    return moment.isoformat()[:10] if midnight else moment.isoformat()


def to_texts(values, function):
    """Return function(value), a text or None, for all that is not missing."""
    codes, levels = pd.factorize(np.asarray(values))
    return texts([*(function(level) for level in levels.tolist()), None])[
        codes
    ]


def to_numbers(values, function):
    """Return function(value), a number, for all that is not missing."""
    codes, levels = pd.factorize(np.asarray(values))
    found = [function(level) for level in levels.tolist()]
    return np.array([*found, np.nan], dtype="float64")[codes]


def as_text(values):
    """Return a column as text."""
    if kind_of(values) == "text":
        return values
    write = date_text if kind_of(values) == "date" else number_text
    if kind_of(values) == "number":
        values = values.astype("float64")
    return pd.Series(to_texts(values, write), values.index, dtype=object)


def as_numbers(values):
    """Return a column as float64; dates as seconds since 1970."""
    if kind_of(values) == "date":
        return seconds_of(values)
    return np.ascontiguousarray(values.to_numpy(), dtype="float64")


def seconds_of(values):
    """Return dates as seconds since 1970."""
    stamps = values.to_numpy().astype("datetime64[us]")
    micros = stamps.astype("int64")
    whole = micros // 1_000_000
    seconds = whole.astype("float64") + (micros - whole * 1_000_000) / 1e6
    return np.where(np.isnat(stamps), np.nan, seconds)


def dates_of(seconds):
    """Return seconds since 1970 as dates."""
    missing = np.isnan(seconds)
    micros = np.rint(np.where(missing, 0.0, seconds) * 1e6)
    stamps = micros.astype("int64").astype("datetime64[us]")
    return as_date(np.where(missing, np.datetime64("NaT", "us"), stamps))


def as_date(stamps):
    """Return dates, missing outside the years 1 to 9999."""
    first, end = (
        np.datetime64("0001-01-01", "us"),
        np.datetime64("10000-01-01", "us"),
    )
    inside = (stamps >= first) & (stamps < end)
    return np.where(inside, stamps, np.datetime64("NaT", "us"))


def read_date(text, formats=()):
    """Return the moment that a text writes (UTC), None when it is no date.

    The first format that fits is taken; without formats it is ISO 8601.
    """
    text = text.strip()
    for form in formats or [None]:
        try:
            moment = datetime.strptime(text, form) if form else iso_date(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
            return moment
        except (ValueError, OverflowError):
            continue
    return None


def iso_date(text):
    """Return the moment that an ISO 8601 text writes."""
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    if not text[:4].isdigit() or "-" not in text[4:5]:
        raise ValueError(text)
    head, dot, rest = text.partition(".")
    if dot:  # Python before 3.11 takes three or six digits only
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}"
    return datetime.fromisoformat(text)


def to_dates(values, formats=()):
    """Return a column as dates; what cannot be read is missing."""
    if kind_of(values) == "date":
        return values.to_numpy()
    if kind_of(values) == "number":
        return np.full(len(values), np.datetime64("NaT", "us"))
    codes, levels = pd.factorize(np.asarray(values))
    found = [read_date(level, formats) for level in levels.tolist()]
    return as_date(np.array([*found, None], dtype="datetime64[us]")[codes])


def to_number(text, thousands="", decimal="."):
    """Return the number that a text writes, NaN when it does not."""
    text = text.strip()
    if thousands:
        text = text.replace(thousands, "")
    if decimal != ".":
        text = text.replace(decimal, ".")
    return float(text) if NUMERAL.fullmatch(text) else math.nan


def to_truth(text):
    """Return 1 for a yes, 0 for a no, NaN for anything else."""
    word = text.strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


def put(rows, columns):
    """Return the rows with columns changed in place, or added at the end."""
    made = {name: rows[name] for name in rows}
    for name, values in columns.items():
        values = np.asarray(values)
        kind = object if values.dtype.kind == "O" else None
        made[name] = pd.Series(values, rows.index, dtype=kind)
    return pd.DataFrame(made, index=rows.index)
