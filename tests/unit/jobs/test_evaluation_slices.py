"""Slices of raw columns, calibration, and the threshold by costs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import calibration as reference
from sklearn import metrics

from jobkit.evaluation import bootstrap, calibration, judged, slices, thresholds
from jobkit.evaluation.measures import BINARY, MULTICLASS, OUTCOMES, Case
from jobkit.failure import JobError
from tests.unit.jobs.test_evaluation_intervals import amounts, binary

COSTS = {"true_positive": -1.0, "false_positive": 2.0, "false_negative": 5.0, "true_negative": 0.0}


def cells(texts) -> slices.Cells:
    levels, codes = np.unique(np.array(texts, dtype=object), return_inverse=True)
    return slices.Cells(levels.tolist(), codes)


def measured(case: Case, texts) -> dict:
    return slices.measured(case, bootstrap.draw(len(case.target), 100), cells(texts))


def test_a_slice_has_the_metrics_of_its_rows():
    case = binary(400)
    rooms = np.resize(["A", "B", "C", ""], 400)
    told = measured(case, rooms)
    assert list(told["values"]) == ["A", "B", "C", "(missing)"] and (told["kind"], told["distinct"]) == ("values", 3)
    for name, found in told["values"].items():
        inside = rooms == ("" if name == "(missing)" else name)
        assert found["rows"] == 100
        assert found["metrics"]["auc"] == pytest.approx(metrics.roc_auc_score(case.target[inside], case.scores[inside]))
        assert found["metrics"]["recall"] == pytest.approx(metrics.recall_score(case.target[inside], case.predicted[inside]))
        assert all(one["lower"] <= found["metrics"][metric] <= one["upper"] for metric, one in found["intervals"].items())
    worst = told["lowest"]["recall"]
    assert worst["value"] == min(found["metrics"]["recall"] for found in told["values"].values())
    assert told["values"][worst["slice"]]["metrics"]["recall"] == worst["value"]


def test_a_slice_of_one_row_is_shown_and_is_not_the_lowest():
    case = binary(200)
    case = case._replace(predicted=np.where(np.arange(200) == 0, 1 - case.target, case.predicted).astype(np.int64))
    told = measured(case, ["alone", *["many"] * 199])
    alone = told["values"]["alone"]
    assert alone["rows"] == 1 and alone["metrics"]["accuracy"] == 0 and alone["intervals"]["accuracy"]["upper"] > 0.7
    assert "auc" not in alone["metrics"]
    assert told["lowest"]["accuracy"]["slice"] == "many" and told["least_rows"] == 30


def test_small_slices_are_judged_where_there_are_no_others():
    told = measured(binary(20), np.resize(["x", "y"], 20))
    assert told["lowest"]["accuracy"]["slice"] in ("x", "y")


def test_numbers_of_many_values_are_cut_into_ranges_of_equal_filling():
    told = measured(binary(400), [str(number) for number in range(400)])
    assert {name: one["rows"] for name, one in told["values"].items()} == {"0 to <100": 100, "100 to <200": 100, "200 to <300": 100, "300 to 399": 100}
    assert told["kind"] == "ranges"


def test_numbers_of_few_values_stand_alone_in_their_order():
    assert slices.groups(cells(np.resize(["10", "9", "-1", "2.5"], 40))).names == ["-1", "2.5", "9", "10"]


def test_ranges_that_begin_alike_are_told_apart():
    names = slices.groups(cells([str(1_000_000.5 + place / 100) for place in range(100)])).names
    assert len(set(names)) == 4 and names[0].startswith("1000000.5 to <")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=120))
@settings(max_examples=60, deadline=None)
def test_every_row_is_in_one_range_that_holds_it(numbers):
    found = slices.groups(cells([repr(number) for number in numbers]))
    assert ((found.places >= 0) & (found.places < len(found.names))).all() and len(set(found.names)) == len(found.names)
    if found.kind == "ranges":
        order = np.argsort(numbers, kind="stable")
        assert (np.diff(found.places[order]) >= 0).all()


def test_a_hundred_thousand_values_become_the_twenty_largest_and_the_others():
    case = binary(100_000)
    told = measured(case, [f"id{row}" if row >= 2000 else f"often{row % 25:02d}" for row in range(100_000)])
    assert len(told["values"]) == 21 and told["distinct"] == 98_025
    assert told["values"]["(other)"]["rows"] == 100_000 - 20 * 80
    assert told["note"] == "the 20 most frequent of 98,025 values; the others are '(other)'"


def test_a_value_that_is_called_like_the_others_is_no_other():
    told = measured(binary(300), ["(other)", "(missing)", "", *[f"v{row % 30:02d}" if row > 60 else f"v{row % 18:02d}" for row in range(297)]])
    assert sum(one["rows"] for one in told["values"].values()) == 300
    told = measured(binary(30), ["(missing)", *[""] * 9, *["x"] * 20])
    assert {name: one["rows"] for name, one in told["values"].items()} == {"(missing)": 1, "x": 20, "((missing))": 9}


def test_amounts_are_sliced_too():
    told = measured(amounts(), np.resize(["a", "b"], 500))
    assert set(told["values"]["a"]["metrics"]) == {"mae", "mse", "rmse", "r2"}


def test_calibration_is_that_of_scikit_learn():
    case = binary(2000)
    told = calibration.measured(case)
    seen, said = reference.calibration_curve(case.target, case.scores, n_bins=10)
    # scikit-learn puts a score at the end of a bin into it, we into the next.
    assert told["brier"] == pytest.approx(metrics.brier_score_loss(case.target, case.scores))
    assert sum(one["rows"] for one in told["bins"]) == 2000 and len(told["bins"]) == len(seen)
    assert [one["mean_probability"] for one in told["bins"]] == pytest.approx(said.tolist(), abs=0.02)
    assert 0 < told["expected_calibration_error"] < 1


def test_scores_that_are_no_probabilities_are_not_calibrated():
    case = binary()
    assert calibration.measured(case._replace(scores=case.scores * 3 - 1)) is None
    assert calibration.measured(amounts()) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])), min_size=1, max_size=30))
@settings(max_examples=150, deadline=None)
def test_every_threshold_has_the_outcomes_that_counting_gives(rows):
    target, scores = np.array([float(actual) for actual, _ in rows]), np.array([score for _, score in rows])
    made = thresholds.curve(target, scores)
    assert ((made.thresholds > 0) & (made.thresholds < 1)).all() and (np.diff(made.thresholds) < 0).all()
    for threshold, counts in zip(made.thresholds, made.outcomes, strict=True):
        said, actual = scores >= threshold, target > 0.5
        assert counts.tolist() == [(said & actual).sum(), (said & ~actual).sum(), (~said & actual).sum(), (~said & ~actual).sum()]
    reached = {tuple(counts) for counts in made.outcomes.tolist()}
    for threshold in (0.05, 0.2, 0.4, 0.6, 0.95):
        said, actual = scores >= threshold, target > 0.5
        assert ((said & actual).sum(), (said & ~actual).sum(), (~said & actual).sum(), (~said & ~actual).sum()) in reached


def test_the_cheapest_threshold_is_chosen():
    case = binary(3000)
    chosen = thresholds.choose(case, COSTS, 0.5)
    spent = {}
    for threshold in np.linspace(0.001, 0.999, 999):
        said, actual = case.scores >= threshold, case.target > 0.5
        counts = ((said & actual).sum(), (said & ~actual).sum(), (~said & actual).sum(), (~said & ~actual).sum())
        spent[threshold] = sum(COSTS[name] * count for name, count in zip(OUTCOMES, counts, strict=True))
    told = thresholds.told(chosen, judged.decided(case, chosen.threshold), 0.5)
    assert told["cost_per_row"] * 3000 == pytest.approx(min(spent.values()))
    assert told["cost_per_row_at_given"] * 3000 == pytest.approx(spent[min(spent, key=lambda one: abs(one - 0.5))])
    assert (told["chosen_on"], told["curve_on"]) == ("validation", "validation") and told["used"] == told["chosen"] == chosen.threshold
    assert chosen.threshold in [point["threshold"] for point in told["curve"]] and len(told["curve"]) <= 61
    assert [one["threshold"] for one in told["curve"]] == sorted(one["threshold"] for one in told["curve"])


def test_of_thresholds_that_cost_the_same_the_one_nearest_to_the_given_is_chosen():
    case = Case(BINARY, np.array([0.0, 1.0, 0.0, 1.0]), np.zeros(4, dtype=np.int64), np.array([0.2, 0.4, 0.6, 0.8]))
    free = dict.fromkeys(OUTCOMES, 0.0)
    assert thresholds.choose(case, free, 0.69).threshold == pytest.approx(0.7)
    assert thresholds.choose(case, free, 0.31).threshold == pytest.approx(0.3)


@pytest.mark.parametrize("score", [0.0, 0.4, 1.0])
def test_scores_that_are_all_equal_have_a_threshold_between_0_and_1(score):
    case = Case(BINARY, np.array([0.0, 1.0, 1.0]), np.zeros(3, dtype=np.int64), np.full(3, score))
    chosen = thresholds.choose(case, COSTS, 0.5)
    assert 0 < chosen.threshold < 1
    thresholds.told(chosen, judged.decided(case, chosen.threshold), 0.5)


def test_costs_need_probabilities():
    case = binary()
    with pytest.raises(JobError, match="scores from .* expected probabilities from 0 to 1"):
        thresholds.choose(case._replace(scores=case.scores + 1), COSTS, 0.5)


@pytest.mark.parametrize(
    ("problem", "answers", "words"),
    [
        (BINARY, [0.1, np.nan, np.inf], "answered 2 of 3 rows with what is no number"),
        (BINARY, np.zeros((3, 4)), "answered 4 numbers a row; expected the probability"),
        (MULTICLASS, np.zeros((3, 4)), "answered 4 numbers a row for 2 classes: a, b"),
        (MULTICLASS, [0, 1, 2], "answered class 2; there are 2"),
        ("regression", np.zeros((3, 2)), "expected one number a row"),
    ],
)
def test_answers_of_another_shape_are_refused_in_words(problem, answers, words):
    with pytest.raises(JobError, match=words):
        judged.case_of(problem, np.zeros(3), np.array(answers, dtype=np.float64), ["a", "b"])


def test_no_rows_are_refused():
    with pytest.raises(JobError, match="no rows"):
        judged.case_of(BINARY, np.empty(0), np.empty(0), [])


def test_two_columns_of_probabilities_are_those_of_the_second_class():
    case = judged.case_of(BINARY, np.zeros(2), np.array([[0.9, 0.1], [0.2, 0.8]]), [])
    assert case.scores.tolist() == [0.1, 0.8] and judged.decided(case, 0.8).predicted.tolist() == [0, 1]


def test_the_sum_of_the_slices_is_the_whole():
    case = binary(500)
    told = measured(case, np.resize(["a", "b", "c"], 500))
    right = sum(one["rows"] * one["metrics"]["accuracy"] for one in told["values"].values())
    assert right == pytest.approx((case.predicted == case.target).sum()) and len(list(itertools.chain(told["values"]))) == 3
