"""Shadow models: models of the same kind on halves of the training rows show what membership looks like, and a classifier learns it from them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from jobkit.privacy import target
from jobkit.privacy.target import Rows

RIDGE, STEPS, FEW_ROWS = 1e-3, 25, 40


def signs(said: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what an attacker sees of each answer (float64, shape (rows, 3)): loss, confidence, and the margin of the true class over the best other.

    Of a regression: squared error, its root, and the size of the prediction. Loss and doubt are logarithms, since what tells members apart is whether they
    are a thousandth or a hundredth. `said` is what `target.answers` returns, labels float64 of shape (rows,).
    """
    loss = target.losses(said, labels)
    if said.ndim == 1:
        return np.column_stack([np.log(loss + target.SMALLEST), np.sqrt(loss), np.abs(said)])
    own = labels.astype(np.int64)
    others = said.copy()
    others[np.arange(len(own)), own] = -1.0
    doubt = 1 - said.max(axis=1)
    return np.column_stack([np.log(loss + target.SMALLEST), np.log(doubt + target.SMALLEST), said[np.arange(len(own)), own] - others.max(axis=1)])


def train(rows: Rows, params: Mapping[str, Any], rounds: int, problem: str, count: int, seed: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the signs (float64, shape (count · rows, 3)), labels (float64) and memberships (bool) that `count` shadow models give of all rows.

    The models are trained side by side on one thread each, so that the same seed gives the same models on any machine.
    """
    halves = [np.random.RandomState(seed + turn).permutation(len(rows.labels)) < len(rows.labels) // 2 for turn in range(count)]
    jobs = [(rows, inside, {**params, "seed": seed + turn, "nthread": 1, "verbosity": 0}, rounds, problem) for turn, inside in enumerate(halves)]
    given = os.environ.get("OMP_NUM_THREADS", "")
    with ThreadPoolExecutor(min(count, int(given) if given.isdigit() and int(given) else os.cpu_count() or 1)) as pool:
        seen = list(pool.map(lambda job: _one(*job), jobs))
    return np.concatenate(seen), np.tile(rows.labels, count), np.concatenate(halves)


def _one(rows: Rows, inside: np.ndarray, params: Dict[str, Any], rounds: int, problem: str) -> np.ndarray:
    import xgboost

    half = rows.take(np.flatnonzero(inside))
    booster = xgboost.train(params, xgboost.DMatrix(half.features, half.labels, nthread=1), rounds)
    return signs(target.answers(booster, rows.features, problem), rows.labels)


def attack(shown: Tuple[np.ndarray, np.ndarray, np.ndarray], problem: str) -> Any:
    """Return a function of (signs, labels) that scores rows, higher for members (float64, shape (rows,)); one classifier a class that has rows enough."""
    seen, labels, inside = shown
    centre, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-12
    whole = _logistic((seen - centre) / scale, inside)
    kinds = [] if problem == "regression" else [kind for kind in np.unique(labels) if min(_counts(inside[labels == kind])) >= FEW_ROWS]
    own = {kind: _logistic((seen[labels == kind] - centre) / scale, inside[labels == kind]) for kind in kinds}

    def score(found: np.ndarray, classes: np.ndarray) -> np.ndarray:
        columns = _columns((found - centre) / scale)
        result = columns @ whole
        for kind, weights in own.items():
            result[classes == kind] = columns[classes == kind] @ weights
        return result

    return score


def _counts(inside: np.ndarray) -> List[int]:
    return [int(inside.sum()), int((~inside).sum())]


def _columns(values: np.ndarray) -> np.ndarray:
    """Return the signs with their squares and a constant (float64, shape (rows, 7)): members are often neither end but a band."""
    return np.column_stack([values, np.clip(values, -5, 5) ** 2, np.ones(len(values))])


def _logistic(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the weights (float64, shape (7,)) of a logistic regression with a small ridge, by Newton's steps; values are float64, (rows, 3), `inside` bool."""
    columns, wanted = _columns(values), inside.astype(np.float64)
    weights = np.zeros(columns.shape[1])
    penalty = RIDGE * len(values) * np.eye(len(weights))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        slope = columns.T @ (wanted - chance) - penalty @ weights
        step = np.linalg.solve((columns.T * (chance * (1 - chance))) @ columns + penalty, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    return weights
