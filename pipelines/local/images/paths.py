"""Where a container program finds /opt/ml, and how it reports a failure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path, PurePosixPath
from typing import Any


def base() -> Path:
    """Return the real /opt/ml."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def config(name: str) -> Any:
    """Return a file of /opt/ml/input/config as JSON, an empty object when it is not there."""
    path = base() / "input" / "config" / name
    return json.loads(path.read_text()) if path.is_file() else {}


def located(path: str) -> Path:
    """Return the real file or folder of a path below /opt/ml as the service writes it."""
    return base() / PurePosixPath(path).relative_to("/opt/ml")


def write_failure(text: str) -> None:
    """Write /opt/ml/output/failure, which becomes the job's FailureReason; where a script has made that impossible the log has to do."""
    path = base() / "output" / "failure"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        sys.stderr.write(f"{path} cannot be written: {error.strerror}\n{text}\n")
