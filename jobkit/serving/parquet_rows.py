"""Read the rows of a Parquet request into a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from jobkit.columns import Table
from jobkit.serving.columns_given import Known, check_names
from jobkit.serving.given import Given
from jobkit.serving.refusal import RequestError


def read(body: bytes, columns: Known, nulls: Any) -> Given:
    """Return the rows of a Parquet file.

    Raises:
        RequestError: it is no Parquet, or none of its columns is known.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from jobkit.table import from_arrow

    try:
        file = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(body)))
        names = [str(name) for name in file.schema_arrow.names]
        check_names(columns, names, "the Parquet body")
        arrow = file.read(columns=[name for name in names if name in columns.kinds])
    except (pa.ArrowException, OSError) as error:
        raise RequestError("the Parquet body: this is not Parquet: {}".format(str(error).splitlines()[0])) from None
    made = {name: from_arrow(arrow.column(name), nulls) for name in arrow.column_names}
    return Given(table=Table(made, np.arange(arrow.num_rows, dtype=np.int64)), names=(names,))
