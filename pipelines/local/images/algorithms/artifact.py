"""The model of a local equivalent: arrays and settings in one file without code, and a note that the service's image cannot read it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError

FILE, NOTE = "model_algo-1", "SAGEWRIGHT.txt"
FORMAT = "sagewright-local-equivalent/1"
TOLD = """This model was trained by Sagewright on this machine, by a local equivalent of SageMaker's built-in algorithm {name}.
It is not in the format of the service (model_algo-1 is an .npz of NumPy arrays here) and cannot be deployed to the real image.
Train on SageMaker for a model that can.
"""


def save(folder: Path, name: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write a model: `settings` are JSON values, `arrays` NumPy arrays of numbers; the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"format": FORMAT, "algorithm": name, **settings}, sort_keys=True).encode()
    buffer = io.BytesIO()
    numpy.savez(buffer, head=numpy.frombuffer(head, numpy.uint8), **dict(sorted(arrays.items())))
    (folder / FILE).write_bytes(buffer.getvalue())
    (folder / NOTE).write_text(TOLD.format(name=name))


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a model's settings, `algorithm` among them, and its arrays; nothing in it is executed.

    Raises:
        CustomerError: there is no such model.
    """
    path = folder / FILE
    try:
        with numpy.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
        settings = json.loads(arrays.pop("head").tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError):
        settings = {}
        arrays = {}
    if settings.get("format") != FORMAT:
        raise CustomerError(f"{path}: this is no model of a local equivalent; expected {FORMAT}. Models that SageMaker trained are not readable here.")
    return settings, arrays
