"""Shapley values of trees: held against the definition, and against `shap` where it is installed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import xgboost

from jobkit.clarify import tree_shap

NAMES = 6


def features(rows: int, columns: int = NAMES, seed: int = 0, missing: float = 0.0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    made = dice.normal(size=(rows, columns)).astype(np.float32)
    made[dice.random(made.shape) < missing] = np.nan
    return made


def booster(inputs: np.ndarray, rounds: int = 12, target: np.ndarray | None = None, **parameters: object) -> xgboost.Booster:
    known = np.nan_to_num(inputs)
    score = known[:, 0] * known[:, 1] + known[:, 2] - np.abs(known[:, 3]) + 0.3 * known[:, 4:].sum(axis=1)
    given = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1, "verbosity": 0, "seed": 1, **parameters}
    return xgboost.train(given, xgboost.DMatrix(inputs, (score > 0).astype(int) if target is None else target, nthread=1), rounds)


def margins(model: xgboost.Booster, inputs: np.ndarray) -> np.ndarray:
    found = model.predict(xgboost.DMatrix(inputs.astype(np.float32), nthread=1), output_margin=True).astype(np.float64)
    return found.reshape(len(inputs), -1)


def by_definition(model: xgboost.Booster, row: np.ndarray, baseline: np.ndarray, owners: list[int]) -> np.ndarray:
    """Return Shapley values by asking about every coalition of players, float64 of shape (players, outputs)."""
    players = max(owners) + 1
    coalitions = [coalition for size in range(players + 1) for coalition in itertools.combinations(range(players), size)]
    mixed = np.concatenate([np.where(np.isin(owners, coalition), row, baseline) for coalition in coalitions])
    means = margins(model, mixed).reshape(len(coalitions), len(baseline), -1).mean(axis=1)
    worth = {frozenset(coalition): mean for coalition, mean in zip(coalitions, means, strict=True)}
    values = np.zeros((players, len(worth[frozenset()])))
    for player in range(players):
        for coalition, value in worth.items():
            if player not in coalition:
                share = math.factorial(len(coalition)) * math.factorial(players - len(coalition) - 1) / math.factorial(players)
                values[player] += share * (worth[coalition | {player}] - value)
    return values


@pytest.mark.parametrize("owners", [list(range(NAMES)), [0, 1, 0, 1, 2, 3], [0, 0, 0, 1, 1, 1], [0] * NAMES], ids=str)
@pytest.mark.parametrize("references", [1, 3])
def test_the_values_are_those_of_the_definition_for_players_that_are_groups_of_features(owners, references):
    inputs = features(300, missing=0.15)
    model, rows, baseline = booster(inputs), inputs[:4], inputs[100 : 100 + references]
    found = tree_shap.explain(tree_shap.read(model), rows, baseline, owners)
    expected = np.array([by_definition(model, row, baseline, owners) for row in rows])
    assert np.abs(found - expected).max() < 1e-5  # XGBoost adds its leaves as float32


def test_the_values_of_grouped_features_are_not_the_sums_of_the_features_own():
    inputs = features(300)
    forest = tree_shap.read(booster(inputs))
    grouped = tree_shap.explain(forest, inputs[:20], inputs[100:101], [0, 1, 2, 0, 1, 2])[:, :, 0]
    alone = tree_shap.explain(forest, inputs[:20], inputs[100:101])[:, :, 0]
    assert np.abs(grouped - (alone[:, :3] + alone[:, 3:])).max() > 0.01
    assert np.allclose(grouped.sum(axis=1), alone.sum(axis=1), atol=1e-9)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_depth": 14, "min_child_weight": 0, "gamma": 0},
        {"max_depth": 0, "max_leaves": 40, "grow_policy": "lossguide", "tree_method": "hist"},
        {"booster": "dart", "rate_drop": 0.3},
        {"num_parallel_tree": 3, "subsample": 0.7},
        {"max_depth": 1},
    ],
    ids=["deep", "leaf-wise", "dart", "forest", "stumps"],
)
def test_the_values_add_up_to_the_margin_whatever_the_trees_look_like(parameters):
    inputs = features(2000, 16, missing=0.05)
    model = booster(inputs, rounds=6, **parameters)
    baseline = inputs[:2]
    found = tree_shap.explain(tree_shap.read(model), inputs[:300], baseline)
    assert np.abs(found.sum(axis=1) + margins(model, baseline).mean(axis=0) - margins(model, inputs[:300])).max() < 1e-4


def test_leaves_with_too_many_players_for_a_table_are_counted_by_themselves():
    inputs = features(3000, 14, seed=3)
    target = (inputs.sum(axis=1) > 0).astype(int)
    model = booster(inputs, rounds=1, target=target, max_depth=14, min_child_weight=0, learning_rate=1.0)
    forest = tree_shap.read(model)
    parts = tree_shap.parts(forest.trees[0], list(range(14)), tree_shap.Ways(forest.trees[0], np.ascontiguousarray(inputs[:2].T)))
    assert any(isinstance(part, tree_shap.Leaf) for part in parts)
    found = tree_shap.explain(forest, inputs[5:7], inputs[:2], [place % 7 for place in range(14)])
    expected = np.array([by_definition(model, row, inputs[:2], [place % 7 for place in range(14)]) for row in inputs[5:7]])
    assert np.abs(found - expected).max() < 1e-5
    alone = tree_shap.explain(forest, inputs[:300], inputs[:2])
    assert np.abs(alone.sum(axis=1)[:, 0] + margins(model, inputs[:2]).mean() - margins(model, inputs[:300])[:, 0]).max() < 1e-5


def test_every_class_has_values_of_its_own():
    inputs = features(400)
    model = booster(inputs, target=np.digitize(inputs[:, 0], [-0.5, 0.5]), objective="multi:softprob", num_class=3)
    found = tree_shap.explain(tree_shap.read(model), inputs[:3], inputs[9:10])
    expected = np.array([by_definition(model, row, inputs[9:10], list(range(NAMES))) for row in inputs[:3]])
    assert found.shape == (3, NAMES, 3)
    assert np.abs(found - expected).max() < 1e-5


def test_a_model_that_ignores_everything_has_values_of_zero():
    inputs = features(50)
    model = booster(inputs, target=np.ones(50), rounds=3)
    assert (tree_shap.explain(tree_shap.read(model), inputs[:5], inputs[:1]) == 0).all()


def test_no_rows_are_no_values():
    inputs = features(50)
    assert tree_shap.explain(tree_shap.read(booster(inputs)), inputs[:0], inputs[:1]).shape == (0, NAMES, 1)


def test_linear_boosters_and_categorical_splits_are_refused_by_name():
    inputs = features(80)
    with pytest.raises(tree_shap.Unsupported, match="gblinear"):
        tree_shap.read(booster(inputs, booster="gblinear", updater="coord_descent", max_depth=None))
    data = xgboost.DMatrix(np.arange(80).reshape(-1, 1) % 5, np.arange(80) % 5 % 2, feature_types=["c"], enable_categorical=True)
    with pytest.raises(tree_shap.Unsupported, match="categorical"):
        tree_shap.read(xgboost.train({"max_cat_to_onehot": 1, "verbosity": 0}, data, 2))


@pytest.mark.parametrize("references", [1, 5])
@pytest.mark.slow  # the import of shap takes seconds
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_shap_finds_the_same_by_its_interventional_tree_explainer(references, missing):
    shap = pytest.importorskip("shap")
    inputs = features(500, missing=missing)
    model = booster(inputs, rounds=30)
    baseline = inputs[200 : 200 + references]
    oracle = shap.TreeExplainer(model, baseline, feature_perturbation="interventional", model_output="raw")
    found = tree_shap.explain(tree_shap.read(model), inputs[:50], baseline)[:, :, 0]
    assert np.abs(found - oracle.shap_values(inputs[:50], check_additivity=False)).max() < 1e-6
