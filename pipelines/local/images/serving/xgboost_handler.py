"""Built-in XGBoost as a server, as its container's published code answers (aws/sagemaker-xgboost-container, algorithm_mode/serve.py, serve_utils.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.local.images.serving import xgboost_input, xgboost_output
from pipelines.local.images.serving.answer import CSV, JSON, JSON_LINES, Answer, Asked, media_type, refused
from pipelines.local.images.serving.xgboost_input import WrongInput

RECORDIO = "application/x-recordio-protobuf"
ACCEPTED = (JSON, JSON_LINES, RECORDIO, CSV)
LARGEST_BODY_BYTES, LARGEST_ALLOWED_BYTES = 6 * 2**20, 20 * 2**20
ALLOW_PICKLE = "SAGEWRIGHT_ALLOW_PICKLE"
# Objectives whose answers are classes, so that an ensemble votes; all others are averaged.
VOTES = ("multi:softmax", "binary:hinge")
# From this version on a line a row; before, answers divided by commas (our reading of which release it came with).
LINES_SINCE = (1, 7)


class XGBoostHandler:
    """Serve every model file of the folder as one ensemble."""

    def __init__(self) -> None:
        self._boosters: list[Any] = []
        self._batch = os.environ.get("SAGEMAKER_BATCH", "").lower() == "true"
        self._selected = os.environ.get("SAGEMAKER_INFERENCE_OUTPUT")

    def load(self, folder: Path) -> None:
        """Load every file of the folder, in the order of the names; with SAGEMAKER_INFERENCE_ENSEMBLE=false the first only.

        Raises:
            ValueError: there is no file, or one is no model of XGBoost.
        """
        files = sorted(path for path in folder.iterdir() if path.is_file())
        if not files:
            raise ValueError("the model archive holds no file; expected xgboost-model")
        one = os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true").lower() == "false"
        self._boosters = [load_booster(path) for path in (files[:1] if one else files)]

    def execution_parameters(self, workers: int) -> Mapping[str, Any]:
        """Return what a batch transform asks for."""
        return {"MaxConcurrentTransforms": workers, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": _largest_bytes() // 2**20}

    def invoke(self, asked: Asked) -> Answer:
        """Answer with a number, or a list of numbers, for every row."""
        if not asked.body:
            return Answer(204, b"")
        if len(asked.body) > _largest_bytes():
            return refused(413, f"Request Entity Too Large: {len(asked.body)} bytes, expected at most {_largest_bytes()}")
        try:
            rows = xgboost_input.read(asked.body, asked.content_type)
        except WrongInput as error:
            return refused(415, str(error))
        try:
            answers = self._predict(rows)
        except Exception as error:  # noqa: BLE001  whatever XGBoost finds wrong with the rows is told to the client, as there
            return refused(400, f"Unable to evaluate payload provided: {error}")
        if self._batch and self._selected is None:
            return Answer(200, xgboost_output.lines(answers), CSV)
        accept = media_type(asked.accept) or os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV)
        if accept not in ACCEPTED:
            return refused(406, f"Accept type {accept} is not supported. Please use supported accept types: {list(ACCEPTED)}.")
        return self._encoded(answers, accept)

    def _predict(self, rows: Any) -> Any:
        import numpy

        answers = [booster.predict(rows, validate_features=False, **_limit(booster)) for booster in self._boosters]
        if len(answers) == 1:
            return answers[0]
        if _objective(self._boosters[0]) in VOTES:
            from scipy import stats

            return stats.mode(answers, axis=0, keepdims=False).mode
        return numpy.mean(answers, axis=0)

    def _encoded(self, answers: Any, accept: str) -> Answer:
        if self._selected is not None:
            return xgboost_output.selected(answers, self._selected, json.loads(self._boosters[0].save_config()), accept)
        if accept == JSON:
            return Answer(200, json.dumps({"predictions": [{"score": score} for score in answers.tolist()]}).encode(), JSON)
        if accept == CSV:
            return Answer(200, xgboost_output.lines(answers) if _writes_lines() else ",".join(map(str, answers.tolist())).encode(), CSV)
        return refused(500, f"{accept} needs SAGEMAKER_INFERENCE_OUTPUT in the model's environment; without it ask for text/csv or application/json")


def load_booster(path: Path) -> Any:
    """Return the model of a file, with one thread.

    A pickle, which images up to 1.2-2 write, runs code when it is opened; it is opened only when the model's environment says so.

    Raises:
        ValueError: it is no model of XGBoost.
    """
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(path.read_bytes()))
    except xgboost.core.XGBoostError as error:
        booster = _unpickled(path, str(error))
    booster.set_param({"nthread": int(os.environ.get("OMP_NUM_THREADS", "1"))})
    return booster


def _unpickled(path: Path, why: str) -> Any:
    import pickle

    with open(path, "rb") as handle:
        first = handle.read(1)
    if first != b"\x80":
        raise ValueError(f"Model {path.name} cannot be loaded: {why.splitlines()[0][:300]}")
    if os.environ.get(ALLOW_PICKLE, "").lower() != "true":
        raise ValueError(f"{path.name} is a pickle, which runs code when it is opened; set {ALLOW_PICKLE}=true in the model's Environment if you trust it")
    with open(path, "rb") as handle:
        return pickle.load(handle)


def _limit(booster: Any) -> dict[str, Any]:
    """Return the rounds to answer with: up to the best one of early stopping, where this version of XGBoost still keeps it (until 1.7)."""
    if not getattr(booster, "best_ntree_limit", 0):
        return {}
    return {"iteration_range": (0, booster.best_iteration + 1)}


def _objective(booster: Any) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def _largest_bytes() -> int:
    return min(int(os.environ.get("MAX_CONTENT_LENGTH", LARGEST_BODY_BYTES)), LARGEST_ALLOWED_BYTES)


def _writes_lines() -> bool:
    tag = os.environ.get("SAGEWRIGHT_IMAGE", "").rpartition(":")[2]
    parts = tag.replace("-", ".").split(".")[:2]
    return not all(part.isdecimal() for part in parts) or len(parts) < 2 or (int(parts[0]), int(parts[1])) >= LINES_SINCE


# What script mode does where a script has no function of its own.


def _no_model(folder: str) -> Any:
    raise NotImplementedError("XGBoost's framework container has no default model_fn; define model_fn(model_dir) in your script")


def _rows(body: str | bytes, content_type: str) -> Any:
    return xgboost_input.read(body.encode() if isinstance(body, str) else body, content_type)


def _scores(rows: Any, model: Any) -> Any:
    return model.predict(rows, validate_features=False)


def _encode(answers: Any, accept: str) -> tuple[bytes, str]:
    from pipelines.local.images.serving.script_handler import encode

    return encode(answers, accept)


XGBOOST_DEFAULTS: Mapping[str, Any] = {"model_fn": _no_model, "input_fn": _rows, "predict_fn": _scores, "output_fn": _encode}
