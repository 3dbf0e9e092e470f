"""The model that was approved last, asked for the same raw rows through its own package; where that cannot be, a reason and no failure."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence

import numpy as np

from jobkit import package, raw_rows
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case
from jobkit.failure import JobError

PACKAGE_FILE, OURS = "package.json", "jobkit"
ROWS_AT_ONCE = 20_000
NO_PACKAGE = "there is no approved version to compare with"


class Approved(NamedTuple):
    """Hold what asks the server of the approved package (a `child.Client`), what its package.json says, and, where there is no server (None), why."""

    client: Any
    about: Mapping[str, Any]
    why: str


@contextmanager
def served(folder: Path, problem: str, classes: Sequence[str]) -> Iterator[Approved]:
    """Serve the package in a folder while the block runs, if it is for this problem and these classes.

    Enter it before anything runs Arrow or XGBoost, since the server is a fork.
    """
    try:
        files = _files(folder)
        about = _described(files)
        _check(about, problem, classes)
    except JobError as error:
        yield Approved(None, {}, str(error))
        return
    from jobkit.serving import child  # most evaluations have nobody to ask

    with tempfile.TemporaryDirectory() as place:
        package.unpack(files, Path(place))
        with child.running(Path(place), package.INFERENCE, {"SAGEMAKER_BATCH": "true", "SAGEWRIGHT_ANSWERS": "", "SAGEWRIGHT_CSV_HEADER": ""}) as client:
            yield Approved(client, about, "")


def _files(folder: Path) -> Dict[str, bytes]:
    if not folder.is_dir() or not any(folder.rglob("*.tar.gz")):
        raise JobError(NO_PACKAGE)
    return package.read(package.find(folder))


def _described(files: Mapping[str, bytes]) -> Dict[str, Any]:
    """Return package.json of a package that takes raw rows through our code."""
    try:
        about = dict(json.loads(files[PACKAGE_FILE]))
        known = {"problem": about["problem"], "classes": list(about["classes"]), "columns": list(about["columns"])}
    except (KeyError, ValueError, TypeError):
        raise JobError("the approved version has no {} that can be read, so nothing is known of the rows it takes".format(PACKAGE_FILE)) from None
    if about.get("serves") != OURS:
        raise JobError(
            "the approved version does not take raw rows: it is served by {}".format("code of its own" if about.get("serves") == "own" else "nothing")
        )
    return {**about, **known}


def answers(approved: Approved, case: Case, raw: Path) -> Case:
    """Return what the approved model says of the rows of a case; `raw` is the file of its raw rows, in the same order.

    Raises:
        JobError: they cannot be compared; the message says why.
    """
    if approved.client is None:
        raise JobError(approved.why)
    rows = raw_rows.read(raw)
    if rows.num_rows != len(case.target):
        raise JobError("there are {} raw rows for {} rows of the test split".format(rows.num_rows, len(case.target)))
    wanted = rows.select([name for name in rows.column_names if name in approved.about["columns"]])
    if not wanted.num_columns:
        raise JobError("the approved version takes none of the columns: {}".format(", ".join(approved.about["columns"])[:200]))
    approved.client.healthy()
    told: List[str] = []
    for start in range(0, rows.num_rows, ROWS_AT_ONCE):
        body = raw_rows.text(wanted.slice(start, ROWS_AT_ONCE))
        told.append(approved.client.invoke(body, "text/csv; header=present", "text/csv").decode("utf-8", "replace"))
    return _read("".join(told), approved.about, case)


def _check(about: Mapping[str, Any], problem: str, classes: Sequence[str]) -> None:
    if about["problem"] != problem:
        raise JobError("the approved version is for {}, this one for {}".format(about["problem"].replace("_", " "), problem.replace("_", " ")))
    theirs, ours = [str(name) for name in about["classes"]], [str(name) for name in classes]
    unlike = sorted(theirs) != sorted(ours) if problem == MULTICLASS else bool(ours and theirs and theirs != ours)
    if unlike:
        raise JobError("the approved version tells other classes: {}; these are {}".format(", ".join(theirs)[:150], ", ".join(ours)[:150]))


def _read(text: str, about: Mapping[str, Any], case: Case) -> Case:
    try:
        told = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        if len(told) != len(case.target):
            raise JobError("the approved version answered {} rows with {}".format(len(case.target), len(told)))
        read = READ[case.problem](told, about, case)
    except (ValueError, TypeError, IndexError, csv.Error):
        raise JobError("the approved version answered what is no prediction: {!r}".format(text[:100].split("\n")[0])) from None
    if not all(np.isfinite(values).all() for values in (read.predicted, read.scores) if values is not None):
        raise JobError("the approved version answered what is no number")
    return read


def _binary(told: Sequence[Sequence[str]], about: Mapping[str, Any], case: Case) -> Case:
    scores = np.array([float(row[0]) for row in told])
    return case._replace(scores=scores, predicted=(scores >= float(about.get("threshold", 0.5))).astype(np.int64))


def _multiclass(told: Sequence[Sequence[str]], about: Mapping[str, Any], case: Case) -> Case:
    places = {name: place for place, name in enumerate(case.classes)}
    if any(row[0] not in places for row in told):
        raise ValueError
    said = np.array([places[row[0]] for row in told], dtype=np.int64)
    return case._replace(predicted=said, scores=np.array([max(map(float, row[1:])) for row in told]) if len(told[0]) > 1 else None)


def _regression(told: Sequence[Sequence[str]], about: Mapping[str, Any], case: Case) -> Case:
    return case._replace(predicted=np.array([float(row[0]) for row in told]))


READ: Mapping[str, Callable[[Sequence[Sequence[str]], Mapping[str, Any], Case], Case]] = {
    BINARY: _binary,
    MULTICLASS: _multiclass,
    REGRESSION: _regression,
}
