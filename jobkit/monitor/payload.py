"""Take apart one side of a captured record: rows of cells, by name where the payload names them."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from jobkit.monitor.cells import PART, WHOLE
from jobkit.monitor.rows import as_text

Cell = Optional[str]
# One row: cells by place, or by name.
Row = Union[List[Cell], Dict[str, Cell]]
# Where a JSON document keeps its rows when it is no row itself.
LISTS = ("instances", "predictions", "Input", "inputs", "outputs", "data")
ROW = "features"


class Unreadable(ValueError):
    """Say why a payload cannot be taken apart."""


def rows(side: Mapping[str, Any]) -> List[Row]:
    """Return the rows of a side of a record; an empty cell and JSON's null are None.

    Raises:
        Unreadable: encoding and data do not fit, the content type is none that is known, or values are nested.
    """
    data, encoding = side.get("data"), side.get("encoding")
    if not isinstance(data, str) or not isinstance(encoding, str) or encoding not in ENCODINGS:
        raise Unreadable("got encoding {!r} and data of type {}; expected text in {}".format(encoding, type(data).__name__, ", ".join(ENCODINGS)))
    return ENCODINGS[encoding](data, str(side.get("observedContentType") or ""))


def _csv(text: str, content_type: str) -> List[Row]:
    try:
        return [[cell or None for cell in row] for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True) if row]
    except csv.Error as error:
        raise Unreadable("the CSV cannot be read: {}".format(error)) from None


def _json(text: str, content_type: str) -> List[Row]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if "lines" in content_type or "\n" in text.strip():
            return _json_lines(text, content_type)
        raise Unreadable("the JSON cannot be read: {}".format(error)) from None
    return [_row(item) for item in _items(document)]


def _json_lines(text: str, content_type: str) -> List[Row]:
    try:
        items = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise Unreadable("the JSON Lines cannot be read: {}".format(error)) from None
    return [_row(item) for item in items]


def _items(document: Any) -> Sequence[Any]:
    if isinstance(document, dict):
        below = next((document[name] for name in LISTS if isinstance(document.get(name), list)), None)
        return [document] if below is None else below
    if isinstance(document, list) and any(isinstance(item, (list, dict)) for item in document):
        return document
    return [document]


def _row(item: Any) -> Row:
    if isinstance(item, dict) and isinstance(item.get(ROW), list):
        item = item[ROW]
    if isinstance(item, dict):
        return dict(_named(item, ""))
    return [_cell(value) for value in (item if isinstance(item, list) else [item])]


def _named(item: Mapping[str, Any], before: str) -> Iterator[Tuple[str, Cell]]:
    """Yield an object's values by name; those of an object in it by both names: `probabilities_yes`."""
    for name, value in item.items():
        if isinstance(value, dict):
            yield from _named(value, before + name + "_")
        else:
            yield before + name, _cell(value)


def _cell(value: Any) -> Cell:
    if isinstance(value, (list, dict)):
        raise Unreadable("a cell holds a {}; expected one value. Flatten it with a record preprocessor script".format(type(value).__name__))
    return None if value is None or value == "" or value != value else as_text(value)


def _base64(data: str, content_type: str) -> List[Row]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise Unreadable("the content type is {!r}; expected one of {}".format(kind, ", ".join(KINDS)))
    try:
        raw = base64.b64decode(data, validate=True)
        return _parquet(raw) if KINDS[kind] is None else KINDS[kind](raw.decode("utf-8"), kind)
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unreadable("the BASE64 data is no text: {}".format(error)) from None


def _parquet(raw: bytes) -> List[Row]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        return [_row(item) for item in parquet.read_table(pa.BufferReader(raw), use_threads=False).to_pylist()]
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable("the Parquet cannot be read: {}".format(str(error).splitlines()[0])) from None


Reader = Callable[[str, str], List[Row]]
ENCODINGS: Mapping[str, Reader] = {"CSV": _csv, "JSON": _json, "BASE64": _base64}
# Content types that are read out of BASE64; None is Parquet, which is no text.
KINDS: Mapping[str, Any] = {
    "text/csv": _csv,
    "application/json": _json,
    **dict.fromkeys(("application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson"), _json_lines),
    **dict.fromkeys(("application/x-parquet", "application/vnd.apache.parquet")),
}


def split_header(found: List[Row], names: Sequence[str], content_type: str) -> List[Row]:
    """Return rows by name where the first of them is a header: where `header=present` says so, or all of its cells are names of columns that are known."""
    parameters = [part.strip().lower() for part in content_type.split(";")[1:]]
    first = found[0] if found else None
    if not isinstance(first, list) or "header=absent" in parameters or not _distinct(first):
        return found
    if "header=present" in parameters or (names and all(cell in set(names) for cell in first)):
        return _by_name(first, found[1:])
    return found


def agree(sides: Mapping[str, List[Row]]) -> Dict[str, List[Row]]:
    """Return the sides of a record, the first row of one that has exactly one row more than the others taken for a header when it holds no number."""
    least = min((len(found) for found in sides.values()), default=0)
    return {name: _by_name(found[0], found[1:]) if len(found) == least + 1 and _header(found[0]) else found for name, found in sides.items()}


def _header(row: Row) -> bool:
    return isinstance(row, list) and _distinct(row) and not any(re.match(WHOLE, str(cell)) or re.match(PART, str(cell)) for cell in row)


def _distinct(row: List[Cell]) -> bool:
    return all(row) and len(set(row)) == len(row)


def _by_name(first: Row, rest: List[Row]) -> List[Row]:
    return [dict(zip(map(str, first), row)) if isinstance(row, list) else row for row in rest]
