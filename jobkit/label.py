"""Turn the column to predict into numbers: one of two values, one of several classes, or an amount."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from jobkit.columns import NUMBER, TEXT, Column, number_text
from jobkit.failure import JobError

TENTHS = 10


def positives(label: Column, name: str, positive: Any) -> Tuple[np.ndarray, List[str]]:
    """Return the label as 0/1 (float64, shape (rows,)) and the texts of its two values, negative first.

    Raises:
        JobError: labels are missing, there are not exactly two values, or the positive one is not among them.
    """
    check_labelled(label, name)
    column = label.as_text().relabel(str.strip)
    column = column.present() if label.kind == TEXT else column
    found = sorted(column.levels)
    wanted = _among(label_text(positive), found)
    if len(found) == 1:
        raise JobError("column {!r} has one class only: {!r}; a classifier needs two".format(name, found[0]))
    if len(found) > 2:
        raise JobError("column {!r} has {} values: {}; binary_classification needs two".format(name, len(found), ", ".join(found[:8])))
    if wanted not in found:
        raise JobError("column {!r} holds {} and never the positive value {!r}; set label.positive".format(name, " and ".join(map(repr, found)), wanted))
    return column.each(lambda level: float(level == wanted)), [next(level for level in found if level != wanted), wanted]


def _among(wanted: str, found: Sequence[str]) -> str:
    """Return the positive value as the column writes it: true and false are 1 and 0 once they are read as numbers."""
    as_number = {"true": "1", "false": "0"}.get(wanted.lower(), wanted)
    return as_number if wanted not in found and as_number in found else wanted


def check_labelled(label: Column, name: str) -> None:
    """Raise a JobError when a row has no label."""
    missing = int(label.missing().sum())
    if missing:
        raise JobError("column {!r}: {} rows have no label; remove them or fill them in".format(name, missing))


def label_text(value: Any) -> str:
    """Return a label's text; 1, 1.0 and True are written alike."""
    return value.strip() if isinstance(value, str) else number_text(float(value))


def amounts(label: Column, name: str) -> np.ndarray:
    """Return a numeric label (float64, shape (rows,)).

    Raises:
        JobError: labels are missing or are not numbers.
    """
    check_labelled(label, name)
    if label.kind != NUMBER:
        first = label.levels[int(label.values[0])] if label.kind == TEXT else "dates"
        raise JobError("column {!r} holds text such as {!r}; regression needs numbers".format(name, first))
    return label.numbers()


def codes(label: Column, name: str, classes: Sequence[str]) -> Tuple[np.ndarray, List[str]]:
    """Return the place of every row's class in `classes` (float64, shape (rows,)) and the classes.

    Raises:
        JobError: labels are missing, or one is not among the classes.
    """
    check_labelled(label, name)
    column = label.as_text().relabel(str.strip).present()
    places = {label_text(text): place for place, text in enumerate(classes)}
    strange = sorted(set(column.levels) - set(places))
    if strange:
        told = "column {!r} holds {!r}, which is not among label.classes: {}"
        raise JobError(told.format(name, strange[0], ", ".join(places)[:200]))
    return column.each(lambda level: float(places[level])), list(places)


def strata(target: np.ndarray, problem: str) -> np.ndarray:
    """Return what to stratify by, shape (rows,): the classes themselves, or the tenth of the rows in which an amount lies."""
    if problem != "regression":
        return target
    ranks = np.empty(len(target))
    ranks[np.argsort(target, kind="stable")] = np.arange(len(target))
    return np.floor(ranks * min(TENTHS, max(1, len(target) // TENTHS)) / max(1, len(target)))


def told(target: np.ndarray, problem: str, classes: Sequence[str]) -> str:
    """Return a few words on the labels of a split."""
    if problem == "regression":
        return "label {:.4g} on average".format(target.mean())
    if problem == "binary_classification":
        return "{:.1%} positive".format(target.mean())
    counts = np.bincount(target.astype(np.int64), minlength=len(classes))
    return ", ".join("{} {}".format(count, name) for name, count in zip(classes, counts))


# How each problem reads its label: (column, members of the section `label`) to numbers and the names of the classes.
READ: Dict[str, Callable[[Column, Mapping[str, Any]], Tuple[np.ndarray, List[str]]]] = {
    "binary_classification": lambda column, label: positives(column, label["column"], label["positive"]),
    "multiclass_classification": lambda column, label: codes(column, label["column"], label["classes"]),
    "regression": lambda column, label: (amounts(column, label["column"]), []),
}
