"""The other built-in algorithms as a server, by local equivalents (AWS developer guide, "Common data formats for inference")."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images import recordio
from pipelines.local.images.algorithms import table
from pipelines.local.images.serving.answer import CSV, JSON, JSON_LINES, Answer, Asked, media_type, refused

RECORDIO = "application/x-recordio-protobuf"
LARGEST_PAYLOAD_MB = 6


class AlgorithmHandler:
    """Serve the model of a local equivalent."""

    def __init__(self) -> None:
        self._model: table.Model | None = None

    def load(self, folder: Path) -> None:
        """Load the model.

        Raises:
            CustomerError: it is not a model of a local equivalent.
        """
        self._model = table.load(folder)

    def execution_parameters(self, workers: int) -> Mapping[str, Any]:
        """Return what a batch transform asks for."""
        return {"MaxConcurrentTransforms": workers, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": LARGEST_PAYLOAD_MB}

    def invoke(self, asked: Asked) -> Answer:
        """Answer with the fields of the algorithm's response for every row."""
        assert self._model
        kind = media_type(asked.content_type)
        accept = media_type(asked.accept) or JSON
        if kind not in READERS:
            return refused(415, f"content type {asked.content_type!r} is not supported; expected one of {', '.join(READERS)}")
        if accept not in WRITERS:
            return refused(406, f"accept type {accept!r} does not run locally; expected one of {', '.join(WRITERS)}")
        try:
            fields = self._model.predict(READERS[kind](asked.body))
        except (CustomerError, ValueError, OverflowError, KeyError, TypeError, IndexError, AttributeError) as error:
            return refused(400, f"unable to evaluate payload provided: {error}")
        columns = [values.tolist() for values in fields.values()]
        return Answer(200, WRITERS[accept]([dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]).encode(), accept)


def _features(row: Any) -> Any:
    """Return the numbers of one instance: `features`, `data.features.values`, or the list itself."""
    if not isinstance(row, Mapping):
        return row
    return row["features"] if "features" in row else row["data"]["features"]["values"]


def _json(body: bytes) -> Any:
    found = json.loads(body)
    return [_features(row) for row in (found["instances"] if isinstance(found, Mapping) else found)]


def _json_lines(body: bytes) -> Any:
    return [_features(json.loads(line)) for line in body.splitlines() if line.strip()]


def _csv(body: bytes) -> Any:
    return [[float(cell) for cell in line.split(",")] for line in body.decode("utf-8").splitlines() if line.strip()]


def _recordio(body: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "body")
        file.write_bytes(body)
        features = recordio.read([file])[0]
    return features.toarray() if hasattr(features, "toarray") else features


def _as_csv(rows: list[dict[str, Any]]) -> str:
    return "".join(",".join(str(part) for value in row.values() for part in (value if isinstance(value, list) else [value])) + "\n" for row in rows)


READERS: Mapping[str, Callable[[bytes], Any]] = {JSON: _json, JSON_LINES: _json_lines, CSV: _csv, RECORDIO: _recordio}
WRITERS: Mapping[str, Callable[[list[dict[str, Any]]], str]] = {
    JSON: lambda rows: json.dumps({"predictions": rows}),
    JSON_LINES: lambda rows: "".join(json.dumps(row) + "\n" for row in rows),
    CSV: _as_csv,
}
