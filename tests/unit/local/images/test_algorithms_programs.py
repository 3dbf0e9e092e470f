"""The programs of the built-in algorithms beside XGBoost: right on data whose answer is known, and clear about what is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.faults import ClientFault
from pipelines.local.images import builtin_metric_definitions, plan_training, recordio
from pipelines.local.images.algorithms import artifact
from pipelines.local.images.algorithms import train as program
from pipelines.local.images.algorithms.table import load
from pipelines.local.metrics import final_metrics

CSV, NO_LABEL, RECORDIO = "text/csv;label_size=1", "text/csv;label_size=0", "application/x-recordio-protobuf"


class Job:
    """Fill an /opt/ml and train in it with the container's program, in this process: tests/functional/test_algorithms.py starts it as the engine does."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.ml, self.patch, self.channels, self.log = folder, patch, {}, ""

    def give(self, channel: str, features, labels=None, kind: str = CSV) -> None:
        place = self.ml / "input/data" / channel
        place.mkdir(parents=True)
        if kind.startswith("text/csv"):
            np.savetxt(place / "a.csv", features if labels is None else np.column_stack([labels, features]), delimiter=",", fmt="%.7g")
        else:
            recordio.write(place / "a.pbr", features, labels)
        self.channels[channel] = {"ContentType": kind}

    def train(self, algorithm: str, **hyperparameters: object) -> dict[str, float]:
        """Return the metrics that the service's regular expressions find in the log."""
        assert self.run(algorithm, **hyperparameters) == 0, self.log
        return final_metrics(self.log.splitlines(), builtin_metric_definitions(f"1.dkr.ecr.eu-west-1.amazonaws.com/{algorithm}:1", {}))

    def run(self, algorithm: str, **hyperparameters: object) -> int:
        config = self.ml / "input/config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in hyperparameters.items()}))
        (config / "inputdataconfig.json").write_text(json.dumps(self.channels))
        self.patch.setenv("SAGEMAKER_BASE_DIR", str(self.ml))
        self.patch.setattr(sys, "argv", ["train", algorithm])
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = program.main()
        self.log = said.getvalue()
        return code

    def refusal(self, algorithm: str, **hyperparameters: object) -> str:
        assert self.run(algorithm, **hyperparameters) == 1
        assert "Traceback" not in self.log and not (self.ml / "model").exists()
        return (self.ml / "output/failure").read_text()

    @property
    def model(self):
        return load(self.ml / "model")


@pytest.fixture
def job(tmp_path, monkeypatch):
    return Job(tmp_path, monkeypatch)


