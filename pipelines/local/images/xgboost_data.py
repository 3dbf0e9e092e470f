"""Channels of built-in XGBoost: CSV, LIBSVM, Parquet and RecordIO-protobuf files as DMatrix."""

from __future__ import annotations

import csv
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images import recordio
from pipelines.local.images.arrow import matrix_of

Reader = Callable[[Sequence[Path], bool, int], Any]
SNIPPET = 50
PARTS_OF_NUMBERS = frozenset("0123456789.+-eE")


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
        raise CustomerError(f"No data in {'training' if channel == 'train' else channel} channel path {folder}")
    return [path for path in files if path.stat().st_size]


def _read_csv(files: Sequence[Path], weighted: bool, nthread: int) -> Any:
    """Return a DMatrix of CSV files without header: label in column 0, with weights in column 1 when asked."""
    import numpy
    import pandas
    import xgboost

    delimiter = _delimiter(files[0])
    try:
        frames = [pandas.read_csv(path, header=None, delimiter=delimiter, dtype="float32") for path in files]
        table = numpy.concatenate([frame.to_numpy() for frame in frames])
    except ValueError as error:
        expected = "The files must have no header and only numbers, the label first."
        raise CustomerError(f"Failed to load csv data with exception:\n{error}. {expected}") from None
    first = 2 if weighted else 1
    if table.shape[1] <= first:
        raise CustomerError(f"Failed to load csv data with exception:\n{files[0].name} has {table.shape[1]} columns, expected more than {first}")
    return xgboost.DMatrix(table[:, first:], table[:, 0], weight=table[:, 1] if weighted else None, nthread=nthread)


def _delimiter(path: Path) -> str:
    """Guess the delimiter from the first line, as the container does."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        line = handle.readline()
    try:
        found = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise CustomerError(f"Could not determine delimiter on line {line[:SNIPPET]}:\n{error}") from None
    if found in PARTS_OF_NUMBERS:
        raise CustomerError(f"Could not determine delimiter on line {line[:SNIPPET]}:\n{found!r} is part of a number; expected at least two columns")
    return found


def _read_libsvm(files: Sequence[Path], weighted: bool, nthread: int) -> Any:
    """Return a DMatrix of LIBSVM files as XGBoost itself reads them: index from 0, weights as `label:weight`, groups as `qid:`."""
    import xgboost

    for path in files:
        _refuse_no_libsvm(path)
    with _temporary_directory(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open("rows", "wb") as together:
            for path in files:
                body = path.read_bytes()
                together.write(body if body.endswith(b"\n") else body + b"\n")
        try:
            return xgboost.DMatrix("rows?format=libsvm", nthread=nthread)
        except xgboost.core.XGBoostError as error:
            raise CustomerError(f"Failed to load libsvm data with exception:\n{str(error)[:300]}") from None


@contextmanager
def _temporary_directory() -> Iterator[None]:
    """Work in a directory of our own meanwhile: XGBoost takes file names apart at `?` and `#`, so it is given one that has neither."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _refuse_no_libsvm(path: Path) -> None:
    with open(path, encoding="utf-8", errors="replace") as handle:
        line = handle.readline()
    label, *features = line.split()
    if not _are_numbers(label.split(":")) or not all(":" in feature for feature in features):
        raise CustomerError(
            f"First line '{line.rstrip()[:SNIPPET]}...' of file '{path.name}' is not 'LIBSVM' format. Please ensure the file is in 'LIBSVM' format."
        )


def _are_numbers(texts: Sequence[str]) -> bool:
    try:
        return len([float(text) for text in texts]) <= 2
    except ValueError:
        return False


def _read_parquet(files: Sequence[Path], weighted: bool, nthread: int) -> Any:
    """Return a DMatrix of Parquet files: the label in the first column; without the columns' names, which the container leaves out, too.

    XGBoost compares names in every round of a training, which took a tenth of it.
    """
    import pyarrow
    import pyarrow.parquet
    import xgboost

    try:
        table = pyarrow.concat_tables([pyarrow.parquet.ParquetFile(str(path)).read(use_threads=nthread > 1) for path in files])
        values = matrix_of(table).astype("float32", copy=False)
    except (pyarrow.ArrowException, ValueError) as error:
        raise CustomerError(f"Failed to load parquet data with exception:\n{str(error)[:300]}") from None
    return xgboost.DMatrix(values[:, 1:], values[:, 0], nthread=nthread)


def _read_recordio(files: Sequence[Path], weighted: bool, nthread: int) -> Any:
    import xgboost

    features, labels = recordio.read(files)
    if labels is None:
        raise CustomerError("Failed to load recordio-protobuf data with exception:\nthe records have no label")
    return xgboost.DMatrix(features, labels, nthread=nthread)


READERS: Mapping[str, Reader] = {
    "csv": _read_csv,
    "libsvm": _read_libsvm,
    "parquet": _read_parquet,
    "recordio-protobuf": _read_recordio,
    "text/csv": _read_csv,
    "text/libsvm": _read_libsvm,
    "text/x-libsvm": _read_libsvm,
    "application/x-parquet": _read_parquet,
    "application/x-recordio-protobuf": _read_recordio,
}
CHANNELS = ("train", "validation", "code")
DEFAULT_CONTENT_TYPE = "text/libsvm"
MODES = ("File", "FastFile")


def reader_of(content_type: str) -> Reader:
    """Return what reads a content type, upper or lower case.

    Raises:
        CustomerError: the container takes none such.
    """
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in READERS:
        raise CustomerError(f"{content_type} is not an accepted ContentType: {', '.join(READERS)}.")
    sizes = [text.partition("=")[2].strip() for text in parameters if text.startswith("label_size")]
    if sizes and sizes[0] != "1":
        raise CustomerError(f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1")
    return READERS[kind]


@dataclass(frozen=True)
class Channels:
    """Hold the channels of a job: inputdataconfig.json, whether CSV has weights, and the threads to read with."""

    base: Path
    config: Mapping[str, Mapping[str, Any]]
    weighted: bool
    nthread: int

    def load(self) -> dict[str, Any]:
        """Return a DMatrix for `train` and, when it is there, for `validation`; both have the content type of `train`.

        Raises:
            CustomerError: a channel is missing, empty, unknown, or its content type or its input mode cannot be read.
        """
        if "train" not in self.config:
            raise CustomerError("Missing required channel: train")
        for channel, settings in self.config.items():
            if channel not in CHANNELS:
                raise CustomerError(f"Extraneous channel found: {channel}")
            if settings.get("TrainingInputMode", "File") not in MODES:
                raise CustomerError(f"Channel configuration for '{channel}' channel is not supported: {dict(settings)}")
        wanted = [channel for channel in ("train", "validation") if channel in self.config]
        return {channel: self._read([channel]) for channel in wanted}

    def together(self, data: Mapping[str, Any]) -> Any:
        """Return one DMatrix of the training and the validation rows."""
        return self._read(list(data)) if len(data) > 1 else data["train"]

    def _read(self, channels: Sequence[str]) -> Any:
        reader = reader_of(str(self.config["train"].get("ContentType") or DEFAULT_CONTENT_TYPE))
        files = [path for channel in channels for path in _files(self.base / "input" / "data" / channel, channel)]
        return reader(files, self.weighted, self.nthread)


def threads() -> int:
    """Return how many threads a job may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
