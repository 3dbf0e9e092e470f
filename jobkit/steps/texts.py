"""Steps on text and dates: cast, parts of dates, measures and extracts of text."""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from jobkit import dates
from jobkit.columns import DATE, NUMBER, TEXT, Column, Table, date, date_text, number, number_text, text
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, Row, State, Step, free_name, require, require_kind

TRUE, FALSE = frozenset(("true", "true.", "t", "yes", "y", "on", "1")), frozenset(("false", "false.", "f", "no", "n", "off", "0"))
NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
KIND_OF = {"number": NUMBER, "integer": NUMBER, "boolean": NUMBER, "text": TEXT, "date": DATE}


def parse_number(value: str, thousands: str = "", decimal: str = ".") -> float:
    """Return the number that a text writes, NaN when it does not."""
    value = value.strip()
    if thousands:
        value = value.replace(thousands, "")
    if decimal != ".":
        value = value.replace(decimal, ".")
    return float(value) if NUMERAL.fullmatch(value) else math.nan


# Cast


def _fit_cast(rows: Table, config: Config, context: Context) -> State:
    require(rows, list(config["columns"]), "cast")
    kinds = {name: rows[name].kind for name in config["columns"]}
    keys = ("step", "on_error", "formats", "thousands", "decimal")
    return {**{key: config[key] for key in keys}, "columns": dict(config["columns"]), "kinds": kinds}


def _apply_cast(rows: Table, state: State, context: Context) -> Table:
    changes: Dict[str, Column] = {}
    wrong = np.zeros(len(rows), dtype=bool)
    for name, to in state["columns"].items():
        changes[name], bad = _cast(rows[name], to, state)
        if bad.any() and state["on_error"] == "fail":
            raise _uncastable(name, to, rows[name].take(bad), int(rows.origin[np.flatnonzero(bad)[0]]), int(bad.sum()))
        wrong |= bad
    rows = rows.replaced(changes)
    return rows.take(~wrong) if state["on_error"] == "drop" and context.training and wrong.any() else rows


def _uncastable(name: str, to: str, bad: Column, row: int, count: int) -> JobError:
    shown = bad.as_text()
    value = shown.levels[shown.values[0]]
    return JobError(
        "recipe step cast: column {!r}: {} values cannot be read as {}; the first is {!r} in row {} (counting from 1 below the header). "
        "Set on_error to null or drop, or give formats, thousands or decimal".format(name, count, to, value, row + 1)
    )


def _cast(column: Column, to: str, state: State) -> Tuple[Column, np.ndarray]:
    """Return the column as another type, missing where that fails, and where it did (bool, shape (rows,))."""
    if to == "text":
        return column.as_text(), np.zeros(len(column.values), dtype=bool)
    read = READ[to]
    if column.kind == TEXT:
        values = column.each(lambda level: read(level, state))
    elif to == "date" or (column.kind == DATE and to != "number"):
        values = column.numbers() if column.kind == DATE else np.full(len(column.values), np.nan)
    else:
        values = CHECK[to](column.numbers())
    made = date(values) if to == "date" else number(values)
    return made, made.missing() & ~column.missing()


def _read_boolean(level: str, state: State) -> float:
    word = level.strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


def _read_number(level: str, state: State) -> float:
    return parse_number(level, state["thousands"], state["decimal"])


def _read_integer(level: str, state: State) -> float:
    value = _read_number(level, state)
    return value if math.isfinite(value) and value == math.floor(value) else math.nan


READ: Dict[str, Callable[[str, State], float]] = {
    "number": _read_number,
    "integer": _read_integer,
    "boolean": _read_boolean,
    "date": lambda level, state: dates.parse(level, state["formats"]),
}
CHECK: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "number": lambda values: values,
    "integer": lambda values: np.where(values == np.floor(values), values, np.nan),
    "boolean": lambda values: np.where((values == 0) | (values == 1), values, np.nan),
}


def _row_cast(state: State) -> Callable[[Row], None]:
    columns = [(name, to, state["kinds"][name]) for name, to in state["columns"].items()]

    def run(row: Row) -> None:
        for name, to, kind in columns:
            value = row[name]
            row[name] = _cast_one(value, to, kind, state)
            if state["on_error"] == "fail" and _missing(row[name]) and not _missing(value):
                raise JobError("recipe step cast: column {!r}: {!r} cannot be read as {}".format(name, value, to))

    return run


def _missing(value: Any) -> bool:
    return value is None or value != value


def _cast_one(value: Any, to: str, kind: str, state: State) -> Any:
    if to == "text":
        return None if _missing(value) else value if isinstance(value, str) else date_text(value) if kind == DATE else number_text(float(value))
    if _missing(value):
        return math.nan
    if isinstance(value, str):
        found = READ[to](value, state)
        return found if math.isfinite(found) else math.nan
    if to == "date" or (kind == DATE and to != "number"):
        return value if kind == DATE else math.nan
    return float(CHECK[to](np.float64(value)))


# Dates


