"""The column to predict: which problem it makes, its classes or amounts."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from jobkit.columns import TEXT
from jobkit.profile.fields import DATED, Field

BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
PROBLEMS = (BINARY, MULTICLASS, REGRESSION)
FEW_VALUES, MOST_CLASSES = 20, 100


class Target(NamedTuple):
    """Hold the label of every row: the code of its class (int64, -1 for missing) or an amount (float64, NaN for missing)."""

    name: str
    problem: str
    classes: List[str]
    codes: np.ndarray
    amounts: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Return where the label is there (bool, shape (rows,))."""
        return ~np.isnan(self.amounts) if self.problem == REGRESSION else self.codes >= 0

    def take(self, rows: np.ndarray) -> Target:
        """Return the label at these positions (int64)."""
        return self._replace(codes=self.codes[rows], amounts=self.amounts[rows])


def guess(field: Field) -> str:
    """Return the problem that a label makes: two values at most are binary; text or few whole numbers are classes; else it is an amount."""
    if field.distinct <= 2:
        return BINARY
    if field.column.kind == TEXT and field.kind != DATED:
        return MULTICLASS
    values = field.numbers[~np.isnan(field.numbers)] if field.numbers is not None else np.empty(0)
    few = field.distinct <= FEW_VALUES and bool((values == np.floor(values)).all())
    return MULTICLASS if few else REGRESSION


def target_of(field: Field, problem: Optional[str]) -> Optional[Target]:
    """Return the label, None when it cannot be one: no value, one class, text for an amount, or more than 100 classes."""
    problem = problem or guess(field)
    rows = len(field.column.values)
    if problem == REGRESSION:
        if field.numbers is None or field.distinct < 2:
            return None
        return Target(field.name, problem, [], np.full(rows, -1, dtype=np.int64), field.numbers)
    text = field.column.as_text()
    order = sorted(range(len(text.levels)), key=lambda place: _rank(text.levels[place]))
    if not 2 <= len(order) <= MOST_CLASSES:
        return None
    table = np.full(len(order) + 1, -1, dtype=np.int64)
    table[order] = np.arange(len(order))
    return Target(field.name, problem if len(order) == 2 else MULTICLASS, [text.levels[place] for place in order], table[text.values], np.full(rows, np.nan))


def _rank(level: str) -> Any:
    try:
        return 0, float(level), level
    except ValueError:
        return 1, 0.0, level


def balance(target: Target) -> List[Dict[str, Any]]:
    """Return the number and share of the rows of each class; empty for an amount."""
    counts = np.bincount(target.codes[target.codes >= 0], minlength=len(target.classes))
    total = max(1, int(counts.sum()))
    return [{"value": name, "count": int(count), "share": count / total} for name, count in zip(target.classes, counts)]
