"""Requests to XGBoost: CSV, LIBSVM and RecordIO-protobuf bodies as DMatrix."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images import recordio
from pipelines.local.images.arrow import matrix_of

SNIFFED_CHARACTERS = 512
MANY_BYTES = 16_384
# Arrow is fast over rows; a million columns in one row take it a quarter of a minute.
MOST_COLUMNS = 10_000


class WrongInput(Exception):
    """Carry what is wrong with a body or its content type."""


def read(body: bytes, content_type: str) -> Any:
    """Return a body as a DMatrix.

    Raises:
        WrongInput: the content type is not known, or the body is not of it.
    """
    import xgboost

    kind = content_type.partition(";")[0].strip().lower() or "text/libsvm"
    if kind not in READERS:
        raise WrongInput(f"Content-type {content_type} is not supported. Supported content types: {', '.join(sorted(READERS))}")
    try:
        return xgboost.DMatrix(READERS[kind](body))
    except (ValueError, OverflowError, MemoryError, CustomerError, xgboost.core.XGBoostError) as error:
        name = kind.rpartition("/")[2].removeprefix("x-")
        raise WrongInput(f"Loading {name} data failed with Exception, please ensure data is in {name} format:\n {type(error)}\n {error}") from None


def _csv(body: bytes) -> Any:
    """Return a CSV body without header (float, shape (rows, columns)); an empty cell is missing, the delimiter is guessed from the first line."""
    text = body.strip().replace(b"\r\n", b"\n")
    delimiter = _delimiter(text[: SNIFFED_CHARACTERS * 4].decode("utf-8", "replace").split("\n")[0][:SNIFFED_CHARACTERS])
    table = _many_rows(text, delimiter) if len(text) > MANY_BYTES else None
    return _few_rows(text.decode("utf-8"), delimiter) if table is None else table


def _delimiter(line: str) -> str:
    try:
        found = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        if line.count(",") or not line.strip():
            return ","
        try:
            float(line)
        except ValueError:
            raise ValueError(str(error)) from None
        return ","  # one number is one column
    return "," if found.isalnum() or found in ".+-" else found


def _few_rows(text: str, delimiter: str) -> Any:
    import numpy

    rows = [[float(cell) if cell else float("nan") for cell in line.split(delimiter)] for line in text.split("\n")]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"rows have different numbers of columns: {sorted({len(row) for row in rows})[:5]}")
    return numpy.array(rows)


def _many_rows(text: bytes, delimiter: str) -> Any:
    """Return the same by Arrow, which is fast; None where it does not understand the rows, so that the slow way says what is wrong."""
    import pyarrow
    import pyarrow.csv

    columns = text.split(b"\n", 1)[0].count(delimiter.encode()) + 1
    if columns > MOST_COLUMNS:
        return None
    names = [str(number) for number in range(columns)]
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(text),
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.float64()), null_values=[""]),
        )
    except (pyarrow.ArrowInvalid, ValueError):
        return None
    return matrix_of(table)


def _libsvm(body: bytes) -> Any:
    """Return a LIBSVM body as a sparse matrix; labels are left out, indices count from 0."""
    import numpy
    from scipy.sparse import csr_matrix

    lines = body.strip().decode("utf-8").split("\n")
    cells = [(row, *item.split(":", 1)) for row, line in enumerate(lines) for item in line.split(" ") if ":" in item]
    if not cells:
        raise ValueError("no `index:value` was found")
    rows, columns, values = zip(*cells, strict=True)
    return csr_matrix((numpy.array(values, dtype=float), (numpy.array(rows), numpy.array(columns, dtype=int))))


def _recordio(body: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "body")
        file.write_bytes(body)
        return recordio.read([file])[0]


READERS: Mapping[str, Callable[[bytes], Any]] = {
    "csv": _csv,
    "text/csv": _csv,
    "libsvm": _libsvm,
    "text/libsvm": _libsvm,
    "text/x-libsvm": _libsvm,
    "recordio-protobuf": _recordio,
    "application/x-recordio-protobuf": _recordio,
}
