"""The recipe's steps in plain pandas and NumPy: `sagewright export python` copies from here what a recipe needs, and this file is never run by us.

A frame of rows holds numbers as float64 (NaN where missing), text as object (None where missing) and dates as float64 seconds since 1970, UTC.
"""

# ruff: noqa: PLR1704
# mypy: ignore-errors
from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.export.plain_values import (
    DAY_S,
    UNITS_S,
    column_of,
    each,
    finite,
    in_calendar,
    is_text,
    levels_of,
    read_date,
    read_number,
    read_truth,
    text_series,
    texts,
)


def drop_columns(rows, columns):
    """Leave columns out."""
    return rows[[name for name in rows if name not in columns]]


def rename_columns(rows, names):
    """Give columns other names."""
    return rows.set_axis([names.get(name, name) for name in rows], axis=1)


def move_columns(rows, columns, after):
    """Put columns at the front, or behind another one."""
    rest = [name for name in rows if name not in columns]
    place = 0 if after is None else rest.index(after) + 1
    return rows[[*rest[:place], *columns, *rest[place:]]]


def cast(rows, columns, kinds, on_error, formats, thousands, decimal):
    """Read columns as another type; what cannot be read is missing, or an error with on_error="fail"."""
    rows = rows.copy()
    for name, to in columns.items():
        before = rows[name].isna().to_numpy()
        if to == "text":
            rows[name] = text_series(texts(rows[name].tolist() if kinds[name] == "text" else rows[name].to_numpy(), kinds[name]))
            continue
        rows[name] = cast_values(rows[name], to, kinds[name], formats, thousands, decimal)
        if on_error == "fail" and (rows[name].isna().to_numpy() & ~before).any():
            raise ValueError(f"column {name!r}: a value cannot be read as {to}")
    return rows


def cast_values(series, to, kind, formats, thousands, decimal):
    """Return a column as numbers or dates (float64)."""
    if kind == "text":
        readers = {
            "number": lambda text: read_number(text, thousands, decimal),
            "integer": lambda text: whole_number(read_number(text, thousands, decimal)),
            "boolean": read_truth,
            "date": lambda text: read_date(text, formats),
        }
        values = each(series.tolist(), readers[to])
    else:
        values = series.to_numpy()
        if to == "date" or (kind == "date" and to != "number"):
            values = values if kind == "date" else np.full(len(values), np.nan)
        elif to == "integer":
            values = np.where(values == np.floor(values), values, np.nan)
        elif to == "boolean":
            values = np.where((values == 0) | (values == 1), values, np.nan)
    return in_calendar(values) if to == "date" else finite(values)


def whole_number(value):
    """Return a whole number, NaN for any other."""
    return value if math.isfinite(value) and value == math.floor(value) else math.nan


def impute(rows, values, indicators):
    """Fill what is missing; `indicators` names new 0/1 columns that say where."""
    flags = {new: rows[name].isna().astype("float64") for name, new in indicators.items()}
    rows = rows.copy()
    for name, value in values.items():
        if isinstance(value, str):
            rows[name] = text_series(value if level is None else level for level in levels_of(rows, name))
        elif is_text(rows, name):
            rows[name] = pd.Series(np.full(len(rows), float(value)))
        else:
            rows[name] = rows[name].fillna(float(value))
    return rows.assign(**flags) if flags else rows


def clip_outliers(rows, bounds):
    """Cut numbers to their bounds."""
    rows = rows.copy()
    for name, (low, high) in bounds.items():
        rows[name] = np.clip(rows[name].to_numpy(), -math.inf if low is None else low, math.inf if high is None else high)
    return rows


def forget_outliers(rows, bounds):
    """Make numbers outside their bounds missing."""
    rows = rows.copy()
    for name, (low, high) in bounds.items():
        values = rows[name].to_numpy()
        outside = (values < (-math.inf if low is None else low)) | (values > (math.inf if high is None else high))
        rows[name] = np.where(outside, np.nan, values)
    return rows


def replace_rare(rows, levels, name):
    """Put every level that is not kept under one name."""
    rows = rows.copy()
    for column, kept in levels.items():
        rows[column] = text_series(None if level is None else level if level in kept else name for level in levels_of(rows, column))
    return rows


def one_hot(rows, columns, levels, names, extra, unknown, missing):
    """Replace columns by one 0/1 column per kept level, and those for unknown and missing ones in `extra`."""
    new = {}
    for column in columns:
        found = levels_of(rows, column)
        place = {level: index for index, level in enumerate(levels[column])}
        places = np.array([-1 if level is None else place.get(level, -2) for level in found], dtype=np.int64)
        if (missing == "fail" and (places == -1).any()) or (unknown == "fail" and (places == -2).any()):
            raise ValueError(f"column {column!r} holds a missing value or a level that was not seen in training")
        for index, feature in enumerate(names[column]):
            new[feature] = (places == index).astype(np.float64)
        for kind, feature in extra[column].items():
            new[feature] = (places == {"missing": -1, "other": -2}[kind]).astype(np.float64)
    kept = rows[[name for name in rows if name not in columns]]
    return pd.concat([kept, pd.DataFrame(new, index=rows.index)], axis=1)


def encode(rows, codes, default, missing, strict):
    """Replace levels by numbers; `default` is that of a level that was not seen, None for missing."""
    rows = rows.copy()
    for name, table in codes.items():
        other = math.nan if default[name] is None else default[name]
        found = levels_of(rows, name)
        if strict and any(level is not None and level not in table for level in found):
            raise ValueError(f"column {name!r} holds a level that was not seen in training")
        rows[name] = finite([missing.get(name, math.nan) if level is None else table.get(level, other) for level in found])
    return rows


