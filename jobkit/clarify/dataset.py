"""Read the rows to analyse, CSV, Parquet, JSON Lines or JSON, and say which column plays which part."""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit import delimited
from jobkit.arrow import values_of
from jobkit.clarify import records
from jobkit.clarify.config import CSV, FILE, JSON, JSON_LINES, PARQUET, Column, Config
from jobkit.failure import JobError

# What pandas, which the service reads with, takes for a missing value.
NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
DIALECT: Mapping[str, Any] = {"encoding": "utf-8", "delimiter": ",", "null_values": NULLS}


class Coded(NamedTuple):
    """Hold a column of text as places (int32, shape (rows,), -1 where missing) among its distinct `levels`."""

    places: np.ndarray
    levels: Tuple[str, ...]


class Dataset(NamedTuple):
    """Hold rows by columns: float64 (NaN = missing) where all values are numbers, else objects (str, or None = missing), each of shape (rows,).

    `header` tells whether the file brought the names; without any they are column_0, column_1 …. `coded` has columns of text as codes, where the file did.
    """

    names: Tuple[str, ...]
    columns: Dict[str, np.ndarray]
    rows: int
    header: bool
    coded: Mapping[str, Coded] = {}


class Roles(NamedTuple):
    """Name the columns that play a part; `features` are what the model is sent, in the order of the data."""

    label: Optional[str]
    predicted: Optional[str]
    group: Optional[str]
    facets: Tuple[str, ...]
    features: Tuple[str, ...]


def read(config: Config, folder: Path, facet: Optional[Path] = None, predicted: Optional[Path] = None) -> Dataset:
    """Return the rows in a folder; facets and predicted labels that lie in folders of their own are joined by `joinsource`, else by the order of the rows.

    Raises:
        JobError: there is no file, a file cannot be read, or the parts do not fit each other.
    """
    rows = read_folder(config, folder)
    sides: Sequence[Tuple[str, Optional[str], Optional[Path], Tuple[str, ...]]] = (
        ("facet_dataset_uri", config.facet_dataset_uri, facet, config.facet_headers),
        ("predicted_label_dataset_uri", config.predicted_label_dataset_uri, predicted, config.predicted_label_headers),
    )
    for key, uri, place, headers in sides:
        if uri is not None and place is not None:
            plain = Config(dataset_type=config.dataset_type, headers=headers)
            rows = _joined(rows, read_folder(plain, place), config.joinsource, key)
    return rows


def read_folder(config: Config, folder: Path) -> Dataset:
    """Return the rows of every file of a folder, in the order of the names.

    Raises:
        JobError: there is no file with rows, or one cannot be read.
    """
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    if not files:
        raise JobError("there is no file in the input `{}`; expected the data to analyse".format(folder.name))
    parts = [READERS[config.dataset_type](config, path) for path in files]
    for path, part in zip(files, parts):
        if part.names != parts[0].names:
            told = "{} and {} have different columns: {} and {}"
            raise JobError(told.format(files[0].name, path.name, ", ".join(parts[0].names)[:200], ", ".join(part.names)[:200]))
    rows = parts[0] if len(parts) == 1 else _appended(parts)
    if not rows.rows:
        raise JobError("{}: there are no rows to analyse".format(files[0].name))
    return rows


def _appended(parts: Sequence[Dataset]) -> Dataset:
    columns = {}
    for name in parts[0].names:
        pieces = [part.columns[name] for part in parts]
        numeric = all(piece.dtype.kind == "f" or all(value is None for value in piece) for piece in pieces)
        columns[name] = np.concatenate([piece.astype(np.float64) for piece in pieces] if numeric else [as_text(piece) for piece in pieces])
    return Dataset(parts[0].names, columns, sum(part.rows for part in parts), parts[0].header)


def as_text(values: np.ndarray) -> np.ndarray:
    """Return a column as objects: text, whole numbers without a point, None where missing."""
    if values.dtype.kind != "f":
        return values
    return np.array([None if value != value else number_text(value) for value in values.tolist()], dtype=object)


