"""Read the rows of a CSV request: few with the csv module, many with Arrow into a table, alike to the last bit."""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.columns import NUMBER, Table
from jobkit.serving.columns_given import Known, as_written, check_names, expected, is_header, layout
from jobkit.serving.given import MANY, Given
from jobkit.serving.refusal import RequestError

BOM = b"\xef\xbb\xbf"
WHERE = "the CSV body"


class Start(NamedTuple):
    """Hold what the first row tells: the names of the columns, whether they stand in it, and the delimiter."""

    names: Tuple[str, ...]
    header: bool
    delimiter: str


def read(body: bytes, header: Optional[str], columns: Known, source: Mapping[str, Any], nulls: Any) -> Given:
    """Return the rows of a body; `header` is present, absent, or None for what the first row tells.

    Raises:
        RequestError: the body is no CSV in UTF-8, or its columns are not those of the model.
    """
    body = body[len(BOM) :] if body.startswith(BOM) else body
    if body.count(b"\n") > MANY:
        return _many(body, header, columns, source, nulls)
    text = _decoded(body)
    start, cells = _cut(text, _marks(source), header, columns, source)
    width = len(start.names)
    if any([len(row) != width for row in cells]):
        raise _ragged(cells, start, columns)
    rows = [dict(zip(start.names, row)) for row in (cells[1:] if start.header else cells)]
    return Given(rows, header=start.header)


def _cut(text: str, marks: Sequence[str], header: Optional[str], columns: Known, source: Mapping[str, Any]) -> Tuple[Start, List[List[str]]]:
    """Return what the first row tells, and all rows; the text is cut once where there is one delimiter that it may have."""
    if len(marks) > 1:
        start = _start(_firsts(text, marks, source), header, columns)
        return start, _cells(text, start.delimiter, source)
    cells = _cells(text, marks[0], source)
    return _start({marks[0]: cells[0] if cells else []}, header, columns), cells


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise RequestError("{}: byte {:#04x} in line {} is not UTF-8".format(WHERE, body[error.start], line)) from None


def _rows(text: str, delimiter: str, source: Mapping[str, Any]) -> Iterator[List[str]]:
    quote = source.get("quote", '"')
    options: Dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **options)
    except csv.Error as error:
        raise RequestError("{}: {}".format(WHERE, error)) from None


def _cells(text: str, mark: str, source: Mapping[str, Any]) -> List[List[str]]:
    return [row for row in _rows(text, mark, source) if row]


def _firsts(text: str, marks: Sequence[str], source: Mapping[str, Any]) -> Dict[str, List[str]]:
    """Return the first row, as each delimiter cuts it."""
    return {mark: next((row for row in _rows(text, mark, source) if row), []) for mark in marks}


def _marks(source: Mapping[str, Any]) -> List[str]:
    """Return the delimiters that a body may have: that of the training data, and the comma."""
    return list(dict.fromkeys((source.get("delimiter") or ",", ",")))


def _start(firsts: Mapping[str, List[str]], header: Optional[str], columns: Known) -> Start:
    """Return what the first row tells, given as cut by each delimiter."""
    marks = list(firsts)
    if not firsts[marks[0]]:
        raise RequestError("{}: it holds no row".format(WHERE))
    for mark, cells in firsts.items():
        if header == "present" or (header is None and is_header(columns, cells)):
            if len(marks) > 1 and not is_header(columns, cells):
                continue
            named = as_written(columns, cells)
            check_names(columns, named, "the header of the CSV body")
            return Start(tuple(named), True, mark)
    fitting = [mark for mark, cells in firsts.items() if len(cells) in columns.layouts]
    mark = (fitting or marks)[0]
    if header == "present":
        named = as_written(columns, firsts[mark])
        check_names(columns, named, "the header of the CSV body")
        return Start(tuple(named), True, mark)
    return Start(layout(columns, len(firsts[mark]), "{}, row 1".format(WHERE)), False, mark)


def _ragged(cells: List[List[str]], start: Start, columns: Known) -> RequestError:
    place, row = next((place, row) for place, row in enumerate(cells) if len(row) != len(start.names))
    wanted = "{}, as the header has".format(len(start.names)) if start.header else expected(columns)
    return RequestError("{}, row {}: got {} values; expected {}".format(WHERE, place + (not start.header), len(row), wanted))


def _many(body: bytes, header: Optional[str], columns: Known, source: Mapping[str, Any], nulls: Any) -> Given:
    import pyarrow as pa

    start = _start(_firsts(_head(body, source), _marks(source), source), header, columns)
    try:
        try:
            arrow = _arrow(body, start, columns, source, nulls, pa.float64())
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error).lower() or "utf8" in str(error).lower():
                raise
            arrow = _arrow(body, start, columns, source, nulls, pa.dictionary(pa.int32(), pa.string()))
    except pa.ArrowInvalid as error:
        raise _told(body, start, columns, source, error) from None
    from jobkit.table import from_arrow

    made = {name: from_arrow(arrow.column(name), nulls) for name in arrow.column_names}
    return Given(table=Table(made, np.arange(arrow.num_rows, dtype=np.int64)), header=start.header, names=(start.names,))


def _head(body: bytes, source: Mapping[str, Any]) -> str:
    """Return the beginning of a body that holds its first row in full."""
    quote, end = (source.get("quote") or "\0").encode(), 0
    while True:
        end = body.find(b"\n", end) + 1
        head = body[: end or len(body)]
        if not end or (head.count(quote) % 2 == 0 and head.strip()):
            return _decoded(head)


def _arrow(body: bytes, start: Start, columns: Known, source: Mapping[str, Any], nulls: Any, numeric: Any) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text, quote = pa.dictionary(pa.int32(), pa.string()), source.get("quote", '"')
    needed = [name for name in start.names if name in columns.kinds]
    types = {name: numeric if columns.kinds[name] == NUMBER else text for name in needed}
    reading = arrow_csv.ReadOptions(column_names=list(start.names), skip_rows_after_names=int(start.header), block_size=1 << 21)
    parsing = arrow_csv.ParseOptions(delimiter=start.delimiter, quote_char=quote or False, newlines_in_values=bool(quote) and quote.encode() in body)
    converting = arrow_csv.ConvertOptions(
        column_types=types, include_columns=needed or list(start.names), null_values=list(nulls), strings_can_be_null=True, check_utf8=True
    )
    return arrow_csv.read_csv(pa.BufferReader(pa.py_buffer(body)), reading, parsing, converting)


def _told(body: bytes, start: Start, columns: Known, source: Mapping[str, Any], error: Exception) -> RequestError:
    cells = _cells(_decoded(body), start.delimiter, source)
    if any(len(row) != len(start.names) for row in cells):
        return _ragged(cells, start, columns)
    return RequestError("{}: {}".format(WHERE, str(error).splitlines()[0]))
