"""Read the data set that is analysed: CSV, JSON Lines or Parquet, one file or all below a folder, each column by itself."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from jobkit.failure import JobError
from jobkit.monitor.cells import Cells, cells

BLOCK_BYTES = 1 << 24
DATA = "the data set"


class Rows(NamedTuple):
    """Hold a data set: the names of its columns, what each of them holds, and the number of its rows."""

    names: Tuple[str, ...]
    columns: Tuple[Cells, ...]
    item_count: int


def rows(table: Any) -> Rows:
    """Return an Arrow table's columns.

    Raises:
        JobError: there are no rows, or a column holds lists or objects.
    """
    if not table.num_rows:
        raise JobError("{}: it has no rows; nothing can be said of it. Give a data set or captured records with at least one row".format(DATA))
    _check_flat(table)
    return Rows(tuple(table.column_names), tuple(cells(_whole(table.column(place))) for place in range(table.num_columns)), table.num_rows)


def _whole(column: Any) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    known = (pa.types.is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    column = column if any(is_kind(kind) for is_kind in known) else column.cast(pa.string())
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _check_flat(table: Any) -> None:
    import pyarrow as pa

    for name, kind in zip(table.column_names, table.schema.types):
        if pa.types.is_nested(kind):
            told = "{}: the column {!r} holds {}; got nested values, expected one value a cell. Flatten them with a record preprocessor script"
            raise JobError(told.format(DATA, name, kind))


def from_columns(names: Sequence[str], columns: Mapping[str, List[Any]]) -> Any:
    """Return an Arrow table of lists of text and None (or of numbers, when all of a list's values are); numbers among texts become text."""
    import pyarrow as pa

    return pa.table([_array(columns[name]) for name in names], names=list(names))


def _array(values: List[Any]) -> Any:
    import pyarrow as pa

    values = [None if value != value else value for value in values]
    kinds = {type(value) for value in values if value is not None}
    plain: Mapping[Any, Any] = {float: pa.float64(), bool: pa.bool_()}
    if len(kinds) == 1 and kinds <= set(plain):
        return pa.array(values, plain[next(iter(kinds))])
    return pa.array([value if value is None or isinstance(value, str) else as_text(value) for value in values], pa.string())


def as_text(value: Any) -> str:
    """Return a JSON value as the text that a CSV file would hold."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(files: Sequence[Path], form: Mapping[str, Any]) -> Any:
    """Return the rows of these files, one after the other, as an Arrow table; `form` is the service's dataset_format.

    Raises:
        JobError: the format is unknown, or a file is not of it.
    """
    import pyarrow as pa

    kind = next((name for name in form if name in FORMATS), None)
    if kind is None:
        raise JobError('dataset_format: got {}; expected one of {}. Set it, e.g. to {{"csv": {{"header": true}}}}'.format(sorted(form), sorted(FORMATS)))
    tables = []
    for path in files:
        try:
            tables.append(FORMATS[kind](path, form[kind] or {}))
        except (pa.ArrowInvalid, UnicodeDecodeError, csv.Error, OSError) as error:
            raise JobError("{}: this is not {}: {}".format(path.name, kind, str(error).splitlines()[0])) from None
    _check_same(files, tables)
    try:
        return pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise JobError("{}: its files do not fit together: {}".format(DATA, str(error).splitlines()[0])) from None


def _check_same(files: Sequence[Path], tables: Sequence[Any]) -> None:
    for path, table in zip(files, tables):
        if table.column_names != tables[0].column_names:
            differing = sorted(set(table.column_names) ^ set(tables[0].column_names)) or ["their order"]
            raise JobError("{} and {}: got different columns: {}; expected the same in every file".format(files[0].name, path.name, differing[0]))


def _read_csv(path: Path, options: Mapping[str, Any]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    raw = path.read_bytes()
    first = first_row(raw)
    if not first:
        return pa.table({})
    header = bool(options.get("header", False))
    numbered = ["column {}".format(place) for place in range(len(first))]
    reading = arrow_csv.ReadOptions(column_names=numbered, skip_rows_after_names=int(header), block_size=BLOCK_BYTES)
    parsing = arrow_csv.ParseOptions(newlines_in_values=b'"' in raw)
    converting = arrow_csv.ConvertOptions(column_types=dict.fromkeys(numbered, pa.string()), null_values=[""], strings_can_be_null=True)
    table = arrow_csv.read_csv(pa.BufferReader(raw), reading, parsing, converting)
    return table.rename_columns(header_names(first) if header else unnamed(len(first)))


def first_row(raw: bytes) -> List[str]:
    """Return the cells of the first row that has any; none of an empty file."""
    end = 0
    while True:
        end = raw.find(b"\n", end) + 1
        head = raw[: end or len(raw)]
        if not end or (head.count(b'"') % 2 == 0 and head.strip()):
            return next((row for row in csv.reader(io.StringIO(head.decode("utf-8-sig"), newline="")) if row), [])


def unnamed(count: int) -> List[str]:
    """Return the names that Spark gives to columns without a header."""
    return ["_c{}".format(place) for place in range(count)]


def header_names(cells_: Sequence[str]) -> List[str]:
    """Return a header's names as Spark's CSV reader makes them usable: `_c<place>` for an empty one, the place appended to one that stands there twice."""
    folded = [name.lower() for name in cells_]
    twice = {name for name in folded if folded.count(name) > 1}
    return ["{}{}".format(name, place) if name.lower() in twice and name else name or "_c{}".format(place) for place, name in enumerate(cells_)]


def _read_json(path: Path, options: Mapping[str, Any]) -> Any:
    import pyarrow as pa
    import pyarrow.json as json_lines

    if not path.read_bytes().strip():
        return pa.table({})
    return json_lines.read_json(str(path))


def _read_parquet(path: Path, options: Mapping[str, Any]) -> Any:
    import pyarrow.parquet as parquet

    return parquet.read_table(str(path), use_threads=False)


FORMATS: Dict[str, Callable[[Path, Mapping[str, Any]], Any]] = {"csv": _read_csv, "json": _read_json, "parquet": _read_parquet}


def files_of(place: Path, what: str) -> List[Path]:
    """Return a file, or the files below a folder in the order of their paths; hidden ones are none.

    Raises:
        JobError: there is none.
    """
    found = [place] if place.is_file() else sorted(path for path in _below(place) if path.is_file())
    if not found:
        raise JobError("{}: there is no file in {}".format(what, place))
    return found


def _below(place: Path) -> Iterable[Path]:
    return (path for path in place.rglob("*") if not path.name.startswith((".", "_")))
