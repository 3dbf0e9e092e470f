"""Shapley values by asking a model: exact where every coalition is asked, adding up exactly always, and those of `shap` where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from jobkit.clarify import kernel_shap, tree_shap
from jobkit.clarify.dataset import Dataset
from jobkit.clarify.explanations import log_odds
from tests.unit.jobs.test_tree_shap import booster, features


def rows_of(values: np.ndarray) -> Dataset:
    columns = {f"c{place}": values[:, place].astype(np.float64) for place in range(values.shape[1])}
    return Dataset(tuple(columns), columns, len(values), True)


def values_of(rows: Dataset) -> np.ndarray:
    return np.column_stack([rows.columns[name] for name in rows.names])


class Model:
    """Answer rows by a function, and count what was asked."""

    def __init__(self, function):
        self.function, self.calls, self.asked = function, 0, 0

    def __call__(self, rows: Dataset) -> np.ndarray:
        self.calls, self.asked = self.calls + 1, self.asked + rows.rows
        return self.function(values_of(rows)).reshape(rows.rows, -1)


def explain(function, rows, baseline, samples=5000, link=kernel_shap.identity, seed=0):
    told: list[str] = []
    return kernel_shap.explain(Model(function), rows_of(rows), rows_of(baseline), samples, link, seed, told.append)


def probabilities(model: xgboost.Booster):
    return lambda values: model.predict(xgboost.DMatrix(values.astype(np.float32), nthread=1)).astype(np.float64)


def bent(values: np.ndarray) -> np.ndarray:
    return np.tanh(values[:, 0] * values[:, 1] + values[:, 2]) + values[:, -1] ** 2


def test_a_product_of_two_is_shared_by_halves():
    found = explain(lambda values: values[:, 0] * values[:, 1] + 5 * values[:, 2], np.array([[2.0, 4.0, 1.0]]), np.zeros((1, 3)))
    assert found.values[0, :, 0] == pytest.approx([4.0, 4.0, 5.0], abs=1e-12)
    assert found.expected.tolist() == [0.0]


def test_the_values_add_up_exactly_with_few_samples_too():
    dice = np.random.default_rng(0)
    rows, baseline = dice.normal(size=(9, 20)), dice.normal(size=(2, 20))
    for samples in (1, 5, 40, 300, 3000):
        found = explain(bent, rows, baseline, samples)
        assert np.abs(found.values.sum(axis=1)[:, 0] + found.expected - bent(rows)).max() < 1e-12


def test_more_samples_come_nearer_to_the_exact_values():
    dice = np.random.default_rng(1)
    rows, baseline = dice.normal(size=(3, 12)), np.zeros((1, 12))
    exact = explain(bent, rows, baseline, 5000).values
    away = [np.abs(explain(bent, rows, baseline, samples).values - exact).max() for samples in (30, 300, 3000)]
    assert away[0] > away[1] > away[2]


def test_the_seed_decides_and_nothing_else():
    dice = np.random.default_rng(2)
    rows, baseline = dice.normal(size=(2, 15)), np.zeros((1, 15))
    one, again, other = (explain(bent, rows, baseline, 500, seed=seed).values for seed in (7, 7, 8))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_column_as_in_the_baseline_earns_nothing_and_is_not_asked_about():
    rows, baseline = np.array([[1.0, 2.0, np.nan, 4.0], [1.0, 9.0, np.nan, 4.0]]), np.array([[1.0, 0.0, np.nan, 4.0]])
    model = Model(lambda values: values[:, 1] * 3)
    found = kernel_shap.explain(model, rows_of(rows), rows_of(baseline), 100, kernel_shap.identity, 0, print)
    assert found.values[:, :, 0].tolist() == [[0, 6, 0, 0], [0, 27, 0, 0]]
    assert model.asked == 3


def test_many_rows_are_asked_about_in_few_calls():
    dice = np.random.default_rng(3)
    model, told = Model(bent), []
    rows = rows_of(dice.normal(size=(600, 6)))
    baseline = rows_of(np.zeros((1, 6)))
    kernel_shap.explain(model, rows, baseline, 5000, kernel_shap.identity, 0, told.append)
    assert model.calls == 3
    assert model.asked == 600 + 1 + kernel_shap.cost(kernel_shap.differs(rows, baseline), 5000, 1)
    assert told[-1] == "explained 600 of 600 rows"


def test_fewer_samples_than_columns_are_said():
    told: list[str] = []
    rows, baseline = rows_of(np.ones((1, 30))), rows_of(np.zeros((1, 30)))
    found = kernel_shap.explain(Model(bent), rows, baseline, 10, kernel_shap.identity, 0, told.append)
    assert "only 10 coalitions of 30 columns" in told[0]
    assert np.isfinite(found.values).all()


def test_one_row_of_one_column_gets_everything():
    found = explain(lambda values: values[:, 0] * 2, np.array([[3.0]]), np.array([[1.0]]))
    assert found.values.tolist() == [[[4.0]]]


def test_log_odds_of_a_logistic_booster_are_the_trees_own_values():
    inputs = features(300)
    model = booster(inputs, rounds=10)
    found = explain(probabilities(model), inputs[:10], inputs[100:101], link=log_odds)
    assert np.abs(found.values - tree_shap.explain(tree_shap.read(model), inputs[:10], inputs[100:101])).max() < 1e-5


@pytest.mark.slow  # shap compiles its ExactExplainer
def test_shap_finds_the_same_by_its_kernel_and_exact_explainers():
    shap = pytest.importorskip("shap")
    dice = np.random.default_rng(4)
    rows, baseline = dice.normal(size=(6, 6)), dice.normal(size=(3, 6))
    rows[0, 2] = baseline[0, 2]
    ours = explain(bent, rows, baseline).values[:, :, 0]
    kernel = shap.KernelExplainer(bent, baseline).shap_values(rows, l1_reg=0, nsamples=5000, silent=True)
    exact = shap.explainers.ExactExplainer(bent, shap.maskers.Independent(baseline, max_samples=10))(rows).values
    assert np.abs(ours - kernel).max() < 1e-9
    assert np.abs(ours - exact).max() < 1e-9


@pytest.mark.slow
def test_shap_finds_the_same_log_odds():
    shap = pytest.importorskip("shap")
    inputs = features(300)
    answer, rows, baseline = probabilities(booster(inputs)), inputs[:5].astype(np.float64), inputs[100:103].astype(np.float64)
    ours = explain(answer, rows, baseline, link=log_odds)
    oracle = shap.KernelExplainer(answer, baseline, link="logit")
    assert np.abs(ours.values[:, :, 0] - oracle.shap_values(rows, l1_reg=0, nsamples=5000, silent=True)).max() < 1e-6
    assert ours.expected[0] == pytest.approx(oracle.expected_value, abs=1e-6)


@pytest.mark.slow
def test_probabilities_are_explained_as_the_exact_values_are_and_not_as_tree_shap_has_them():
    """TreeSHAP in probability space is another quantity, though it adds up as well: 0.31 away on the loan data."""
    shap = pytest.importorskip("shap")
    inputs = features(600)
    model = booster(inputs, rounds=60, max_depth=6)
    answer, rows, baseline = probabilities(model), inputs[:20].astype(np.float64), inputs.mean(axis=0, keepdims=True).astype(np.float64)
    ours = explain(answer, rows, baseline).values[:, :, 0]
    exact = shap.explainers.ExactExplainer(answer, shap.maskers.Independent(baseline))(rows).values
    trees = shap.TreeExplainer(model, baseline, feature_perturbation="interventional", model_output="probability").shap_values(rows)
    assert np.abs(ours - exact).max() < 1e-6
    assert np.abs(trees.sum(axis=1) - exact.sum(axis=1)).max() < 1e-4
    assert np.abs(trees - exact).max() > 0.1
