"""What is said of the algorithms holds together: tables, their defaults, and docs/algorithms.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.model import checked, read
from pipelines.algorithms.table import ALGORITHMS, ELSEWHERE

DOC = (Path(__file__).parents[3] / "docs/algorithms.md").read_text()
EVERY = pytest.mark.parametrize("name", ALGORITHMS)


@EVERY
def test_the_docs_name_every_hyperparameter_and_no_other(name):
    line = next(part for part in DOC.partition("## Hyperparameters")[2].split("\n* ") if part.lstrip("\n* ").startswith(f"`{name}`:"))
    told = set(re.findall(r"`([a-z_0-9]+)`", line.partition("To search")[0])) - {name}
    assert told == set(ALGORITHMS[name].hyperparameters)
    assert set(re.findall(r"`([a-z_0-9]+)`", line.partition("To search")[2])) == ALGORITHMS[name].tunable


@EVERY
def test_names_in_the_tables_are_names_of_hyperparameters_and_metrics(name):
    algorithm = ALGORITHMS[name]
    known = set(algorithm.hyperparameters)
    assert set(algorithm.required) | set(algorithm.defaults) | algorithm.tunable | set(algorithm.filled) <= known
    assert {metric for metrics in algorithm.objectives.values() for metric in metrics} <= set(algorithm.metrics)
    assert set(algorithm.splits) <= {"train", *algorithm.channels}
    assert all(re.compile(regex).groups == 1 for regex in algorithm.metrics.values())


def test_scores_are_maximised_and_losses_are_not():
    linear = ALGORITHMS["linear-learner"]
    assert linear.maximized("validation:roc_auc_score") and linear.maximized("validation:macro_f_beta")
    assert not linear.maximized("validation:objective_loss") and not linear.maximized("test:mse")
    assert ALGORITHMS["knn"].maximized("test:accuracy") and not ALGORITHMS["kmeans"].maximized("test:msd")


def test_no_algorithm_is_in_both_tables():
    assert not set(ALGORITHMS) & set(ELSEWHERE)


def test_texts_of_the_sdk_and_of_the_service_are_taken():
    values = checked(ALGORITHMS["pca"], {"feature_dim": "8", "mini_batch_size": "500", "num_components": "2", "subtract_mean": "True", "force_dense": "True"})
    assert values["subtract_mean"] is True and values["algorithm_mode"] == "regular"
    assert checked(ALGORITHMS["kmeans"], {"feature_dim": "8", "k": "3", "extra_center_factor": "auto", "_tuning_objective_metric": "test:msd"})["k"] == 3


@settings(deadline=None)
@given(st.sampled_from(sorted(ALGORITHMS)), st.data())
def test_any_text_is_taken_or_named(name, data):
    algorithm = ALGORITHMS[name]
    given_ = data.draw(st.dictionaries(st.sampled_from(sorted(algorithm.hyperparameters)) | st.text(max_size=5), st.text(max_size=8) | st.integers().map(str)))
    values, wrong = read(algorithm, given_)
    assert {each for each, _ in wrong} <= set(given_) | set(algorithm.hyperparameters)
    assert set(algorithm.defaults) <= set(values)
    if wrong:
        with pytest.raises(CustomerError, match="^Hyperparameter "):
            checked(algorithm, given_)
