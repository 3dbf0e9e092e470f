"""How much each column alone says about the label, out of sample: too much is a leak, next to nothing is redundant."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from jobkit.columns import TEXT
from jobkit.profile.fields import Field
from jobkit.profile.target import BINARY, REGRESSION, Target

FOLDS, BINS, ROWS_PER_BIN, SMOOTHING, SCORED_CLASSES = 5, 64, 20, 2.0, 20
FEWEST_ROWS, FEWEST_IN_CLASS, SHORTEST_NAME = 20, 5, 4
LEAKING, REDUNDANT, REDUNDANT_R2 = 0.95, 0.55, 0.05
METRICS: Dict[str, str] = {BINARY: "roc_auc", REGRESSION: "r2"}


def metric_of(problem: str) -> str:
    """Return the name of the score: ROC AUC, its macro one-vs-rest mean, or R2."""
    return METRICS.get(problem, "macro_ovr_auc")


def classify(score: Optional[float], problem: str) -> str:
    """Return leaking, redundant, safe, or unknown when there was too little to judge by."""
    if score is None:
        return "unknown"
    low = REDUNDANT_R2 if problem == REGRESSION else REDUNDANT
    return "leaking" if score >= LEAKING else "redundant" if score <= low else "safe"


def companions(leaks: Sequence[str], names: Sequence[str]) -> Dict[str, str]:
    """Return the names that begin with that of a leaking column, as `status_date` with `status`, each with that column: they are known no earlier."""
    plain = {name: _plain(name) for name in names}
    pairs = [(name, leak) for name in names for leak in leaks if name not in leaks and len(leak) >= SHORTEST_NAME]
    return {name: leak for name, leak in pairs if plain[name].startswith(_plain(leak) + "_")}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def power(score: Optional[float], problem: str) -> Optional[float]:
    """Return a score from 0 (says nothing) to 1 (says all)."""
    if score is None:
        return None
    return float(np.clip(score if problem == REGRESSION else 2 * score - 1, 0, 1))


def scores(fields: Sequence[Field], target: Target, seed: int) -> Dict[str, Optional[float]]:
    """Return the cross-validated score of each field alone; None where rows or classes are too few."""
    rows = np.flatnonzero(target.known)
    target = target.take(rows)
    folds = _folds(target, seed)
    if folds is None:
        return {field.name: None for field in fields}
    score = _score_amount if target.problem == REGRESSION else _score_classes
    return {field.name: score(field.take(rows), target, folds) for field in fields}


def _folds(target: Target, seed: int) -> Optional[np.ndarray]:
    """Return the fold of every row (int64), every class spread evenly; None when there is too little."""
    rows = len(target.codes)
    counts = np.bincount(target.codes[target.codes >= 0], minlength=2)
    if rows < FEWEST_ROWS or (target.problem != REGRESSION and (counts >= FEWEST_IN_CLASS).sum() < 2):
        return None
    mixed = np.random.RandomState(seed).permutation(rows)
    order = mixed[np.argsort(target.codes[mixed], kind="stable")]
    folds = np.empty(rows, dtype=np.int64)
    folds[order] = np.arange(rows) % FOLDS
    return folds


def binned(field: Field) -> Tuple[np.ndarray, int]:
    """Return a level for every row (int64; missing is the last one) and the number of levels: the texts themselves, or bins of equal filling."""
    if field.numbers is None:
        count = len(field.column.levels)
        return np.where(field.column.values < 0, count, field.column.values).astype(np.int64), count + 1
    values = field.numbers
    present = np.sort(values[~np.isnan(values)])
    if not len(present):
        return np.zeros(len(values), dtype=np.int64), 1
    wanted = int(np.clip(len(present) // ROWS_PER_BIN, 2, BINS))
    edges = np.unique(present[(np.arange(1, wanted) * len(present)) // wanted])
    codes = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, codes).astype(np.int64), len(edges) + 2


def ranked(field: Field) -> Optional[Tuple[np.ndarray, int]]:
    """Return the rank of every row's value among the distinct ones (int64; missing is in the middle) and their number; None for what has no order."""
    if field.numbers is None or field.column.kind == TEXT:
        return None
    values = field.numbers
    if np.isnan(values).all():
        return None
    filled = np.where(np.isnan(values), np.nanmedian(values), values)
    found, codes = np.unique(filled, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), len(found)