def blobs(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return three round clouds in four dimensions, and which of them each row is of."""
    dice = np.random.default_rng(3)
    centers = np.array([[0, 0, 0, 0], [9, 9, 0, 0], [-9, 5, 5, 0]])
    which = dice.integers(0, 3, rows)
    return (centers[which] + dice.standard_normal((rows, 4))).astype(np.float32), which


def noisy(rows: int = 1500, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return six columns of very different size and labels that follow from three of them, with noise."""
    dice = np.random.default_rng(4)
    features = dice.standard_normal((rows, 6)) * [1, 100, 0.01, 5, 1, 1] + [0, 1000, 0, 0, 3, 0]
    plain = (features - features.mean(axis=0)) / features.std(axis=0)
    scores = plain @ dice.standard_normal((6, classes)) * 2 + dice.gumbel(size=(rows, classes))
    return features.astype(np.float32), scores.argmax(axis=1)


def halves(table: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    features, labels = table
    cut = len(labels) * 2 // 3
    return features[:cut], labels[:cut], features[cut:], labels[cut:]


def test_kmeans_finds_the_clusters_and_its_msd_is_the_inertia_a_row(job):
    features, which = blobs()
    job.give("train", features, kind=NO_LABEL)
    job.give("test", features[:200], kind=NO_LABEL)
    metrics = job.train("kmeans", k=3, feature_dim=4, eval_metrics='["msd","ssd"]')
    expected = KMeans(3, n_init=10, random_state=0).fit(features)
    assert metrics["train:msd"] == pytest.approx(expected.inertia_ / len(features), rel=0.02)
    assert metrics["train:ssd"] == pytest.approx(expected.inertia_, rel=0.02)
    assert metrics["train:progress"] == 100 and metrics["train:throughput"] > 0
    answer = job.model.predict(features[:200])
    assert metrics["test:msd"] == pytest.approx((answer["distance_to_cluster"] ** 2).mean(), rel=1e-4)
    assert len({(int(a), int(b)) for a, b in zip(answer["closest_cluster"], which[:200], strict=True)}) == 3


def test_kmeans_with_as_many_clusters_as_rows_has_no_error(job):
    features, _ = blobs(12)
    job.give("train", features, kind=RECORDIO)
    assert job.train("kmeans", k=12, feature_dim=4)["train:msd"] == pytest.approx(0, abs=1e-6)
    assert "13, expected at most the number of rows in train, 12" in Job.refusal(_again(job), "kmeans", k=13, feature_dim=4)


def _again(job: Job) -> Job:
    for file in (job.ml / "model").iterdir():
        file.unlink()
    (job.ml / "model").rmdir()
    return job


@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_pca_finds_the_direction_of_the_data(job, mode):
    dice = np.random.default_rng(0)
    direction = np.array([3, 0, 4, 0]) / 5
    features = dice.standard_normal((400, 1)) * 10 * direction + dice.standard_normal((400, 4)) * 0.1 + 7
    job.give("train", features, kind=NO_LABEL)
    metrics = job.train("pca", feature_dim=4, num_components=2, mini_batch_size=100, algorithm_mode=mode)
    assert set(metrics) == {"train:progress", "train:throughput"}
    first = job.model.arrays["components"][:, 0]
    assert abs(first @ direction) == pytest.approx(1, abs=1e-3)
    projection = job.model.predict(features)["projection"]
    assert projection.shape == (400, 2) and projection.mean(axis=0) == pytest.approx([0, 0], abs=1e-3)
    np.testing.assert_allclose(np.abs(projection), np.abs(PCA(2).fit_transform(features)), atol=1e-2)


def test_pca_without_subtracted_mean_sees_the_mean_as_the_first_direction(job):
    features = np.random.default_rng(0).standard_normal((200, 3)) + [100, 0, 0]
    job.give("train", features, kind=NO_LABEL)
    job.train("pca", feature_dim=3, num_components=1, mini_batch_size=10, subtract_mean="False")
    assert abs(job.model.arrays["components"][0, 0]) == pytest.approx(1, abs=1e-3)


def test_knn_classifies_as_scikit_learn_does(job):
    train, labels, test, truth = halves(blobs())
    job.give("train", train, labels)
    job.give("test", test, truth, kind=RECORDIO)
    metrics = job.train("knn", k=5, feature_dim=4, sample_size=10_000, predictor_type="classifier")
    expected = KNeighborsClassifier(5).fit(train, labels)
    assert metrics["test:accuracy"] == pytest.approx(expected.score(test, truth), abs=1e-9) and metrics["test:accuracy"] > 0.95
    np.testing.assert_array_equal(job.model.predict(test)["predicted_label"], expected.predict(test))


def test_knn_regresses_as_scikit_learn_does(job):
    train, _, test, _ = halves(noisy())
    job.give("train", train[:, 3:], train[:, 0])
    job.give("test", test[:, 3:], test[:, 0])
    metrics = job.train("knn", k=3, feature_dim=3, sample_size=len(train), predictor_type="regressor")
    expected = KNeighborsRegressor(3).fit(train[:, 3:], train[:, 0]).predict(test[:, 3:])
    assert metrics["test:mse"] == pytest.approx(((expected - test[:, 0]) ** 2).mean(), rel=1e-3)


@pytest.mark.parametrize(
    ("metric", "nearest"),
    [("L2", lambda known, row: np.argmin(((known - row) ** 2).sum(axis=1))), ("INNER_PRODUCT", lambda known, row: np.argmax(known @ row))]
    + [("COSINE", lambda known, row: np.argmax(known @ row / np.linalg.norm(known, axis=1)))],
)
def test_knn_measures_as_index_metric_says(job, metric, nearest):
    dice = np.random.default_rng(5)
    known, asked = dice.standard_normal((80, 3)).astype(np.float32), dice.standard_normal((40, 3)).astype(np.float32)
    job.give("train", known, np.arange(80), kind=RECORDIO)
    job.train("knn", k=1, feature_dim=3, sample_size=80, predictor_type="classifier", index_metric=metric)
    np.testing.assert_array_equal(job.model.predict(asked)["predicted_label"], [nearest(known, row) for row in asked])


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_knn_reduces_dimensions_and_takes_a_sample(job, kind):
    features, which = blobs()
    wide = np.column_stack([features, np.zeros((len(features), 16))])
    job.give("train", wide, which)
    job.give("test", wide, which)
    options = {"dimension_reduction_type": kind, "dimension_reduction_target": 8}
    metrics = job.train("knn", k=5, feature_dim=20, sample_size=300, predictor_type="classifier", **options)
    assert metrics["test:accuracy"] > 0.9
    assert job.model.arrays["sample"].shape == (300, 8)


def test_linear_learner_is_as_accurate_as_logistic_regression(job):
    train, labels, check, truth = halves(noisy(3000))
    job.give("train", train, labels)
    job.give("validation", check, truth, kind=RECORDIO)
    metrics = job.train("linear-learner", predictor_type="binary_classifier", feature_dim="auto")
    plain = (train - train.mean(axis=0)) / train.std(axis=0)
    expected = LogisticRegression(C=1e6).fit(plain, labels)
    there = expected.score((check - train.mean(axis=0)) / train.std(axis=0), truth)
    assert metrics["validation:binary_classification_accuracy"] == pytest.approx(there, abs=0.02) and there > 0.8
    assert metrics["validation:roc_auc_score"] > 0.85 and metrics["validation:objective_loss"] < 0.5
    assert {"train:objective_loss", "validation:objective_loss:final", "validation:binary_f_beta", "validation:precision", "train:progress"} <= set(metrics)
    answer = job.model.predict(check)
    assert (answer["predicted_label"] == truth).mean() == pytest.approx(metrics["validation:binary_classification_accuracy"], abs=1e-6)
    assert answer["score"].min() >= 0 and answer["score"].max() <= 1


def test_linear_learner_learns_from_a_hundred_rows(job):
    features, labels = noisy(100)
    job.give("train", features, labels)
    metrics = job.train("linear-learner", predictor_type="binary_classifier")
    plain = (features - features.mean(axis=0)) / features.std(axis=0)
    assert metrics["train:binary_classification_accuracy"] >= LogisticRegression(C=1e6).fit(plain, labels).score(plain, labels) - 0.03


def test_linear_learner_tells_several_classes_apart(job):
    train, labels, check, truth = halves(noisy(3000, classes=4))
    job.give("train", train, labels)
    job.give("test", check, truth)
    metrics = job.train("linear-learner", predictor_type="multiclass_classifier", num_classes=4, accuracy_top_k=2)
    plain = LogisticRegression(C=1e6).fit((train - train.mean(axis=0)) / train.std(axis=0), labels)
    there = plain.score((check - train.mean(axis=0)) / train.std(axis=0), truth)
    assert metrics["test:multiclass_accuracy"] == pytest.approx(there, abs=0.02)
    assert metrics["test:multiclass_top_k_accuracy"] > metrics["test:multiclass_accuracy"]
    assert {"test:dcg", "test:macro_f_beta", "test:macro_recall", "test:macro_precision", "test:objective_loss"} <= set(metrics)
    assert job.model.predict(check)["score"].sum(axis=1) == pytest.approx(np.ones(len(check)))


@pytest.mark.parametrize(
    "loss", ["auto", "absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss", "quantile_loss", "huber_loss", "squared_loss"]
)
def test_linear_learner_regresses_as_least_squares_do(job, loss):
    features, _ = noisy(1200)
    dice = np.random.default_rng(1)
    amounts = 500 + 3 * features[:, 0] + 0.2 * features[:, 1] - 40 * features[:, 2] + dice.standard_normal(1200)
    job.give("train", features[:900], amounts[:900])
    job.give("validation", features[900:], amounts[900:])
    metrics = job.train("linear-learner", predictor_type="regressor", loss=loss)
    error = ((LinearRegression().fit(features[:900], amounts[:900]).predict(features[900:]) - amounts[900:]) ** 2).mean()
    # The label spreads over 20; a loss that is flat away from zero ends a little beside the best weights.
    assert metrics["validation:mse"] == pytest.approx(error, rel=0.2)
    assert set(job.model.predict(features)) == {"score"}


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_every_optimizer_and_the_hinge_learn(job, optimizer):
    job.give("train", *noisy())
    metrics = job.train("linear-learner", predictor_type="binary_classifier", loss="hinge_loss", optimizer=optimizer, momentum="0.5")
    assert metrics["train:binary_classification_accuracy"] > 0.85


def test_regularisation_draws_weights_to_zero(job):
    job.give("train", *noisy())
    job.train("linear-learner", predictor_type="binary_classifier", l1="0.2")
    assert (job.model.arrays["weights"] == 0).sum() >= 2


def test_the_selection_criterion_moves_the_threshold(job):
    train, labels, check, truth = halves(noisy(3000))
    job.give("train", train, labels)
    job.give("validation", check, truth)
    options = {"binary_classifier_model_selection_criteria": "precision_at_target_recall", "target_recall": 0.97}
    metrics = job.train("linear-learner", predictor_type="binary_classifier", **options)
    assert 0.97 <= metrics["validation:recall"] < 0.99


def test_the_log_begins_with_what_it_is_and_the_model_says_so_too(job):
    job.give("train", *noisy(60))
    job.train("linear-learner", predictor_type="binary_classifier")
    first, second = job.log.splitlines()[:2]
    assert first.startswith("linear-learner: a local equivalent with scikit-learn 1.") and first.endswith("not SageMaker's algorithm.")
    assert "Numbers will differ" in second
    assert "cannot be deployed to the real image" in (job.ml / "model" / artifact.NOTE).read_text()


def test_the_same_data_give_the_same_bytes(tmp_path, monkeypatch):
    made = []
    for number in range(2):
        job = Job(tmp_path / str(number), monkeypatch)
        job.give("train", *noisy(200))
        job.train("linear-learner", predictor_type="binary_classifier")
        made.append((job.ml / "model" / artifact.FILE).read_bytes())
    assert made[0] == made[1]


def test_sparse_records_are_read(job):
    features, which = blobs()
    job.give("train", scipy.sparse.csr_matrix(features), which, kind=RECORDIO)
    assert job.train("linear-learner", predictor_type="multiclass_classifier", num_classes=3, force_dense="True")["train:multiclass_accuracy"] > 0.95


def test_a_stranger_file_is_no_model(tmp_path):
    for body in (b"", b"nonsense", b"PK\x03\x04 cut"):
        (tmp_path / artifact.FILE).write_bytes(body)
        with pytest.raises(CustomerError, match="no model of a local equivalent"):
            load(tmp_path)
    with pytest.raises(CustomerError, match="no model of a local equivalent"):
        load(tmp_path / "nowhere")


def test_rows_of_another_width_are_refused_by_the_model(job):
    job.give("train", *noisy(60))
    job.train("linear-learner", predictor_type="binary_classifier")
    with pytest.raises(CustomerError, match="got 2 features, expected 6"):
        job.model.predict([[1, 2]])


WRONG = [
    ("kmeans", {"feature_dim": 6}, "k: missing; kmeans needs it: a whole number from 1."),
    ("kmeans", {"feature_dim": 6, "k": "three"}, "k: got 'three', expected a whole number from 1."),
    ("kmeans", {"feature_dim": 6, "k": 0}, "k: got '0', expected a whole number from 1."),
    ("kmeans", {"feature_dim": 5, "k": 2}, "feature_dim: got 5, expected 6, the number of features in train."),
    (
        "kmeans",
        {"feature_dim": 6, "k": 2, "init_metod": "random"},
        "init_metod: kmeans has no such hyperparameter; got 'random', expected one of feature_dim, k,",
    ),
    ("kmeans", {"feature_dim": 6, "k": 2, "init_method": "best"}, "init_method: got 'best', expected one of random, kmeans++."),
    ("kmeans", {"feature_dim": 6, "k": 2, "eval_metrics": '["mse"]'}, "eval_metrics: got '[\"mse\"]', expected a JSON list of msd, ssd."),
    ("kmeans", {"feature_dim": 6, "k": 2, "local_lloyd_tol": "nan"}, "local_lloyd_tol: got 'nan', expected a number from 0 to 1."),
    ("pca", {"feature_dim": 6, "mini_batch_size": 9, "num_components": 7}, "num_components: got 7, expected at most feature_dim, 6."),
    ("pca", {"feature_dim": 6, "mini_batch_size": 9, "num_components": 2, "subtract_mean": "yes"}, "subtract_mean: got 'yes', expected true or false."),
    ("knn", {"feature_dim": 6, "k": 9, "sample_size": 5, "predictor_type": "classifier"}, "k: got 9, expected at most sample_size, 5."),
    ("knn", {"feature_dim": 6, "k": 1, "sample_size": 5, "predictor_type": "binary"}, "predictor_type: got 'binary', expected one of classifier, regressor."),
    (
        "knn",
        {"feature_dim": 6, "k": 1, "sample_size": 5, "predictor_type": "classifier", "dimension_reduction_type": "sign"},
        "dimension_reduction_target: missing; dimension_reduction_type sign needs",
    ),
    (
        "knn",
        {"feature_dim": 6, "k": 1, "sample_size": 5, "predictor_type": "classifier", "index_type": "faiss.IVFPQ", "index_metric": "COSINE"},
        "index_metric: got 'COSINE', expected L2 with index_type faiss.IVFPQ. Hyperparameter faiss_index_pq_m: missing;",
    ),
    ("linear-learner", {}, "predictor_type: missing; linear-learner needs it: one of binary_classifier, multiclass_classifier, regressor."),
    ("linear-learner", {"predictor_type": "multiclass_classifier"}, "num_classes: missing; predictor_type multiclass_classifier needs it"),
    ("linear-learner", {"predictor_type": "multiclass_classifier", "num_classes": 2}, "num_classes: got '2', expected a whole number from 3 to 1000000."),
    ("linear-learner", {"predictor_type": "regressor", "loss": "logistic"}, "loss: got 'logistic', expected auto, squared_loss,"),
    ("linear-learner", {"predictor_type": "regressor", "learning_rate": "inf"}, "learning_rate: got 'inf', expected auto or a number above 0."),
    ("linear-learner", {"predictor_type": "binary_classifier", "positive_example_weight_mult": "half"}, "expected auto or balanced or a number above 0."),
    ("linear-learner", {"predictor_type": "binary_classifier", "epoch": 3}, "expected one of the 44 in docs/algorithms.md. Did you mean epochs?"),
]


@pytest.mark.parametrize(("algorithm", "given", "words"), WRONG)
def test_a_wrong_hyperparameter_is_named_with_what_is_allowed(job, algorithm, given, words):
    job.give("train", *noisy(30), kind=RECORDIO)
    told = job.refusal(algorithm, **given)
    assert told.startswith("ClientError: Hyperparameter ") and words in told


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ("y,a\n1,2\n", CSV, "channel 'train': a.csv is no CSV of numbers"),
        ("1,2\n0,\n", CSV, "channel 'train', row 2, feature 1: the feature is nan; expected a finite number. Fill in missing values first."),
        ("1,2\n0,3,4\n", CSV, "is no CSV of numbers"),
        ("1\n0\n", CSV, "1 columns with label_size=1; expected a feature or more"),
        ("1,2\n0,3\n", NO_LABEL, "no labels; linear-learner needs them"),
        ("1,2\n0,3\n", "text/csv;label_size=3", "label_size=3; expected 0 or 1"),
        ("1,2\n0,3\n", "application/x-parquet", "content type 'application/x-parquet' cannot be read; expected text/csv or application/x-recordio-protobuf"),
        ("1,2\n0,3\n", RECORDIO, "RecordIO: a.csv, record 1: got magic number"),
        ("2,2\n0,3\n", CSV, "label 2; predictor_type binary_classifier takes whole numbers from 0 to 1"),
        ("", CSV, "channel 'train': there are no data in it"),
    ],
)
def test_data_that_cannot_be_learnt_from_are_refused(job, rows, kind, words):
    job.give("train", np.ones((1, 1)), kind=NO_LABEL)
    (job.ml / "input/data/train/a.csv").write_text(rows)
    job.channels["train"]["ContentType"] = kind
    assert words in job.refusal("linear-learner", predictor_type="binary_classifier")


