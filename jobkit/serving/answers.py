"""Write answers: what each kind of problem tells of a row, as CSV, JSON or JSON Lines. Numbers read back as the very float32 that the model gave."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.arrow import text_scalar
from jobkit.serving.media import CSV, JSON, LINES

# From this many rows on, text is made by Arrow, column by column.
MANY = 256


class Told(NamedTuple):
    """Hold what is told of rows: numbers (float64, shape (rows, numbers)) and the place of each row's label, None where there are no labels."""

    numbers: np.ndarray
    label: Optional[np.ndarray]


class Form(NamedTuple):
    """Hold how a row is written: a format with %s for each number and label, labels as they are written, and what stands around and between rows."""

    row: str
    labels: Tuple[str, ...]
    before: str = ""
    between: str = ""
    after: str = ""
    blank: str = ""


Tell = Callable[[np.ndarray, float], Told]


def _binary(scores: np.ndarray, threshold: float) -> Told:
    wide = scores.astype(np.float64)
    return Told(wide.reshape(-1, 1), (wide >= threshold).astype(np.int8))


def _multiclass(scores: np.ndarray, threshold: float) -> Told:
    if scores.ndim == 1:
        return Told(np.empty((len(scores), 0)), scores.astype(np.int64))
    return Told(scores.astype(np.float64), scores.argmax(axis=1))


def _regression(scores: np.ndarray, threshold: float) -> Told:
    return Told(scores.astype(np.float64).reshape(-1, 1), None)


TELL: Mapping[str, Tell] = {"binary_classification": _binary, "multiclass_classification": _multiclass, "regression": _regression}


def names(problem: str, classes: Sequence[str], numbers: int) -> List[str]:
    """Return the columns of an answer as CSV."""
    if problem == "binary_classification":
        return ["probability", "label"]
    if problem == "regression":
        return ["value"]
    return ["label", *(["probability of {}".format(name) for name in classes] if numbers else [])]


def _cell(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if any(mark in text for mark in ',"\r\n') else text


def _escaped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("%", "%%")


def _object(problem: str, classes: Sequence[str], numbers: int) -> str:
    if problem == "binary_classification":
        return '{"probability": %s, "label": %s}'
    if problem == "regression":
        return '{"value": %s}'
    shares = ", ".join("{}: %s".format(_escaped(name)) for name in classes)
    return '{"label": %s, "probabilities": {' + shares + "}}" if numbers else '{"label": %s}'


def form(format: str, problem: str, classes: Sequence[str], numbers: int) -> Form:
    """Return how answers are written in a format."""
    if format == CSV:
        width = len(names(problem, classes, numbers))
        return Form(",".join(["%s"] * width) + "\n", tuple(_cell(name) for name in classes))
    labels = tuple(json.dumps(name, ensure_ascii=False) for name in classes)
    row = _object(problem, classes, numbers)
    if format == LINES:
        return Form(row + "\n", labels, blank="null")
    return Form(row, labels, '{"predictions": [', ", ", "]}", "null")


def header(problem: str, classes: Sequence[str], numbers: int) -> str:
    """Return the first line of CSV with a header."""
    return ",".join(map(_cell, names(problem, classes, numbers))) + "\n"


def write(told: Told, how: Form, label_first: bool, extras: Optional[Sequence[str]] = None) -> bytes:
    """Return the answers as text; `extras` are JSON members, one text a row, that are added to each object."""
    if extras is None and len(told.numbers) >= MANY and np.isfinite(told.numbers).all():
        return _by_arrow(told, how, label_first)
    rows = [how.row % values for values in _values(told, how, label_first)]
    if extras is not None:
        rows = [_with(row, extra) for row, extra in zip(rows, extras)]
    return (how.before + how.between.join(rows) + how.after).encode("utf-8")


def _with(row: str, extra: str) -> str:
    end = row.rindex("}")
    return "{}, {}{}".format(row[:end], extra, row[end:])


def _values(told: Told, how: Form, label_first: bool) -> Any:
    texts = [[number_text(value, how.blank) for value in row] for row in told.numbers.tolist()]
    if told.label is None:
        return [tuple(row) for row in texts]
    labels = [how.labels[place] for place in told.label.tolist()]
    return [(label, *row) if label_first else (*row, label) for label, row in zip(labels, texts)]


def feature_lines(features: np.ndarray) -> bytes:
    """Return features (float32, shape (rows, features)) as CSV that reads back as the very same bits, for the container that comes next."""
    return "".join(",".join(map(repr, row)) + "\n" for row in features.astype(np.float64).tolist()).encode("utf-8")


def number_text(value: float, blank: str) -> str:
    """Return a number in the fewest digits that give the same float64 again; what is no finite number is `blank`."""
    return repr(value) if value - value == 0 else blank


def _by_arrow(told: Told, how: Form, label_first: bool) -> bytes:
    import pyarrow as pa
    import pyarrow.compute as compute

    values = [compute.cast(pa.array(np.ascontiguousarray(column)), pa.string()) for column in told.numbers.T]
    if told.label is not None:
        label = pa.array(list(how.labels), pa.string()).take(pa.array(told.label))
        values = [label, *values] if label_first else [*values, label]
    constants = [part.replace("%%", "%") for part in re.split("%s", how.row)]
    pieces: List[Any] = [text_scalar(how.between + constants[0])]
    for value, constant in zip(values, constants[1:]):
        pieces += [value, text_scalar(constant)]
    joined = compute.binary_join_element_wise(*pieces, text_scalar(""))
    body = joined.buffers()[2].to_pybytes()[len(how.between.encode()) :]
    return how.before.encode() + body + how.after.encode()


FORMATS: Sequence[str] = (CSV, JSON, LINES)
Forms = Dict[str, Form]
