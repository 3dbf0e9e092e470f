"""Channels of the built-in algorithms: CSV and RecordIO-wrapped protobuf as tables (AWS developer guide, "Common data formats for training")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.model import Algorithm
from pipelines.local.images import recordio

RECORDIO = "application/x-recordio-protobuf"
MOST_VALUES = 200_000_000


class Rows(NamedTuple):
    """Hold a channel: features, (rows, columns) float32, and labels, (rows,) float32, None without."""

    features: Any
    labels: Any


def load(algorithm: Algorithm, base: Path, channels: Mapping[str, Mapping[str, Any]]) -> dict[str, Rows]:
    """Return the rows of each channel below `<base>/input/data`, `train` first.

    Raises:
        CustomerError: a channel is missing, unknown, empty or cannot be read; the tables differ in width; a value is no finite number.
    """
    allowed = ("train", *algorithm.channels)
    for channel in channels:
        if channel not in allowed:
            raise CustomerError(f"channel {channel!r}: {algorithm.name} has no such channel; expected {', '.join(allowed)}")
    if "train" not in channels:
        raise CustomerError(f"channel 'train' is missing; got {', '.join(channels) or 'no channels'}. {algorithm.name} learns from it.")
    found = {name: _channel(name, base / "input" / "data" / name, channels[name]) for name in allowed if name in channels}
    for name, rows in found.items():
        _check(algorithm, name, rows, found["train"].features.shape[1])
    return found


def _check(algorithm: Algorithm, channel: str, rows: Rows, width: int) -> None:
    if rows.features.shape[1] != width:
        raise CustomerError(f"channel {channel!r}: {rows.features.shape[1]} features, but train has {width}")
    if algorithm.labelled and rows.labels is None:
        raise CustomerError(f"channel {channel!r}: no labels; {algorithm.name} needs them: the first column of text/csv with label_size=1, or Record.label")
    for what, values in (("feature", rows.features), ("label", rows.labels)):
        if values is not None and not numpy.isfinite(values).all():
            place = numpy.argwhere(~numpy.isfinite(values))[0]
            where = f"row {place[0] + 1}" + (f", {what} {place[1] + 1}" if len(place) > 1 else "")
            raise CustomerError(f"channel {channel!r}, {where}: the {what} is {values[tuple(place)]}; expected a finite number. Fill in missing values first.")


def _channel(name: str, folder: Path, config: Mapping[str, Any]) -> Rows:
    kind, _, options = str(config.get("ContentType") or RECORDIO).partition(";")
    reader = READERS.get(kind.strip().lower())
    if reader is None:
        raise CustomerError(f"channel {name!r}: content type {kind.strip()!r} cannot be read; expected {' or '.join(READERS)}")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    if not files:
        raise CustomerError(f"channel {name!r}: there are no data in it")
    return reader(name, files, options)


def _read_recordio(name: str, files: Sequence[Path], options: str) -> Rows:
    features, labels = recordio.read(files)
    if hasattr(features, "toarray"):
        if features.shape[0] * features.shape[1] > MOST_VALUES:
            raise CustomerError(f"channel {name!r}: a sparse table of {features.shape[0]} x {features.shape[1]}; {MOST_VALUES:,} values at most run locally")
        features = features.toarray()
    return Rows(features, labels)


def _read_csv(name: str, files: Sequence[Path], options: str) -> Rows:
    """Return rows of CSV without header; the first `label_size` columns, one if it is not said, are labels."""
    labels = _label_size(name, options)
    tables = [_table(name, file) for file in files]
    if len({table.shape[1] for table in tables}) > 1:
        raise CustomerError(f"channel {name!r}: the files have {', '.join(str(table.shape[1]) for table in tables)} columns; expected the same number")
    table = numpy.concatenate(tables)
    if table.shape[1] <= labels:
        raise CustomerError(f"channel {name!r}: {table.shape[1]} columns with label_size={labels}; expected a feature or more")
    return Rows(numpy.ascontiguousarray(table[:, labels:]), table[:, 0].copy() if labels else None)


def _label_size(name: str, options: str) -> int:
    given = dict(part.strip().partition("=")[::2] for part in options.split(";") if part.strip())
    size = given.get("label_size", "1").strip()
    if size not in ("0", "1"):
        raise CustomerError(f"channel {name!r}: label_size={size}; expected 0 or 1")
    return int(size)


def _table(name: str, file: Path) -> Any:
    import pandas

    try:
        return pandas.read_csv(file, header=None, dtype="float32").to_numpy()
    except (ValueError, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0][:200]
        raise CustomerError(f"channel {name!r}: {file.name} is no CSV of numbers: {said}. There must be no header, and the label comes first.") from None


READERS: Mapping[str, Callable[[str, Sequence[Path], str], Rows]] = {"text/csv": _read_csv, RECORDIO: _read_recordio}
