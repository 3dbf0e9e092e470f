"""Channels of built-in XGBoost: CSV, LIBSVM and Parquet files as DMatrix."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.local.images.hyperparameters import CustomerError

Reader = Callable[[list[Path], bool, int], Any]


def _files(folder: Path, channel: str) -> list[Path]:
    """Return a channel's files, sorted.

    Raises:
        CustomerError: there are none, or one is hidden.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hidden = [path.name for path in files if path.name.startswith((".", "_"))]
    if hidden:
        raise CustomerError(f"Hidden file found in the data path: {hidden[0]}. Remove it before training.")
    if not any(path.stat().st_size for path in files):
        raise CustomerError(f"No training data in {channel} channel path {folder}. Check that it is not empty.")
    return files


def _read_csv(files: list[Path], weighted: bool, nthread: int) -> Any:
    """Return a DMatrix of CSV files without header: label in column 0, with weights in column 1 when asked."""
    import numpy
    import pandas
    import xgboost

    delimiter = _delimiter(files[0])
    try:
        frames = [pandas.read_csv(path, header=None, delimiter=delimiter, dtype="float32") for path in files]
    except ValueError as error:
        raise CustomerError(f"Could not parse csv data: {error}. The file must have no header and only numbers, the label first.") from None
    table = numpy.concatenate([frame.to_numpy() for frame in frames])
    first = 2 if weighted else 1
    return xgboost.DMatrix(table[:, first:], table[:, 0], weight=table[:, 1] if weighted else None, nthread=nthread)


def _delimiter(path: Path) -> str:
    """Guess the delimiter from the first line, as the container does."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        line = handle.readline()
    try:
        return csv.Sniffer().sniff(line[:512]).delimiter
    except csv.Error:
        return ","


def _read_libsvm(files: list[Path], weighted: bool, nthread: int) -> Any:
    import numpy
    import scipy.sparse
    import sklearn.datasets
    import xgboost

    parts = sklearn.datasets.load_svmlight_files([str(path) for path in files], dtype="float32", zero_based=True)
    return xgboost.DMatrix(scipy.sparse.vstack(parts[0::2]), numpy.concatenate(parts[1::2]), nthread=nthread)


def _read_parquet(files: list[Path], weighted: bool, nthread: int) -> Any:
    import numpy
    import pyarrow
    import pyarrow.parquet
    import xgboost

    try:
        table = pyarrow.concat_tables([pyarrow.parquet.ParquetFile(str(path)).read(use_threads=nthread > 1) for path in files])
    except pyarrow.ArrowException as error:
        raise CustomerError(f"Could not parse parquet data: {str(error)[:300]}") from None
    values = numpy.column_stack([column.to_numpy() for column in table.columns]).astype("float32", copy=False)
    return xgboost.DMatrix(values[:, 1:], values[:, 0], feature_names=table.column_names[1:], nthread=nthread)


READERS: Mapping[str, Reader] = {
    "csv": _read_csv,
    "text/csv": _read_csv,
    "libsvm": _read_libsvm,
    "text/libsvm": _read_libsvm,
    "text/x-libsvm": _read_libsvm,
    "parquet": _read_parquet,
    "application/x-parquet": _read_parquet,
}
CHANNELS = ("train", "validation", "code")
DEFAULT_CONTENT_TYPE = "text/libsvm"


def load_channels(base: Path, channels: Mapping[str, Mapping[str, Any]], *, weighted: bool, nthread: int) -> dict[str, Any]:
    """Return a DMatrix for `train` and, when it is there, for `validation`; both have the content type of `train`.

    Raises:
        CustomerError: a channel is missing, empty, unknown, or its content type cannot be read.
    """
    for channel in channels:
        if channel not in CHANNELS:
            raise CustomerError(f"Extraneous channel found: {channel}")
    if "train" not in channels:
        raise CustomerError("Missing required channel: train")
    kind = str(channels["train"].get("ContentType") or DEFAULT_CONTENT_TYPE).split(";")[0].strip().lower()
    if kind not in READERS:
        raise CustomerError(f"{kind} is not a content type that runs locally; expected one of {', '.join(READERS)}")
    wanted = [channel for channel in ("train", "validation") if channel in channels]
    return {channel: READERS[kind](_files(base / "input" / "data" / channel, channel), weighted, nthread) for channel in wanted}


def threads() -> int:
    """Return how many threads a job may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
