"""The privacy probe finds a model that memorises and leaves an ordinary one alone, for every kind of problem, and always with the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost
from sklearn.metrics import roc_auc_score

from evaluation import privacy
from jobkit import package, seals, write
from jobkit.failure import JobError
from jobkit.privacy import measures, probe, target
from jobkit.privacy.page import page
from tests.unit.jobs.test_profile_page import read as read_page

KINDS = {
    "binary_classification": {"objective": "binary:logistic"},
    "multiclass_classification": {"objective": "multi:softmax", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}
ORDINARY = ({"max_depth": 2, "eta": 0.1, "min_child_weight": 20}, 20)
GREEDY = ({"max_depth": 10, "eta": 0.5, "min_child_weight": 0, "lambda": 0}, 30)
NAMES = [f"f{place}" for place in range(6)]


def rows(problem, count=1600, seed=0, noise=0.4):
    """Return rows whose labels are noise to a good part, so that only a model that memorises is right about them."""
    dice = np.random.RandomState(seed)
    features = dice.rand(count, len(NAMES)).astype(np.float32)
    signal = features[:, 0] + features[:, 1] * features[:, 2]
    if problem == "regression":
        return target.Rows((signal + noise * dice.randn(count)).astype(np.float64), features)
    classes = KINDS[problem].get("num_class", 2)
    labels = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1]))
    return target.Rows(np.where(dice.rand(count) < noise, dice.randint(0, classes, count), labels).astype(np.float64), features)


def trained(problem, kind, given):
    params = {**KINDS[problem], **kind[0], "nthread": 1}
    booster = xgboost.train(params, xgboost.DMatrix(given.features, given.labels, feature_names=NAMES), kind[1])
    return bytes(booster.save_raw("ubj"))


def probed(problem, kind, count=1600, **settings):
    given = rows(problem, count)
    members, others = given.take(np.arange(count * 3 // 4)), given.take(np.arange(count * 3 // 4, count))
    booster = target.load(trained(problem, kind, members), NAMES)
    return probe.probe(booster, members, others, problem, probe.settings({"shadow_models": 2, **settings}, 7), {})


@pytest.mark.slow
@pytest.mark.parametrize("problem", KINDS)
def test_a_model_that_memorises_is_found_by_both_attacks(problem):
    found = probed(problem, GREEDY)
    assert found["memorises"] and found["verdict"]["findings"] == 2 and "memorises its training rows" in found["verdict"]["message"]
    assert min(own["auc"] for own in found["attack"].values()) > 0.8
    assert found["gap"]["train"] < 0.5 * found["gap"]["test"] and found["attack"]["loss_threshold"]["tpr_at_1pct_fpr"] > 0.03


@pytest.mark.parametrize("problem", KINDS)
def test_an_ordinary_model_is_not(problem):
    found = probed(problem, ORDINARY)
    assert not found["memorises"] and found["verdict"]["findings"] == 0
    assert max(own["auc"] for own in found["attack"].values()) < 0.6
    assert found["attack"]["shadow_models"]["models"] == 2 and found["rows"] == {"members": 1200, "non_members": 400}


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones():
    first, again = (json.dumps(probed("binary_classification", ORDINARY)) for _ in range(2))
    assert first == again
    given = rows("binary_classification")
    booster = target.load(trained("binary_classification", ORDINARY, given), NAMES)
    other = probe.probe(booster, given, given, "binary_classification", probe.settings({"shadow_models": 1}, 8), {})
    assert other["attack"]["loss_threshold"]["auc"] == 0.5


def test_few_rows_are_warned_of_and_too_few_refused():
    found = probed("binary_classification", ORDINARY, count=160)
    assert "the interval is wide" in found["warnings"][0] and "too few rows to be sure" in page(found)
    with pytest.raises(JobError, match="train: too few rows to probe; got 15, expected at least 20"):
        probed("binary_classification", ORDINARY, count=20)


def test_rows_are_capped():
    assert probed("binary_classification", ORDINARY, rows=300)["rows"] == {"members": 300, "non_members": 300}


@pytest.mark.parametrize(
    ("kind", "eta", "penalty", "depth"), [(ORDINARY, 0.1, 1.0, 2), (GREEDY, 0.5, 0.0, 10), (({"eta": 0.17, "lambda": 2.5, "max_depth": 4}, 9), 0.17, 2.5, 4)]
)
def test_hyperparameters_that_a_model_file_does_not_keep_are_read_off_its_trees(kind, eta, penalty, depth):
    booster = target.load(trained("binary_classification", kind, rows("binary_classification")), NAMES)
    params, rounds = target.hyperparameters(booster, {})
    assert (params["eta"], params["max_depth"], rounds) == (eta, depth, kind[1]) and params["lambda"] == pytest.approx(penalty, abs=0.01)
    given, _ = target.hyperparameters(booster, {"eta": 0.9, "subsample": "0.5", "num_round": 3, "early_stopping_rounds": 2})
    assert (given["eta"], given["subsample"]) == (0.9, "0.5") and "early_stopping_rounds" not in given


def test_a_model_of_one_leaf_and_one_without_trees_can_be_probed():
    for params in ({"max_depth": 3, "gamma": 1e9}, {"booster": "gblinear"}):
        found = probed("binary_classification", (params, 3), shadow_models=1)
        assert not found["memorises"]


def test_the_areas_are_those_of_scikit_learn_with_ties_and_lie_in_their_interval():
    dice = np.random.RandomState(1)
    members, others = dice.randint(1, 8, 300).astype(float), dice.randint(0, 7, 200).astype(float)
    found = measures.separation(members, others, 3)
    assert found["auc"] == pytest.approx(roc_auc_score([1] * 300 + [0] * 200, np.concatenate([members, others])), abs=1e-6)
    assert found["lower"] < found["auc"] < found["upper"] < found["lower"] + 0.12
    assert measures.hits(np.array([1.0, 5.0, 6.0]), np.array([0.0] * 98 + [5.0, 5.5]), 0.01) == pytest.approx(1 / 3)
    assert measures.hits(np.ones(9), np.ones(9), 0.01) == 0.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rowz": 1}, "there is no setting 'rowz'"),
        ({"rows": 3}, "privacy.rows: this is out of range; got 3, expected 20 to"),
        ({"at_most": 1.2}, "privacy.at_most: .* expected 0.5 to 1"),
        ({"shadow_models": "4"}, "got '4'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, words):
    with pytest.raises(JobError, match=words):
        probe.settings(given, 0)


@pytest.fixture
def ml(tmp_path, monkeypatch):
    """Return /opt/ml/processing with the model and the splits of a training, sealed."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    folder = tmp_path / "processing"
    given = rows("binary_classification", 800)
    parts = {"train": given.take(np.arange(600)), "test": given.take(np.arange(600, 800))}
    for name, part in parts.items():
        columns = {"y": part.labels.astype(np.float32), **{each: part.features[:, place].copy() for place, each in enumerate(NAMES)}}
        write.parquet(columns, folder / name / (name + ".parquet"))
    seals.write(folder / "recipe", {name: folder / name for name in parts})
    (folder / "model").mkdir()
    (folder / "model/model.tar.gz").write_bytes(package.pack({"xgboost-model": trained("binary_classification", ORDINARY, parts["train"])}))
    return folder


