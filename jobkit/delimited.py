"""Read a CSV file: every byte is looked at first, the types are those of all values, and an error names file and line."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from jobkit.failure import JobError

EXACT_INTEGER = 2.0**53
CELL_BYTES = 1048576
BLOCK_BYTES = 1 << 20
READ_BYTES = 1 << 23


class Looked(NamedTuple):
    """Hold what a look at the bytes found: whether the quote occurs (so cells may hold line breaks), and the number of bytes."""

    quoted: bool
    size_bytes: int


def opened(path: Path) -> Any:
    """Return a file as a stream of its decompressed bytes; the compression goes by the name (.gz, .bz2, .zst)."""
    import pyarrow as pa

    return pa.input_stream(str(path), compression="detect", buffer_size=BLOCK_BYTES)


def read(path: Path, data: Mapping[str, Any], as_text: Sequence[str], unneeded: Callable[[Sequence[str]], Sequence[str]]) -> Tuple[List[str], Any]:
    """Return the names in the header and an Arrow table of the columns that are needed: numbers, booleans, and dictionaries of text.

    Raises:
        JobError: the file is not CSV of this kind.
    """
    try:
        looked = look(path, data)
        names = header(path, data)
        skipped = set(unneeded(names))
        return names, _parse(path, data, looked, names, [name for name in names if name not in skipped], set(as_text))
    except (OSError, EOFError) as error:
        raise JobError("{}: the file cannot be read: {}".format(path.name, error)) from None


def look(path: Path, data: Mapping[str, Any]) -> Looked:
    """Look at the raw bytes once: no empty file, no NUL, no line that grows past the size of a cell."""
    size, since_break, quoted = 0, 0, False
    wide = data["encoding"].lower().startswith(("utf-16", "utf-32"))
    quote = data.get("quote", '"').encode()
    with opened(path) as handle:
        while True:
            block = handle.read(BLOCK_BYTES)
            if not block:
                break
            first, last = block.find(b"\n"), block.rfind(b"\n")
            longest = since_break + (len(block) if first < 0 else first)
            if longest > CELL_BYTES:
                line = _line_at(path, size - since_break)
                raise JobError("{}: line {} is longer than {} bytes; expected rows of a table".format(path.name, line, CELL_BYTES))
            if b"\0" in block and not wide:
                line = _line_at(path, size + block.index(b"\0"))
                raise JobError("{}: the file holds a NUL byte in line {}; it is not text".format(path.name, line))
            quoted = quoted or bool(quote) and quote in block
            since_break = len(block) - last - 1 if last >= 0 else longest
            size += len(block)
    if size == 0:
        raise JobError("{}: the file is empty; expected a header and rows".format(path.name))
    return Looked(quoted, size)


def _line_at(path: Path, position: int) -> int:
    """Return the number of the line, 1 first, that holds the byte at this position."""
    line = 1
    with opened(path) as handle:
        for start in range(0, position, BLOCK_BYTES):
            line += handle.read(min(BLOCK_BYTES, position - start)).count(b"\n")
    return line


def header(path: Path, data: Mapping[str, Any]) -> List[str]:
    """Return the names in the first row, or those of `data["columns"]` for files that have no header.

    Raises:
        JobError: it cannot be read, or a name stands twice in it.
    """
    if data.get("columns"):
        return list(data["columns"])
    try:
        with opened(path) as stream:
            names = next(_cells(stream, data), [])
    except UnicodeDecodeError as error:
        raise JobError(_bad_byte(path, error.encoding)) from None
    except (csv.Error, LookupError) as error:
        raise JobError("{}: the header cannot be read: {}".format(path.name, error)) from None
    names = [name.lstrip("\ufeff") for name in names]
    twice = sorted(name for name in set(names) if names.count(name) > 1)
    if twice:
        raise JobError("{}: the column {!r} stands twice in the header; give every column a name of its own".format(path.name, twice[0]))
    return names


def _cells(stream: Any, data: Mapping[str, Any]) -> Any:
    """Return a csv.reader over a stream of bytes."""
    quote = data.get("quote", '"')
    quoting: Dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    lines = io.TextIOWrapper(io.BufferedReader(stream, BLOCK_BYTES), encoding=data["encoding"], newline="")
    return csv.reader(lines, delimiter=data["delimiter"], **quoting)


def _parse(path: Path, data: Mapping[str, Any], looked: Looked, names: List[str], needed: List[str], as_text: set) -> Any:
    """Read with the types of the first block; where a later value does not fit them, read all as text and decide by all the values."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    types, empty = _types(path, data, looked, names, needed, as_text)
    try:
        arrow = _settled(_read(path, data, looked, names, needed, types), empty)
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise JobError(_told(path, data, names, error)) from None
        numeric = [name for name in needed if types[name] != text] + empty
        arrow = _settled(_read(path, data, looked, names, needed, dict.fromkeys(needed, text)), numeric)
    return _exact(path, data, looked, names, arrow)