def _score_classes(field: Field, target: Target, folds: np.ndarray) -> Optional[float]:
    """Return the higher of two scores: of rates by level, and of the order of the values with the sign that the other folds show."""
    classes = len(target.classes)
    wanted = np.argsort(-np.bincount(target.codes, minlength=classes), kind="stable")[: 1 if classes == 2 else SCORED_CLASSES]
    wanted = np.array([1]) if classes == 2 else wanted
    cells, count = binned(field)
    found = [_mean_auc(_counts(cells, count, target.codes, classes, folds), wanted, _rates)]
    order = ranked(field)
    if order is not None:
        found.append(_mean_auc(_counts(order[0], order[1], target.codes, classes, folds), wanted, _order))
    known = [score for score in found if score is not None]
    return max(known) if known else None


def _counts(cells: np.ndarray, count: int, codes: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Return how many rows of each fold are in each level and class: int64, shape (folds, levels, classes)."""
    place = (folds * count + cells) * classes + codes
    return np.bincount(place, minlength=FOLDS * count * classes).reshape(FOLDS, count, classes)


def _rates(learnt: np.ndarray, wanted: int) -> np.ndarray:
    """Return the share of a class in each level (float64), drawn a little towards that in all of them."""
    sizes = learnt.sum(axis=1)
    prior = learnt[:, wanted].sum() / max(1, sizes.sum())
    return (learnt[:, wanted] + SMOOTHING * prior) / (sizes + SMOOTHING)


def _order(learnt: np.ndarray, wanted: int) -> np.ndarray:
    """Return the places of the levels (float64), reversed where the class is found more in the lower ones."""
    places = np.arange(len(learnt), dtype=np.float64)
    score = auc(places, learnt[:, wanted], learnt.sum(axis=1) - learnt[:, wanted])
    return -places if score is not None and score < 0.5 else places


def _mean_auc(counts: np.ndarray, wanted: np.ndarray, learn: Any) -> Optional[float]:
    total = counts.sum(axis=0)
    means: List[float] = []
    for place in wanted:
        found = [auc(learn(total - part, place), part[:, place], part.sum(axis=1) - part[:, place]) for part in counts]
        known = [score for score in found if score is not None]
        means += [sum(known) / len(known)] if known else []
    return float(sum(means) / len(means)) if means else None


def auc(score: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> Optional[float]:
    """Return the area under the ROC curve of levels that hold numbers of positive and negative rows; equal scores count half; None with one class."""
    held = (positives + negatives) > 0
    if not positives.sum() or not negatives.sum():
        return None
    _, places = np.unique(score[held], return_inverse=True)
    above = np.bincount(places.reshape(-1), weights=positives[held])
    below = np.bincount(places.reshape(-1), weights=negatives[held])
    return float((above * (np.cumsum(below) - below / 2)).sum() / (above.sum() * below.sum()))


def _score_amount(field: Field, target: Target, folds: np.ndarray) -> Optional[float]:
    amounts = target.amounts
    total = float(((amounts - amounts.mean()) ** 2).sum())
    if total == 0:
        return None
    guesses = [_by_level(*binned(field), amounts, folds)]
    if field.numbers is not None and not np.isnan(field.numbers).all():
        guesses.append(_by_line(np.where(np.isnan(field.numbers), np.nanmean(field.numbers), field.numbers), amounts, folds))
    return max(float(np.clip(1 - ((amounts - guess) ** 2).sum() / total, 0, 1)) for guess in guesses)


def _by_level(cells: np.ndarray, count: int, amounts: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return a guess for every row (float64): the mean of its level in the other folds, drawn a little towards the overall one."""
    guess = np.empty(len(amounts))
    for fold in range(FOLDS):
        rest, here = folds != fold, folds == fold
        mean = amounts[rest].mean()
        sums, sizes = np.bincount(cells[rest], amounts[rest], count), np.bincount(cells[rest], minlength=count)
        guess[here] = ((sums + SMOOTHING * mean) / (sizes + SMOOTHING))[cells[here]]
    return guess


def _by_line(values: np.ndarray, amounts: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return a guess for every row (float64): a straight line through the other folds."""
    guess = np.empty(len(amounts))
    for fold in range(FOLDS):
        rest, here = folds != fold, folds == fold
        centre, mean = values[rest].mean(), amounts[rest].mean()
        away = values[rest] - centre
        slope = float((away * (amounts[rest] - mean)).sum() / max(float((away**2).sum()), 1e-300))
        guess[here] = mean + slope * (values[here] - centre)
    return guess