def number_text(value: float) -> str:
    """Return a number as a value's name: 2 and not 2.0."""
    return str(int(value)) if value.is_integer() and abs(value) < delimited.EXACT_INTEGER else repr(value)


# Formats


def _read_csv(config: Config, path: Path) -> Dataset:
    first = _first_row(path)
    header = list(config.headers) == first if config.headers else _looks_named(first)
    names = first if header else list(config.headers) or ["column_{}".format(place) for place in range(len(first))]
    _check_width(path, names, len(first))
    names, arrow = delimited.read(path, DIALECT if header else {**DIALECT, "columns": names}, (), lambda names: ())
    return _of_arrow(tuple(names), arrow, header)


def _first_row(path: Path) -> List[str]:
    try:
        with delimited.opened(path) as stream:
            lines = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
            return next((row for row in csv.reader(lines) if row), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise JobError("{}: this is not CSV in UTF-8: {}".format(path.name, error)) from None


def _looks_named(cells: Sequence[str]) -> bool:
    """Tell whether a first row holds names: none of its cells is empty or a number, and none stands twice."""
    return bool(cells) and len(set(cells)) == len(cells) and not any(cell in NULLS or records.is_number(cell) for cell in cells)


def _check_width(path: Path, names: Sequence[str], width: int) -> None:
    if len(names) != width:
        raise JobError("{}: headers: got {} names, expected {}, as many as {} has columns".format(FILE, len(names), width, path.name))
    _check_twice(names)


def _check_twice(names: Sequence[str]) -> None:
    twice = sorted(name for name in set(names) if list(names).count(name) > 1)
    if twice:
        raise JobError("{}: headers: {!r} stands twice; give every column a name of its own".format(FILE, twice[0]))


def _read_parquet(config: Config, path: Path) -> Dataset:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        arrow = parquet.read_table(str(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise JobError("{}: this is not Parquet: {}".format(path.name, str(error).splitlines()[0])) from None
    if config.headers:
        _check_width(path, config.headers, arrow.num_columns)
        arrow = arrow.rename_columns(list(config.headers))
    return _of_arrow(tuple(arrow.column_names), arrow, True)


def _of_arrow(names: Tuple[str, ...], arrow: Any, header: bool) -> Dataset:
    columns: Dict[str, np.ndarray] = {}
    coded: Dict[str, Coded] = {}
    for name in names:
        array = arrow.column(name)
        if is_numeric(array.type):
            columns[name] = numbers(array)
        else:
            coded[name] = codes(array)
            columns[name] = decoded(coded[name])
    return Dataset(names, columns, arrow.num_rows, header, coded)


def is_numeric(kind: Any) -> bool:
    """Tell whether an Arrow type becomes numbers: integers, fractions, decimals, booleans, and what is all missing."""
    import pyarrow.types as types

    return any(test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null))


def numbers(array: Any) -> np.ndarray:
    """Return a numeric Arrow column as float64, NaN where missing."""
    import pyarrow as pa

    plain = array.cast(pa.int8()) if pa.types.is_boolean(array.type) else array
    return values_of(plain.cast(pa.float64(), safe=False))


def codes(array: Any) -> Coded:
    """Return an Arrow column of text as codes; dates and the rest as the text that Arrow writes."""
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string()).dictionary_encode()
    merged = array.unify_dictionaries()
    levels = merged.chunk(0).dictionary.cast(pa.string()).to_pylist() if merged.num_chunks else []
    pieces = [values_of(chunk.indices.fill_null(-1)) for chunk in merged.chunks]
    return Coded(np.concatenate(pieces).astype(np.int32, copy=False) if pieces else np.zeros(0, dtype=np.int32), tuple(levels))


def decoded(column: Coded) -> np.ndarray:
    """Return codes as objects (str, None)."""
    return np.array([*column.levels, None], dtype=object)[column.places]


def _read_records(config: Config, path: Path) -> Dataset:
    names, columns, rows = records.READERS[config.dataset_type](config, path)
    _check_twice(names)
    return Dataset(tuple(names), columns, rows, not config.headers)


READERS: Mapping[str, Callable[[Config, Path], Dataset]] = {CSV: _read_csv, PARQUET: _read_parquet, JSON_LINES: _read_records, JSON: _read_records}


# Joining


def _joined(rows: Dataset, side: Dataset, source: Optional[Column], key: str) -> Dataset:
    if source is None:
        if side.rows != rows.rows:
            told = "{}: {}: got {} rows, expected {} as in the data; name joinsource_name_or_index to join them by a column"
            raise JobError(told.format(FILE, key, side.rows, rows.rows))
        order = np.arange(rows.rows)
        new = side.names
    else:
        name = column(rows, source, "joinsource_name_or_index")
        order, new = _order(rows.columns[name], side, name, key), tuple(other for other in side.names if other != name)
    clash = sorted(set(new) & set(rows.names))
    if clash:
        raise JobError("{}: {}: its column {!r} stands in the data, too; give it another name".format(FILE, key, clash[0]))
    return Dataset(rows.names + new, {**rows.columns, **{name: side.columns[name][order] for name in new}}, rows.rows, rows.header)


def _order(wanted: np.ndarray, side: Dataset, name: str, key: str) -> np.ndarray:
    """Return the place in `side` of each value of the join column (int64, shape (rows,))."""
    keys = side.columns[column(side, name, key)]
    places = {value: place for place, value in enumerate(as_text(keys).tolist())}
    if len(places) != len(keys):
        raise JobError("{}: {}: the join column {!r} holds a value twice; expected one row for each".format(FILE, key, name))
    found = [places.get(value, -1) for value in as_text(wanted).tolist()]
    if -1 in found:
        raise JobError("{}: {}: there is no row with {} = {!r}".format(FILE, key, name, as_text(wanted)[found.index(-1)]))
    return np.array(found, dtype=np.int64)


# Parts that columns play


def column(rows: Dataset, given: Column, key: str) -> str:
    """Return the name of a column given by name or by place from 0; a number that is no name is a place, too.

    Raises:
        JobError: there is none; the message names the key, the columns there are, and the nearest.
    """
    if isinstance(given, str) and given in rows.columns:
        return given
    if isinstance(given, int) and given < len(rows.names):
        return rows.names[given]
    near = difflib.get_close_matches(str(given), rows.names, 1, 0.5)
    hint = " Did you mean {!r}?".format(near[0]) if near else ""
    listed = ", ".join(rows.names)[:300]
    raise JobError("{}: {}: there is no column {!r}; got {} columns: {}.{}".format(FILE, key, given, len(rows.names), listed, hint))


def roles(config: Config, rows: Dataset) -> Roles:
    """Return which column plays which part. Of JSON with `features`, label and predicted label are the columns that `records` put after the features.

    Raises:
        JobError: a column that the configuration names is not there.
    """
    label, predicted = (_outside(config, rows, part) for part in ("label", "predicted_label"))
    if predicted is None and config.predicted_label_dataset_uri is not None:
        predicted = rows.names[-1]
    group = None if config.group is None else column(rows, config.group, "group_variable")
    facets = tuple(column(rows, facet.name_or_index, "facet[{}].name_or_index".format(place)) for place, facet in enumerate(config.facets))
    hidden = {column(rows, name, "excluded_columns[{}]".format(place)) for place, name in enumerate(config.excluded)}
    hidden |= {column(rows, config.joinsource, "joinsource_name_or_index")} if config.joinsource is not None else set()
    hidden |= set(config.facet_headers) if config.facet_dataset_uri is not None else set()
    hidden |= set(config.predicted_label_headers) if config.predicted_label_dataset_uri is not None else set()
    features = tuple(name for name in rows.names if name not in hidden and name not in (label, predicted))
    return Roles(label, predicted, group, facets, features)


def _outside(config: Config, rows: Dataset, part: str) -> Optional[str]:
    given = getattr(config, part)
    if given is None:
        return None
    if config.dataset_type in (JSON, JSON_LINES) and config.features is not None and isinstance(given, str):
        return rows.names[records.place_of(config, part, len(rows.names))]
    return column(rows, given, part)
