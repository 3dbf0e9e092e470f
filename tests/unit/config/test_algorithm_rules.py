"""A configuration with a built-in algorithm: what follows from it, and what it cannot have, each in one line with its place."""

from __future__ import annotations

import pytest

from pipelines.config.algorithm_rules import hyperparameters
from pipelines.config.loader import load
from pipelines.config.parameters import pipeline_parameters
from pipelines.config.tuning_rules import objective
from pipelines.errors import ConfigError

BASE = "name: h\ndata: {input: d.csv}\n"


@pytest.fixture
def loaded(tmp_path):
    def read(text: str, label: str = "label: {column: y}\n"):
        (tmp_path / "p.yaml").write_text(BASE + label + text)
        return load(tmp_path / "p.yaml").config

    return read


@pytest.fixture
def told(loaded):
    def tell(text: str, **options: str) -> str:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **options)
        return str(caught.value)

    return tell


def test_what_the_problem_says_need_not_be_said_again(loaded):
    several = "problem: multiclass_classification\nlabel: {column: y, classes: [a, b, c]}\n"
    assert hyperparameters(loaded("training: {algorithm: linear-learner}", several)) == {"predictor_type": "multiclass_classifier", "num_classes": "3"}
    assert hyperparameters(loaded("training: {algorithm: knn, hyperparameters: {k: 2, sample_size: 9}}", several))["predictor_type"] == "classifier"
    assert hyperparameters(loaded("training: {algorithm: pca, hyperparameters: {num_components: 2, subtract_mean: false}}")) == {
        "mini_batch_size": "500",
        "num_components": "2",
        "subtract_mean": "false",
    }


def test_the_threshold_is_no_parameter_where_nothing_is_evaluated(loaded):
    names = {parameter.name for parameter in pipeline_parameters(loaded("training: {algorithm: linear-learner}"))}
    assert "DecisionThreshold" not in names and "TrainingInstanceType" in names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("training: {algorithm: linear-learner}\ntuning: {ranges: {wd: {low: 0.0, high: 1.0}}}", ("validation:objective_loss", False)),
        ("training: {algorithm: linear-learner}\ntuning: {metric: validation:recall, ranges: {wd: {low: 0.0, high: 1.0}}}", ("validation:recall", True)),
        ("training: {algorithm: knn, hyperparameters: {sample_size: 300}}\ntuning: {ranges: {k: {low: 1, high: 9}}}", ("test:accuracy", True)),
        ("training: {algorithm: kmeans, hyperparameters: {k: 3}}\ntuning: {ranges: {epochs: {low: 1, high: 9}}}", ("test:msd", False)),
    ],
)
def test_a_search_has_the_metric_and_the_direction_of_the_algorithm(loaded, text, found):
    assert objective(loaded(text)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("training: {algorithm: kmeans, hyperparameters: {k: 2.5}}", "training.hyperparameters.k: got '2.5', expected a whole number from 1."),
        ("training: {algorithm: kmeans}", "training.hyperparameters.k: missing; kmeans needs it"),
        ("training: {algorithm: pca, hyperparameters: {num_components: 5, feature_dim: 3}}", "num_components: got 5, expected at most feature_dim, 3."),
        ("training: {algorithm: linear-learner, hyperparameters: {objective: reg:linear}}", "training.hyperparameters.objective: linear-learner has no such"),
        ("training: {algorithm: linear-learner, version: '3.2-0'}", "training.version: belongs to algorithm xgboost"),
        ("training: {algorithm: linear-learner, script: a.py}", "training.script: has no effect with algorithm linear-learner"),
        ("training: {algorithm: linear-learner}\nevaluation: {threshold: 0.4}", "evaluation: has no effect with algorithm linear-learner"),
        ("training: {algorithm: linear-learner}\ngate: [{metric: auc, at_least: 0.5}]", "gate: a gate needs predictions, and those of linear-learner"),
        (
            "training: {algorithm: linear-learner}\nregistration: {model_package_group: g, response_types: [text/csv]}",
            "registration.response_types[0]: linear-learner does not answer so; got 'text/csv', expected one of: application/json,",
        ),
        ("training: {algorithm: linear-learner}\ntuning: {ranges: {epochs: {low: 1, high: 9}}}", "linear-learner has no hyperparameter 'epochs' to search."),
        ("training: {algorithm: linear-learner}\ntuning: {ranges: {wd: {low: -1, high: 9}}}", "tuning.ranges.wd: got -1, expected auto or a number from 0."),
        (
            "training: {algorithm: linear-learner}\ntuning: {ranges: {use_bias: {values: [maybe]}}}",
            "tuning.ranges.use_bias: got maybe, expected true or false.",
        ),
        (
            "training: {algorithm: linear-learner}\ntuning: {metric: validation:mse, ranges: {wd: {low: 0.0, high: 9.0}}}",
            "tuning.metric: linear-learner has no such metric for binary_classification; got 'validation:mse', expected one of: validation:objective_loss,",
        ),
        ("training: {algorithm: lightgbm}", "training.algorithm: not allowed; got 'lightgbm', expected 'xgboost', 'linear-learner', 'knn', 'kmeans' or 'pca'"),
    ],
)
def test_what_an_algorithm_cannot_have_is_told(told, text, words):
    assert words in told(text)


def test_a_searched_hyperparameter_need_not_be_given(loaded):
    assert loaded("training: {algorithm: knn, hyperparameters: {sample_size: 300}}\ntuning: {ranges: {k: {low: 1, high: 9}}}").tuning


def test_xgboost_has_its_own_checks_as_before(loaded):
    assert loaded("training: {hyperparameters: {num_round: 3}}").training.algorithm == "xgboost"