def _fit_dates(rows: Table, config: Config, context: Context) -> State:
    require_kind(rows, config["columns"], "dates", DATE, TEXT)
    since = config.get("since")
    start: Any = None
    if since is not None and since in rows:
        require_kind(rows, [since], "dates", DATE, TEXT)
    elif since is not None:
        start = dates.parse(since, ())
        if math.isnan(start):
            raise JobError("recipe step dates: since is neither a column nor a date; got {!r}, expected e.g. 2015-01-01".format(since))
    for name in config["columns"]:
        for part in [*config["parts"], *(["elapsed"] if since is not None else [])]:
            free_name(rows, "{}_{}".format(name, part), "dates")
    keys = ("step", "columns", "parts", "unit", "formats", "keep")
    return {**{key: config[key] for key in keys}, "since": since if start is None else None, "start": start}


def _apply_dates(rows: Table, state: State, context: Context) -> Table:
    start = _as_seconds(rows, state["since"], state) if state["since"] is not None else state["start"]
    for name in state["columns"]:
        seconds = _as_seconds(rows, name, state)
        new = {"{}_{}".format(name, part): number(values) for part, values in dates.parts(seconds, state["parts"]).items()}
        if start is not None:
            new[name + "_elapsed"] = number((seconds - start) / dates.UNITS_S[state["unit"]])
        rows = rows.expanded(name, new, keep=True)
    return rows if state["keep"] else rows.having({name: column for name, column in rows.columns.items() if name not in state["columns"]})


def _as_seconds(rows: Table, name: str, state: State) -> np.ndarray:
    column = rows[name]
    return date(column.each(lambda level: dates.parse(level, state["formats"]))).values if column.kind == TEXT else column.numbers()


def _row_dates(state: State) -> Callable[[Row], None]:
    formats, unit = state["formats"], dates.UNITS_S[state["unit"]]

    def seconds(value: Any) -> float:
        if isinstance(value, str):
            return dates.parse(value, formats)
        return math.nan if value is None else value

    def run(row: Row) -> None:
        start = seconds(row[state["since"]]) if state["since"] is not None else state["start"]
        found = [(name, seconds(row[name])) for name in state["columns"]]
        for name, value in found:
            at = None if math.isnan(value) else dates.moment(value)
            for part in state["parts"]:
                row["{}_{}".format(name, part)] = math.nan if at is None else float(dates.ONE[part](at))
            if start is not None:
                row[name + "_elapsed"] = (value - start) / unit
            if not state["keep"]:
                row.pop(name)

    return run


# Text

MEASURES: Dict[str, Callable[[str], float]] = {
    "length": lambda value: float(len(value)),
    "words": lambda value: float(len(value.split())),
    "digits": lambda value: float(sum(letter.isdigit() for letter in value)),
}
CASES: Dict[str, Callable[[str], str]] = {"keep": lambda value: value, "lower": str.lower, "upper": str.upper}


def _fit_text(rows: Table, config: Config, context: Context) -> State:
    require_kind(rows, config["columns"], "text", TEXT)
    for name in config["columns"]:
        for part in [*config["measures"], *config["extract"]]:
            free_name(rows, "{}_{}".format(name, part), "text")
    return {key: config[key] for key in ("step", "columns", "measures", "extract", "case", "strip", "keep")}


def _extractor(pattern: str) -> Callable[[str], Optional[str]]:
    compiled = re.compile(pattern)
    group = 1 if compiled.groups else 0

    def extract(value: str) -> Optional[str]:
        found = compiled.search(value)
        return found.group(group) if found else None

    return extract


def _cleaner(state: State) -> Callable[[str], str]:
    change, strip = CASES[state["case"]], state["strip"]
    return lambda value: change(value.strip() if strip else value)


def _apply_text(rows: Table, state: State, context: Context) -> Table:
    clean = _cleaner(state)
    for name in state["columns"]:
        column = rows[name] if rows[name].kind == TEXT else text([None] * len(rows))
        new: Dict[str, Column] = {"{}_{}".format(name, part): number(column.each(MEASURES[part])) for part in state["measures"]}
        new.update({"{}_{}".format(name, key): column.relabel(_extractor(pattern)) for key, pattern in state["extract"].items()})
        rows = rows.replaced({name: column.relabel(clean)}).expanded(name, new, keep=state["keep"])
    return rows


def _row_text(state: State) -> Callable[[Row], None]:
    clean = _cleaner(state)
    extractors = {key: _extractor(pattern) for key, pattern in state["extract"].items()}

    def run(row: Row) -> None:
        for name in state["columns"]:
            value = row.pop(name)
            value = value if isinstance(value, str) else None
            for part in state["measures"]:
                row["{}_{}".format(name, part)] = math.nan if value is None else MEASURES[part](value)
            for key, extract in extractors.items():
                row["{}_{}".format(name, key)] = None if value is None else extract(value)
            if state["keep"]:
                row[name] = None if value is None else clean(value)

    return run


STEPS: Dict[str, Step] = {
    "cast": Step(_fit_cast, _apply_cast, _row_cast),
    "dates": Step(_fit_dates, _apply_dates, _row_dates),
    "text": Step(_fit_text, _apply_text, _row_text),
}
