"""Built-in XGBoost, run as its container runs it."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas
import pytest
import sklearn.metrics
import xgboost

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.xgboost import validate
from pipelines.local.images import builtin_metric_definitions, recordio, xgboost_metrics
from pipelines.local.metrics import final_metrics

pytestmark = pytest.mark.slow

CHURN = Path(__file__).parents[5] / "shared/data/churn"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BASIC = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "error,auc"}


def table(rows: int = 60, classes: int = 2) -> np.ndarray:
    dice = np.random.default_rng(0)
    features = dice.random((rows, 3))
    return np.column_stack([np.floor(features[:, 0] * classes), features])


def as_csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(f"{value:g}" for value in row) for row in rows).encode()


def as_libsvm(rows: np.ndarray) -> bytes:
    return "\n".join(f"{row[0]:g} " + " ".join(f"{index}:{value:g}" for index, value in enumerate(row[1:])) for row in rows).encode()


def as_parquet(rows: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    pandas.DataFrame(rows, columns=["y", "a", "b", "c"]).to_parquet(buffer)
    return buffer.getvalue()


def as_recordio(rows: np.ndarray, folder: Path) -> bytes:
    recordio.write(folder / "rows", rows[:, 1:], rows[:, 0])
    return (folder / "rows").read_bytes()


def trained(container, hyperparameters: dict, rows: np.ndarray | None = None) -> subprocess.CompletedProcess:
    container.configure({**BASIC, **hyperparameters}, {"train": {"ContentType": "csv"}, "validation": {"ContentType": "csv"}})
    container.channel("train", "a.csv", as_csv(table() if rows is None else rows))
    container.channel("validation", "b.csv", as_csv(table(30) if rows is None else rows[:30]))
    done = container.run("xgboost_algorithm")
    assert done.returncode == 0, done.stderr
    return done


def model_of(container, name: str = "xgboost-model") -> xgboost.Booster:
    booster = xgboost.Booster()
    booster.load_model(bytearray((container.ml / "model" / name).read_bytes()))
    return booster


def values_of(done: subprocess.CompletedProcess, metric: str) -> list[float]:
    return [float(part.partition(":")[2]) for line in done.stdout.splitlines() for part in line.split("\t") if part.startswith(f"{metric}:")]


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("text/csv", as_csv),
        ("libsvm", as_libsvm),
        ("application/x-parquet", as_parquet),
        ("text/csv; label_size=1", as_csv),
        ("application/x-recordio-protobuf", as_recordio),
        (None, as_libsvm),
    ],
)
def test_each_content_type_trains_logs_and_saves_the_same_model(container, tmp_path, kind, write):
    channel = {"ContentType": kind} if kind else {}
    container.configure(BASIC, {"train": channel, "validation": channel})
    more = (tmp_path,) if write is as_recordio else ()
    container.channel("train", "a", write(np.round(table(), 4), *more))
    container.channel("validation", "b", write(np.round(table(30), 4), *more))
    done = container.run("xgboost_algorithm")
    assert done.returncode == 0, done.stderr
    assert "[4]\ttrain-error:" in done.stdout and "\tvalidation-auc:" in done.stdout
    assert "Train matrix has 60 rows and 3 columns" in done.stdout
    by_hand = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(np.round(table(), 4)[:, 1:], table()[:, 0]), 5)
    assert model_of(container).get_dump() == by_hand.get_dump() or kind == "application/x-parquet"
    metrics = final_metrics(done.stdout.splitlines(), builtin_metric_definitions(XGBOOST, BASIC))
    assert set(metrics) == {"train:error", "train:auc", "validation:error", "validation:auc"}


def test_parquet_may_hold_whole_numbers_that_no_float_is(container, tmp_path):
    large = {"id": np.arange(40, dtype=np.int64) + 2**60 + 1, "big": np.full(40, 2**64 - 1, dtype=np.uint64)}
    rows = pandas.DataFrame({"y": [0, 1] * 20, **large, "on": [True, False] * 20})
    rows.to_parquet(tmp_path / "rows")
    container.configure(BASIC, {"train": {"ContentType": "application/x-parquet"}})
    container.channel("train", "a", (tmp_path / "rows").read_bytes())
    done = container.run("xgboost_algorithm")
    assert done.returncode == 0, done.stderr
    assert "Train matrix has 40 rows and 3 columns" in done.stdout


def test_weights_are_read_from_the_second_column(container):
    rows = table()
    weights = np.where(rows[:, 0] > 0, 3.0, 1.0)
    container.configure({**BASIC, "csv_weights": "1"}, {"train": {"ContentType": "csv"}})
    container.channel("train", "a.csv", as_csv(np.round(np.column_stack([rows[:, 0], weights, rows[:, 1:]]), 4)))
    assert "60 rows and 3 columns" in container.run("xgboost_algorithm").stdout
    matrix = xgboost.DMatrix(np.round(rows[:, 1:], 4), rows[:, 0], weight=weights)
    assert model_of(container).get_dump() == xgboost.train({"objective": "binary:logistic"}, matrix, 5).get_dump()


def test_weights_and_groups_of_libsvm_are_read(container):
    lines = [f"{int(row[0])}:{2 if row[0] else 1} 0:{row[1]:.3f} 2:{row[3]:.3f}" for row in table()]
    container.configure(BASIC, {"train": {"ContentType": "libsvm"}})
    container.channel("train", "a file?.svm", "\n".join(lines[:30]).encode())
    container.channel("train", "b#.svm", "\n".join(lines[30:]).encode())
    assert "60 rows and 3 columns" in container.run("xgboost_algorithm").stdout
    grouped = "\n".join(f"{int(row[0])} qid:{number // 10} 0:{row[1]:.3f}" for number, row in enumerate(table()))
    container.configure({"num_round": "2", "objective": "rank:ndcg", "eval_metric": "ndcg"}, {"train": {"ContentType": "libsvm"}})
    for file in (container.ml / "input/data/train").iterdir():
        file.unlink()
    container.channel("train", "a", grouped.encode())
    assert "train-ndcg" in container.run("xgboost_algorithm").stdout


def test_early_stopping_keeps_the_best_round_of_the_last_metric(container):
    done = trained(container, {"num_round": "200", "early_stopping_rounds": "3", "eval_metric": "error,logloss"})
    losses = values_of(done, "validation-logloss")
    assert len(losses) < 200 and model_of(container).num_boosted_rounds() == int(np.argmin(losses)) + 1


def test_the_tuning_objective_is_printed_too_and_metrics_are_sorted_then(container):
    done = trained(container, {"eval_metric": "logloss,auc", "_tuning_objective_metric": "validation:f1"})
    names = [part.partition(":")[0] for part in done.stdout.splitlines()[2].split("\t")[1:]]
    assert names == [f"{data}-{metric}" for data in ("train", "validation") for metric in ("auc", "logloss", "f1")]


CLASS_METRICS = "accuracy,balanced_accuracy,f1,f1_binary,f1_macro,precision,precision_macro,precision_micro,recall,recall_macro,recall_micro"


@pytest.mark.parametrize("objective", ["binary:logistic", "binary:logitraw", "binary:hinge"])
def test_the_containers_own_metrics_are_those_of_the_classes_that_the_model_predicts(container, objective):
    """The container of the newer images prints a constant here, because it takes probabilities for margins; see docs/algorithms.md."""
    dice = np.random.default_rng(1)
    rows = table(300)
    rows[:, 0] = (rows[:, 1] + dice.normal(0, 0.4, 300) > 0.6).astype(float)
    rows = np.round(rows, 4)
    done = trained(container, {"objective": objective, "eval_metric": CLASS_METRICS, "max_depth": "2"}, rows)
    said = model_of(container).predict(xgboost.DMatrix(rows[:, 1:]))
    labels, found = rows[:, 0], said > (0 if objective == "binary:logitraw" else 0.5)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(labels, found),
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(labels, found),
        "f1": sklearn.metrics.f1_score(labels, found, average="macro"),
        "f1_binary": sklearn.metrics.f1_score(labels, found),
        "precision": sklearn.metrics.precision_score(labels, found),
        "recall": sklearn.metrics.recall_score(labels, found),
        "recall_micro": sklearn.metrics.recall_score(labels, found, average="micro"),
    }
    assert {name: values_of(done, f"train-{name}")[-1] for name in expected} == {name: pytest.approx(value, abs=1e-5) for name, value in expected.items()}


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_the_containers_own_metrics_of_several_classes(container, objective):
    rows = np.round(table(200, classes=3), 4)
    done = trained(container, {"objective": objective, "num_class": "3", "eval_metric": "accuracy,f1_macro", "num_round": "3", "max_depth": "1"}, rows)
    said = model_of(container).predict(xgboost.DMatrix(rows[:, 1:]))
    found = said if said.ndim == 1 else said.argmax(axis=1)
    assert values_of(done, "train-accuracy")[-1] == pytest.approx(sklearn.metrics.accuracy_score(rows[:, 0], found), abs=1e-5)


def test_the_containers_own_metrics_of_amounts(container):
    rows = np.round(np.column_stack([table()[:, 1] * 10, table()[:, 1:]]), 4)
    done = trained(container, {"objective": "count:poisson", "eval_metric": "rmse,mse,r2"}, rows)
    said = model_of(container).predict(xgboost.DMatrix(rows[:, 1:]))
    assert values_of(done, "train-mse")[-1] == pytest.approx(sklearn.metrics.mean_squared_error(rows[:, 0], said), rel=1e-4)
    assert values_of(done, "train-r2")[-1] == pytest.approx(sklearn.metrics.r2_score(rows[:, 0], said), abs=1e-5)


def test_margins_of_versions_before_1_6_come_to_the_same():
    margins = np.array([-2.0, 0.1, 3.0], dtype="float32")
    matrix = xgboost.DMatrix(np.zeros((3, 1)), np.array([0.0, 1.0, 0.0]))
    old = xgboost_metrics.evaluator(["accuracy", "mse"], "binary:logistic", margin=True)(margins, matrix)
    new = xgboost_metrics.evaluator(["accuracy", "mse"], "binary:logistic", margin=False)(1 / (1 + np.exp(-margins)), matrix)
    assert old[0] == new[0] == ("accuracy", pytest.approx(2 / 3)) and old[1][1] == pytest.approx(new[1][1])


def test_folds_make_a_model_each_their_mean_and_predictions_of_rows_held_out(container):
    rows = np.round(table(90), 4)
    done = trained(container, {"_kfold": "3", "_num_cv_round": "2", "eval_metric": "error", "seed": "7"}, rows)
    assert sorted(path.name for path in (container.ml / "model").iterdir()) == [f"xgboost-model-{number}" for number in range(6)]
    means = [line for line in done.stdout.splitlines() if line.startswith("[5]\t")]
    assert len(means) == 3 and final_metrics(means, builtin_metric_definitions(XGBOOST, BASIC))["validation:error"] < 0.2
    written = np.loadtxt(container.ml / "output/data/predictions.csv", delimiter=",")
    assert written.shape == (120, 3) and set(written[:, 2]) <= {0.0, 1.0}
    assert np.array_equal(written[:, 0], np.concatenate([rows[:, 0], rows[:30, 0]])) and np.mean(written[:, 2] == written[:, 0]) > 0.8
    again = trained(container, {"_kfold": "3", "_num_cv_round": "2", "eval_metric": "error", "seed": "7"}, rows)
    assert again.stdout == done.stdout


def test_folds_of_amounts_and_of_several_classes(container):
    rows = np.round(np.column_stack([table()[:, 1] * 10, table()[:, 1:]]), 4)
    trained(container, {"_kfold": "2", "objective": "reg:squarederror", "eval_metric": "rmse"}, rows)
    assert np.loadtxt(container.ml / "output/data/predictions.csv", delimiter=",").shape == (90, 2)
    trained(container, {"_kfold": "2", "objective": "multi:softprob", "num_class": "3", "eval_metric": "merror"}, np.round(table(90, classes=3), 4))
    assert set(np.loadtxt(container.ml / "output/data/predictions.csv", delimiter=",")[:, 2]) == {0.0, 1.0, 2.0}


def test_a_job_goes_on_from_its_newest_checkpoint_to_the_same_model(container):
    (container.ml / "checkpoints").mkdir()
    checkpoints = container.ml / "input/config/checkpointconfig.json"
    trained(container, {"num_round": "12"})
    straight = model_of(container).get_dump()
    checkpoints.write_text('{"LocalPath": "/opt/ml/checkpoints"}')
    first = trained(container, {"num_round": "8"})
    assert sorted(path.name for path in (container.ml / "checkpoints").iterdir()) == [f"xgboost-checkpoint.{number}" for number in range(3, 8)]
    second = trained(container, {"num_round": "12"})
    assert "Resuming from iteration 8" in second.stdout and "Resuming" not in first.stdout
    assert [line.split("\t")[0] for line in second.stdout.splitlines() if line.startswith("[")] == ["[8]", "[9]", "[10]", "[11]"]
    assert model_of(container).get_dump() == straight
    (container.ml / "checkpoints/xgboost-checkpoint.11").write_bytes(b"\xda" * 50)
    assert container.run("xgboost_algorithm").returncode == 1 and "Checkpoint xgboost-checkpoint.11 cannot be loaded" in container.failure
    (container.ml / "checkpoints/xgboost-checkpoint.11").unlink()
    assert "Resuming from iteration 11" in trained(container, {"num_round": "12"}).stdout
    third = trained(container, {"num_round": "12"})
    assert "Resuming from iteration 12" in third.stdout and model_of(container).get_dump() == straight


def test_a_job_that_is_stopped_leaves_the_model_of_its_newest_round_when_asked(container):
    container.configure({**BASIC, "num_round": "100000", "save_model_on_termination": "true"}, {"train": {"ContentType": "csv"}})
    container.channel("train", "a.csv", as_csv(table()))
    command = [sys.executable, "-m", "pipelines.local.images.xgboost_algorithm"]
    process = subprocess.Popen(command, env=container.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    model = container.ml / "model/xgboost-model"
    ends_at = time.monotonic() + 60
    while not model.exists() and time.monotonic() < ends_at:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert model_of(container).num_boosted_rounds() >= 1 and [path.name for path in model.parent.iterdir()] == ["xgboost-model"]


# The twenty mistakes: what is given beside num_round and a binary objective, and what the container says.
MISTAKES = [
    ({"num_round": None}, "Missing required hyperparameter: num_round"),
    ({"foo": "1"}, "Extraneous hyperparameter found: foo"),
    ({"num_round": "3.0"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
    ({"eta": "fast"}, "Hyperparameter eta: could not parse value (caused by ValueError)"),
    ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
    ({"eta": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
    ({"learning_rate": "-0.1"}, "Hyperparameter eta: -0.1 is not in [0, 1]"),
    ({"eta": "0.1", "learning_rate": "0.2"}, "Hyperparameter learning_rate is another name of eta, and both are given"),
    ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
    ({"gamma": "nan"}, "Hyperparameter gamma: nan is not in [0, +inf)"),
    ({"tweedie_variance_power": "2"}, "Hyperparameter tweedie_variance_power: 2.0 is not in (1, 2)"),
    ({"booster": "forest"}, "Hyperparameter booster: forest is not in ['gbtree', 'gblinear', 'dart']"),
    ({"objective": "binary:nothing"}, "Hyperparameter objective: binary:nothing is not in ['binary:logistic', "),
    ({"objective": "multi:softmax"}, "Require input for parameter 'num_class' for multi-classification"),
    ({"num_class": "3"}, "Do not need to setup parameter 'num_class' for learning task other than multi-classification."),
    ({"eval_metric": "auc,brier"}, "Hyperparameter eval_metric: value ['auc', 'brier'] not in range ["),
    ({"eval_metric": "auc@0.5"}, "Metric 'auc@0.5' is not supported. Parameter 'eval_metric' with customized threshold should be one of these options"),
    ({"eval_metric": "error@half"}, "Threshold value 't' in 'error@t' expects float input."),
    ({"objective": "reg:squarederror", "eval_metric": "auc"}, "Metric 'auc' can only be applied for classification and ranking problems."),
    ({"monotone_constraints": "(1,0,-1)"}, "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."),
    ({"tree_method": "hist", "monotone_constraints": "(1,2)"}, "Hyperparameter monotone_constraints: value (1, 2) not in range [-1, 0, 1]"),
    ({"tree_method": "hist", "interaction_constraints": "[[0, 'a']]"}, "Hyperparameter interaction_constraints: value [[0, 'a']] not in range [1, +inf)"),
    ({"tree_method": "hist", "monotone_constraints": "__import__('os')"}, "Hyperparameter monotone_constraints: could not parse value"),
    ({"booster": "gblinear", "updater": "grow_histmaker"}, "Linear updater should be one of these options: 'shotgun', 'coord_descent'."),
    ({"process_type": "update", "updater": "grow_histmaker"}, "process_type 'update' can only be used with updater 'refresh' and 'prune'"),
    ({"updater": "grow_histmaker,grow_colmaker"}, "Only one tree grow plugin can be selected."),
    ({"updater": "shotgun"}, "Tree updater should be selected from these options: 'grow_colmaker'"),
    ({"_kfold": "1"}, "Hyperparameter _kfold: 1 is not in [2, +inf)"),
    ({"_tuning_objective_metric": "test:auc"}, "Hyperparameter _tuning_objective_metric: test:auc is not in ['validation:accuracy'"),
    ({"save_model_on_termination": "yes"}, "Hyperparameter save_model_on_termination: yes is not in ['true', 'false']"),
    ({"use_dask_gpu_training": "true"}, "Some configurations unsuitable for Dask GPU training were found"),
    ({"csv_weights": "2"}, "Hyperparameter csv_weights: 2 is not in [0, 1]"),
]


@pytest.mark.parametrize(("wrong", "words"), MISTAKES, ids=[words[:60] for _, words in MISTAKES])
def test_a_wrong_hyperparameter_is_refused_in_the_containers_words(wrong, words):
    given = {**BASIC, "eval_metric": "error", **wrong}
    with pytest.raises(CustomerError) as caught:
        validate({name: value for name, value in given.items() if value is not None})
    assert str(caught.value).startswith(words)


def test_a_refusal_ends_in_the_failure_file_as_the_container_writes_it(container):
    container.configure({**BASIC, "eta": "2"}, {"train": {"ContentType": "csv"}})
    container.channel("train", "a.csv", as_csv(table()))
    assert container.run("xgboost_algorithm").returncode == 1
    lines = container.failure.splitlines()
    assert lines[0] == "framework error: " and lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "Hyperparameter eta: 2.0 is not in [0, 1]"


def test_values_that_xgboost_takes_are_taken():
    taken = validate(
        {
            "num_round": '"5"',
            "learning_rate": "0.1",
            "reg_lambda": "2",
            "updater": "grow_histmaker,prune",
            "eval_metric": "error@0.7, auc",
            "objective": "binary:logistic",
        }
    )
    assert taken == {
        "num_round": 5,
        "eta": 0.1,
        "lambda": 2.0,
        "updater": "grow_histmaker,prune",
        "eval_metric": ["error@0.7", "auc"],
        "objective": "binary:logistic",
    }
    assert validate({"num_round": "1", "tree_method": "hist", "monotone_constraints": "(1,-1)", "interaction_constraints": "[[1,2],[3]]"})


@pytest.mark.parametrize(
    ("channels", "files", "words"),
    [
        ({"validation": {}}, {}, "Missing required channel: train"),
        ({"train": {"ContentType": "csv"}, "test": {}}, {}, "Extraneous channel found: test"),
        ({"train": {"ContentType": "image/png"}}, {}, "image/png is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, "),
        ({"train": {"ContentType": "text/csv;label_size=2"}}, {}, "Optional parameter label_size must be equal to 1"),
        ({"train": {"ContentType": "csv", "TrainingInputMode": "Pipe"}}, {}, "Channel configuration for 'train' channel is not supported: {"),
        ({"train": {"ContentType": "csv"}}, {"a.csv": b""}, "No data in training channel path "),
        ({"train": {"ContentType": "csv"}, "validation": {}}, {"a.csv": b"1,2\n"}, "No data in validation channel path "),
        ({"train": {"ContentType": "csv"}}, {".hidden": b"1,2"}, "Hidden file"),
        ({"train": {"ContentType": "csv"}}, {"a.csv": b"y,a\n1,x\n"}, "Failed to load csv data with exception:"),
        ({"train": {"ContentType": "csv"}}, {"a.csv": b"1,2\n", "b.csv": b"1,2,3\n"}, "Failed to load csv data with exception:"),
        ({"train": {"ContentType": "csv"}}, {"a.csv": b"1\n0\n"}, "Could not determine delimiter on line 1"),
        ({"train": {"ContentType": "libsvm"}}, {"a": b"1,0.5,0.7\n"}, "First line '1,0.5,0.7...' of file 'a' is not 'LIBSVM' format."),
        ({"train": {"ContentType": "parquet"}}, {"a.parquet": b"torn"}, "Failed to load parquet data with exception:"),
        ({"train": {"ContentType": "application/x-recordio-protobuf"}}, {"a": b"torn"}, "a"),
        ({"train": {"ContentType": "csv"}}, {"a.csv": b"1,2\n2,3\n"}, "base_score must be in (0,1) for the logistic loss"),
    ],
)
def test_a_wrong_channel_ends_in_the_failure_file(container, channels, files, words):
    container.configure(BASIC, channels)
    for name in ("train", "validation"):
        (container.ml / "input/data" / name).mkdir()
    for name, body in files.items():
        container.channel("train", name, body)
    done = container.run("xgboost_algorithm")
    assert done.returncode == 1 and words in container.failure
    assert "UserError: " in container.failure


def test_the_churn_data_train_to_the_errors_that_the_service_reported(container):
    """A real job with XGBoost 1.5.1 ended at a validation error of 0.06607; newer versions differ in the third digit."""
    if not CHURN.is_dir():
        pytest.skip(f"{CHURN} is not here")
    shape = {"max_depth": "5", "eta": "0.2", "gamma": "4", "min_child_weight": "6", "subsample": "0.8", "objective": "binary:logistic"}
    container.configure({**shape, "eval_metric": "error", "num_round": "100"}, {name: {"ContentType": "csv"} for name in ("train", "validation")})
    for name in ("train", "validation"):
        container.channel(name, f"{name}.csv", (CHURN / f"{name}.csv").read_bytes())
    done = container.run("xgboost_algorithm")
    metrics = final_metrics(done.stdout.splitlines(), builtin_metric_definitions(XGBOOST, {}))
    assert metrics["validation:error"] == pytest.approx(0.06607, abs=0.01)
