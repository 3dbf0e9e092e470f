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
