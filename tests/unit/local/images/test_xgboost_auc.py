"""The area under the curve, against XGBoost's own."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.local.images import xgboost_auc, xgboost_rounds
from pipelines.local.images.xgboost_rounds import Fit, Rounds

NEWEST = (3, 2)
PARAMETERS = {"objective": "binary:logistic", "eval_metric": ["auc"], "eta": 0.3, "nthread": 1, "seed": 7}


def matrix(rows: int, seed: int, *, levels: int = 1000, weights: bool = False, groups: bool = False) -> xgboost.DMatrix:
    """Return rows of three features with so many values each; few values make many equal predictions."""
    dice = np.random.default_rng(seed)
    features = dice.integers(levels, size=(rows, 3)).astype("float32")
    labels = (features[:, 0] / levels + dice.normal(0, 0.3, rows) > 0.5).astype("float32")
    labels[:2] = 0, 1
    made = xgboost.DMatrix(features, labels, weight=dice.random(rows).astype("float32") if weights else None, nthread=1)
    if groups:
        made.set_info(group=[rows // 2, rows - rows // 2])
    return made


def run(parameters: dict, matrices: dict, folder, capsys, *, quick: bool, monkeypatch, **rounds) -> tuple[str, dict, bytes]:
    """Return what a training prints, its metrics and its model, with our area or with XGBoost's."""
    with monkeypatch.context() as patched:
        if not quick:
            patched.setattr(xgboost_auc, "OLDEST", (99, 0))
        booster, results = Fit(parameters, 12).run(matrices, Rounds(folder / "model", **rounds))
    return capsys.readouterr().out, {name: dict(metrics) for name, metrics in results.items()}, bytes(booster.save_raw("ubj"))


@pytest.mark.skipif(xgboost_rounds.version() < xgboost_auc.OLDEST, reason="older versions are left to XGBoost")
@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize(
    "own",
    [
        {},
        {"objective": "reg:logistic", "subsample": 0.6, "colsample_bytree": 0.7},
        {"booster": "dart", "rate_drop": 0.5},
        {"booster": "gblinear"},
        {"max_depth": 1, "num_parallel_tree": 3, "tree_method": "exact"},
        {"scale_pos_weight": 3, "base_score": 0.1, "tree_method": "approx"},
        {"eta": 1.0, "max_depth": 9, "lambda": 0, "min_child_weight": 0},
    ],
)
def test_lines_metrics_and_model_are_those_with_xgboosts_own_area(own, levels, tmp_path, capsys, monkeypatch):
    def both(quick: bool, **rounds):
        matrices = {"train": matrix(400, 1, levels=levels), "validation": matrix(90, 2, levels=levels)}
        return run({**PARAMETERS, **own}, matrices, tmp_path, capsys, quick=quick, monkeypatch=monkeypatch, **rounds)

    assert both(True) == both(False)
    if own.get("booster") != "gblinear":  # of which XGBoost cannot keep the best round
        assert both(True, stopping=(2, "auc")) == both(False, stopping=(2, "auc"))
        assert both(True, stopping=(2, None)) == both(False, stopping=(2, None))


def test_the_area_is_ours_where_it_can_be_and_xgboosts_where_it_cannot():
    plain = {"train": matrix(40, 1)}
    one_class = xgboost.DMatrix(np.ones((4, 1)), np.ones(4))
    shares = xgboost.DMatrix(np.ones((4, 1)), np.array([0, 0.5, 1, 1]))
    assert xgboost_auc.measure(PARAMETERS, plain, NEWEST)
    assert not xgboost_auc.measure(PARAMETERS, plain, (1, 7))
    assert not xgboost_auc.measure({**PARAMETERS, "objective": "binary:logitraw"}, plain, NEWEST)
    assert not xgboost_auc.measure({**PARAMETERS, "eval_metric": ["auc", "error"]}, plain, NEWEST)
    assert not xgboost_auc.measure({"objective": "binary:logistic"}, plain, NEWEST)
    for other in (matrix(40, 1, weights=True), matrix(40, 1, groups=True), one_class, shares):
        assert not xgboost_auc.measure(PARAMETERS, {**plain, "validation": other}, NEWEST)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_area_of_any_predictions_is_xgboosts_to_the_last_bit(data):
    rows = data.draw(st.integers(2, 60))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)), dtype="float32")
    margins = data.draw(st.lists(st.floats(-200, 200, width=32) | st.sampled_from([-1.0, 0.0, 0.5]), min_size=rows, max_size=rows))
    area = xgboost_auc.area_of(labels)
    if area is None:
        assert len(set(labels)) == 1
        return
    # A model without trees predicts the sigmoid of the base margin.
    given_margins = xgboost.DMatrix(np.zeros((rows, 1)), labels, base_margin=np.array(margins, dtype="float32"), nthread=1)
    booster = xgboost.train({**PARAMETERS, "eta": 0.0, "max_depth": 1}, given_margins, 1)
    told = booster.eval(given_margins).rpartition(":")[2]
    assert f"{area(booster.predict(given_margins)):.17f}" == told


@pytest.mark.parametrize("odd", [np.nan, -np.nan, 1.5, -0.5, np.inf])
def test_predictions_that_are_no_probabilities_are_left_to_xgboost(odd):
    area = xgboost_auc.area_of(np.array([0, 1, 1], dtype="float32"))
    assert area(np.array([0.1, odd, 0.3], dtype="float32")) is None
    assert area(np.array([0.0, 1.0, 0.3], dtype="float32")) == 1.0


def test_predictions_are_those_that_the_booster_returns():
    given_matrix, other = matrix(60, 3), matrix(25, 4)
    booster = xgboost.train(PARAMETERS, given_matrix, 3)
    for each in (given_matrix, other, given_matrix):
        np.testing.assert_array_equal(xgboost_auc.predictions_for(each)(booster), booster.predict(each))


def test_what_xgboost_refuses_to_predict_it_refuses_in_its_own_words():
    booster = xgboost.train(PARAMETERS, matrix(60, 3), 3)
    with pytest.raises(xgboost.core.XGBoostError, match="Number of columns"):
        xgboost_auc.predictions_for(xgboost.DMatrix(np.zeros((4, 9))))(booster)


def test_what_is_left_to_xgboost_in_a_round_comes_from_its_own_words(monkeypatch):
    given_matrix = matrix(60, 3)
    booster = xgboost.train(PARAMETERS, given_matrix, 3)
    ours = xgboost_auc.measure(PARAMETERS, {"train": given_matrix}, NEWEST)(booster)
    monkeypatch.setattr(xgboost_auc, "area_of", lambda labels: lambda predictions: None)
    assert xgboost_auc.measure(PARAMETERS, {"train": given_matrix}, NEWEST)(booster) == ours
