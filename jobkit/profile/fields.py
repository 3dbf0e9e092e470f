"""What kind of values a column holds: numeric, binary, categorical, text, date, id or empty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit import dates
from jobkit.columns import DATE, NUMBER, TEXT, Column, Table, from_frame

if TYPE_CHECKING:
    import pandas as pd

NUMERIC, BINARY, CATEGORICAL, WORDS, DATED, ID, EMPTY = "numeric", "binary", "categorical", "text", "date", "id", "empty"
FIELD_KINDS = (NUMERIC, BINARY, CATEGORICAL, WORDS, DATED, ID, EMPTY)
DATE_FORMATS = (
    *("", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m/%d/%y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d %b %Y", "%b %d, %Y"),
    *("%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%Y%m%dT%H%M%S"),
)
DATE_SHARE, LOOKED_AT, MOST_PARSED = 0.95, 300, 50000
ID_NAME = re.compile(r"(?i:(^|[_\s.-])(id|uuid|guid|key|index|no|nr|number)$|^unnamed: 0$)|(?<=[a-z])(Id|ID)$")
ID_ROWS, ID_SHARE, TEXT_WORDS, TEXT_SHARE = 20, 0.95, 3.0, 0.2

LARGEST = 1e150  # of larger numbers the squares overflow; they count as this


class Field(NamedTuple):
    """Hold one column: text columns have only levels that occur; `numbers` (float64, NaN where missing, at most 1e150) is None for what has no order.

    `date_formats` are those that read a text column of dates; none for ISO 8601.
    """

    name: str
    column: Column
    kind: str
    distinct: int
    missing: int
    numbers: Optional[np.ndarray]
    date_formats: Tuple[str, ...] = ()

    @property
    def present(self) -> int:
        """Return the number of rows that have a value."""
        return len(self.column.values) - self.missing

    def counts(self) -> np.ndarray:
        """Return how often each level of a text column occurs (int64)."""
        return np.bincount(self.column.values[self.column.values >= 0], minlength=len(self.column.levels))

    def take(self, rows: np.ndarray) -> Field:
        """Return the field at these positions (int64); what it knows of all rows stays."""
        return self._replace(column=self.column.take(rows), numbers=None if self.numbers is None else self.numbers[rows])


def table_of(frame: pd.DataFrame) -> Tuple[Table, List[str]]:
    """Return a frame as a table, and the names that occur more than once: a later column of such a name gets ` (2)` behind it."""
    seen: Dict[str, int] = {}
    names, twice = [], []
    for name in map(str, frame.columns):
        seen[name] = seen.get(name, 0) + 1
        twice += [name] if seen[name] == 2 else []
        names.append(name if seen[name] == 1 else _free("{} ({})".format(name, seen[name]), names))
    plain = frame.set_axis(names, axis=1)
    return from_frame(plain.astype({name: str for name in names if plain[name].dtype.kind == "c"})), twice


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "'"
    return name


def look(table: Table) -> List[Field]:
    """Return what each column of a table is."""
    return [_field(name, column) for name, column in table.columns.items()]


def _field(name: str, column: Column) -> Field:
    missing = int(column.missing().sum())
    if column.kind == TEXT:
        return _of_text(name, column.present(), missing)
    values = np.clip(column.numbers(), -LARGEST, LARGEST)
    distinct = len(np.unique(values[~np.isnan(values)]))
    if column.kind == DATE:
        return Field(name, column, DATED if distinct else EMPTY, distinct, missing, values)
    return Field(name, column, _numeric_kind(name, values, distinct), distinct, missing, values)


def _numeric_kind(name: str, values: np.ndarray, distinct: int) -> str:
    if distinct <= 2:
        return (EMPTY, NUMERIC, BINARY)[distinct]
    present = values[~np.isnan(values)]
    if len(present) < ID_ROWS or distinct < len(present) or not (present == np.floor(present)).all():
        return NUMERIC
    return ID if present.max() - present.min() + 1 == distinct or ID_NAME.search(name) else NUMERIC


def _of_text(name: str, column: Column, missing: int) -> Field:
    distinct = len(column.levels)
    formats = date_formats(column.levels) if distinct else None
    if formats is not None:
        return Field(name, column, DATED, distinct, missing, read_dates(column, formats), formats)
    return Field(name, column, _text_kind(column.levels, len(column.values) - missing), distinct, missing, None)


def _text_kind(levels: Sequence[str], present: int) -> str:
    if len(levels) <= 2:
        return (EMPTY, CATEGORICAL, BINARY)[len(levels)]
    share = len(levels) / present
    words = sum(len(level.split()) for level in levels[:LOOKED_AT]) / min(len(levels), LOOKED_AT)
    if words >= TEXT_WORDS and share >= TEXT_SHARE:
        return WORDS
    return ID if present >= ID_ROWS and share >= ID_SHARE else CATEGORICAL


def numeric(name: str, values: np.ndarray) -> Field:
    """Return the field of a column of numbers (float64, NaN where missing)."""
    return _field(name, Column(NUMBER, values))


def date_formats(levels: Sequence[str]) -> Optional[Tuple[str, ...]]:
    """Return the formats that nearly all of these texts are dates in: the one that fits most, () when that is ISO 8601; else several together; else None."""
    looked = levels[:: max(1, len(levels) // LOOKED_AT)][:LOOKED_AT]
    if not any(mark in looked[0] for mark in "-/. T") or not any(sign.isdigit() for sign in looked[0]):
        return None
    best = max(DATE_FORMATS, key=lambda form: _share(looked, form))
    if _share(looked, best) >= DATE_SHARE:
        return (best,) if best else ()
    return _together(looked)


def _together(levels: Sequence[str]) -> Optional[Tuple[str, ...]]:
    """Return the formats that together read nearly all of the texts, each of which reads some that none before it does."""
    left, used = list(levels), []
    for form in DATE_FORMATS:
        unread = [text for text in left if np.isnan(dates.parse(text, (form,) if form else ()))]
        used += [form or "%Y-%m-%d"] if len(unread) < len(left) else []
        left = unread
    return tuple(used) if len(left) <= (1 - DATE_SHARE) * len(levels) else None


def _share(levels: Sequence[str], form: str) -> float:
    formats = (form,) if form else ()
    return sum(not np.isnan(dates.parse(level, formats)) for level in levels) / len(levels)


def read_dates(column: Column, formats: Sequence[str]) -> np.ndarray:
    """Return the seconds since 1970 of a text column (float64); levels past the first 50,000 are not read and count as missing here."""
    known = [dates.parse(level, formats) for level in column.levels[:MOST_PARSED]]
    table = np.full(len(column.levels) + 1, np.nan)
    table[: len(known)] = known
    return table[column.values]
