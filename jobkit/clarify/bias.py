"""The bias metrics as Clarify defines them, from counts: one pass over the rows a facet, whatever the number of metrics.

`a` is the advantaged group (facet not among the given values), `d` the disadvantaged one. The definitions are those of the developer guide's pages of
SageMaker Clarify; where they differ from what the service computes (the sign of FT), this computes what the service does. See docs/bias.md.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

NO_GROUP = "Group variable is empty or not provided"
NO_FACET = "Facet set is empty"
NO_REST = "Negated facet set is empty"
UNDEFINED = "The value is not defined for these counts"
# The first line says what it is; the spelling of KL is the service's.
DESCRIPTIONS: Mapping[str, str] = {
    "AD": "Accuracy Difference (AD)",
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
    "CI": "Class Imbalance (CI)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DCA": "Difference in Conditional Acceptance (DCA)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "DI": "Disparate Impact (DI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "FT": "Flip Test (FT)",
    "GE": "Generalized Entropy (GE)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "KL": "Kullback-Liebler Divergence (KL)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "LP": "L-p Norm (LP)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "TE": "Treatment Equality (TE)",
    "TVD": "Total Variation Distance (TVD)",
}


class Undefined(Exception):
    """Say why a metric has no value; the message becomes its `error`."""


class Metric(NamedTuple):
    """Hold one metric: a number, which may be ±Infinity, or None and the reason."""

    name: str
    value: Optional[float]
    error: str = ""

    @property
    def description(self) -> str:
        """Return the metric's long name as analysis.json has it."""
        return DESCRIPTIONS[self.name]


class Side(NamedTuple):
    """Count the rows of one side of a facet by observed and predicted label; without predictions the predicted label is the observed one."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def rows(self) -> float:
        """Return the number of rows."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def positive(self) -> float:
        """Return the rows with a positive observed label."""
        return self.tp + self.fn

    @property
    def predicted(self) -> float:
        """Return the rows with a positive predicted label."""
        return self.tp + self.fp


class Flips(NamedTuple):
    """Count the disadvantaged rows whose neighbours on the other side are predicted otherwise."""

    favoured: int
    wronged: int


class Case(NamedTuple):
    """Hold what the metrics of one facet need.

    `grouped` counts by value of the group variable (shape (groups, 2, 2, 2), int64): disadvantaged, observed, predicted; None without one. `flips` counts for
    the flip test, or says why there is none.
    """

    a: Side
    d: Side
    grouped: Optional[np.ndarray] = None
    flips: Callable[[], Flips] = lambda: Flips(0, 0)


def divide(part: float, whole: float) -> float:
    """Return a ratio where 0/0 is 0 and x/0 is ±Infinity, as the service divides."""
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else 0.0


def count(disadvantaged: np.ndarray, observed: np.ndarray, predicted: Optional[np.ndarray]) -> Tuple[Side, Side]:
    """Return the counts of a and d; the arrays are bool of shape (rows,)."""
    said = observed if predicted is None else predicted
    cells = np.bincount((disadvantaged.view(np.uint8) << 2) | (observed.view(np.uint8) << 1) | said.view(np.uint8), minlength=8)
    a, d = (Side(tp=float(tp), fp=float(fp), fn=float(fn), tn=float(tn)) for tn, fp, fn, tp in cells.reshape(2, 4))
    return a, d


def count_groups(places: np.ndarray, size: int, disadvantaged: np.ndarray, observed: np.ndarray, predicted: Optional[np.ndarray]) -> np.ndarray:
    """Return counts (int64, shape (size, 2, 2, 2)); `places` (int32, shape (rows,)) are the groups, rows where it is -1 are left out."""
    said = observed if predicted is None else predicted
    code = (places + 1) * 8
    code += (disadvantaged.view(np.uint8) << 2) | (observed.view(np.uint8) << 1) | said.view(np.uint8)
    return np.bincount(code, minlength=8 * (size + 1)).reshape(size + 1, 2, 2, 2)[1:]


# On the observed labels


def _ci(case: Case) -> float:
    return (case.a.rows - case.d.rows) / (case.a.rows + case.d.rows)


def _shares(side: Side) -> np.ndarray:
    """Return the shares of other and positive observed labels (float64, shape (2,))."""
    return np.array([side.rows - side.positive, side.positive]) / side.rows


def _divergence(p: np.ndarray, q: np.ndarray) -> float:
    both = (p > 0) & (q > 0)
    return float(np.sum(p[both] * np.log(p[both] / q[both])))


def _js(case: Case) -> float:
    p, q = _shares(case.a), _shares(case.d)
    middle = (p + q) / 2
    return (_divergence(p, middle) + _divergence(q, middle)) / 2


def _away(case: Case) -> np.ndarray:
    return _shares(case.a) - _shares(case.d)


