"""The model that is probed: an XGBoost booster, what it answers, how wrong that is a row, and the hyperparameters that it was trained with."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit import failure

MODEL_FILE = "xgboost-model"
SMALLEST = 1e-7
MOST_EQUATIONS = 20_000


class Rows(NamedTuple):
    """Hold prepared rows: labels (float64, shape (rows,)) and features (float32, shape (rows, features))."""

    labels: np.ndarray
    features: np.ndarray

    def take(self, places: np.ndarray) -> Rows:
        """Return the rows at places (int64)."""
        return Rows(self.labels[places], self.features[places])


def load(body: bytes, names: Sequence[str]) -> Any:
    """Return the booster of a model file, which asks for no names of features.

    Raises:
        JobError: it is no model of XGBoost, or takes another number of features than `names`.
    """
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(body))
    except xgboost.core.XGBoostError as error:
        raise failure.JobError("{}: XGBoost cannot read it: {}".format(MODEL_FILE, str(error).strip().split("\n")[-1][:200])) from None
    if booster.num_features() != len(names):
        told = "{}: the model takes other features than the splits have; got {}, expected {}. Give the model and the splits of one run"
        raise failure.JobError(told.format(MODEL_FILE, booster.num_features(), len(names)))
    booster.feature_names = None
    booster.feature_types = None
    return booster


def answers(booster: Any, features: np.ndarray, problem: str) -> np.ndarray:
    """Return probabilities (float64, shape (rows, classes)), or of a regression predictions (float64, shape (rows,)).

    `features` are float32 of shape (rows, features).
    """
    import xgboost

    rows = xgboost.DMatrix(features, nthread=1)
    if problem == "regression":
        return np.asarray(booster.predict(rows), dtype=np.float64)
    said = np.asarray(booster.predict(rows, output_margin=_has_margin(booster)), dtype=np.float64)
    if said.ndim == 2:
        return _softmax(said)
    positive = 1 / (1 + np.exp(-said)) if _has_margin(booster) else np.clip(said, 0.0, 1.0)
    return np.column_stack([1 - positive, positive])


def _objective(booster: Any) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def _has_margin(booster: Any) -> bool:
    """Tell whether the margin is a logit; multi:softmax answers with classes, so that only its margin tells how sure it is."""
    return _objective(booster).startswith(("binary:", "multi:", "reg:logistic"))


def _softmax(margin: np.ndarray) -> np.ndarray:
    powers = np.exp(margin - margin.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def losses(said: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return how wrong each answer is (float64, shape (rows,)): minus the logarithm of the true class's probability, or the squared error.

    `said` is what `answers` returns and `labels` float64 of shape (rows,): places of classes, or amounts.
    """
    if said.ndim == 1:
        return (said - labels) ** 2
    return -np.log(np.maximum(said[np.arange(len(labels)), labels.astype(np.int64)], SMALLEST))


def hyperparameters(booster: Any, given: Mapping[str, Any]) -> Tuple[Dict[str, Any], int]:
    """Return what to train a model of the same kind with, and for how many rounds.

    A model file keeps objective, booster and rounds; depth, eta, lambda and the lightest leaf are read off its trees. What is `given` is taken before either.
    """
    document = json.loads(bytes(booster.save_raw("json")))["learner"]
    boosting = document["gradient_booster"]
    forest = boosting.get("gbtree", boosting).get("model", {})
    found: Dict[str, Any] = {"objective": document["objective"]["name"], "booster": boosting["name"]}
    classes, trees = int(document["learner_model_param"]["num_class"]), forest.get("trees")
    if classes:
        found["num_class"] = classes
    if trees:
        found.update(_of_trees(trees), num_parallel_tree=int(forest["gbtree_model_param"].get("num_parallel_tree", 1)), max_bin=BINS)
    return {**found, **{name: given[name] for name in SHAPING if name in given}}, int(booster.num_boosted_rounds()) or 1


# Of few thousand rows, as many bins give the same trees in a fraction of the time.
BINS = 64
# Hyperparameters that are taken when they are given: those that shape a model, not those that stop, speed up or report on its training.
SHAPING = (
    *("eta", "gamma", "max_depth", "min_child_weight", "max_delta_step", "subsample", "sampling_method", "lambda", "alpha", "max_leaves", "grow_policy"),
    *("colsample_bytree", "colsample_bylevel", "colsample_bynode", "max_bin", "scale_pos_weight", "num_parallel_tree", "lambda_bias"),
    *("tweedie_variance_power", "huber_slope", "aft_loss_distribution", "sample_type", "normalize_type", "rate_drop", "one_drop", "skip_drop"),
)


def _of_trees(trees: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return depth, eta, lambda and the lightest leaf of trees as XGBoost writes them (a plain weight a leaf).

    With G and H the sums of gradients and Hessians of a node, XGBoost gives an inner node the weight -G / (H + lambda) and a leaf eta times that. G of a
    parent is the sum of its children's, so each node with two leaves is one linear equation in eta, eta · lambda and lambda.
    """
    equations: List[np.ndarray] = []
    depth, lightest = 0, np.inf
    for tree in trees:
        left, right = np.asarray(tree["left_children"]), np.asarray(tree["right_children"])
        weight, hessian, value = (np.asarray(tree[name], dtype=np.float64) for name in ("base_weights", "sum_hessian", "split_conditions"))
        depth = max(depth, _depth(left, right))
        leaf = left < 0
        lightest = min(lightest, float(hessian[leaf].min()))
        above = np.flatnonzero(~leaf & leaf[left] & leaf[right])
        first, second = left[above], right[above]
        known = value[first] * hessian[first] + value[second] * hessian[second]
        equations.append(np.column_stack([weight[above] * hessian[above], weight[above], -(value[first] + value[second]), known]))
    return {"max_depth": max(1, depth), "min_child_weight": round(max(0.0, lightest), 4), **_solved(np.concatenate(equations)[:MOST_EQUATIONS])}


def _solved(equations: np.ndarray) -> Dict[str, Any]:
    """Return eta and lambda, nothing where the equations (float64, shape (nodes, 4)) do not tell: trees that are stumps of one leaf, or L1 penalties."""
    if len(equations) < 3:
        return {}
    (eta, product, penalty), _, rank, _ = np.linalg.lstsq(equations[:, :3], equations[:, 3], rcond=None)
    sound = rank == 3 and 0 < eta <= 1 and penalty > -1e-3 and abs(product - eta * penalty) <= 0.05 * max(1.0, abs(product))
    return {"eta": round(float(eta), 4), "lambda": round(max(0.0, float(penalty)), 4)} if sound else {}


def _depth(left: np.ndarray, right: np.ndarray) -> int:
    level, depth = np.array([0]), 0
    while True:
        inner = level[left[level] >= 0]
        if not len(inner):
            return depth
        level, depth = np.concatenate([left[inner], right[inner]]), depth + 1
