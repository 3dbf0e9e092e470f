"""The rows that explanations start from: given in analysis_config.json or a file, else computed of the rows that are explained."""

from __future__ import annotations

import csv
import math
import urllib.parse
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from jobkit.clarify import json_path
from jobkit.clarify.config import FILE, JSON, JSON_LINES, Config, wrong
from jobkit.clarify.dataset import Dataset, as_text, number_text, read_folder
from jobkit.failure import JobError
from jobkit.paths import processing

KEY = "methods.shap.baseline"
FOLDER = "shap_baseline"
ROUNDS, SAMPLE = 30, 20_000


def given(config: Config, value: Any, rows: Dataset) -> Dataset:
    """Return the baseline that `methods.shap.baseline` names: rows, or the place of a file, which lies in the input `shap_baseline`.

    Raises:
        JobError: the file is not there, or the rows are not such as the features of the data are.
    """
    if isinstance(value, str):
        plain = Config(dataset_type=config.dataset_type, headers=rows.names, features=config.features)
        found = read_folder(plain, _file(value))
        return fitted([[_cell(found.columns[name][place]) for name in found.names] for place in range(found.rows)], rows)
    if isinstance(value, dict):
        value = [value] if config.features is None else json_path.search(config.features, value)
    if not isinstance(value, list) or not value:
        raise wrong(KEY, value, "a list of rows, or the place of a file")
    listed = value if isinstance(value[0], (list, dict)) else [value]
    return fitted([_row(config, item, rows.names) for item in listed], rows)


def _cell(value: Any) -> Any:
    return None if value is None or value != value else value


def _file(place: str) -> Path:
    """Return the file of a URI: the one in the input `shap_baseline`, else that of its path on this machine."""
    folder, name = processing("input/" + FOLDER), Path(urllib.parse.urlsplit(place).path).name
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.is_dir() else []
    named = [path for path in files if path.name == name] or files
    local = Path(urllib.parse.urlsplit(place).path)
    if not named and not place.startswith("s3://") and local.is_file():
        named = [local]
    if not named:
        raise JobError("{}: {}: got {!r}, expected its file in the input `{}`. Add it as an input of the job".format(FILE, KEY, place, FOLDER))
    return named[0]


def _row(config: Config, item: Any, names: Sequence[str]) -> List[Any]:
    if isinstance(item, dict) and config.features is not None and config.dataset_type in (JSON, JSON_LINES):
        item = json_path.search(config.features, item)
    if isinstance(item, dict):
        missing = [name for name in names if name not in item]
        if missing:
            raise wrong(KEY, item, "a value for the feature {!r}".format(missing[0]))
        item = [item[name] for name in names]
    if not isinstance(item, list):
        raise wrong(KEY, item, "rows that are lists of {} values".format(len(names)))
    return item


def fitted(values: Sequence[Sequence[Any]], rows: Dataset) -> Dataset:
    """Return rows of values as a Dataset of the same columns and kinds as `rows`.

    Raises:
        JobError: a row has another number of values, or a value is text where the data have numbers.
    """
    for place, row in enumerate(values):
        if len(row) != len(rows.names):
            told = "{}: {}: row {} has {} values, expected {}, one for each feature: {}"
            raise JobError(told.format(FILE, KEY, place, len(row), len(rows.names), ", ".join(rows.names)[:300]))
    columns = {name: _column([row[place] for row in values], name, rows.columns[name]) for place, name in enumerate(rows.names)}
    return rows._replace(columns=columns, rows=len(values))


def _column(values: Sequence[Any], name: str, like: np.ndarray) -> np.ndarray:
    if like.dtype.kind != "f":
        made = np.empty(len(values), dtype=object)
        made[:] = [value if value is None or isinstance(value, str) else number_text(float(value)) for value in values]
        return made
    try:
        return np.array([math.nan if value is None or value == "" else float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        raise wrong(KEY, list(values), "numbers for the feature {!r}, as the data have them".format(name)) from None


def computed(rows: Dataset, clusters: int, seed: int) -> Dataset:
    """Return the centres of clusters of rows (k-prototypes): means of numbers (see `_centre`), most frequent texts. One cluster is all rows."""
    taken = np.arange(rows.rows)
    if rows.rows > SAMPLE and clusters > 1:
        taken = np.sort(np.random.default_rng(seed).permutation(rows.rows)[:SAMPLE])
    columns = {name: values[taken] for name, values in rows.columns.items()}
    members = _clustered(columns, rows.names, len(taken), min(clusters, len(taken)), seed)
    groups = [np.flatnonzero(members == number) for number in np.unique(members)]
    return fitted([[_centre(columns[name][group]) for name in rows.names] for group in groups], rows)


def _centre(values: np.ndarray) -> Optional[Any]:
    """Return the mean of numbers or the most frequent text (of several the first in the alphabet), None where all are missing.

    Of whole numbers it is the value nearest to the mean that occurs: they are often codes, and a model that knows 0 and 1 knows nothing of 0.8.
    """
    if values.dtype.kind == "f":
        present = values[np.isfinite(values)]
        if not len(present):
            return None
        mean = present.mean()
        whole = bool((present == np.trunc(present)).all())
        return float(present[np.abs(present - mean).argmin()]) if whole else float(mean)
    levels, counts = np.unique([value for value in values if value is not None], return_counts=True)
    return str(levels[counts.argmax()]) if len(levels) else None


def _clustered(columns: Dict[str, np.ndarray], names: Sequence[str], rows: int, clusters: int, seed: int) -> np.ndarray:
    """Return the cluster of each row, int64 of shape (rows,), by squared distances of standardised numbers and of texts that differ."""
    if clusters <= 1:
        return np.zeros(rows, dtype=np.int64)
    points = np.column_stack([_coordinates(columns[name]) for name in names])
    dice = np.random.default_rng(seed)
    centres = points[dice.choice(rows, clusters, replace=False)]
    members = np.full(rows, -1)
    for _ in range(ROUNDS):
        distances = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
        found = distances.argmin(axis=1)
        if (found == members).all():
            break
        members = found
        centres = np.array([points[members == place].mean(axis=0) if (members == place).any() else centres[place] for place in range(clusters)])
    return members


def _coordinates(values: np.ndarray) -> np.ndarray:
    """Return standardised numbers (missing in the middle), or one column for each of the most frequent texts; float64 of shape (rows, coordinates)."""
    if values.dtype.kind == "f":
        finite = np.where(np.isfinite(values), values, np.nan)
        present = finite[~np.isnan(finite)]
        if not len(present) or present.std() == 0:
            return np.zeros((len(values), 0))
        return np.nan_to_num((finite - present.mean()) / present.std())[:, None]
    levels, counts = np.unique([value for value in values if value is not None], return_counts=True)
    kept = levels[np.argsort(-counts, kind="stable")[:50]]
    return np.column_stack([np.zeros((len(values), 0)), *((values == level) / math.sqrt(2) for level in kept)])


def write(rows: Dataset, path: Path) -> None:
    """Write rows as CSV with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [["" if value is None else value for value in as_text(rows.columns[name]).tolist()] for name in rows.names]
    lines: List[Tuple[str, ...]] = list(zip(*cells))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([rows.names, *lines])
