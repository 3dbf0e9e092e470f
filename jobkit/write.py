"""Write prepared columns as Parquet, or as CSV for the algorithms that do not read Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import numpy as np

from jobkit import failure

ROW_GROUP = 1 << 18


def parquet(columns: Dict[str, np.ndarray], path: Path) -> None:
    """Write columns of equal length (float32, or uint8 for 0 and 1) as Parquet with the same bytes for the same values: no index, no pandas metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: Any = [pa.array(values) for values in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    pq.write_table(table, str(path), compression="snappy", use_dictionary=False, row_group_size=ROW_GROUP)


def csv(columns: Dict[str, np.ndarray], path: Path) -> None:
    """Write columns of equal length as CSV without header, numbers in the fewest digits that give the same value again.

    Raises:
        JobError: a value is missing or infinite, which the algorithms that read CSV do not take.
    """
    import pyarrow as pa
    import pyarrow.csv

    for name, values in columns.items():
        wrong = int((~np.isfinite(values)).sum()) if values.dtype.kind == "f" else 0
        if wrong:
            told = "the column {!r} has {} missing or infinite values after the recipe; the algorithm takes numbers only. Add a step impute for it"
            raise failure.JobError(told.format(name, wrong))
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_arrays([pa.array(values) for values in columns.values()], names=list(columns))
    pyarrow.csv.write_csv(table, str(path), pyarrow.csv.WriteOptions(include_header=False))
