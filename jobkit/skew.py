"""Compare what a served package makes of raw rows with what the training made of them: features and answers, to the last bit."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit import sample as samples
from jobkit.arrow import matrix_of
from jobkit.columns import NUMBER
from jobkit.failure import JobError
from jobkit.serving.child import Client

WITH_FEATURES = "application/json; explain=features"


class Sample(NamedTuple):
    """Hold the sampled rows: numbers of the raw rows, header, cells and lines as they came, features of the training (float32, shape (rows, features))."""

    numbers: List[int]
    header: List[str]
    cells: List[List[str]]
    lines: List[str]
    names: List[str]
    features: np.ndarray


class Answers(NamedTuple):
    """Hold what a path made of the sample: features where it tells them, and scores (float32, shape (rows, numbers))."""

    features: Optional[np.ndarray]
    scores: np.ndarray


class Difference(NamedTuple):
    """Hold how far a path is from the training, in the largest case, and the first case in words, empty when there is none."""

    largest: float
    message: str
    values: int


def read(folder: Path, count: int, allowed: Optional[Sequence[str]]) -> Sample:
    """Return `count` rows of a sample, spread over it; of the raw columns those in `allowed`, all when None.

    Raises:
        JobError: there is no sample, or its parts do not fit together.
    """
    import pyarrow.parquet as parquet

    try:
        about = json.loads((folder / samples.ABOUT).read_text(encoding="utf-8"))
        text = (folder / samples.ROWS).read_bytes().decode("utf-8", "surrogateescape")
        made = parquet.ParquetFile(str(folder / samples.FEATURES)).read(use_threads=False)
    except (OSError, ValueError) as error:
        raise JobError("the sample cannot be read: {}".format(error)) from None
    dialect: Dict[str, Any] = {"delimiter": about["delimiter"], **({"quotechar": about["quote"]} if about["quote"] else {"quoting": csv.QUOTE_NONE})}
    header, *cells = [row for row in csv.reader(io.StringIO(text, newline=""), **dialect) if row]
    if not len(cells) == made.num_rows == len(about["rows"]):
        raise JobError("the sample does not fit together: {} raw rows, {} with features".format(len(cells), made.num_rows))
    places = np.unique(np.linspace(0, len(cells) - 1, min(count, len(cells))).astype(int)).tolist() if cells else []
    lines = text.rstrip("\n").split("\n")[1:]
    values = matrix_of(made)
    whole = allowed is None and len(lines) == len(cells)
    kept = [place for place, name in enumerate(header) if allowed is None or name in allowed]
    picked = [[cells[place][column] for column in kept] for place in places]
    shown = [lines[place] for place in places] if whole else [_line(row, dialect) for row in picked]
    names = [header[column] for column in kept]
    return Sample([about["rows"][place] for place in places], names, picked, shown, list(made.column_names), values[places])


def _line(row: Sequence[str], dialect: Mapping[str, Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=samples.END, escapechar=None if "quotechar" in dialect else "\\", **dialect).writerow(row)
    return out.getvalue()[: -len(samples.END)]


def header_line(sample: Sample, delimiter: str) -> str:
    """Return the first line of the sample as CSV."""
    return _line(sample.header, {"delimiter": delimiter, "quotechar": '"'})


def as_object(sample: Sample, place: int, recipe: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a row as a client sends it in JSON: numbers as numbers, missing values as null."""
    kinds, nulls = {entry["name"]: entry["kind"] for entry in recipe["schema"]}, frozenset(recipe["null_values"])
    return {name: None if cell in nulls else _value(cell) if kinds.get(name) == NUMBER else cell for name, cell in zip(sample.header, sample.cells[place])}


def _value(cell: str) -> Any:
    try:
        number = float(cell)
    except ValueError:
        return cell
    return cell if not math.isfinite(number) or "_" in cell else int(number) if number.is_integer() and abs(number) < 2**53 else number