JOB = {"problem": "binary_classification", "label": {"column": "y", "positive": "1", "classes": None}, "privacy": {"shadow_models": 2}}


@pytest.fixture
def job(monkeypatch, tmp_path):
    """Put job.json beside the script."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/job.json").write_text(json.dumps(JOB))
    monkeypatch.setattr(privacy, "__file__", str(tmp_path / "code/privacy.py"))


def test_the_job_writes_both_files_and_the_page_asks_for_nothing(ml, job, capsys):
    assert privacy.main(["--seed", "3"]) == 0
    text = (ml / "privacy/privacy.json").read_text()
    found = json.loads(text)
    assert (found["format"], found["version"], found["seed"]) == ("sagewright.privacy", 1, 3) and "privacy: the model does not" in capsys.readouterr().out
    assert privacy.main(["--seed", "3"]) == 0 and (ml / "privacy/privacy.json").read_text() == text
    html = read_page((ml / "privacy/privacy.html").read_text())
    assert not html.wrong and not html.links and not {"script", "link", "img"} & html.tags


def test_a_split_in_parts_is_read_whole_or_by_a_draw_of_its_rows(ml):
    part = ml / "train/train.parquet"
    (ml / "train/part-1.parquet").write_bytes(part.read_bytes())
    whole, names = privacy.read(ml / "train", 10**6, 3)
    few, _ = privacy.read(ml / "train", 100, 3)
    assert len(whole.labels) == 1200 and names == ["y", *NAMES] and len(few.labels) == 100
    assert np.array_equal(few.features, whole.take(probe.drawn(1200, 100, 3)).features)
    with pytest.raises(JobError, match="there is no Parquet file in"):
        privacy.read(ml / "model", 10, 0)


def test_a_split_that_was_changed_since_preprocess_stops_the_probe(ml, job):
    body = (ml / "train/train.parquet").read_bytes()
    (ml / "train/train.parquet").write_bytes(body[:-1] + b"?")
    with pytest.raises(JobError, match="train/train.parquet: this file is not what Preprocess wrote"):
        privacy.main([])


def test_a_package_is_taken_too_and_other_models_are_refused(ml, job):
    (ml / "model").rename(ml / "package")
    assert privacy.main([]) == 0
    (ml / "package/model.tar.gz").write_bytes(package.pack({"model.joblib": b""}))
    with pytest.raises(JobError, match="there is no file 'xgboost-model' in the model; got model.joblib"):
        privacy.main([])
    (ml / "package/model.tar.gz").write_bytes(package.pack({"xgboost-model": b"nonsense"}))
    with pytest.raises(JobError, match="xgboost-model: XGBoost cannot read it"):
        privacy.main([])
