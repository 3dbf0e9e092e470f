"""Serve the forest: the four functions that SageMaker's framework containers call.

A request is JSON, `{"Input": [[7.4, 0.7, ...], ...]}` with the eleven measurements of a wine in the order of the file, or CSV of the same numbers. The
answer is the score of the wine, rounded, as `{"Output": 6}`; of several wines a list.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any

import joblib
import numpy as np
import pandas as pd

MODEL_FILE = "model.joblib"


def model_fn(model_dir: str) -> Any:
    """Load the model that training saved."""
    return joblib.load(os.path.join(model_dir, MODEL_FILE))


def input_fn(request_body: str | bytes, content_type: str = "application/json") -> pd.DataFrame:
    """Return a request's rows as numbers.

    Raises:
        ValueError: the content type is another, or the body holds no rows of numbers.
    """
    text = request_body.decode() if isinstance(request_body, bytes) else request_body
    kind = content_type.split(";")[0].strip()
    if kind == "application/json":
        return pd.DataFrame(json.loads(text)["Input"]).astype("float64")
    if kind == "text/csv":
        return pd.read_csv(io.StringIO(text), header=None).astype("float64")
    raise ValueError(f"this model takes application/json and text/csv, not {content_type}")


def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    """Return a score a row, float64 of shape (rows,). Columns go by their order, whatever they are called."""
    return model.predict(pd.DataFrame(rows.to_numpy(), columns=model.feature_names_in_))


def output_fn(scores: np.ndarray, accept: str = "application/json") -> str:
    """Return the scores rounded, as the tasters give them."""
    rounded = [int(round(score)) for score in np.asarray(scores).tolist()]
    if accept.split(";")[0].strip() == "text/csv":
        return "".join(f"{score}\n" for score in rounded)
    return json.dumps({"Output": rounded[0] if len(rounded) == 1 else rounded})