def test_channels_are_those_of_the_algorithm(job):
    job.give("validation", *noisy(30))
    assert "channel 'train' is missing; got validation" in job.refusal("linear-learner", predictor_type="binary_classifier")
    assert "channel 'validation': kmeans has no such channel; expected train, test" in job.refusal("kmeans", k=2, feature_dim=6)
    job.give("train", noisy(30)[0][:, :3], noisy(30)[1])
    assert "channel 'validation': 6 features, but train has 3" in job.refusal("linear-learner", predictor_type="binary_classifier")


def test_another_built_in_algorithm_is_refused_by_name():
    with pytest.raises(ClientFault, match=r"DeepAR \(forecasting-deepar\) does not run locally; it can be upserted"):
        plan_training("1.dkr.ecr.eu-west-1.amazonaws.com/forecasting-deepar:1", {"AlgorithmSpecification": {}}, {})


def test_built_in_metrics_are_those_that_the_service_shows():
    names = {each["Name"] for each in builtin_metric_definitions("644912444149.dkr.ecr.eu-west-2.amazonaws.com/linear-learner:1", {})}
    assert {
        "validation:objective_loss",
        "validation:objective_loss:final",
        "test:dcg",
        "train:progress",
        "train:throughput",
        "validation:macro_f_beta",
    } <= names
