"""Partial dependence: the mean answer of the model when every row has the same value in one column."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.clarify.dataset import Dataset

GRID_RESOLUTION, TOP_FEATURES = 15, 10
# Of a column of text at most so many values are tried, the most frequent.
LARGEST_GRID = 50
# At most so many made-up rows are asked for at once.
BATCH = 100_000


class Grid(NamedTuple):
    """Hold the values to try, what the report calls their kind, and the share of rows (0 to 1) at each."""

    kind: str
    values: Tuple[Any, ...]
    shares: Tuple[float, ...]


def grid(values: np.ndarray, resolution: int) -> Grid:
    """Return the values to try of a column: the middles of buckets of one width from the least to the greatest number, or the texts there are.

    The service's published example has the middles of buckets of one width, too. A column with no more distinct numbers than buckets is tried at these: a flag
    is 0 or 1, never 0.5. Missing values belong to none.
    """
    return _numerical(values, resolution) if values.dtype.kind == "f" else _categorical(values)


def _numerical(values: np.ndarray, resolution: int) -> Grid:
    present = values[np.isfinite(values)]
    if not len(present):
        return Grid("numerical", (), ())
    levels, at_each = np.unique(present, return_counts=True)
    if len(levels) <= resolution:
        return Grid("numerical", tuple(levels.tolist()), tuple((at_each / len(values)).tolist()))
    low, high = float(present.min()), float(present.max())
    edges = np.linspace(0.0, 1.0, resolution + 1)
    counts, _ = np.histogram((present / 2 - low / 2) / (high / 2 - low / 2), bins=edges)
    middles = (edges[:-1] + edges[1:]) / 2
    return Grid("numerical", tuple((low * (1 - middles) + high * middles).tolist()), tuple((counts / len(values)).tolist()))


def _categorical(values: np.ndarray) -> Grid:
    levels, counts = np.unique(np.array([value for value in values if value is not None], dtype=object).astype(str), return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:LARGEST_GRID])
    return Grid("categorical", tuple(str(level) for level in levels[kept]), tuple((counts[kept] / len(values)).tolist()))


def compute(predict: Callable[[Dataset], np.ndarray], rows: Dataset, name: str, resolution: int) -> Tuple[Grid, np.ndarray]:
    """Return the grid of a column and the mean scores there, float64 of shape (outputs, values).

    Raises:
        JobError: what `predict` raises.
    """
    found = grid(rows.columns[name], resolution)
    at_once = max(1, BATCH // rows.rows)
    means: List[np.ndarray] = []
    for start in range(0, len(found.values), at_once):
        tried = found.values[start : start + at_once]
        columns = {other: np.tile(values, len(tried)) for other, values in rows.columns.items()}
        columns[name] = np.repeat(np.array(tried, dtype=rows.columns[name].dtype), rows.rows)
        scores = predict(rows._replace(columns=columns, rows=rows.rows * len(tried)))
        means.append(scores.reshape(len(tried), rows.rows, -1).mean(axis=1))
    return found, np.concatenate(means).T if means else np.zeros((1, 0))


def entry(name: str, found: Grid, scores: np.ndarray, labels: Sequence[str]) -> Dict[str, Any]:
    """Return a column's partial dependence as analysis.json has it."""
    return {
        "feature_name": name,
        "data_type": found.kind,
        "data_distribution": list(found.shares),
        "feature_values": list(found.values),
        "model_predictions": [[float(value) for value in row] for row in scores],
        "label_headers": list(labels),
    }
