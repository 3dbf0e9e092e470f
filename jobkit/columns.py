"""A table held by columns: numbers as float64, text as codes into its distinct levels. It costs a fraction of a frame of objects, and is the same in every
version of pandas."""

from __future__ import annotations

import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from jobkit.arrow import factorize
from jobkit.delimited import EXACT_INTEGER

if TYPE_CHECKING:
    import pandas as pd

NUMBER, DATE, TEXT = "number", "date", "text"
FIRST_SECOND, LAST_SECOND = -62135596800.0, 253402300799.999999
MANY_ROWS = 100_000


class Column:
    """Hold one column of `rows` values.

    `kind` is number, date (seconds since 1970, UTC) or text. `values` is float64 of shape (rows,) with NaN for missing (uint8 where only 0 and 1 occur), or,
    for text, int32 codes into `levels`, -1 for missing; the levels are distinct.
    """

    __slots__ = ("kind", "levels", "values")

    def __init__(self, kind: str, values: np.ndarray, levels: Sequence[Any] = ()) -> None:
        self.kind, self.values, self.levels = kind, values, levels

    def take(self, positions: Any) -> Column:
        """Return the rows at these positions (int64), of a slice, or where a mask (bool, shape (rows,)) is true."""
        return Column(self.kind, self.values[positions], self.levels)

    def numbers(self) -> np.ndarray:
        """Return the values as float64, shape (rows,)."""
        return self.values if self.values.dtype == np.float64 else self.values.astype(np.float64)

    def missing(self) -> np.ndarray:
        """Return where values are missing (bool, shape (rows,))."""
        if self.kind == TEXT:
            return self.values < 0
        return np.isnan(self.values) if self.values.dtype.kind == "f" else np.zeros(len(self.values), dtype=bool)

    def each(self, function: Callable[[str], float]) -> np.ndarray:
        """Return a number for every row of a text column (float64, NaN where missing), computed once for each level."""
        table = np.array([function(level) for level in self.levels] + [math.nan], dtype=np.float64)
        return table[self.values]

    def relabel(self, function: Callable[[Any], Optional[str]]) -> Column:
        """Return the text column with every level replaced; None makes it missing, and levels that become equal are one."""
        places: Dict[str, int] = {}
        codes = [-1 if new is None else places.setdefault(new, len(places)) for new in map(function, self.levels)]
        if codes == list(range(len(codes))):
            return Column(TEXT, self.values, list(places))
        return Column(TEXT, np.array([*codes, -1], dtype=np.int32)[self.values], list(places))

    def as_text(self) -> Column:
        """Return the column as text; numbers are written as `number_text` writes them."""
        if self.kind == TEXT:
            return self
        codes, found = factorize(self.values)
        write = date_text if self.kind == DATE else number_text
        return Column(TEXT, codes.astype(np.int32), list(range(len(found)))).relabel(lambda place: write(float(found[place])))

    def present(self) -> Column:
        """Return the text column with the levels that occur, in the order in which they first do."""
        codes, found = factorize(self.values)
        kept = [int(code) for code in found if code >= 0]
        table = np.full(len(self.levels) + 1, -1, dtype=np.int32)
        table[kept] = np.arange(len(kept), dtype=np.int32)
        return Column(TEXT, table[self.values], [self.levels[code] for code in kept])


def number(values: np.ndarray) -> Column:
    """Return a numeric column; infinite values are missing."""
    values = np.asarray(values)
    if values.dtype == np.uint8:
        return Column(NUMBER, values)
    values = values.astype(np.float64, copy=False)
    finite = np.isfinite(values)
    return Column(NUMBER, values if finite.all() else np.where(finite, values, np.nan))


def date(values: np.ndarray) -> Column:
    """Return a date column of seconds since 1970 (float64); what is outside the years 1 to 9999 is missing."""
    with np.errstate(invalid="ignore"):
        inside = (values >= FIRST_SECOND) & (values <= LAST_SECOND)
    return Column(DATE, np.where(inside, values, np.nan))


def text(values: Sequence[Optional[str]]) -> Column:
    """Return a text column; None is missing."""
    places: Dict[str, int] = {}
    codes = [-1 if value is None else places.setdefault(value, len(places)) for value in values]
    return Column(TEXT, np.array(codes, dtype=np.int32), list(places))


def number_text(value: float) -> str:
    """Return a number as a level's name: 2 and not 2.0."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT_INTEGER else repr(value)


def date_text(seconds: float) -> str:
    """Return a date as ISO 8601 text, without the time at midnight."""
    stamp = str(np.datetime64(round(seconds * 1e6), "us"))
    day, _, clock = stamp.partition("T")
    return day if clock.startswith("00:00:00.000000") else day + "T" + clock.replace(".000000", "")


class Table:
    """Hold columns of equal length in their order.

    `origin` (int64, shape (rows,)) tells which row of the input each row was.
    """

    __slots__ = ("columns", "origin")

    def __init__(self, columns: Dict[str, Column], origin: np.ndarray) -> None:
        self.columns, self.origin = columns, origin

    def __len__(self) -> int:
        return len(self.origin)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def take(self, positions: Any) -> Table:
        """Return the rows at these positions (int64), of a slice, or where a mask is true."""
        if isinstance(positions, np.ndarray) and positions.dtype == bool:
            positions = np.flatnonzero(positions)
        taken = side_by_side(lambda column: column.take(positions), list(self.columns.values()), len(self))
        return Table(dict(zip(self.columns, taken)), self.origin[positions])

    def having(self, columns: Dict[str, Column]) -> Table:
        """Return the same rows with other columns."""
        return Table(columns, self.origin)

    def replaced(self, changes: Dict[str, Column]) -> Table:
        """Return the table with columns changed in their place, and new ones at the end."""
        return self.having({**self.columns, **changes})

    def expanded(self, column: str, new: Dict[str, Column], keep: bool = False) -> Table:
        """Return the table with new columns at the end, without the one they come from unless it is kept."""
        return self.having({**{name: old for name, old in self.columns.items() if keep or name != column}, **new})


def side_by_side(function: Callable[[Any], Any], items: Sequence[Any], rows: int) -> List[Any]:
    """Return the function's values in order, computed in threads when there are many rows: NumPy and Arrow let other threads run while they copy.

    OMP_NUM_THREADS bounds the threads, as everywhere in a job.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    workers = min(len(items), int(given) if given.isdigit() else os.cpu_count() or 1)
    if rows < MANY_ROWS or workers < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def table(columns: Dict[str, Column]) -> Table:
    """Return a table whose rows are numbered from 0."""
    rows = len(next(iter(columns.values())).values) if columns else 0
    return Table(columns, np.arange(rows, dtype=np.int64))


