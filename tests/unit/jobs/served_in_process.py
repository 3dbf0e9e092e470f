"""A predictor whose package answers in this process: a fork of one that has run Arrow or XGBoost already would hang."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

from jobkit.clarify.predictor import Package, Predictor, _about, _of_ours
from jobkit.serving import model
from tests.unit.jobs.packages import written


class Answering:
    """Answer as the client of a served package does."""

    def __init__(self, folder: Path, only_features: bool) -> None:
        with mock.patch.dict(os.environ, {"SAGEWRIGHT_ANSWERS": "features"} if only_features else {}):
            self.served = model.load(folder)

    def invoke(self, body: bytes, content_type: str, accept: str) -> bytes:
        return self.served.transform(body, content_type, accept)[0]


def predictor(config, files, folder: Path) -> Predictor:
    """Return the predictor of a package's files."""
    written(files, folder)
    about = _about(files)
    package = Package(files, about, Answering(folder, False), Answering(folder, True))  # type: ignore[arg-type]
    return Predictor(config, package, _of_ours(config, about), ExitStack(), package)
