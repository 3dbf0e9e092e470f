"""Where a job finds its inputs and leaves its outputs."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "/opt/ml"


def ml_root() -> Path:
    """Return the container's /opt/ml, which SAGEMAKER_BASE_DIR may move."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", DEFAULT))


def processing(name: str) -> Path:
    """Return a folder of a processing job, e.g. `input/raw` or `train`."""
    return ml_root() / "processing" / name


def channel(name: str) -> Path:
    """Return the folder of a training channel."""
    return Path(os.environ.get("SM_CHANNEL_" + name.upper(), str(ml_root() / "input" / "data" / name)))


def model_dir() -> Path:
    """Return the folder whose content becomes model.tar.gz."""
    return Path(os.environ.get("SM_MODEL_DIR", str(ml_root() / "model")))
