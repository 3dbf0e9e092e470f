"""Model quality in Model Monitor's formats: the published fixture, the guide's own examples, and what cannot be judged."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from jobkit.failure import JobError
from jobkit.monitor import java_json, predictions, quality, quality_limits, rows
from jobkit.monitor.predictions import Attributes
from jobkit.monitor.quality import Predictions
from tests.unit.jobs.monitored import CHECKS, REFERENCE, published

FIXTURE = CHECKS / "model_quality"
# The published run has label and answer the other way round: the SDK's test passes inference_attribute="Label", ground_truth_attribute="Prediction".
AS_PUBLISHED = Attributes(inference="Label", truth="Prediction")


def of_fixture():
    table = rows.read([FIXTURE / "baseline_dataset.csv"], {"csv": {"header": True}})
    return quality.statistics("Regression", predictions.predictions("Regression", table, AS_PUBLISHED)[0])


@published
def test_the_published_statistics_and_constraints_come_out_byte_for_byte():
    found = of_fixture()
    assert java_json.dumps(found) == (FIXTURE / "statistics.json").read_text()
    assert java_json.dumps(quality_limits.constraints(found)) == (FIXTURE / "good_cases/constraints.json").read_text()


@published
@pytest.mark.parametrize(("case", "missed"), [("good_cases", []), ("bad_cases", ["mse"])])
def test_the_published_cases_pass_and_fail_as_they_are_named(case, missed):
    found = quality_limits.violations(of_fixture(), json.loads((FIXTURE / case / "constraints.json").read_text()))
    assert [entry["metric_name"] for entry in found] == missed
    for entry in found:
        assert list(entry) == ["constraint_check_type", "description", "metric_name"]
        assert entry["description"] == "Metric mse with 0.33364933609800973 was GreaterThanThreshold 0.03364933609800973"


def test_the_guides_example_of_several_classes_comes_out():
    target = np.repeat([0, 1], [1690, 406])
    said = np.repeat([0, 1, 0, 1], [1180, 510, 268, 138])
    found = quality.statistics("MulticlassClassification", Predictions(target, said, ("0", "1")))["multiclass_classification_metrics"]
    wanted = {
        "accuracy": 0.6288167938931297,
        "weighted_recall": 0.6288167938931297,
        "weighted_precision": 0.6983172269629505,
        "weighted_f0_5": 0.6803947317178771,
        "weighted_f1": 0.6571162346664904,
        "weighted_f2": 0.6384024354394601,
        "accuracy_best_constant_classifier": 0.19370229007633588,
        "weighted_recall_best_constant_classifier": 0.19370229007633588,
        "weighted_precision_best_constant_classifier": 0.03752057718081697,
        "weighted_f0_5_best_constant_classifier": 0.04473443104152011,
        "weighted_f1_best_constant_classifier": 0.06286421244683643,
        "weighted_f2_best_constant_classifier": 0.10570313141262414,
    }
    assert found["confusion_matrix"] == {"0": {"0": 1180, "1": 510}, "1": {"0": 268, "1": 138}}
    assert list(found) == ["confusion_matrix", *wanted]
    assert {name: found[name]["value"] for name in wanted} == pytest.approx(wanted, abs=1e-15)


def test_the_guides_example_of_two_classes_comes_out():
    found = quality.statistics("BinaryClassification", Predictions(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), ("0", "1"), np.array([0.1, 0.6, 0.7, 0.9])))
    metrics_ = found["binary_classification_metrics"]
    wanted = {
        "recall": 1.0,
        "precision": 1 / 3,
        "accuracy": 0.5,
        "precision_best_constant_classifier": 0.25,
        "f0_5": 0.3846153846153846,
        "f2": 0.7142857142857143,
    }
    wanted.update({"auc": 1.0, "f0_5_best_constant_classifier": 0.29411764705882354, "f1_best_constant_classifier": 0.4, "false_positive_rate": 2 / 3})
    assert {name: metrics_[name]["value"] for name in wanted} == pytest.approx(wanted, abs=1e-15)
    assert metrics_["confusion_matrix"] == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    assert metrics_["recall"]["standard_deviation"] == "NaN"
    assert metrics_["precision_recall_curve"]["recalls"][0] == 0.0
    assert metrics_["receiver_operating_characteristic_curve"]["false_positive_rates"][0] == 0.0


@published
def test_the_members_are_those_of_the_guide_in_its_order():
    draw = np.random.default_rng(0)
    target = draw.integers(0, 2, 500)
    chance = np.clip(target * 0.3 + draw.random(500) * 0.7, 0, 1)
    found = quality.statistics("BinaryClassification", Predictions(target, (chance >= 0.5).astype(int), ("0", "1"), chance))
    wanted = json.loads((REFERENCE / "local/model_quality_statistics.json").read_text())
    assert list(found) == list(wanted)
    assert list(found["binary_classification_metrics"]) == list(wanted["binary_classification_metrics"])
    limits = json.loads((REFERENCE / "local/model_quality_constraints.json").read_text())["binary_classification_constraints"]
    made = quality_limits.constraints(found)["binary_classification_constraints"]
    assert {name: limit["comparison_operator"] for name, limit in made.items()} == {name: limit["comparison_operator"] for name, limit in limits.items()}
    assert list(made) == list(limits)


def test_deviations_are_told_from_200_rows_on_and_are_the_same_each_time():
    draw = np.random.default_rng(5)
    whole = Predictions(draw.normal(size=200), draw.normal(size=200))
    told = [quality.statistics("Regression", whole)["regression_metrics"]["mae"]["standard_deviation"] for _ in range(2)]
    assert told[0] == told[1] and 0 < told[0] < 0.2
    assert quality.statistics("Regression", whole.at(np.arange(199)))["regression_metrics"]["mae"]["standard_deviation"] == "NaN"


def test_the_rates_are_those_of_scikit_learn():
    draw = np.random.default_rng(6)
    target, said = draw.integers(0, 4, 300), draw.integers(0, 4, 300)
    found = quality.multiclass(Predictions(target, said, ("0", "1", "2", "3")))
    assert found["weighted_f2"] == pytest.approx(metrics.fbeta_score(target, said, beta=2, average="weighted"))
    assert found["weighted_precision"] == pytest.approx(metrics.precision_score(target, said, average="weighted"))
    two = quality.binary(Predictions(target % 2, said % 2, ("0", "1"), draw.random(300)))
    assert two["f0_5"] == pytest.approx(metrics.fbeta_score(target % 2, said % 2, beta=0.5))


def test_one_class_alone_gives_numbers_and_no_warning():
    found = quality.statistics("BinaryClassification", Predictions(np.zeros(300, int), np.zeros(300, int), ("0", "1"), np.full(300, 0.5)))
    assert '"NaN"' not in java_json.dumps(found)
    assert found["binary_classification_metrics"]["precision"]["value"] == 0.0


def judged(problem, attributes, **columns):
    return predictions.predictions(problem, pa.table(columns), attributes)


def test_an_answer_comes_from_the_probability_where_there_is_no_answer():
    found, unusable = judged("BinaryClassification", Attributes(None, "p", "y", 0.8), p=[0.9, 0.8, 0.5, None], y=["Yes", "No", "No", "Yes"])
    assert found.predicted.tolist() == [1, 1, 0] and found.target.tolist() == [1, 0, 0] and unusable == 1


def test_labels_that_are_no_yes_or_no_are_ordered_by_name():
    found, _ = judged("BinaryClassification", Attributes("p", None, "y"), p=["bad", "good"], y=["good", "bad"])
    assert found.target.tolist() == [1, 0]
    many, _ = judged("MulticlassClassification", Attributes("p", None, "y"), p=["10", "9"], y=["9.0", "10.0"])
    assert many.classes == ("9", "10")


@pytest.mark.parametrize(
    ("problem", "attributes", "columns", "words"),
    [
        ("Clustering", Attributes("p", None, "y"), {"p": ["1"], "y": ["1"]}, "problem_type: got 'Clustering'"),
        ("Regression", Attributes("q", None, "y"), {"p": ["1"], "y": ["1"]}, "inference_attribute: there is no column 'q'; got p, y"),
        ("Regression", Attributes(None, None, "y"), {"p": ["1"], "y": ["1"]}, "got no inference_attribute"),
        ("Regression", Attributes("p", None, "y"), {"p": ["x"], "y": ["1"]}, "the answer: got 'x'; expected numbers"),
        ("Regression", Attributes("p", None, "y"), {"p": [None], "y": ["1"]}, "no row has both"),
        ("BinaryClassification", Attributes("p", None, "y"), {"p": ["a", "b", "c"], "y": ["a", "a", "a"]}, "got the labels a, b, c"),
    ],
)
def test_what_cannot_be_judged_is_said(problem, attributes, columns, words):
    with pytest.raises(JobError, match=words):
        judged(problem, attributes, **columns)


def test_constraints_of_another_problem_or_metric_are_refused():
    found = quality.statistics("Regression", Predictions(np.array([1.0, 2.0]), np.array([1.0, 2.5])))
    with pytest.raises(JobError, match="got 'binary_classification'; expected 'regression_constraints'"):
        quality_limits.violations(found, {"binary_classification_constraints": {}})
    with pytest.raises(JobError, match="got the metrics mae"):
        quality_limits.violations(found, {"regression_constraints": {"gini": {"threshold": 1, "comparison_operator": "LessThanThreshold"}}})
