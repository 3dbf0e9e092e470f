"""Amounts and several classes: labels become numbers, splits keep them alike, metrics are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from jobkit import label as labels
from jobkit import scores
from jobkit.columns import from_frame, from_series
from jobkit.failure import JobError
from processing import preprocess
from tests.unit.jobs.recipes import job, step

CLASSES = ["low", "middle", "high"]


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_metrics_of_several_classes_are_scikit_learns(pairs):
    target, said = (np.array(side) for side in zip(*pairs, strict=True))
    told = scores.multiclass(target, said, CLASSES)
    options = {"labels": [0, 1, 2], "average": "weighted", "zero_division": 0}
    expected = {
        "accuracy": reference.accuracy_score(target, said),
        "weighted_precision": reference.precision_score(target, said, **options),
        "weighted_recall": reference.recall_score(target, said, **options),
        "weighted_f1": reference.f1_score(target, said, **options),
        "weighted_f2": reference.fbeta_score(target, said, beta=2, **options),
    }
    assert {name: told[name]["value"] for name in expected} == pytest.approx(expected)
    matrix = reference.confusion_matrix(target, said, labels=[0, 1, 2])
    assert [[told["confusion_matrix"][actual][other] for other in CLASSES] for actual in CLASSES] == matrix.tolist()


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_metrics_of_amounts_are_scikit_learns(pairs):
    target, said = (np.array(side) for side in zip(*pairs, strict=True))
    told = scores.regression(target, said)
    assert told["mae"]["value"] == pytest.approx(reference.mean_absolute_error(target, said))
    assert told["mse"]["value"] == pytest.approx(reference.mean_squared_error(target, said))
    assert told["rmse"]["value"] ** 2 == pytest.approx(told["mse"]["value"])
    if np.ptp(target) > 1:
        assert told["r2"]["value"] == pytest.approx(reference.r2_score(target, said))


def test_a_label_that_does_not_vary_has_no_r2():
    assert scores.regression(np.ones(3), np.zeros(3))["r2"]["value"] == 0


def test_classes_are_numbered_in_the_order_of_the_configuration():
    numbers, classes = labels.codes(from_series(pd.Series(["high", " low", "high", "middle"])), "y", CLASSES)
    assert numbers.tolist() == [2, 0, 2, 1] and classes == CLASSES


def test_classes_that_are_numbers_are_named_as_the_file_writes_them():
    assert labels.codes(from_series(pd.Series([3.0, 5.0, 3.0])), "y", ["3", "5"])[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("problem", "values", "words"),
    [
        ("multiclass_classification", ["low", "odd"], "holds 'odd', which is not among label.classes: low, middle, high"),
        ("multiclass_classification", ["low", None], "1 rows have no label"),
        ("regression", ["1", "x"], "holds text such as '1'; regression needs numbers"),
        ("regression", [1.0, float("nan")], "1 rows have no label"),
    ],
)
def test_a_label_of_another_problem_is_refused_in_words(problem, values, words):
    with pytest.raises(JobError, match=words):
        labels.READ[problem](from_series(pd.Series(values)), {"column": "y", "classes": CLASSES})


def prepared(frame: pd.DataFrame, problem: str, steps=(), **label):
    settings = {**job(list(steps)), "problem": problem, "label": {"column": "y", **label}}
    return preprocess.prepare(from_frame(frame), settings, 0, {})


def test_every_split_of_a_regression_holds_rows_from_all_over_the_range():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"a": generator.random(1000), "y": generator.exponential(10, 1000)})
    made = prepared(frame, "regression")
    assert sorted(np.concatenate(list(made.labels.values()))) == sorted(frame.y)
    means = [values.mean() for values in made.labels.values()]
    assert max(means) - min(means) < 1.0
    assert made.recipe["label"] == {"column": "y", "problem": "regression", "classes": []}


def test_few_rows_of_a_regression_are_split_at_random():
    made = prepared(pd.DataFrame({"a": range(9), "y": [float(n) for n in range(9)]}), "regression")
    assert sum(len(values) for values in made.labels.values()) == 9


def test_every_split_of_several_classes_holds_all_of_them():
    frame = pd.DataFrame({"a": range(300), "y": [CLASSES[n % 10 % 3] for n in range(300)]})
    made = prepared(frame, "multiclass_classification", classes=CLASSES)
    assert all(set(values) == {0.0, 1.0, 2.0} for values in made.labels.values())


def test_target_encoding_of_an_amount_is_its_mean():
    frame = pd.DataFrame({"t": ["a", "b"] * 50, "y": [1.0, 5.0] * 50})
    made = prepared(frame, "regression", [step("target_encode", columns=["t"], smoothing=0)])
    (state,) = made.recipe["steps"]
    assert state["codes"]["t"] == pytest.approx({"a": 1.0, "b": 5.0})