def scale(rows, scales):
    """Subtract the centre and divide by the width."""
    rows = rows.copy()
    for name, (centre, width) in scales.items():
        with np.errstate(all="ignore"):
            rows[name] = finite((rows[name].to_numpy() - centre) / width)
    return rows


def bins(rows, edges):
    """Replace numbers by the number of their bin."""
    rows = rows.copy()
    for name, inner in edges.items():
        values = rows[name].to_numpy()
        rows[name] = np.where(np.isnan(values), np.nan, np.searchsorted(inner, values, side="right"))
    return rows


def dates(rows, columns, parts, since, start, unit, formats, keep):
    """Make numbers from dates: parts of the calendar, and the time since a column or a moment."""
    begin = seconds_of(rows, since, formats) if since is not None else start
    rows = rows.copy()
    for name in columns:
        seconds = seconds_of(rows, name, formats)
        for part in parts:
            rows[name + "_" + part] = calendar_part(seconds, part)
        if begin is not None:
            rows[name + "_elapsed"] = finite((seconds - begin) / UNITS_S[unit])
    return rows if keep else rows[[name for name in rows if name not in columns]]


def seconds_of(rows, name, formats):
    """Return a column of dates, or of texts that hold dates, in seconds since 1970."""
    return in_calendar(each(rows[name].tolist(), lambda text: read_date(text, formats))) if is_text(rows, name) else rows[name].to_numpy()


def calendar_part(seconds, part):
    """Return a part of the calendar; Monday is day_of_week 0, weeks are ISO 8601 weeks."""
    missing = np.isnan(seconds)
    whole = np.floor(np.where(missing, 0.0, seconds)).astype(np.int64)
    days = np.floor_divide(whole, DAY_S)
    clock, date = whole - days * DAY_S, days.astype("datetime64[D]")
    month, year = date.astype("datetime64[M]"), date.astype("datetime64[Y]")
    thursday = (days - (days + 3) % 7 + 3).astype("datetime64[D]")
    values = {
        "year": lambda: year.astype(np.int64) + 1970,
        "quarter": lambda: month.astype(np.int64) % 12 // 3 + 1,
        "month": lambda: month.astype(np.int64) % 12 + 1,
        "week": lambda: (thursday - thursday.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) // 7 + 1,
        "day": lambda: (date - month.astype("datetime64[D]")).astype(np.int64) + 1,
        "day_of_year": lambda: (date - year.astype("datetime64[D]")).astype(np.int64) + 1,
        "day_of_week": lambda: (days + 3) % 7,
        "hour": lambda: clock // 3600,
        "minute": lambda: clock // 60 % 60,
        "second": lambda: clock % 60,
        "is_weekend": lambda: (days + 3) % 7 >= 5,
        "is_month_start": lambda: date == month.astype("datetime64[D]"),
        "is_month_end": lambda: (days + 1).astype("datetime64[D]").astype("datetime64[M]") != month,
    }
    return np.where(missing, np.nan, values[part]())


def text(rows, columns, measures, extract, case, strip, keep):
    """Make columns from text: its measures, and what regular expressions find in it."""
    counts = {"length": len, "words": lambda value: len(value.split()), "digits": lambda value: sum(letter.isdigit() for letter in value)}
    change = {"keep": str, "lower": str.lower, "upper": str.upper}[case]
    rows = rows.copy()
    for name in columns:
        found = rows[name].tolist() if is_text(rows, name) else [None] * len(rows)
        new = {name + "_" + part: pd.Series(each(found, counts[part])) for part in measures}
        new.update({name + "_" + key: text_series(first_match(pattern, value) for value in found) for key, pattern in extract.items()})
        rows[name] = text_series(None if value is None else change(value.strip() if strip else value) for value in found)
        rows = rows.assign(**new)[[other for other in [*rows, *new] if keep or other != name]]
    return rows


def first_match(pattern, value):
    """Return the first group of a match, the whole match if there is no group, None without a match."""
    found = None if value is None else re.search(pattern, value)
    return None if found is None else found.group(1 if found.re.groups else 0)


def derived(rows, name, value):
    """Add a column: an array, or one value for all rows."""
    if isinstance(value, (str, list)) or value is None:
        column = text_series(value if isinstance(value, list) else [value] * len(rows))
    else:
        column = pd.Series(finite(np.broadcast_to(np.asarray(value, dtype=np.float64), (len(rows),))))
    return rows.assign(**{name: column})


def own(rows, file, function, fitted, kinds):
    """Call a function of your own on the rows; its file lies beside this one."""
    frame = rows.copy()
    for name in [name for name in rows if kinds.get(name) == "date"]:
        stamps = np.where(frame[name].isna(), 0, frame[name])
        frame[name] = np.where(frame[name].isna(), np.datetime64("NaT"), (stamps * 1e6).round().astype(np.int64).astype("datetime64[us]"))
    path = Path(__file__).resolve().parent / file
    spec = importlib.util.spec_from_file_location("own_" + path.stem, str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call = getattr(module, function)
    result = call(frame, fitted) if fitted is not None else call(frame)
    if len(result) != len(rows) or not result.index.equals(rows.index):
        raise ValueError(f"{function} must return as many rows as it is given, in their order")
    columns = {str(name): column_of(result[name]) for name in result}
    return pd.DataFrame({name: text_series(values) if kind == "text" else pd.Series(values) for name, (kind, values) in columns.items()}, index=rows.index)


def features(rows, names):
    """Return the features as the model takes them: float32, missing where a number exceeds it."""
    with np.errstate(over="ignore"):
        made = {feature: rows[name].to_numpy().astype(np.float32) for name, feature in names.items()}
    return pd.DataFrame({name: np.where(np.isinf(values), np.float32(np.nan), values) for name, values in made.items()}, index=rows.index)