def _disparity(case: Case, axis: int) -> float:
    """Return the conditional demographic disparity; `axis` of the counts is summed away: 3 leaves the observed label, 2 the predicted one."""
    if case.grouped is None or not case.grouped.sum():
        raise Undefined(NO_GROUP)
    counts = case.grouped.sum(axis=axis).astype(np.float64)  # (groups, disadvantaged, label)
    totals = counts.sum(axis=1)
    shares = np.divide(counts[:, 1], totals, out=np.zeros_like(totals), where=totals > 0)
    rows = totals.sum(axis=1)
    return float(np.dot(rows, shares[:, 0] - shares[:, 1]) / rows.sum())


# On the predicted labels


def _accuracy(side: Side) -> float:
    return divide(side.tp + side.tn, side.rows)


def _entropy(case: Case) -> float:
    right, wronged, favoured = (case.a.tp + case.a.tn + case.d.tp + case.d.tn), case.a.fn + case.d.fn, case.a.fp + case.d.fp
    rows = right + wronged + favoured
    mean = (right + 2 * favoured) / rows
    if not mean:
        raise Undefined(UNDEFINED)
    return ((right + 4 * favoured) / mean**2 - rows) / (2 * rows)


def _flip(case: Case) -> float:
    flips = case.flips()
    return (flips.favoured - flips.wronged) / case.d.rows


PRE: Mapping[str, Callable[[Case], float]] = {
    "CDDL": lambda case: _disparity(case, 3),
    "CI": _ci,
    "DPL": lambda case: case.a.positive / case.a.rows - case.d.positive / case.d.rows,
    "JS": _js,
    "KL": lambda case: _divergence(_shares(case.a), _shares(case.d)),
    "KS": lambda case: float(np.abs(_away(case)).max()),
    "LP": lambda case: float(np.sqrt(np.sum(_away(case) ** 2))),
    "TVD": lambda case: float(np.abs(_away(case)).sum() / 2),
}
POST: Mapping[str, Callable[[Case], float]] = {
    "AD": lambda case: _accuracy(case.a) - _accuracy(case.d),
    "CDDPL": lambda case: _disparity(case, 2),
    "DAR": lambda case: divide(case.a.tp, case.a.predicted) - divide(case.d.tp, case.d.predicted),
    "DCA": lambda case: divide(case.a.positive, case.a.predicted) - divide(case.d.positive, case.d.predicted),
    "DCR": lambda case: divide(case.d.fp + case.d.tn, case.d.fn + case.d.tn) - divide(case.a.fp + case.a.tn, case.a.fn + case.a.tn),
    "DI": lambda case: divide(case.d.predicted / case.d.rows, case.a.predicted / case.a.rows),
    "DPPL": lambda case: case.a.predicted / case.a.rows - case.d.predicted / case.d.rows,
    "DRR": lambda case: divide(case.d.tn, case.d.tn + case.d.fn) - divide(case.a.tn, case.a.tn + case.a.fn),
    "FT": _flip,
    "GE": _entropy,
    "RD": lambda case: divide(case.a.tp, case.a.positive) - divide(case.d.tp, case.d.positive),
    "SD": lambda case: divide(case.d.tn, case.d.tn + case.d.fp) - divide(case.a.tn, case.a.tn + case.a.fp),
    "TE": lambda case: divide(case.d.fn, case.d.fp) - divide(case.a.fn, case.a.fp),
}
METRICS: Mapping[str, Callable[[Case], float]] = {**PRE, **POST}


def measure(case: Case, names: Sequence[str]) -> List[Metric]:
    """Return the metrics in the order of the names; one that cannot be computed has no value and says why."""
    return [_measured(name, case) for name in names]


def _measured(name: str, case: Case) -> Metric:
    empty = NO_FACET if not case.d.rows else NO_REST if not case.a.rows else ""
    if empty:
        return Metric(name, None, empty)
    try:
        value = METRICS[name](case)
    except Undefined as error:
        return Metric(name, None, str(error))
    return Metric(name, None, UNDEFINED) if math.isnan(value) else Metric(name, float(value))


def performance(a: Side, d: Side) -> Dict[str, float]:
    """Return what the report says of the model on all rows: shares from 0 to 1, a ratio without cases is 0."""
    tp, fp, fn, tn = (left + right for left, right in zip(a, d))
    precision, recall = divide(tp, tp + fp) if tp else 0.0, divide(tp, tp + fn) if tp else 0.0
    rows = tp + fp + fn + tn
    return {
        "accuracy": divide(tp + tn, rows),
        "proportion_positive_predicted": divide(tp + fp, rows),
        "proportion_negative_predicted": divide(tn + fn, rows),
        "recall": recall,
        "specificity": divide(tn, tn + fp),
        "precision": precision,
        "rejection_rate": divide(tn, tn + fn),
        "conditional_acceptance": divide(tp + fn, tp + fp),
        "conditional_rejection": divide(tn + fp, tn + fn),
        "f1": divide(2 * precision * recall, precision + recall),
    }
