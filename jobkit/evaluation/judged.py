"""From what a model answers to the case that is judged, and what is written of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence

import numpy as np

from jobkit import scores
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case
from jobkit.failure import JobError

# The group of each problem's metrics in evaluation.json, and which of them are printed.
GROUPS: Mapping[str, str] = {problem: problem + "_metrics" for problem in (BINARY, MULTICLASS, REGRESSION)}
SHOWN: Mapping[str, Sequence[str]] = {
    BINARY: ("accuracy", "precision", "recall", "f1", "auc"),
    MULTICLASS: ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1"),
    REGRESSION: ("mae", "rmse", "r2"),
}


def case_of(problem: str, target: np.ndarray, answers: np.ndarray, classes: Sequence[str]) -> Case:
    """Return the case of a test split; of two classes nothing is decided yet (`decided` does).

    `answers` (float64) has shape (rows,), or (rows, classes) with probabilities.

    Raises:
        JobError: there are no rows, an answer is no number, or the answers are not of this problem's shape.
    """
    if not len(target):
        raise JobError("the split has no rows; nothing can be judged")
    wrong = int((~np.isfinite(answers)).reshape(len(answers), -1).any(axis=1).sum())
    if wrong:
        told = "the model answered {} of {} rows with what is no number (NaN or infinite). Look at the features and at the model's code"
        raise JobError(told.format(wrong, len(answers)))
    return CASES[problem](target.astype(np.float64), answers, list(classes))


def _binary(target: np.ndarray, answers: np.ndarray, classes: Sequence[str]) -> Case:
    if answers.ndim == 2 and answers.shape[1] == 2:
        answers = answers[:, 1]
    flat = answers.reshape(len(target), -1)
    if flat.shape[1] != 1:
        raise JobError("the model answered {} numbers a row; expected the probability of the positive class".format(flat.shape[1]))
    return Case(BINARY, target, np.zeros(len(target), dtype=np.int64), flat[:, 0], classes)


def _multiclass(target: np.ndarray, answers: np.ndarray, classes: Sequence[str]) -> Case:
    if answers.ndim == 2 and answers.shape[1] != len(classes):
        raise JobError("the model answered {} numbers a row for {} classes: {}".format(answers.shape[1], len(classes), ", ".join(classes)[:200]))
    said = answers.argmax(axis=1) if answers.ndim == 2 else answers.astype(np.int64)
    if said.min() < 0 or said.max() >= len(classes):
        raise JobError("the model answered class {}; there are {}, counted from 0".format(int(said.max()), len(classes)))
    return Case(MULTICLASS, target, said, answers.max(axis=1) if answers.ndim == 2 else None, classes)


def _regression(target: np.ndarray, answers: np.ndarray, classes: Sequence[str]) -> Case:
    if answers.size != len(target):
        raise JobError("the model answered an array of shape {}; expected one number a row".format(answers.shape))
    return Case(REGRESSION, target, answers.reshape(-1), None)


CASES: Mapping[str, Callable[[np.ndarray, np.ndarray, Sequence[str]], Case]] = {BINARY: _binary, MULTICLASS: _multiclass, REGRESSION: _regression}


def decided(case: Case, threshold: float) -> Case:
    """Return the case with every score at or above the threshold positive, of two classes; of other problems as it is."""
    if case.problem != BINARY or case.scores is None:
        return case
    return case._replace(predicted=(case.scores >= threshold).astype(np.int64))


def quality(case: Case, threshold: float) -> Dict[str, Any]:
    """Return evaluation.json."""
    return {"version": 0.0, "dataset": {"item_count": len(case.target)}, GROUPS[case.problem]: QUALITY[case.problem](case, threshold)}


QUALITY: Mapping[str, Callable[[Case, float], Dict[str, Any]]] = {
    BINARY: lambda case, threshold: scores.binary(case.target, np.asarray(case.scores), threshold),
    MULTICLASS: lambda case, threshold: scores.multiclass(case.target.astype(np.int64), case.predicted, case.classes),
    REGRESSION: lambda case, threshold: scores.regression(case.target, case.predicted),
}


def write_predictions(case: Case, path: Path) -> None:
    """Write what the model predicted of each row, its probability (empty where there is none) and the label, in the order of the rows."""
    import pyarrow as pa

    from jobkit import raw_rows

    said, label = (_named(values, case) for values in (case.predicted, case.target))
    probability = pa.nulls(len(said), pa.string()) if case.scores is None else pa.array(case.scores).cast(pa.string())
    raw_rows.write(path, pa.table({"prediction": said, "probability": probability, "label": label}))


def _named(values: np.ndarray, case: Case) -> Any:
    """Return labels as texts: names of several classes, 0 and 1 of two, amounts."""
    import pyarrow as pa

    if case.problem == MULTICLASS:
        return pa.array(list(case.classes), pa.string()).take(pa.array(values.astype(np.int64)))
    return pa.array(values.astype(np.int64) if case.problem == BINARY else values.astype(np.float64)).cast(pa.string())
