"""Read raw files into one table: CSV, Parquet, JSON Lines, also compressed, with an error that says which file and row is wrong."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit import delimited
from jobkit.arrow import values_of
from jobkit.columns import EXACT_INTEGER, TEXT, Column, Table, concat, date, mixed, number, seconds_of, to_frame
from jobkit.failure import JobError

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",;\t|"
SUFFIXES: Mapping[str, str] = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


class Wanted(NamedTuple):
    """Say what a reader needs to know: columns that must be there, those to read as text, and which of a file's names are not needed."""

    needed: Sequence[str] = ()
    as_text: Sequence[str] = ()
    unneeded: Callable[[Sequence[str]], Sequence[str]] = lambda names: ()


def read(folder: Path, data: Mapping[str, Any], label: str) -> pd.DataFrame:
    """Return the rows of every file in a folder as a frame; see `read_table`."""
    return to_frame(read_table(folder, data, Wanted([label])))


def read_table(folder: Path, data: Mapping[str, Any], wanted: Wanted) -> Table:
    """Return the rows of a file, or of every file in a folder in the order of the file names.

    `data` holds format, delimiter, quote, encoding and null_values. A column is numeric when all its values are, in every file.

    Raises:
        JobError: there is no file, a file is empty, has no rows, lacks a column that is needed, or cannot be read.
    """
    return read_files(files_of(folder), data, wanted)


def files_of(folder: Path) -> List[Path]:
    """Return the input files of a folder in the order of their names; hidden ones are none.

    Raises:
        JobError: there is no input file.
    """
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    if not files:
        raise JobError("there is no input file in {}".format(folder))
    return files


def read_files(files: Sequence[Path], data: Mapping[str, Any], wanted: Wanted) -> Table:
    """Return the rows of these files, in this order; see `read_table`."""
    parts = [_read_file(path, data, wanted) for path in files]
    _check_same(files, parts)
    rows = parts[0] if len(parts) == 1 else concat(parts)
    if not len(rows):
        raise JobError("{}: the file has a header and no rows".format(files[0].name))
    return rows


def _check_same(files: Sequence[Path], parts: Sequence[Table]) -> None:
    for path, part in zip(files, parts):
        differing = sorted(set(part.columns) ^ set(parts[0].columns))
        if differing:
            raise JobError("{} and {} have different columns: {!r} is in one only".format(files[0].name, path.name, differing[0]))


def _read_file(path: Path, data: Mapping[str, Any], wanted: Wanted) -> Table:
    names, arrow = FORMATS[file_format(path, data.get("format", "auto"))](path, data, wanted)
    _check_needed(path, names, wanted, data)
    columns: Dict[str, Column] = {}
    for name in names:
        if name in arrow.column_names:
            columns[name] = from_arrow(arrow.column(name), data["null_values"])
            arrow = arrow.drop([name])  # its memory is given back before the next column is made
    rows = len(next(iter(columns.values())).values) if columns else 0
    return Table(columns, np.arange(rows, dtype=np.int64))


def file_format(path: Path, given: str) -> str:
    """Return csv, parquet or jsonl: what is given, or what the name of the file says when that is `auto`."""
    if given != "auto":
        return given
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bz2", ".zst")]
    return SUFFIXES.get(suffixes[-1], "csv") if suffixes else "csv"


def _check_needed(path: Path, names: Sequence[str], wanted: Wanted, data: Mapping[str, Any]) -> None:
    for name in wanted.needed:
        if name not in names:
            raise JobError(_missing(path, names, data["delimiter"], name))


def _missing(path: Path, header: Sequence[str], delimiter: str, name: str) -> str:
    seen = [mark for mark in DELIMITERS if mark != delimiter and len(header) == 1 and mark in header[0]]
    if seen:
        return "{}: one column was found with delimiter {!r}, but the header holds {!r}. Set data.delimiter to that.".format(path.name, delimiter, seen[0])
    near = difflib.get_close_matches(name, header, 1)
    hint = " Did you mean {!r}?".format(near[0]) if near else ""
    return "{}: there is no column {!r}; got {} columns: {}.{}".format(path.name, name, len(header), ", ".join(header)[:300], hint)