def _types(path: Path, data: Mapping[str, Any], looked: Looked, names: List[str], needed: List[str], as_text: set) -> Tuple[Dict[str, Any], List[str]]:
    """Return the Arrow type of each column by the first block, and the columns that are empty there; dates are left as text, which the recipe reads."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        with opened(path) as stream, arrow_csv.open_csv(stream, *_options(data, looked, names, needed, {})) as reader:
            found = {field.name: str(field.type) for field in reader.schema}
    except pa.ArrowInvalid as error:
        raise JobError(_told(path, data, names, error)) from None
    numeric = {"int64": pa.float64(), "double": pa.float64(), "bool": pa.bool_()}
    text = pa.dictionary(pa.int32(), pa.string())
    types = {name: text if name in as_text else numeric.get(found[name], text) for name in needed}
    return types, [name for name in needed if found[name] == "null" and name not in as_text]


def _exact(path: Path, data: Mapping[str, Any], looked: Looked, names: List[str], arrow: Any) -> Any:
    """Return the table with whole numbers that float64 does not hold exactly read again as text: they are ids."""
    import pyarrow as pa
    import pyarrow.compute as compute

    doubles = [name for name in arrow.column_names if pa.types.is_float64(arrow.column(name).type)]
    bounds = {name: compute.min_max(arrow.column(name)).as_py() for name in doubles}
    wide = [name for name, found in bounds.items() if max(abs(found["min"] or 0.0), abs(found["max"] or 0.0)) >= EXACT_INTEGER]
    if not wide:
        return arrow
    again = _read(path, data, looked, names, wide, dict.fromkeys(wide, pa.dictionary(pa.int32(), pa.string())))
    for name in wide:
        levels = again.column(name).unify_dictionaries().chunk(0).dictionary.to_pylist()
        if all(level.strip().lstrip("+-").isdigit() for level in levels):
            arrow = arrow.set_column(arrow.column_names.index(name), name, again.column(name))
    return arrow


def _options(data: Mapping[str, Any], looked: Looked, names: List[str], needed: List[str], types: Mapping[str, Any]) -> Tuple[Any, Any, Any]:
    from pyarrow import csv as arrow_csv

    quote = data.get("quote", '"')
    block = max(READ_BYTES, 4 * CELL_BYTES)
    header_rows = 0 if data.get("columns") else 1
    reading = arrow_csv.ReadOptions(column_names=names, skip_rows_after_names=header_rows, encoding=data["encoding"], block_size=block)
    parsing = arrow_csv.ParseOptions(delimiter=data["delimiter"], quote_char=quote or False, newlines_in_values=looked.quoted, ignore_empty_lines=True)
    converting = arrow_csv.ConvertOptions(
        column_types=dict(types), include_columns=needed, null_values=list(data["null_values"]), strings_can_be_null=True, check_utf8=True
    )
    return reading, parsing, converting


def _read(path: Path, data: Mapping[str, Any], looked: Looked, names: List[str], needed: List[str], types: Mapping[str, Any]) -> Any:
    from pyarrow import csv as arrow_csv

    reading, parsing, converting = _options(data, looked, names, needed, types)
    with opened(path) as stream:
        return arrow_csv.read_csv(stream, reading, parsing, converting)


def _settled(arrow: Any, numeric: Sequence[str]) -> Any:
    """Return the table with the columns that seemed numeric at first turned into numbers where all values are."""
    import pyarrow as pa

    for name in numeric:
        merged = arrow.column(name).unify_dictionaries()
        try:
            chunks = [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.float64())).dictionary_decode() for chunk in merged.chunks]
        except pa.ArrowInvalid:
            continue
        arrow = arrow.set_column(arrow.column_names.index(name), name, pa.chunked_array(chunks, pa.float64()))
    return arrow


def _told(path: Path, data: Mapping[str, Any], names: Sequence[str], error: Exception) -> str:
    """Return an error of Arrow in our words."""
    said = str(error).splitlines()[0]
    if "utf8" in said.lower() or "utf-8" in said.lower():
        return _bad_byte(path, data["encoding"])
    if "Expected" in said and "columns" in said:
        return _ragged(path, data, len(names))
    return "{}: this is not CSV with delimiter {!r}: {}".format(path.name, data["delimiter"], said)


def _ragged(path: Path, data: Mapping[str, Any], expected: int) -> str:
    """Name the first line that has another number of cells than the header."""
    with opened(path) as stream:
        reader = _cells(stream, data)
        found, before = 0, 0
        for cells in reader:
            if cells and len(cells) != expected:
                found = len(cells)
                break
            before = reader.line_num
    return "{}: line {} has {} cells with delimiter {!r}; expected {}, as the header has. Mend that line, or set data.delimiter or data.quote".format(
        path.name, before + 1, found, data["delimiter"], expected
    )


def _bad_byte(path: Path, encoding: str) -> str:
    """Name line and byte of what is not text in the expected encoding."""
    with opened(path) as stream:
        raw = stream.read()
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as exact:
        line = raw.count(b"\n", 0, exact.start) + 1
        return "{}: byte {:#04x} in line {} is not {}; set data.encoding, e.g. latin-1, or mend the file".format(
            path.name, raw[exact.start], line, exact.encoding
        )
    return "{}: the file is not {}; set data.encoding, e.g. latin-1, or mend the file".format(path.name, encoding)
