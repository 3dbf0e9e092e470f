"""What the checks are given, and what they find."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.columns import Table, number, table
from jobkit.profile.fields import Field, look
from jobkit.profile.target import REGRESSION, Target

HIGH, MEDIUM, LOW = "high", "medium", "low"


class Case(NamedTuple):
    """Hold a prepared data set.

    `raw` has every input row before the steps that remove rows. By split: `features` are columns of shape (rows,), `labels` numbers (float64), `origins`
    positions in `raw` (int64). `job` holds label, problem, split and recipe as job.json does; `recipe` is the fitted one.
    """

    raw: Table
    features: Mapping[str, Mapping[str, np.ndarray]]
    labels: Mapping[str, np.ndarray]
    origins: Mapping[str, np.ndarray]
    job: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int


class Finding(NamedTuple):
    """Hold one finding: `value` is the number behind it, `advice` what to do about it."""

    kind: str
    severity: str
    columns: Sequence[str]
    value: float
    message: str
    advice: str

    def as_dict(self) -> Dict[str, Any]:
        """Return the finding as a member of leakage.json."""
        return {**self._asdict(), "columns": list(self.columns), "value": float("{:.6g}".format(self.value))}


def target_of(numbers: np.ndarray, job: Mapping[str, Any], classes: Sequence[str]) -> Target:
    """Return the label's numbers as the scores of the profile take them."""
    problem = job["problem"]
    amounts = numbers if problem == REGRESSION else np.full(len(numbers), np.nan)
    codes = np.full(len(numbers), -1, dtype=np.int64) if problem == REGRESSION else numbers.astype(np.int64)
    return Target(job["label"]["column"], problem, list(classes), codes, amounts)


def fields_of(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> Sequence[Field]:
    """Return feature columns at these positions as the scores of the profile take them."""
    return look(table({name: number(values[rows].astype(np.float64)) for name, values in columns.items()}))


def some_rows(count: int, most: int, seed: int) -> np.ndarray:
    """Return the positions (int64, rising) of all rows, or of a seeded sample of `most`."""
    return np.arange(count) if count <= most else np.sort(np.random.RandomState(seed).choice(count, most, replace=False))


def source_of(feature: str, raw: Sequence[str]) -> Optional[str]:
    """Return the raw column that a feature is named after, None if there is none."""
    from jobkit.recipe import safe_names

    known = {safe: name for name, safe in zip(raw, safe_names(list(raw)))}
    fitting = [safe for safe in known if feature == safe or feature.startswith(safe + "_")]
    return known[max(fitting, key=len)] if fitting else None