def _read_parquet(path: Path, data: Mapping[str, Any], wanted: Wanted) -> Tuple[List[str], Any]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        names = [str(name) for name in parquet.read_schema(str(path)).names]
        skipped = set(wanted.unneeded(names))
        return names, parquet.read_table(str(path), columns=[name for name in names if name not in skipped])
    except (pa.ArrowInvalid, OSError) as error:
        raise JobError("{}: this is not Parquet: {}".format(path.name, str(error).splitlines()[0])) from None


def _read_jsonl(path: Path, data: Mapping[str, Any], wanted: Wanted) -> Tuple[List[str], Any]:
    import pyarrow as pa
    import pyarrow.json as json_lines

    try:
        with delimited.opened(path) as stream:
            arrow = json_lines.read_json(stream)
    except pa.ArrowInvalid as error:
        raise JobError("{}: these are not JSON Lines of flat objects: {}".format(path.name, str(error).splitlines()[0])) from None
    skipped = set(wanted.unneeded(arrow.column_names))
    return list(arrow.column_names), arrow.select([name for name in arrow.column_names if name not in skipped])


def _read_csv(path: Path, data: Mapping[str, Any], wanted: Wanted) -> Tuple[List[str], Any]:
    return delimited.read(path, data, wanted.as_text, wanted.unneeded)


FORMATS: Dict[str, Callable[[Path, Mapping[str, Any], Wanted], Tuple[List[str], Any]]] = {"csv": _read_csv, "parquet": _read_parquet, "jsonl": _read_jsonl}


# Arrow to columns


def from_arrow(array: Any, null_values: Sequence[str]) -> Column:
    """Return an Arrow column of numbers, booleans, dates or text; anything else as the text that Python prints."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _of_text(array, frozenset(null_values))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return _of_numbers(array)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _of_dates(array)
    return mixed([None if value is None else str(value) for value in array.to_pylist()])


def _of_text(array: Any, nulls: frozenset) -> Column:
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    merged = array.unify_dictionaries()
    codes = [values_of(chunk.indices.fill_null(-1)).astype(np.int32, copy=False) for chunk in merged.chunks]
    levels = merged.chunk(0).dictionary.to_pylist() if merged.num_chunks else []
    values = np.concatenate(codes) if codes else np.empty(0, dtype=np.int32)
    column = Column(TEXT, values, levels)
    return column.relabel(lambda level: None if level in nulls else level) if nulls.intersection(levels) or len(set(levels)) < len(levels) else column


def _of_numbers(array: Any) -> Column:
    import pyarrow as pa

    if pa.types.is_integer(array.type) and _too_wide(array):
        return mixed([None if value is None else str(value) for value in array.to_pylist()])
    values = np.empty(len(array))
    start = 0
    for chunk in array.chunks:
        plain = chunk.cast(pa.int8()) if pa.types.is_boolean(chunk.type) else chunk
        values[start : start + len(chunk)] = values_of(plain.cast(pa.float64(), safe=False))
        start += len(chunk)
    return number(values)


def _too_wide(array: Any) -> bool:
    """Tell whether integers exceed what float64 holds exactly; such are ids and are kept as text."""
    import pyarrow.compute as compute

    bounds = compute.min_max(array)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is not None and max(abs(low), abs(high)) >= EXACT_INTEGER


def _of_dates(array: Any) -> Column:
    import pyarrow as pa

    stamps = array.cast(pa.timestamp("us")).cast(pa.int64())
    pieces = [np.where(values_of(chunk.is_null()), np.nan, seconds_of(values_of(chunk.fill_null(0)))) for chunk in stamps.chunks]
    return date(np.concatenate(pieces) if pieces else np.empty(0))
