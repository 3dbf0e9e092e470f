"""Metrics as sums, the bootstrap, and comparisons of two models, against scikit-learn, SciPy and a bootstrap by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from jobkit.evaluation import bootstrap, lift, measures
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case


def binary(rows: int = 600, seed: int = 0, apart: float = 0.3) -> Case:
    dice = np.random.default_rng(seed)
    target = (dice.random(rows) < 0.4).astype(np.float64)
    scores = np.round(np.clip(target * apart + dice.random(rows) * 0.7, 0, 1), 2)
    return Case(BINARY, target, (scores >= 0.5).astype(np.int64), scores)


def amounts(rows: int = 500) -> Case:
    dice = np.random.default_rng(1)
    target = dice.gamma(2, 50, rows) + 1e6
    return Case(REGRESSION, target, target + dice.normal(0, 20, rows), None)


def classes(rows: int = 500) -> Case:
    dice = np.random.default_rng(2)
    target = dice.integers(0, 3, rows)
    said = np.where(dice.random(rows) < 0.6, target, dice.integers(0, 3, rows))
    return Case(MULTICLASS, target.astype(np.float64), said, None, ("a", "b", "c"))


def by_hand(case: Case, weights: np.ndarray) -> dict[str, float]:
    """Return metrics of rows that are drawn so many times, by scikit-learn."""
    if case.problem == REGRESSION:
        mse = reference.mean_squared_error(case.target, case.predicted, sample_weight=weights)
        return {"rmse": mse**0.5, "r2": reference.r2_score(case.target, case.predicted, sample_weight=weights)}
    average = "binary" if case.problem == BINARY else "weighted"
    prefix = "" if case.problem == BINARY else "weighted_"
    options = {"average": average, "sample_weight": weights, "zero_division": 0}
    found = {
        "accuracy": reference.accuracy_score(case.target, case.predicted, sample_weight=weights),
        prefix + "precision": reference.precision_score(case.target, case.predicted, **options),
        prefix + "f2": reference.fbeta_score(case.target, case.predicted, beta=2, **options),
    }
    return {**found, **({"auc": reference.roc_auc_score(case.target, case.scores, sample_weight=weights)} if case.problem == BINARY else {})}


@pytest.mark.parametrize("case", [binary(), amounts(), classes()], ids=lambda case: case.problem)
def test_every_resample_has_the_metrics_of_its_rows(case):
    resamples = bootstrap.draw(len(case.target), 20)
    found = bootstrap.spread(case, resamples)
    for number in range(20):
        expected = by_hand(case, resamples.weights[:, number])
        # AUC of a resample is its first-order term, here right to a quarter of its deviation; of the whole it is exact.
        close = {name: pytest.approx(value, abs=4e-3 if name == "auc" else 1e-5, rel=1e-5) for name, value in expected.items()}
        assert {name: found[name][number] for name in expected} == close
    whole = by_hand(case, np.ones(len(case.target)))
    assert {name: measures.metrics(case)[name] for name in whole} == pytest.approx(whole)


def test_macro_metrics_are_means_over_the_classes_that_occur():
    case = classes()._replace(classes=("a", "b", "c", "never"))
    found = measures.metrics(case)
    assert found["macro_f1"] == pytest.approx(reference.f1_score(case.target, case.predicted, average="macro"))
    assert found["macro_recall"] == pytest.approx(reference.balanced_accuracy_score(case.target, case.predicted))


def test_resamples_are_as_large_as_the_whole_and_the_same_every_time():
    one, other = bootstrap.draw(700, 130), bootstrap.draw(700, 130)
    assert np.array_equal(one.weights, other.weights) and (one.weights.sum(axis=0) == 700).all()
    assert not np.array_equal(one.weights, bootstrap.draw(700, 130, seed=1).weights)
    assert one.weights.var() == pytest.approx(1, abs=0.05)


def test_many_rows_are_drawn_in_blocks_with_the_spread_of_single_rows():
    case = binary(60_000)
    found = bootstrap.intervals(case, bootstrap.draw(60_000, 1000))
    share = found["accuracy"].value
    half = 1.96 * math.sqrt(share * (1 - share) / 60_000)
    assert found["accuracy"].upper - share == pytest.approx(half, rel=0.1) and share - found["accuracy"].lower == pytest.approx(half, rel=0.1)
    assert found["auc"].lower < found["auc"].value < found["auc"].upper


def test_an_interval_is_near_that_of_delong():
    case = binary(1000)
    _, above, below = measures.placements(case.target > 0.5, case.scores)
    positives, negatives = above[case.target > 0.5], below[case.target < 0.5]
    deviation = math.sqrt(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))
    found = bootstrap.intervals(case, bootstrap.draw(1000, 2000))["auc"]
    assert found.upper - found.lower == pytest.approx(2 * 1.96 * deviation, rel=0.06)


@pytest.mark.parametrize(("share", "rows"), [(0.0, 10), (1.0, 7), (0.3, 20), (0.5, 1)])
def test_few_rows_have_the_interval_of_wilson(share, rows):
    expected = stats.binomtest(round(share * rows), rows).proportion_ci(0.95, "wilson")
    if share * rows == round(share * rows):
        assert bootstrap.wilson(share, rows, 0.95) == pytest.approx((expected.low, expected.high))
    low, high = bootstrap.wilson(share, rows, 0.95)
    assert 0 <= low <= share <= high <= 1


def test_a_model_that_is_always_right_is_not_certain():
    target = np.tile([0.0, 1.0], 25)
    found = bootstrap.intervals(Case(BINARY, target, target.astype(np.int64), target), bootstrap.draw(50))
    assert found["accuracy"].value == found["auc"].value == 1 and found["accuracy"].lower < 0.95 and found["auc"].lower < 0.9
    assert all(one.lower <= one.value <= one.upper for one in found.values())


def test_what_is_not_defined_has_no_interval():
    target = np.ones(40)
    found = bootstrap.intervals(Case(BINARY, target, np.zeros(40, dtype=np.int64), np.zeros(40)), bootstrap.draw(40))
    assert "auc" not in found and "precision" not in found and found["recall"].value == 0


@pytest.mark.parametrize("apart", [(0, 0), (1, 0), (9, 2), (400, 430), (900, 300), (3, 3)])
def test_mcnemar_is_the_binomial_test_of_the_rows_that_differ(apart):
    ours = np.array([True] * apart[0] + [False] * apart[1] + [True] * 5)
    theirs = np.array([False] * apart[0] + [True] * apart[1] + [True] * 5)
    found = lift.mcnemar(ours, theirs)
    expected = stats.binomtest(apart[0], sum(apart), 0.5).pvalue if sum(apart) else 1.0
    assert (found["only_model_right"], found["only_other_right"]) == apart
    assert found["p_value"] == pytest.approx(expected, rel=1e-9 if sum(apart) <= 1000 else 0.05, abs=1e-12)


def test_a_model_against_itself_differs_nowhere():
    case = binary()
    told = lift.compared(case, case, bootstrap.draw(600, 200))
    assert {(one["difference"], one["lower"], one["upper"], one["p_value"]) for one in told["metrics"].values()} == {(0.0, 0.0, 0.0, 1.0)}


def test_two_models_are_compared_on_the_same_resamples():
    case = binary()
    other = case._replace(predicted=np.where(np.arange(600) < 12, 1 - case.predicted, case.predicted))
    resamples = bootstrap.draw(600, 1000)
    told = lift.compared(case, other, resamples)["metrics"]["accuracy"]
    alone = bootstrap.intervals(case, resamples)["accuracy"]
    assert told["difference"] == pytest.approx(told["model"] - told["other"])
    # Only twelve rows differ, so the difference is known far better than either accuracy.
    assert told["upper"] - told["lower"] < 0.6 * (alone.upper - alone.lower)


@pytest.mark.parametrize("case", [binary(), amounts(), classes()], ids=lambda case: case.problem)
def test_a_useful_model_is_better_than_a_constant(case):
    told = lift.compared(case, lift.constant(case), bootstrap.draw(len(case.target), 500))["metrics"]
    name = {BINARY: "auc", MULTICLASS: "accuracy", REGRESSION: "r2"}[case.problem]
    assert told[name]["lower"] > 0 and told[name]["p_value"] < 0.05
    assert told[name]["other"] == {BINARY: 0.5, MULTICLASS: told[name]["other"], REGRESSION: pytest.approx(0, abs=1e-9)}[case.problem]


def test_what_is_not_compared_has_no_difference():
    told = lift.nothing(binary(), "there is none")
    assert told["compared"] is False and told["why"] == "there is none"
    assert {(one["difference"], one["other"]) for one in told["metrics"].values()} == {(0.0, None)}
