"""How columns hang together: linear and rank correlation, Cramér's V, correlation ratio."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.columns import TEXT
from jobkit.profile.fields import DATED, EMPTY, ID, WORDS, Field

MOST_COLUMNS, MOST_LEVELS, MOST_PAIRS = 40, 200, 20


class Side(NamedTuple):
    """Hold a column ready to be related: numbers (float64, NaN where missing) or codes of classes (int64, -1 where missing)."""

    name: str
    numbers: Optional[np.ndarray]
    codes: Optional[np.ndarray]
    levels: int


def correlation(fields: Sequence[Field], first: Sequence[str], which: str) -> Dict[str, Any]:
    """Return the matrices that were asked for (`linear`, `nonlinear` or `both`) of at most 40 columns, those named `first` before the others."""
    sides = _sides(fields, first)
    numeric = [side for side in sides if side.numbers is not None]
    found: Dict[str, Any] = {"linear": None, "nonlinear": None, "pairs": []}
    if which in ("linear", "both"):
        found["linear"] = _matrix(numeric, _linear(numeric), "pearson")
    if which in ("nonlinear", "both"):
        values, measures = _nonlinear(sides)
        found["nonlinear"] = _matrix(sides, values, "spearman, cramers_v or correlation_ratio")
        found["pairs"] = _strongest(sides, values, measures)
    else:
        found["pairs"] = _strongest(numeric, _linear(numeric), {})
    return found


def _sides(fields: Sequence[Field], first: Sequence[str]) -> List[Side]:
    places = {name: place for place, name in enumerate(first)}
    usable = [field for field in fields if field.distinct > 1 and field.kind not in (EMPTY, ID, WORDS) and (_ordered(field) or field.distinct <= MOST_LEVELS)]
    chosen = sorted(usable, key=lambda field: places.get(field.name, len(places)))[:MOST_COLUMNS]
    return [_side(field) for field in chosen]


def _ordered(field: Field) -> bool:
    return field.numbers is not None and (field.column.kind != TEXT or field.kind == DATED)


def _side(field: Field) -> Side:
    if _ordered(field):
        return Side(field.name, field.numbers, None, 0)
    return Side(field.name, None, field.column.values.astype(np.int64), len(field.column.levels))


def _matrix(sides: Sequence[Side], values: np.ndarray, measure: str) -> Dict[str, Any]:
    return {"measure": measure, "columns": [side.name for side in sides], "values": [[float(value) for value in line] for line in values]}


def _linear(sides: Sequence[Side]) -> np.ndarray:
    return _pearson([side.numbers for side in sides if side.numbers is not None])


def _pearson(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return Pearson's r of every pair (float64, shape (columns, columns)), over the rows where both are there; NaN where one does not vary."""
    if not columns:
        return np.empty((0, 0))
    data = np.column_stack(columns)
    there = (~np.isnan(data)).astype(np.float64)
    scale = np.nanmax(np.abs(data), axis=0, initial=0.0)
    data = data / np.where(scale > 0, scale, 1.0)
    filled = np.where(there > 0, data - np.nanmean(np.where(there.any(axis=0), data, 0.0), axis=0), 0.0)
    both = there.T @ there
    with np.errstate(all="ignore"):
        mean = (filled.T @ there) / both
        product = (filled.T @ filled) / both - mean * mean.T
        variance = ((filled**2).T @ there) / both - mean**2
        r = product / np.sqrt(variance * variance.T)
        return np.where((variance > 1e-12) & (variance.T > 1e-12) & (both >= 3), np.clip(r, -1, 1), np.nan)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    ranks = np.full(len(values), np.nan)
    there = ~np.isnan(values)
    ranks[there] = rankdata(values[there])
    return ranks


def _nonlinear(sides: Sequence[Side]) -> Tuple[np.ndarray, Dict[Tuple[int, int], str]]:
    values = np.full((len(sides), len(sides)), np.nan)
    measures: Dict[Tuple[int, int], str] = {}
    numeric = [place for place, side in enumerate(sides) if side.numbers is not None]
    ranked = _pearson([_ranks(side.numbers) for side in sides if side.numbers is not None])
    for i, place in enumerate(numeric):
        values[place, numeric] = ranked[i]
        measures.update({(place, other): "Spearman" for other in numeric})
    for i, left in enumerate(sides):
        for j in range(i, len(sides)):
            right = sides[j]
            if left.codes is None and right.codes is None:
                continue
            values[i, j] = values[j, i] = _related(left, right)
            measures[i, j] = measures[j, i] = "Cramér's V" if left.codes is not None and right.codes is not None else "correlation ratio"
    return values, measures


def _related(left: Side, right: Side) -> float:
    if left.codes is not None and right.codes is not None:
        return cramers_v(left.codes, left.levels, right.codes, right.levels)
    classes, amounts = (left, right) if left.codes is not None else (right, left)
    assert classes.codes is not None and amounts.numbers is not None
    return correlation_ratio(classes.codes, classes.levels, amounts.numbers)


def cramers_v(left: np.ndarray, left_levels: int, right: np.ndarray, right_levels: int) -> float:
    """Return Cramér's V of two columns of codes (int64, -1 missing), corrected for bias by Bergsma; NaN where one does not vary."""
    there = (left >= 0) & (right >= 0)
    table = np.bincount(left[there] * right_levels + right[there], minlength=left_levels * right_levels).reshape(left_levels, right_levels).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    total, (rows, columns) = table.sum(), table.shape
    if total < 2 or min(rows, columns) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    phi = float(((table - expected) ** 2 / expected).sum() / total)
    least = (rows - 1) * (columns - 1) / (total - 1)
    room = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)) - 1
    return float(np.sqrt(min(1.0, max(0.0, phi - least) / room))) if room > 1e-9 else float("nan")


def correlation_ratio(codes: np.ndarray, levels: int, values: np.ndarray) -> float:
    """Return eta: the square root of the share of the variance that lies between classes; NaN where nothing varies."""
    there = (codes >= 0) & ~np.isnan(values)
    if there.sum() < 3:
        return float("nan")
    codes, values = codes[there], values[there]
    spread = float(np.abs(values - values.mean()).max())
    if spread == 0:
        return float("nan")
    away = (values - values.mean()) / spread
    sizes, sums = np.bincount(codes, minlength=levels), np.bincount(codes, away, levels)
    between = float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum())
    return float(np.sqrt(min(1.0, between / float((away**2).sum()))))


def _strongest(sides: Sequence[Side], values: np.ndarray, measures: Dict[Tuple[int, int], str]) -> List[Dict[str, Any]]:
    pairs = [(i, j) for i in range(len(sides)) for j in range(i + 1, len(sides)) if not np.isnan(values[i, j])]
    pairs.sort(key=lambda pair: (-abs(values[pair]), pair))
    return [{"x": sides[i].name, "y": sides[j].name, "value": float(values[i, j]), "measure": measures.get((i, j), "Pearson")} for i, j in pairs[:MOST_PAIRS]]
