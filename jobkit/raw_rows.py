"""Raw rows of a split as CSV (RFC 4180) whose cells are texts, as they came: what a package is asked with, and what slices are cut by."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from jobkit.arrow import text_scalar
from jobkit.failure import JobError

FILE = "test.csv"
PART_ROWS = 1 << 16
SPECIAL = '[",\r\n]'


class Raw(NamedTuple):
    """Hold where raw rows come from: the files and how they are read, whether they are CSV, and the rows that were read (a `Table`, perhaps of fewer columns).

    There are no files when inputs were combined: then the rows that were read are all there is.
    """

    files: Sequence[Path]
    data: Mapping[str, Any]
    is_csv: bool
    read: Any


def of(raw: Raw, rows: Any) -> Any:
    """Return these raw rows (their numbers, int64 of shape (rows,)), in this order, as an Arrow table of texts with every column of the files.

    Cells of CSV are the very texts of the files; those that mean a missing value are empty where empty texts do, too.
    """
    import numpy as np

    order, places = np.unique(rows, return_inverse=True)
    found = _of_lines(raw, order) if raw.is_csv else None
    return (_of_table(raw, order) if found is None else found).take(places)


def _of_lines(raw: Raw, rows: Any) -> Any:
    """Return rows from the lines that hold them, None when these cannot be told apart safely."""
    import pyarrow as pa

    from jobkit import sample

    cut = sample.cut(raw.files, raw.data, rows, len(raw.read))
    if cut is None:
        return None
    names, lines = cut
    try:
        found = _parsed(b"".join(line + b"\n" for line in lines), names, raw.data)
    except pa.ArrowInvalid:
        return None
    return _without_nulls(found, raw.data["null_values"]) if found.num_rows == len(rows) else None


def _parsed(body: bytes, names: Sequence[str], data: Mapping[str, Any]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    quote = data.get("quote", '"')
    if not body:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return arrow_csv.read_csv(
        pa.BufferReader(body),
        arrow_csv.ReadOptions(column_names=list(names), encoding=data["encoding"]),
        arrow_csv.ParseOptions(delimiter=data["delimiter"], quote_char=quote or False, newlines_in_values=bool(quote) and quote.encode() in body),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _without_nulls(rows: Any, nulls: Sequence[str]) -> Any:
    """Return rows with empty cells where a text means a missing value, if an empty one does."""
    import pyarrow as pa
    import pyarrow.compute as compute

    if "" not in nulls or len(nulls) < 2:
        return rows
    known = pa.array(list(nulls), pa.string())
    columns = [compute.if_else(compute.is_in(column, known), text_scalar(""), column) for column in rows.columns]
    return pa.table(columns, names=rows.column_names)


def _of_table(raw: Raw, rows: Any) -> Any:
    """Return rows as they are read, every column of them."""
    import pyarrow as pa

    from jobkit import delimited, sample, table

    # All columns are read again, since those that nothing needs were not; of CSV as text, so that no cell changes.
    as_text = delimited.header(raw.files[0], raw.data) if raw.is_csv else ()
    whole = table.read_files(raw.files, raw.data, table.Wanted((), as_text)) if raw.files else raw.read
    blank = sample.blank(raw.data)
    return pa.table({name: pa.array(sample.texts(column, blank), pa.string()) for name, column in whole.take(rows).columns.items()})


def header(path: Path) -> List[str]:
    """Return the names of the columns."""
    import csv

    with open(str(path), encoding="utf-8", newline="") as handle:
        return next(csv.reader(handle), [])


def read(path: Path, names: Optional[Sequence[str]] = None) -> Any:
    """Return columns as an Arrow table of texts, an empty one where a value is missing; all columns when no names are given.

    Raises:
        JobError: there is no such file, it is no CSV, or a column is missing.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not path.is_file():
        raise JobError("there is no {} in {}; let Preprocess write the raw rows of the test split".format(path.name, path.parent.name))
    there = header(path)
    _check(path, there, names or ())
    quoted = b'"' in path.read_bytes()
    try:
        return arrow_csv.read_csv(
            str(path),
            arrow_csv.ReadOptions(use_threads=False),
            arrow_csv.ParseOptions(newlines_in_values=quoted, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(include_columns=list(names or there), column_types=dict.fromkeys(there, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise JobError("{}: this is no CSV: {}".format(path.name, str(error).splitlines()[0])) from None


def _check(path: Path, there: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            hint = " Did you mean {!r}?".format(near[0]) if near else ""
            told = "evaluation.slices: the raw rows have no column {!r}; got {} columns: {}.{}"
            raise JobError(told.format(name, len(there), ", ".join(there)[:300], hint))


def write(path: Path, rows: Any) -> None:
    """Write an Arrow table of texts (missing values as empty cells) as CSV with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(str(path), "wb") as handle:
        for start in range(0, max(1, rows.num_rows), PART_ROWS):
            handle.write(text(rows.slice(start, PART_ROWS), headed=start == 0))


def text(rows: Any, headed: bool = True) -> bytes:
    """Return an Arrow table of texts as CSV; only cells that need it are quoted."""
    import pyarrow as pa
    import pyarrow.compute as compute

    alone = rows.num_columns == 1  # an empty cell alone in its row would be an empty line
    first = ",".join(_quoted(pa.chunked_array([rows.column_names], pa.string()), alone).to_pylist()) + "\n" if headed else ""
    columns = [_quoted(column, alone) for column in rows.columns]
    lines = compute.binary_join_element_wise(*columns, text_scalar(",")).to_pylist() if rows.num_rows else []
    return (first + "".join(line + "\n" for line in lines)).encode("utf-8")


def _quoted(column: Any, alone: bool) -> Any:
    import pyarrow.compute as compute

    filled = compute.fill_null(column, "")
    special = compute.match_substring_regex(filled, SPECIAL)
    if alone:
        special = compute.or_(special, compute.equal(filled, text_scalar("")))
    if not compute.any(special).as_py():
        return filled
    inside = compute.replace_substring(filled, '"', '""')
    quote = text_scalar('"')
    return compute.if_else(special, compute.binary_join_element_wise(quote, inside, quote, text_scalar("")), filled)
