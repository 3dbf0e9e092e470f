"""Write prepared columns as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import numpy as np

ROW_GROUP = 1 << 18


def parquet(columns: Dict[str, np.ndarray], path: Path) -> None:
    """Write columns of equal length (float32, or uint8 for 0 and 1) as Parquet with the same bytes for the same values: no index, no pandas metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: Any = [pa.array(values) for values in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    pq.write_table(table, str(path), compression="snappy", use_dictionary=False, row_group_size=ROW_GROUP)
