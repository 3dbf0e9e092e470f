"""What a training cannot have, found before anything runs."""

from __future__ import annotations

import pytest

from pipelines.config.loader import load
from pipelines.config.training_rules import framework_version, processing_version, shards
from pipelines.config.tuning_rules import objective
from pipelines.errors import ConfigError

BASE = "name: h\ndata: {input: d.csv}\nlabel: {column: y}\n"


def loaded(folder, training: str):
    file = folder / "pipeline.yaml"
    file.write_text(f"{BASE}training: {{{training}}}\n")
    return load(file).config


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ("framework: scikit-learn", "training.framework: has no effect without training.script"),
        ("source_dir: code", "training.source_dir: has no effect without training.script"),
        ("image: pytorch-training:2.5", "training.image: has no effect without training.script"),
        ("script: t.py, image: x, framework: scikit-learn", "training.framework: has no effect beside training.image"),
        ('script: t.py, image: x, version: "1.4-2"', "training.version: has no effect beside training.image"),
        ('script: t.py, framework: scikit-learn, version: "3.2-0"', "training.version: no version of scikit-learn; got '3.2-0', expected one of: 1.2-1"),
        ('version: "1.4-2"', "training.version: no version of xgboost; got '1.4-2'"),
        ("distribution: ShardedByS3Key", "training.distribution: ShardedByS3Key has no effect with one instance"),
        ("instance_count: 2", "training.instance_count: each of 2 instances of built-in XGBoost would train on all rows"),
        ("input_mode: Pipe", "training.input_mode: built-in XGBoost reads no pipes"),
        ("max_wait_s: 7200", "training.max_wait_s: has no effect without spot: true"),
        ("hyperparameters: {eta: 2}", "training.hyperparameters.eta: Hyperparameter eta: 2.0 is not in [0, 1]."),
        ("hyperparameters: {max_dept: 2}", "training.hyperparameters.max_dept: Extraneous hyperparameter found: max_dept. Did you mean max_depth?"),
        ("hyperparameters: {num_round: ten}", "training.hyperparameters.num_round: Hyperparameter num_round: could not parse value"),
        (
            "hyperparameters: {monotone_constraints: '(1)'}",
            "training.hyperparameters.monotone_constraints: Hyperparameter monotone_constraints: could not parse",
        ),
        ("hyperparameters: {monotone_constraints: '(1,)'}", "training.hyperparameters: monotone_constraints can be used only when the tree_method"),
        ("spot: true, max_wait_s: 60", "training.max_wait_s: less than training.max_runtime_s; got 60, expected at least 3600"),
    ],
)
def test_an_impossible_training_is_refused(tmp_path, training, words):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, training)
    assert words in str(caught.value)


def test_versions_follow_from_the_framework(tmp_path):
    found = loaded(tmp_path, "script: t.py, framework: scikit-learn")
    assert (framework_version(found), processing_version(found), shards(found)) == ("1.4-2", "3.2-0", 1)
    found = loaded(tmp_path, 'version: "1.7-1", instance_count: 3, distribution: ShardedByS3Key')
    assert (framework_version(found), processing_version(found), shards(found)) == ("1.7-1", "1.7-1", 3)
    assert processing_version(loaded(tmp_path, "script: t.py, image: pytorch-training:2.5")) == "3.2-0"


def test_a_range_that_leads_out_of_what_xgboost_takes_is_refused(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text(f"{BASE}tuning: {{ranges: {{eta: {{low: 0.1, high: 3}}}}}}\n")
    with pytest.raises(ConfigError, match=r"tuning.ranges.eta: Hyperparameter eta: 3.0 is not in \[0, 1\]"):
        load(file)


@pytest.mark.parametrize(
    "given", ["script: my train.py", "script: ./t.py, source_dir: code", "script: ../t.py, source_dir: code", "script: -t.py", "script: ü.py"]
)
def test_a_script_whose_name_the_container_refuses_is_refused_before_anything_runs(tmp_path, given):
    with pytest.raises(ConfigError, match=r"training.script: the container takes no such name"):
        loaded(tmp_path, given)


def test_the_folder_of_a_script_may_have_any_name(tmp_path):
    assert loaded(tmp_path, 'script: "my code/t.py"').training.script == "my code/t.py"
    assert loaded(tmp_path, 'script: sub/t.py, source_dir: "my code"').training.source_dir == "my code"


def test_a_script_has_hyperparameters_of_its_own(tmp_path):
    assert loaded(tmp_path, "script: t.py, hyperparameters: {anything: 1}").training.hyperparameters == {"anything": 1}


@pytest.mark.parametrize("metric", ["validation:foo", "validation:error@0.7", "auc", "test:auc", "validation:"])
def test_a_search_goes_by_a_metric_that_the_algorithm_prints(tmp_path, metric):
    file = tmp_path / "pipeline.yaml"
    file.write_text(f'{BASE}tuning: {{metric: "{metric}", ranges: {{eta: {{low: 0.1, high: 0.3}}}}}}\n')
    with pytest.raises(ConfigError, match=r"tuning.metric: (XGBoost prints no such metric|got )"):
        load(file)


@pytest.mark.parametrize(("metric", "maximize"), [("precision_macro", True), ("interval-regression-accuracy", True), ("error", False), ("aucpr", True)])
def test_a_search_knows_which_way_a_metric_is_better(tmp_path, metric, maximize):
    file = tmp_path / "pipeline.yaml"
    file.write_text(f'{BASE}tuning: {{metric: "validation:{metric}", ranges: {{eta: {{low: 0.1, high: 0.3}}}}}}\n')
    assert objective(load(file).config) == (f"validation:{metric}", maximize)