def from_frame(frame: pd.DataFrame) -> Table:
    """Return a frame of numbers, dates, booleans and anything else (as text) as a table."""
    return Table({str(name): from_series(frame[name]) for name in frame}, np.arange(len(frame), dtype=np.int64))


def from_series(series: pd.Series) -> Column:
    """Return one column of a frame."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object).infer_objects()
    if pd.api.types.is_datetime64_any_dtype(series):
        return date(_seconds(series))
    if pd.api.types.is_integer_dtype(series) and _too_wide(series.dropna()):
        return text([None if absent(value) else str(value) for value in series.tolist()])
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series):
        return number(series.astype("float64").to_numpy() if not series.isna().any() else pd.to_numeric(series).to_numpy(dtype="float64", na_value=np.nan))
    return mixed(series.tolist())


def _seconds(series: pd.Series) -> np.ndarray:
    plain = series.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(series.dt, "tz", None) is not None else series
    stamps = plain.to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(stamps), np.nan, seconds_of(stamps.astype(np.int64)))


def _too_wide(series: pd.Series) -> bool:
    """Tell whether integers exceed what float64 holds exactly; such are ids and are kept as text."""
    return len(series) > 0 and max(abs(int(series.min())), abs(int(series.max()))) > EXACT_INTEGER


def seconds_of(micros: np.ndarray) -> np.ndarray:
    """Return microseconds (int64) as seconds (float64), with the very bits that `dates.parse` gives for the text of the same moment."""
    whole = np.floor_divide(micros, 1000000)
    return whole.astype(np.float64) + (micros - whole * 1000000) / 1e6


def mixed(values: Sequence[Any]) -> Column:
    """Return Python values as a column: numbers when all of them are, else text."""
    plain = [None if absent(value) else value for value in values]
    if any(value is not None for value in plain) and all(value is None or isinstance(value, (bool, int, float, np.number, np.bool_)) for value in plain):
        return number(np.array([math.nan if value is None else float(value) for value in plain], dtype=np.float64))
    return text([None if value is None else plain_text(value) for value in plain])


def absent(value: Any) -> bool:
    """Tell whether a Python value stands for a missing one."""
    pandas = sys.modules.get("pandas")  # without it there can be no value of its own
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    return value is None or (isinstance(value, (float, np.floating)) and math.isnan(value))


def plain_text(value: Any) -> str:
    """Return a value of any kind as text; whole numbers without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return number_text(float(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return number_text(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def to_frame(rows: Table) -> pd.DataFrame:
    """Return a table as a frame: float64 and uint8, datetime64 and text (object, None where missing)."""
    import pandas as pd

    data: Dict[str, Any] = {}
    for name, column in rows.columns.items():
        data[name] = _to_array(column)
    return pd.DataFrame(data, index=pd.RangeIndex(len(rows)))


def _to_array(column: Column) -> Any:
    if column.kind == NUMBER:
        return column.values
    if column.kind == DATE:
        stamps = np.where(column.missing(), 0, column.values)
        return np.where(column.missing(), np.datetime64("NaT"), (stamps * 1e6).round().astype(np.int64).astype("datetime64[us]"))
    import pandas as pd

    return pd.array(np.array([*column.levels, None], dtype=object)[column.values], dtype=object)


def concat(parts: Sequence[Table]) -> Table:
    """Return the rows of all tables; a column that one does not have is missing there, and one that is text anywhere is text."""
    names: List[str] = list(dict.fromkeys(name for part in parts for name in part.columns))
    rows = sum(len(part) for part in parts)
    return Table({name: _append(name, parts) for name in names}, np.arange(rows, dtype=np.int64))


def _append(name: str, parts: Sequence[Table]) -> Column:
    found = [part[name] for part in parts if name in part]
    kinds = {column.kind for column in found if not column.missing().all()} or {found[0].kind}
    kind = kinds.pop() if len(kinds) == 1 else TEXT
    if kind != TEXT:
        pieces = [part[name].numbers() if name in part and part[name].kind == kind else np.full(len(part), np.nan) for part in parts]
        return Column(kind, np.concatenate(pieces))
    places: Dict[str, int] = {}
    codes = []
    for part in parts:
        column = part[name].as_text() if name in part else Column(TEXT, np.full(len(part), -1, dtype=np.int32))
        lookup = np.array([*(places.setdefault(level, len(places)) for level in column.levels), -1], dtype=np.int32)
        codes.append(lookup[column.values])
    return Column(TEXT, np.concatenate(codes), list(places))
