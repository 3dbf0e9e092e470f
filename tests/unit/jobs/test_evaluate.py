from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
from sklearn import metrics as reference

from evaluation import evaluate
from jobkit import scores as measures
from jobkit.failure import JobError


@pytest.fixture(scope="module")
def case():
    dice = np.random.default_rng(0)
    target = (dice.random(500) < 0.4).astype("float64")
    scores = np.round(np.clip(target * 0.3 + dice.random(500) * 0.7, 0, 1), 2)
    return target, scores


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_every_metric_is_scikit_learns(case, threshold):
    target, scores = case
    told = measures.binary(target, scores, threshold)
    predicted = (scores >= threshold).astype(int)
    expected = {
        "accuracy": reference.accuracy_score(target, predicted),
        "precision": reference.precision_score(target, predicted, zero_division=0),
        "recall": reference.recall_score(target, predicted),
        "f1": reference.f1_score(target, predicted),
        "f2": reference.fbeta_score(target, predicted, beta=2),
        "f0_5": reference.fbeta_score(target, predicted, beta=0.5),
        "auc": reference.roc_auc_score(target, scores),
    }
    assert {name: told[name]["value"] for name in expected} == pytest.approx(expected)
    (tn, fp), (fn, tp) = reference.confusion_matrix(target, predicted)
    assert told["confusion_matrix"] == {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}


def test_curves_go_from_corner_to_corner_with_few_points(case):
    told = measures.binary(*case, 0.5)
    roc = told["receiver_operating_characteristic_curve"]
    assert (roc["false_positive_rates"][0], roc["true_positive_rates"][-1]) == (0.0, 1.0) and len(roc["false_positive_rates"]) <= 200
    false, true, _ = reference.roc_curve(case[0], case[1], drop_intermediate=False)
    assert np.interp(0.3, roc["false_positive_rates"], roc["true_positive_rates"]) == pytest.approx(np.interp(0.3, false, true), abs=0.01)
    assert told["precision_recall_curve"]["recalls"][-1] == 1.0


@pytest.mark.parametrize(("target", "scores"), [([1, 1], [0.9, 0.1]), ([0, 0], [0.9, 0.1])])
def test_one_class_only_has_no_division_by_zero(target, scores):
    told = measures.binary(np.array(target, dtype=float), np.array(scores), 0.5)
    assert told["auc"]["value"] == 0.5
    json.dumps(told, allow_nan=False)


def archive(folder, name="xgboost-model", body=b"x"):
    with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
        entry = tarfile.TarInfo(name)
        entry.size = len(body)
        packed.addfile(entry, io.BytesIO(body))
    return folder


def test_the_model_is_read_without_unpacking(tmp_path):
    assert evaluate.read_member(archive(tmp_path, "./xgboost-model"), "xgboost-model") == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["model.tar.gz"]


@pytest.mark.parametrize(
    ("name", "words"), [("../xgboost-model", "outside the archive"), ("/etc/xgboost-model", "outside the archive"), ("other", "no file 'xgboost-model'")]
)
def test_a_strange_archive_is_refused(tmp_path, name, words):
    with pytest.raises(JobError, match=words):
        evaluate.read_member(archive(tmp_path, name), "xgboost-model")


def test_a_damaged_or_missing_archive_is_named(tmp_path):
    with pytest.raises(JobError, match="no model.tar.gz"):
        evaluate.read_member(tmp_path, "xgboost-model")
    (tmp_path / "model.tar.gz").write_bytes(b"torn")
    with pytest.raises(JobError, match="cannot be read"):
        evaluate.read_member(tmp_path, "xgboost-model")


def test_a_threshold_that_is_no_probability_is_refused():
    with pytest.raises(JobError, match="between 0 and 1"):
        evaluate.main(["--threshold", "1.5"])


# The order of Model Monitor's documentation, "Model quality metrics"; decision_threshold is ours.
ORDER = [
    "confusion_matrix",
    *("recall", "precision", "accuracy"),
    *("recall_best_constant_classifier", "precision_best_constant_classifier", "accuracy_best_constant_classifier"),
    *("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
    *("receiver_operating_characteristic_curve", "precision_recall_curve"),
    *("auc", "f0_5", "f1", "f2"),
    *("f0_5_best_constant_classifier", "f1_best_constant_classifier", "f2_best_constant_classifier"),
    "decision_threshold",
]


def scalars(group: dict) -> dict:
    return {name: entry for name, entry in group.items() if isinstance(entry, dict) and "value" in entry}


def test_the_layout_is_model_monitors(case):
    told = measures.binary(*case, 0.5)
    assert list(told) == ORDER
    assert all(list(entry) == ["value", "standard_deviation"] for entry in scalars(told).values())
    assert len(scalars(told)) == 17 and list(told["confusion_matrix"]["1"]) == ["0", "1"]


def test_the_best_constant_classifier_says_positive_of_every_row(case):
    told, share = measures.binary(*case, 0.5), case[0].mean()
    names = ("recall", "precision", "accuracy", "f1")
    found = [told[name + "_best_constant_classifier"]["value"] for name in names]
    assert found == pytest.approx([1.0, share, share, 2 * share / (1 + share)])
    assert told["recall_best_constant_classifier"]["standard_deviation"] == 0.0


def test_deviations_are_those_of_five_subsamples_and_from_200_rows_on(case):
    target, scores = case
    told = scalars(measures.binary(target, scores, 0.5))
    share = told["accuracy"]["value"]
    expected = (share * (1 - share) / 500 * 0.25) ** 0.5  # of 80 % drawn without replacement
    assert 0.3 * expected < told["accuracy"]["standard_deviation"] < 2 * expected
    assert told == scalars(measures.binary(target, scores, 0.5))
    few = scalars(measures.binary(target[:199], scores[:199], 0.5))
    assert {entry["standard_deviation"] for entry in few.values()} == {"NaN"}
    assert isinstance(scalars(measures.binary(target[:200], scores[:200], 0.5))["auc"]["standard_deviation"], float)


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_scores_that_are_all_equal_have_metrics(score):
    told = measures.binary(np.array([0.0, 1.0, 1.0]), np.full(3, score), 0.5)
    assert told["auc"]["value"] == 0.5
    json.dumps(told, allow_nan=False)


def test_several_classes_have_weighted_metrics_and_those_of_the_most_frequent_class():
    told = measures.multiclass(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]), ["a", "b", "c"])
    weighted = ["accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2"]
    macro = ["macro_recall", "macro_precision", "macro_f0_5", "macro_f1", "macro_f2"]
    assert list(told) == ["confusion_matrix", *weighted, *(name + "_best_constant_classifier" for name in weighted), *macro]
    assert told["accuracy_best_constant_classifier"]["value"] == 0.5 and told["macro_recall"]["value"] == pytest.approx(2.5 / 3)


def test_amounts_have_model_monitors_metrics():
    told = measures.regression(np.arange(300.0), np.arange(300.0) + 1)
    assert list(told) == ["mae", "mse", "rmse", "r2"] and told["mae"] == {"value": 1.0, "standard_deviation": 0.0}
