"""Rows of a file as records of a feature group: all of them are checked before the first is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.feature_store.group import Group
from pipelines.feature_store.times import iso, seconds

SHOWN = 10
INTEGERS = 2**63
NULL_TEXTS = ["", "NULL", "NA", "NaN", "null", "None"]


@dataclass(frozen=True)
class Rows:
    """Hold checked rows by column: `values` maps each feature to Python values (None is missing), `times_s` are the event times in seconds."""

    values: Mapping[str, Sequence[Any]]
    times_s: Sequence[float]

    def __len__(self) -> int:
        return len(self.times_s)

    def record(self, index: int) -> list[dict[str, str]]:
        """Return a row in the shape of PutRecord; a missing value is left out."""
        return [{"FeatureName": name, "ValueAsString": as_text(column[index])} for name, column in self.values.items() if column[index] is not None]


def as_text(value: Any) -> str:
    """Return a value as the service's ValueAsString."""
    return repr(value) if isinstance(value, float) else str(value)


def read(path: Path) -> Any:
    """Return a Parquet, CSV or JSON Lines file as an Arrow table; text that looks like a date stays text.

    Raises:
        UsageError: the file is not there, is not what its name says, or has no rows.
    """
    import pyarrow as pa

    if not path.is_file():
        raise UsageError("there is no such file", where=str(path), expected="a Parquet, CSV or JSON Lines file")
    try:
        table = READERS.get(path.suffix.lower(), _csv)(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"the file cannot be read: {str(error).splitlines()[0]}", where=str(path)) from None
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise UsageError("two columns have the same name", where=str(path), got=repr(twice[0]))
    if not table.num_rows:
        raise UsageError("the file has no rows", where=str(path))
    return table


def _csv(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    def converting(types: Mapping[str, Any]) -> Any:
        return csv.ConvertOptions(null_values=NULL_TEXTS, strings_can_be_null=True, column_types=dict(types))

    table = csv.read_csv(str(path), convert_options=converting({}))
    dates = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    return csv.read_csv(str(path), convert_options=converting(dict.fromkeys(dates, pa.string()))) if dates else table


def _parquet(path: Path) -> Any:
    import pyarrow.parquet as parquet

    return parquet.ParquetFile(str(path)).read()


def _json_lines(path: Path) -> Any:
    from pyarrow import json

    return json.read_json(str(path))


READERS: Mapping[str, Callable[[Path], Any]] = {".parquet": _parquet, ".pq": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines}


def feature_types(table: Any) -> dict[str, str]:
    """Return the feature type of each column of an Arrow table: whole numbers and booleans are Integral, other numbers Fractional, the rest String."""
    import pyarrow.types as kinds

    found = {}
    for field in table.schema:
        whole = kinds.is_integer(field.type) or kinds.is_boolean(field.type)
        broken = kinds.is_floating(field.type) or kinds.is_decimal(field.type)
        found[field.name] = "Integral" if whole else "Fractional" if broken else "String"
    return found


def check(table: Any, group: Group, *, skip_unknown: bool = False) -> Rows:
    """Return a table's rows as records of a group.

    Raises:
        UsageError: columns are missing or unknown, or rows are not as the service takes them; the message names the first of them by number, from 1.
    """
    _check_columns(table.column_names, group, skip_unknown)
    bad: dict[int, str] = {}
    values: dict[str, list[Any]] = {}
    for name, kind in group.features.items():
        values[name] = _converted(table.column(name).to_pylist(), name, CONVERTERS[kind], bad)
    times = [seconds(value) for value in values[group.event_time]]
    for index, (key, moment) in enumerate(zip(values[group.record_identifier], times, strict=True)):
        if key is None or key == "":
            bad.setdefault(index, f"{group.record_identifier}: the record identifier is missing")
        if moment is None:
            given = values[group.event_time][index]
            wanted = "yyyy-MM-ddTHH:mm:ssZ" if group.features[group.event_time] == "String" else "seconds since 1970"
            bad.setdefault(index, f"{group.event_time}: " + ("the event time is missing" if given is None else f"got {given!r}, expected {wanted}"))
    if bad:
        told = "\n".join(f"  row {index + 1}: {bad[index]}" for index in sorted(bad)[:SHOWN])
        more = f"\n  and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise UsageError(f"{len(bad)} of {len(times)} rows cannot be ingested, so none was:\n{told}{more}", where=f"feature group {group.name}")
    return Rows(values, [moment for moment in times if moment is not None])


def _check_columns(columns: Sequence[str], group: Group, skip_unknown: bool) -> None:
    missing = [name for name in group.features if name not in columns]
    unknown = [name for name in columns if name not in group.features]
    where = f"feature group {group.name}"
    if missing:
        raise UsageError("the file lacks columns", where=where, got=", ".join(columns)[:300], expected=f"also: {', '.join(missing)[:300]}")
    if unknown and not skip_unknown:
        raise UsageError("the file has columns that are no features", where=where, got=", ".join(unknown)[:300], hint="Leave them out with --skip-unknown.")


def _converted(cells: list[Any], name: str, convert: Callable[[Any], Any], bad: dict[int, str]) -> list[Any]:
    found = []
    for index, cell in enumerate(cells):
        try:
            found.append(None if cell is None or cell != cell else convert(cell))
        except (ValueError, TypeError, OverflowError):
            found.append(None)
            bad.setdefault(index, f"{name}: got {cell!r:.60}, which is not {convert.__doc__}")
    return found


def _integral(cell: Any) -> int:
    """a whole number"""
    whole = int(cell)
    if whole != (float(cell) if isinstance(cell, str) else cell) or not -INTEGERS <= whole < INTEGERS:
        raise ValueError
    return whole


def _fractional(cell: Any) -> float:
    """a finite number"""
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError
    return value


def _string(cell: Any) -> str:
    """text"""
    if isinstance(cell, datetime):
        return iso(cell.replace(tzinfo=cell.tzinfo or timezone.utc).timestamp())
    if isinstance(cell, (list, dict, bytes)):
        raise TypeError
    return str(cell)


CONVERTERS: Mapping[str, Callable[[Any], Any]] = {"Integral": _integral, "Fractional": _fractional, "String": _string}
