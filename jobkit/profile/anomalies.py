"""Rows that are unlike the others, found by an isolation forest, and what about them is unusual."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from jobkit.columns import DATE, TEXT, date_text, number_text
from jobkit.profile.fields import EMPTY, ID, WORDS, Field
from jobkit.profile.findings import short

TREES, SHOWN_ROWS, SHOWN_VALUES, FEWEST_ROWS, MOST_COLUMNS = 100, 10, 4, 20, 200
LARGEST = 1e30  # the forest holds float32


def anomalies(fields: Sequence[Field], rows: np.ndarray, seed: int) -> Optional[Dict[str, Any]]:
    """Return the share of anomalous rows (a negative score) and the most anomalous ones; None for fewer than 20 rows or no usable column.

    `fields` hold the rows at the positions `rows` (int64) of the data; a row is named by its number there, the first one being 1.
    """
    usable = [field for field in fields if field.kind not in (EMPTY, ID, WORDS) and field.distinct > 1][:MOST_COLUMNS]
    if len(rows) < FEWEST_ROWS or not usable:
        return None
    from sklearn.ensemble import IsolationForest

    data = np.column_stack([_as_number(field) for field in usable])
    forest = IsolationForest(n_estimators=TREES, random_state=seed, n_jobs=1).fit(data)
    scores = forest.decision_function(data)
    rarity = np.column_stack([_rarity(field) for field in usable])
    worst = np.argsort(scores, kind="stable")[:SHOWN_ROWS]
    shown = [{"row": int(rows[at]) + 1, "score": float(scores[at]), "values": _unusual(usable, rarity[at], at)} for at in worst]
    return {"method": "isolation_forest", "rows": len(rows), "columns": len(usable), "share": float((scores < 0).mean()), "most_anomalous": shown}


def _as_number(field: Field) -> np.ndarray:
    """Return the column for the forest (float64): numbers with the median for missing, or how rare a text is."""
    if field.numbers is not None:
        known = field.numbers[~np.isnan(field.numbers)]
        filled = np.where(np.isnan(field.numbers), np.median(known) if len(known) else 0.0, field.numbers)
        return np.clip(filled, -LARGEST, LARGEST)
    return -np.log(_shares(field))


def _shares(field: Field) -> np.ndarray:
    """Return for every row the share of the rows that have the same text (float64); missing is a level, too."""
    count = len(field.column.levels)
    cells = np.where(field.column.values < 0, count, field.column.values)
    return (np.bincount(cells, minlength=count + 1) / len(cells))[cells]


def _rarity(field: Field) -> np.ndarray:
    """Return for every row the share of the rows that are at least as extreme (numbers) or equal (text); float64, from above 0 to 1."""
    if field.numbers is None:
        return _shares(field)
    values = field.numbers
    ordered = np.sort(values[~np.isnan(values)])
    below = np.searchsorted(ordered, values, side="right")
    above = len(ordered) - np.searchsorted(ordered, values, side="left")
    tail = 2 * np.minimum(below, above) / max(1, len(ordered))
    return np.where(np.isnan(values), 1.0, np.minimum(1.0, tail))


def _unusual(fields: Sequence[Field], rarity: np.ndarray, at: int) -> List[Dict[str, Any]]:
    order = np.argsort(rarity, kind="stable")[:SHOWN_VALUES]
    return [{"column": fields[place].name, "value": value_text(fields[place], at), "rarity": float(rarity[place])} for place in order]


def value_text(field: Field, at: int) -> str:
    """Return the value of a row as text, "missing" when there is none."""
    value = field.column.values[at]
    if field.column.missing()[at]:
        return "missing"
    if field.column.kind == TEXT:
        return short(field.column.levels[int(value)], 60)
    return date_text(float(value)) if field.column.kind == DATE else number_text(float(value))
