"""What the definition says of experiments: the pipeline's experiment on AWS, metrics of scripts, the output that `Run` keeps its entries in."""

from __future__ import annotations

import json

import pytest

from jobkit.run import METRIC, metric_regex
from pipelines.author.compile import compile_key, compile_pipeline, objects_of
from pipelines.author.steps import train
from pipelines.config.loader import load
from pipelines.config.model import PipelineConfig
from pipelines.config.rules import impossible
from pipelines.definition.checks import check
from tests.unit.author.test_compile import EXAMPLE, GOLDEN, ROWS, steps

pytestmark = pytest.mark.slow


def config(**changes):
    return PipelineConfig(**{**load(EXAMPLE).config.as_json(), "data": {"input": "data.csv"}, **changes})


def refused(made):
    """Return the keys that are refused; the example's label is not asked about, which a dump and a load leave as if it were set in full."""
    return [key for key, _ in impossible(made) if not key.startswith("label.")]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "data.csv").write_text(ROWS)
    (folder / "mine.py").write_text("print('mine')\n")
    return folder


def test_every_execution_on_aws_is_a_trial_of_the_pipelines_experiment():
    document = json.loads(GOLDEN.read_text())
    assert document["PipelineExperimentConfig"] == {
        "ExperimentName": {"Get": "Execution.PipelineName"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }


def test_the_regular_expression_is_the_one_that_run_prints_for():
    assert train.METRIC == METRIC
    assert train.metrics(("a:b@3",)) == {"a:b@3": metric_regex("a:b@3")}


def test_metrics_of_a_script_become_metric_definitions(root):
    training = {"script": "mine.py", "metrics": ["loss", "val_auc"]}
    text = compile_pipeline(config(tuning=None, training=training), root).definition_json
    expected = [{"Name": name, "Regex": metric_regex(name)} for name in ("loss", "val_auc")]
    assert steps(text)["Train"]["Arguments"]["AlgorithmSpecification"]["MetricDefinitions"] == expected
    assert [problem for problem in check(json.loads(text)) if problem.severity == "error"] == []


def test_a_search_over_a_script_finds_its_objective_among_the_metrics(root):
    tuning = {"metric": "val_auc", "direction": "Maximize", "ranges": {"depth": {"low": 1, "high": 3}}}
    made = config(tuning=tuning, training={"script": "mine.py", "metrics": ["loss", "val_auc"]})
    assert refused(made) == []
    definition = steps(compile_pipeline(made, root).definition_json)["Tune"]["Arguments"]["TrainingJobDefinition"]
    found = {each["Name"]: each["Regex"] for each in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    assert found == {"loss": metric_regex("loss"), "val_auc": metric_regex("val_auc")}
    assert refused(config(tuning=tuning, training={"script": "mine.py", "metrics": ["loss"]})) == ["tuning"]


def test_a_processing_script_of_ones_own_has_an_output_for_what_it_logs(root):
    made = steps(compile_pipeline(config(evaluation={"script": "mine.py"}), root).definition_json)
    outputs = {name: [output["OutputName"] for output in made[name]["Arguments"]["ProcessingOutputConfig"]["Outputs"]] for name in ("Preprocess", "Evaluate")}
    assert outputs["Evaluate"] == ["evaluation", "experiment"]
    assert "experiment" not in outputs["Preprocess"]


def test_metrics_that_make_no_sense_are_refused(root):
    assert refused(config(training={"metrics": ["a"]})) == ["training.metrics"]
    assert any("stands twice" in why for _, why in impossible(config(tuning=None, training={"script": "mine.py", "metrics": ["a", "a"]})))


def test_where_records_are_sent_is_no_part_of_the_definition(root):
    sent = config(mlflow={"tracking_uri": "http://127.0.0.1:5000"})
    assert compile_key(sent, objects_of(sent, root)) == compile_key(config(), objects_of(config(), root))


@pytest.mark.parametrize("uri", ["http://user:secret@host:5000", "https://token@host"])
def test_a_tracking_uri_holds_no_password(uri):
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_USERNAME") as refused:
        config(mlflow={"tracking_uri": uri})
    assert "secret" not in str(refused.value).replace(uri, "")
