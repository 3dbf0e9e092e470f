"""Read the rows of a Parquet request into a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from jobkit.columns import Table
from jobkit.serving.columns_given import Known, check_names
from jobkit.serving.given import Given
from jobkit.serving.refusal import RequestError

# A few bytes of Parquet can stand for any number of values; so many, in rows times columns, take a gigabyte as numbers.
MOST_VALUES = 1 << 27


def read(body: bytes, columns: Known, nulls: Any) -> Given:
    """Return the rows of a Parquet file.

    Raises:
        RequestError: it is no Parquet, none of its columns is known, or it stands for more values than a request may hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from jobkit.table import from_arrow

    try:
        # Texts stay a number and a dictionary: the same long one in every row would fill the memory otherwise.
        first = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(body)))
        names = [str(name) for name in first.schema_arrow.names]
        check_names(columns, names, "the Parquet body")
        _check_size(first.metadata.num_rows, columns)
        texts = [field.name for field in first.schema_arrow if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
        file = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(body)), read_dictionary=texts)
        arrow = file.read(columns=[name for name in names if name in columns.kinds])
    except (pa.ArrowException, OSError) as error:
        raise RequestError("the Parquet body: this is not Parquet: {}".format(str(error).splitlines()[0])) from None
    made = {name: from_arrow(arrow.column(name), nulls) for name in arrow.column_names}
    return Given(table=Table(made, np.arange(arrow.num_rows, dtype=np.int64)), names=(names,))


def _check_size(rows: int, columns: Known) -> None:
    most = MOST_VALUES // max(1, len(columns.schema))
    if rows > most:
        raise RequestError("the Parquet body: it holds {} rows; expected at most {} in a request".format(rows, most))
