"""A quick model: what the data is worth as it is, against guessing the same for every row."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from jobkit.profile.fields import EMPTY, ID, WORDS, Field
from jobkit.profile.leakage import auc
from jobkit.profile.target import REGRESSION, Target

ROUNDS, PATIENCE, MOST_COLUMNS, MOST_LEVELS, FEWEST_ROWS = 200, 10, 100, 50, 50
SHOWN_CLASSES, SHOWN_FEATURES = 10, 10
LARGEST = 1e30  # XGBoost holds float32


def quick_model(fields: Sequence[Field], target: Target, left_out: Sequence[str], seed: int) -> Optional[Dict[str, Any]]:
    """Return the scores of gradient-boosted trees on 20 % of the rows and those of a constant; None with fewer than 50 rows or no usable column.

    Columns in `left_out` (leaks), ids and free text are not used. Trees stop early on 20 % of the rest.
    """
    rows = np.flatnonzero(target.known)
    usable = [field for field in fields if field.name not in left_out and field.kind not in (EMPTY, ID, WORDS) and field.distinct > 1][:MOST_COLUMNS]
    if len(rows) < FEWEST_ROWS or not usable:
        return None
    target = target.take(rows)
    train, stop, test = _parts(target, seed)
    if target.problem != REGRESSION and len(np.unique(target.codes[train])) < 2:
        return None
    data = np.column_stack([_feature(field.take(rows), train) for field in usable])
    wanted = target.amounts if target.problem == REGRESSION else target.codes.astype(np.float64)
    guesses, rounds, gains = _fit(data, wanted, (train, stop, test), target, seed)
    judge = _judge_amounts if target.problem == REGRESSION else _judge_classes
    found = judge(target, guesses, train, test)
    features = sorted(((gains.get("f{}".format(place), 0.0), field.name) for place, field in enumerate(usable)), key=lambda pair: (-pair[0], pair[1]))
    total = sum(gain for gain, _ in features) or 1.0
    importance = [{"name": name, "share": gain / total} for gain, name in features[:SHOWN_FEATURES] if gain > 0]
    return _report(rounds, train, stop, test, left_out, found, importance)


def _report(rounds: int, train: Any, stop: Any, test: Any, left_out: Sequence[str], found: Dict[str, Any], importance: List[Any]) -> Dict[str, Any]:
    sizes = {"train_rows": len(train) + len(stop), "test_rows": len(test)}
    return {"model": "xgboost", "rounds": rounds, **sizes, "left_out": list(left_out), **found, "importance": importance}


def _parts(target: Target, seed: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the positions (int64) of rows to train on, to stop by, and to test on, every class spread evenly."""
    mixed = np.random.RandomState(seed).permutation(len(target.codes))
    order = mixed[np.argsort(target.codes[mixed], kind="stable")]
    turn = np.arange(len(order)) % 25
    return np.sort(order[turn >= 9]), np.sort(order[(turn >= 5) & (turn < 9)]), np.sort(order[turn < 5])


def _feature(field: Field, train: np.ndarray) -> np.ndarray:
    """Return a column for the trees (float64): numbers and dates as they are, texts as their rank by frequency in the training rows."""
    if field.numbers is not None:
        return np.clip(field.numbers, -LARGEST, LARGEST)
    count = len(field.column.levels)
    sizes = np.bincount(field.column.values[train][field.column.values[train] >= 0], minlength=count)
    ranks = np.empty(count + 1)
    ranks[np.argsort(-sizes, kind="stable")] = np.arange(count)
    ranks[:count] = np.where(sizes > 0, np.minimum(ranks[:count], MOST_LEVELS), MOST_LEVELS)
    ranks[count] = np.nan
    return ranks[field.column.values]


def _fit(data: np.ndarray, wanted: np.ndarray, parts: Any, target: Target, seed: int) -> Tuple[np.ndarray, int, Dict[str, float]]:
    import xgboost

    train, stop, test = parts
    options: Dict[str, Any] = {"max_depth": 5, "eta": 0.2, "tree_method": "hist", "seed": seed, "nthread": 1, "verbosity": 0, "objective": "reg:squarederror"}
    if target.problem != REGRESSION:
        several = len(target.classes) > 2
        options.update({"objective": "multi:softprob", "num_class": len(target.classes)} if several else {"objective": "binary:logistic"})
    made = [xgboost.DMatrix(data[part], label=wanted[part]) for part in (train, stop)]
    booster = xgboost.train(options, made[0], ROUNDS, evals=[(made[1], "stop")], early_stopping_rounds=PATIENCE, verbose_eval=False)
    best = int(booster.best_iteration) + 1
    return booster.predict(xgboost.DMatrix(data[test]), iteration_range=(0, best)), best, dict(booster.get_score(importance_type="total_gain"))


def _judge_amounts(target: Target, guesses: np.ndarray, train: np.ndarray, test: np.ndarray) -> Dict[str, Any]:
    actual = target.amounts[test]
    constant = np.full(len(test), target.amounts[train].mean())
    return {"metric": "r2", "scores": _errors(actual, guesses), "constant": _errors(actual, constant), "confusion_matrix": None}


def _errors(actual: np.ndarray, guesses: np.ndarray) -> Dict[str, Optional[float]]:
    away = actual - guesses
    total = float(((actual - actual.mean()) ** 2).sum())
    return {
        "r2": 1 - float((away**2).sum()) / total if total else None,
        "rmse": float(np.sqrt((away**2).mean())),
        "mae": float(np.abs(away).mean()),
    }


def _judge_classes(target: Target, guesses: np.ndarray, train: np.ndarray, test: np.ndarray) -> Dict[str, Any]:
    actual, count = target.codes[test], len(target.classes)
    chances = guesses if guesses.ndim == 2 else np.column_stack([1 - guesses, guesses])
    said = chances.argmax(axis=1)
    common = np.full(len(test), np.bincount(target.codes[train], minlength=count).argmax())
    scores, constant = _rates(actual, said, count), _rates(actual, common, count)
    scores["auc"] = _mean_auc(actual, chances, count)
    constant["auc"] = 0.5
    matrix = np.bincount(actual * count + said, minlength=count * count).reshape(count, count)
    shown = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:SHOWN_CLASSES])
    names = [target.classes[place] for place in shown]
    cells = {"classes": names, "counts": matrix[np.ix_(shown, shown)].tolist(), "all_classes": count}
    return {"metric": "auc", "scores": scores, "constant": constant, "confusion_matrix": cells}


def _rates(actual: np.ndarray, said: np.ndarray, count: int) -> Dict[str, Optional[float]]:
    """Return accuracy, the mean of the classes' recalls, and F1: of the second class of two, else the mean of all."""
    right = np.bincount(actual[actual == said], minlength=count)
    real, given = np.bincount(actual, minlength=count), np.bincount(said, minlength=count)
    f1 = 2 * right / np.maximum(1, real + given)
    found = real > 0
    return {
        "accuracy": float((actual == said).mean()),
        "balanced_accuracy": float((right[found] / real[found]).mean()),
        "f1": float(f1[1] if count == 2 else f1[found].mean()),
    }


def _mean_auc(actual: np.ndarray, chances: np.ndarray, count: int) -> Optional[float]:
    wanted = [1] if count == 2 else range(count)
    found = [auc(chances[:, place].astype(np.float64), (actual == place).astype(np.int64), (actual != place).astype(np.int64)) for place in wanted]
    known = [score for score in found if score is not None]
    return sum(known) / len(known) if known else None