def batch(client: Client, sample: Sample, delimiter: str, package: Mapping[str, Any]) -> Answers:
    """Return the answers to the sample in one request of many records, as batch transform sends it, first as CSV, then with the features.

    Raises:
        Asked: the server refused.
        JobError: an answer has another number of rows.
    """
    body = "\n".join([header_line(sample, delimiter), *sample.lines, ""]).encode("utf-8", "surrogateescape")
    plain = list(csv.reader(io.StringIO(client.invoke(body, "text/csv; header=present", "text/csv").decode("utf-8"), newline="")))
    told = json.loads(client.invoke(body, "text/csv; header=present", WITH_FEATURES))["predictions"]
    if not len(plain) == len(told) == len(sample.lines):
        raise JobError("batch: {} rows were sent, {} came back as CSV and {} as JSON".format(len(sample.lines), len(plain), len(told)))
    scores = np.array([_numbers_of_cells(row, package) for row in plain], dtype=np.float32)
    again = np.array([_numbers(row, package) for row in told], dtype=np.float32)
    if not np.array_equal(scores.view(np.int32), again.view(np.int32)):
        raise JobError("batch: CSV and JSON answers to the same rows differ")
    return Answers(_features(told, sample), scores)


def one_by_one(client: Client, sample: Sample, delimiter: str, recipe: Mapping[str, Any], package: Mapping[str, Any], seconds: List[float]) -> Answers:
    """Return the answers to single rows, CSV and JSON by turns, as an endpoint is asked; `seconds` is given how long each took.

    Raises:
        Asked: the server refused.
    """
    told = []
    first = header_line(sample, delimiter)
    for place, line in enumerate(sample.lines):
        if place % 2:
            body, kind = json.dumps(as_object(sample, place, recipe)).encode("utf-8"), "application/json"
        else:
            body, kind = "{}\n{}\n".format(first, line).encode("utf-8", "surrogateescape"), "text/csv; header=present"
        start = time.perf_counter()
        answer = client.invoke(body, kind, WITH_FEATURES)
        seconds.append(time.perf_counter() - start)
        told += json.loads(answer)["predictions"]
    return Answers(_features(told, sample), np.array([_numbers(row, package) for row in told], dtype=np.float32))


def _features(told: Sequence[Mapping[str, Any]], sample: Sample) -> np.ndarray:
    rows = [[math.nan if row["features"][name] is None else row["features"][name] for name in sample.names] for row in told]
    return np.array(rows, dtype=np.float32).reshape(len(told), len(sample.names))


def _of_classes(row: Mapping[str, Any], package: Mapping[str, Any]) -> List[float]:
    return list(row["probabilities"].values()) if "probabilities" in row else [package["classes"].index(row["label"])]


NUMBERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], List[float]]] = {
    "binary_classification": lambda row, package: [row["probability"]],
    "regression": lambda row, package: [row["value"]],
    "multiclass_classification": _of_classes,
}


def _numbers(row: Mapping[str, Any], package: Mapping[str, Any]) -> List[float]:
    return [math.nan if value is None else value for value in NUMBERS[package["problem"]](row, package)]


def _numbers_of_cells(row: Sequence[str], package: Mapping[str, Any]) -> List[float]:
    if package["problem"] != "multiclass_classification":
        return [float(row[0] or "nan")]
    return [float(cell or "nan") for cell in row[1:]] or [package["classes"].index(row[0])]


def compare(path: str, sample: Sample, expected: np.ndarray, found: Answers) -> Difference:
    """Return how answers differ from the training's features and from what the booster answers to these (`expected`, float32)."""
    columns = _different(path, sample, sample.names, sample.features, found.features) if found.features is not None else Difference(0.0, "", 0)
    names = ["the answer"] if expected.shape[1] == 1 else ["the answer, number {}".format(place + 1) for place in range(expected.shape[1])]
    answers = _different(path, sample, names, expected, found.scores)
    return Difference(max(columns.largest, answers.largest), columns.message or answers.message, columns.values + answers.values)


def _different(path: str, sample: Sample, names: Sequence[str], expected: np.ndarray, found: np.ndarray) -> Difference:
    if expected.shape != found.shape:
        return Difference(math.inf, "{}: expected numbers of shape {}, got {}".format(path, expected.shape, found.shape), 1)
    differs = (expected.view(np.int32) != found.view(np.int32)) & ~(np.isnan(expected) & np.isnan(found))
    if not differs.any():
        return Difference(0.0, "", 0)
    away = np.abs(expected.astype(np.float64) - found.astype(np.float64))[differs]
    row, column = (int(place[0]) for place in np.nonzero(differs))
    told = "{}, raw row {}, {}: the training has {!r}, the package {!r}".format(
        path, sample.numbers[row] + 1, names[column], float(expected[row, column]), float(found[row, column])
    )
    return Difference(math.inf if np.isnan(away).any() else float(away.max()), told, int(differs.sum()))
