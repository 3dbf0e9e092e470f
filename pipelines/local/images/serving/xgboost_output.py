"""Answers of XGBoost: plain lines, and what SAGEMAKER_INFERENCE_OUTPUT selects (AWS developer guide, "Selectable inference" of XGBoost)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.local.images.serving.answer import CSV, JSON, JSON_LINES, Answer, refused

LABELLED = ("predicted_label", "labels", "raw_score", "raw_scores")
CLASSES = (*LABELLED, "probability", "probabilities")
# What each objective can tell; a key that it cannot is answered with NaN.
KEYS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("reg:squarederror", "reg:logistic", "reg:gamma", "reg:tweedie"), ("predicted_score",)),
    **dict.fromkeys(("binary:logistic", "multi:softprob"), CLASSES),
    **dict.fromkeys(("binary:logitraw", "binary:hinge", "multi:softmax"), LABELLED),
}


def lines(answers: Any) -> bytes:
    """Return a line for each row: its number, or its numbers in brackets."""
    if answers.ndim == 1 and len(answers) > 1:
        import numpy

        return "\n".join(map(repr, answers.astype(numpy.float64).tolist())).encode() + b"\n"
    return "".join(f"{value}\n" for value in answers.tolist()).encode()


def selected(answers: Any, keys: str, config: Mapping[str, Any], accept: str) -> Answer:
    """Return what is selected of every row, by the model's objective."""
    wanted = keys.replace(" ", "").lower().split(",")
    objective = str(config["learner"]["objective"]["name"])
    if objective not in KEYS:
        return refused(500, f"Objective `{objective}` unsupported for selectable inference predictions.")
    if accept not in WRITERS:
        return refused(406, f"Accept type {accept} does not run locally; expected one of {', '.join(WRITERS)}")
    classes = int(config["learner"]["learner_model_param"].get("num_class") or 0)
    rows = [{key: _told(key, objective, row, classes) for key in wanted} for row in answers]
    return Answer(200, WRITERS[accept](rows).encode(), accept)


def _told(key: str, objective: str, row: Any, classes: int) -> Any:
    return VALUES[key](objective, row, classes) if key in KEYS[objective] else math.nan


def _label(objective: str, row: Any, classes: int) -> Any:
    if objective in ("binary:logistic", "binary:logitraw"):
        return int(row > (0.5 if objective == "binary:logistic" else 0))
    return int(row.argmax()) if objective == "multi:softprob" else row.item()


def _labels(objective: str, row: Any, classes: int) -> list[int]:
    return [0, 1] if objective.startswith("binary:") else list(range(classes))


def _score(objective: str, row: Any, classes: int) -> Any:
    return row.max().item() if objective == "multi:softprob" else row.item()


def _scores(objective: str, row: Any, classes: int) -> list[Any]:
    return list(row.tolist()) if objective == "multi:softprob" else [1.0 - row.item(), row.item()]


VALUES: Mapping[str, Callable[[str, Any, int], Any]] = {
    "predicted_label": _label,
    "labels": _labels,
    "probability": _score,
    "probabilities": _scores,
    "raw_score": _score,
    "raw_scores": _scores,
    "predicted_score": _score,
}


def _as_csv(rows: list[dict[str, Any]]) -> str:
    return "\n".join(",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in row.values()) for row in rows) + "\n"


WRITERS: Mapping[str, Callable[[list[dict[str, Any]]], str]] = {
    JSON: lambda rows: json.dumps({"predictions": rows}),
    JSON_LINES: lambda rows: "".join(json.dumps(row) + "\n" for row in rows),
    CSV: _as_csv,
}
