"""Steps on text and dates: cast, parts of dates, extracts of text."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipelines.export.plain.values import (
    as_numbers,
    as_text,
    finite,
    kind_of,
    put,
    read_date,
    seconds_of,
    texts,
    to_dates,
    to_number,
    to_numbers,
    to_texts,
    to_truth,
)


def cast(
    rows,
    columns,
    on_error,
    formats=(),
    thousands="",
    decimal=".",
    training=False,
):
    """Read columns as another type.

    A value that cannot be read is an error, or missing; with "drop" its row
    is removed from the training data.
    """
    changes, wrong = {}, np.zeros(len(rows), dtype=bool)
    for name, kind in columns.items():
        made = cast_column(rows[name], kind, formats, thousands, decimal)
        bad = pd.isna(made) & rows[name].notna().to_numpy()
        if bad.any() and on_error == "fail":
            first = as_text(rows[name])[bad].iloc[0]
            raise ValueError(f"column {name!r}: {first!r} is no {kind}")
        changes[name], wrong = made, wrong | bad
    rows = put(rows, changes)
    return rows[~wrong] if on_error == "drop" and training else rows


def cast_column(values, kind, formats, thousands, decimal):
    """Return one column as another type, missing where that fails."""
    if kind == "text":
        return as_text(values).to_numpy()
    if kind == "date":
        return to_dates(values, formats)
    if kind_of(values) == "text":
        read = to_truth
        if kind != "boolean":
            read = lambda text: to_number(text, thousands, decimal)  # noqa: E731
        numbers = finite(to_numbers(values, read))
    elif kind_of(values) == "date" and kind != "number":
        return np.full(len(values), np.nan)
    else:
        numbers = as_numbers(values)
    if kind == "integer":
        return np.where(numbers == np.floor(numbers), numbers, np.nan)
    if kind == "boolean":
        return np.where((numbers == 0) | (numbers == 1), numbers, np.nan)
    return numbers


def dates(
    rows, columns, parts, since=None, unit="days", formats=(), keep=False
):
    """Make numbers from dates: parts of the calendar, time since a date."""
    if since is not None and since in rows:
        start = moments(rows[since], formats)
    elif since is not None:
        moment = pd.Series([read_date(since)], dtype="datetime64[us]")
        start = seconds_of(moment)[0]
    for name in columns:
        seconds = moments(rows[name], formats)
        made = {f"{name}_{part}": date_part(seconds, part) for part in parts}
        if since is not None:
            made[f"{name}_elapsed"] = finite(
                (seconds - start) / SECONDS_IN[unit]
            )
        rows = put(rows, made)
    return rows if keep else rows.drop(columns=list(columns))


SECONDS_IN = {
    "days": 86400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
}


def moments(values, formats):
    """Return dates, or text that holds dates, as seconds since 1970."""
    if kind_of(values) == "number":
        return as_numbers(values)
    return seconds_of(pd.Series(to_dates(values, formats)))


def date_part(seconds, part):
    """Return a part of the calendar; Monday is day_of_week 0."""
    missing = np.isnan(seconds)
    whole = np.floor(np.where(missing, 0.0, seconds)).astype("int64")
    at = pd.Series(whole.astype("datetime64[s]")).dt
    found = DATE_PARTS[part](at)
    return np.where(missing, np.nan, found.to_numpy(dtype="float64"))


DATE_PARTS = {
    "year": lambda at: at.year,
    "quarter": lambda at: at.quarter,
    "month": lambda at: at.month,
    "week": lambda at: at.isocalendar().week,
    "day": lambda at: at.day,
    "day_of_year": lambda at: at.day_of_year,
    "day_of_week": lambda at: at.day_of_week,
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "second": lambda at: at.second,
    "is_weekend": lambda at: at.day_of_week >= 5,
    "is_month_start": lambda at: at.is_month_start,
    "is_month_end": lambda at: at.is_month_end,
}


def measure_text(rows, columns, measures, extract, case, strip, keep):
    """Make columns from text: measures, and what a pattern finds."""
    change = {"keep": str, "lower": str.lower, "upper": str.upper}[case]
    for name in columns:
        values = rows[name]
        if kind_of(values) != "text":  # it holds nothing at all
            values = pd.Series(
                texts([None] * len(rows)), rows.index, dtype=object
            )
        clean = to_texts(
            values, lambda text: change(text.strip() if strip else text)
        )
        made = {
            f"{name}_{m}": to_numbers(values, MEASURES[m]) for m in measures
        }
        for key, pattern in extract.items():
            made[f"{name}_{key}"] = to_texts(
                values,
                lambda text, pattern=pattern: first_match(pattern, text),
            )
        rows = put(rows, {name: clean})
        rows = put(rows if keep else rows.drop(columns=[name]), made)
    return rows


MEASURES = {
    "length": lambda text: float(len(text)),
    "words": lambda text: float(len(text.split())),
    "digits": lambda text: float(sum(letter.isdigit() for letter in text)),
}


def first_match(pattern, text):
    """Return the first group (or match) of a pattern, None without one."""
    found = re.search(pattern, text)
    if found is None:
        return None
    return found.group(1 if found.re.groups else 0)
