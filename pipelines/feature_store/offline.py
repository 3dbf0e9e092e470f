"""The offline store's files, laid out as the service does: Parquet below year=/month=/day=/hour= of the event time."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from pipelines.feature_store.group import PARTITIONS, Group
from pipelines.feature_store.rows import Rows
from pipelines.feature_store.times import partition, stamp


def files(group: Group, rows: Rows, now_s: float, *, deleted: bool = False) -> Iterator[tuple[str, bytes, int]]:
    """Yield key below `data/`, bytes and number of rows of each file; a file holds the rows of one hour.

    The name begins with the latest event time in the file, as the service's do; the 16 characters after it, random there, are from the content here.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    table = pa.table(_columns(group, rows, now_s, deleted), schema=_schema(group))
    hours: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, moment_s in enumerate(rows.times_s):
        hours[partition(moment_s)].append(index)
    for hour, indexes in sorted(hours.items()):
        buffer = io.BytesIO()
        parquet.write_table(table.take(indexes), buffer, compression="snappy")
        body = buffer.getvalue()
        folder = "/".join(f"{name}={value}" for name, value in zip(PARTITIONS, hour, strict=True))
        latest = stamp(max(rows.times_s[index] for index in indexes))
        yield f"{folder}/{latest}_{hashlib.sha256(body).hexdigest()[:16]}.parquet", body, len(indexes)


def _schema(group: Group) -> Any:
    import pyarrow as pa

    kinds: Mapping[str, Any] = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
    moment = pa.timestamp("ms")
    added = [("write_time", moment), ("api_invocation_time", moment), ("is_deleted", pa.bool_())]
    return pa.schema([*((name, kinds[kind]) for name, kind in group.features.items()), *added])


def _columns(group: Group, rows: Rows, now_s: float, deleted: bool) -> dict[str, Any]:
    now = datetime.fromtimestamp(now_s, timezone.utc).replace(tzinfo=None)
    count = len(rows)
    return {
        **{name: list(rows.values[name]) for name in group.features},
        "write_time": [now] * count,
        "api_invocation_time": [now] * count,
        "is_deleted": [deleted] * count,
    }
