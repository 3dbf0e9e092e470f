"""The labels inside a Spark ML StringIndexer model as flows keep it: base85 of a ZIP with a Parquet file, read without Spark and without trust."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from typing import Any

from pipelines.flow.translation import Untranslated

LONGEST_TEXT = 8 * 2**20
LARGEST_FILE = 32 * 2**20
MOST_FILES = 64
MOST_LABELS = 200_000


def labels(model: Any) -> list[str]:
    """Return the labels in the model's order.

    Raises:
        Untranslated: it is no such model, or would unpack to more than a model of labels ever holds.
    """
    if not isinstance(model, str):
        raise Untranslated("the trained state holds no string_indexer_model")
    if len(model) > LONGEST_TEXT:
        raise Untranslated("the trained model is too large")
    try:
        packed = base64.b85decode(model)
    except ValueError:
        raise Untranslated("the trained model is not base85") from None
    return _labels(_parquet(packed))


def _parquet(packed: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            files = archive.infolist()
            found = [entry for entry in files[:MOST_FILES] if entry.filename.endswith(".parquet") and not entry.is_dir()]
            if len(files) > MOST_FILES or len(found) != 1:
                raise Untranslated("the trained model does not hold one Parquet file")
            with archive.open(found[0]) as stream:
                body = stream.read(LARGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, binascii.Error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, OverflowError):
        raise Untranslated("the trained model is not a ZIP file that can be read") from None
    if len(body) > LARGEST_FILE:
        raise Untranslated("the trained model unpacks to more than a model of labels holds")
    return body


def _labels(body: bytes) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(body))
        facts = file.metadata
        groups = [facts.row_group(group) for group in range(min(facts.num_row_groups, 2))]
        values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
        if facts.num_rows != 1 or facts.num_row_groups != 1 or values > MOST_LABELS:
            raise Untranslated("the trained model's Parquet file is not that of a StringIndexer")
        row = file.read().to_pylist()[0]
    except (pa.ArrowException, OSError, ValueError):
        raise Untranslated("the trained model's Parquet file cannot be read") from None
    found = row.get("labelsArray") or [row.get("labels")]
    if not isinstance(found[0], list) or len(found) != 1 or not all(isinstance(label, str) for label in found[0]):
        raise Untranslated("the trained model holds no labelsArray of one column")
    return list(found[0])
