"""The rows of a request: a few as mappings, many as a table."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.apply import number_as_date
from jobkit.columns import DATE, NUMBER, TEXT, Column, Table, mixed, plain_text, text
from jobkit.serving.columns_given import Known
from jobkit.serving.refusal import RequestError

# From this many rows on a table is quicker than row after row.
MANY = 48


class Given(NamedTuple):
    """Hold the rows of a request, as mappings or as a table with the names that its rows had, whether it asks to explain, and whether it had a header."""

    rows: Sequence[Mapping[str, Any]] = ()
    table: Optional[Table] = None
    explain: bool = False
    header: bool = False
    names: Sequence[Any] = ()


def as_table(rows: Sequence[Mapping[str, Any]], columns: Known) -> Table:
    """Return mappings as a table of the schema's columns that any of them has."""
    kept = [name for name in columns.schema if any(name in row for row in rows)]
    made = {name: _column([row.get(name) for row in rows], columns.kinds[name]) for name in kept}
    return Table(made, np.arange(len(rows), dtype=np.int64))


def _column(values: List[Any], kind: str) -> Column:
    """Return values as JSON holds them; numbers in a column of text are written as text one by one, as for a single row."""
    if kind == NUMBER and not any(isinstance(value, str) for value in values):
        try:
            return mixed(values)
        except OverflowError:
            raise RequestError("a number is too large") from None
    write = WRITE[kind]
    return text([None if value is None or value != value or value in INFINITE else value if isinstance(value, str) else write(value) for value in values])


def _exactly(value: Any) -> str:
    """Return a number as text that reads back as it, a zero with its sign."""
    return str(int(value)) if isinstance(value, int) else repr(float(value))


WRITE: Mapping[str, Callable[[Any], str]] = {NUMBER: _exactly, DATE: number_as_date, TEXT: plain_text}
INFINITE = (float("inf"), float("-inf"))


def check_plain(row: Mapping[str, Any], where: str) -> None:
    """Raise a RequestError when a value is a list or an object."""
    if not NESTED.isdisjoint(map(type, row.values())):
        name, value = next((name, value) for name, value in row.items() if type(value) in NESTED)
        what = "a list" if isinstance(value, list) else "an object"
        raise RequestError("{}: column {!r} holds {}; expected text, a number, true, false or null".format(where, name, what))


NESTED = frozenset((list, dict))
