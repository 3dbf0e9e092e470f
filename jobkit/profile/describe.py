"""Summary statistics and distributions of one column."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from jobkit.columns import TEXT, date_text, number_text
from jobkit.profile.fields import DATED, Field

BINS, BARS, SHOWN_LEVELS = 20, 12, 10
OUTLIER_SPREADS, CLIP_LOW, CLIP_HIGH = 5.0, 5, 95


def statistics(field: Field) -> Dict[str, Any]:
    """Return mean, sd (sample), min, quartiles, max, skew, kurtosis (Pearson: 3 for a normal distribution), zeros and outliers; dates have three."""
    values = present_numbers(field)
    if values is None or not len(values):
        return {}
    if field.kind == DATED:
        ordered = np.sort(values)
        return {"min": date_text(ordered[0]), "median": date_text(ordered[(len(ordered) - 1) // 2]), "max": date_text(ordered[-1])}
    low, first, median, third, high = np.percentile(values, [0, 25, 50, 75, 100])
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {
        "mean": float(values.mean()),
        "sd": spread,
        "min": low,
        "q1": first,
        "median": median,
        "q3": third,
        "max": high,
        **_shape(values),
        "zeros": int((values == 0).sum()),
        **outliers(values),
    }


def present_numbers(field: Field) -> Optional[np.ndarray]:
    """Return the values that are there (float64), None for a column without order."""
    return None if field.numbers is None else field.numbers[~np.isnan(field.numbers)]


def _shape(values: np.ndarray) -> Dict[str, float]:
    centred = values - values.mean()
    scale = float(np.abs(centred).max())
    if scale == 0:
        return {"skew": 0.0, "kurtosis": 0.0}
    centred = centred / scale
    variance = float((centred**2).mean())
    if variance < 1e-12:
        return {"skew": 0.0, "kurtosis": 0.0}
    return {"skew": float((centred**3).mean() / variance**1.5), "kurtosis": float((centred**4).mean() / variance**2)}


def outliers(values: np.ndarray) -> Dict[str, Any]:
    """Return the number of values further than 5 robust standard deviations (of the values clipped to the 5th to 95th percentile) from the median."""
    low, high = np.percentile(values, [CLIP_LOW, CLIP_HIGH])
    spread = float(np.clip(values, low, high).std())
    if spread == 0:
        return {"outliers": 0, "outlier_low": None, "outlier_high": None}
    centre = float(np.median(values))
    bounds = centre - OUTLIER_SPREADS * spread, centre + OUTLIER_SPREADS * spread
    return {"outliers": int(((values < bounds[0]) | (values > bounds[1])).sum()), "outlier_low": bounds[0], "outlier_high": bounds[1]}


def levels(field: Field, most: int = SHOWN_LEVELS) -> List[Dict[str, Any]]:
    """Return the most frequent values of a text column, with their number and share of the rows that have a value."""
    if field.column.kind != TEXT or field.present == 0:
        return []
    counts = field.counts()
    order = sorted(range(len(counts)), key=lambda place: (-counts[place], field.column.levels[place]))[:most] if len(counts) < 5000 else _head(counts, most)
    return [{"value": field.column.levels[place], "count": int(counts[place]), "share": counts[place] / field.present} for place in order]


def _head(counts: np.ndarray, most: int) -> List[int]:
    return [int(place) for place in np.argsort(-counts, kind="stable")[:most]]


def bins(field: Field) -> Dict[str, Any]:
    """Return the bins of a column and the bin of every row (int64, -1 for missing): `labels`, `codes`, and `edges` for numbers and dates."""
    if field.numbers is not None:
        return _number_bins(field)
    shown = [entry["value"] for entry in levels(field, BARS)]
    places = {level: place for place, level in enumerate(shown)}
    rest = field.distinct - len(shown)
    table = np.array([*(places.get(level, len(shown)) for level in field.column.levels), -1], dtype=np.int64)
    return {"labels": [*shown, *(["{} other values".format(rest)] if rest > 0 else [])], "codes": table[field.column.values]}


def _number_bins(field: Field) -> Dict[str, Any]:
    values = field.numbers
    assert values is not None
    found = np.unique(values[~np.isnan(values)])
    write = date_text if field.kind == DATED else number_text
    if len(found) <= BARS and field.kind != DATED:
        codes = np.where(np.isnan(values), -1, np.searchsorted(found, values)).astype(np.int64)
        return {"labels": [write(float(value)) for value in found], "codes": codes}
    edges = _edges(found)
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    codes = np.where(np.isnan(values), -1, codes).astype(np.int64)
    shown = [float("{:.4g}".format(edge)) if field.kind != DATED else float(edge) for edge in edges]
    return {"labels": [write(edge).split("T")[0] for edge in shown[:-1]], "codes": codes, "edges": [write(edge).split("T")[0] for edge in shown]}


def _edges(found: np.ndarray) -> np.ndarray:
    """Return rising edges of at most 20 equal bins, of whole width where the values are whole numbers."""
    low, high = float(found[0]), float(found[-1])
    if (found == np.floor(found)).all() and high - low < 1e9:
        width = max(1.0, float(np.ceil((high - low + 1) / BINS)))
        return low + width * np.arange(int(np.ceil((high - low + 1) / width)) + 1)
    edges = low + (high - low) * (np.arange(BINS + 1) / BINS)
    return edges if (np.diff(edges) > 0).all() and np.isfinite(edges).all() else np.array([low, high])
