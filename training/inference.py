"""Serve the packaged model on SageMaker's XGBoost and scikit-learn images: raw rows in, answers out. jobkit, beside this file, does the work."""

from __future__ import annotations

import os
import sys
from typing import Any, Optional, Tuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from jobkit.serving.model import Body, Served, load


def model_fn(model_dir: str) -> Served:
    """Load the package that was unpacked into a folder.

    Raises:
        RequestError: a file of the package is missing or damaged.
    """
    return load(model_dir)


def transform_fn(model: Served, body: Body, content_type: Optional[str], accept: Optional[str]) -> Tuple[bytes, Any]:
    """Return the answer to a request of raw rows, and its content type.

    Raises:
        RequestError: the request is not what the model takes; `status` says why in HTTP's words, the message in ours.
    """
    return model.transform(body, content_type, accept)
