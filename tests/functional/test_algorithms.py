"""A configuration with each built-in algorithm, run by the command as a user runs it; mistakes are told before anything starts."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest

from pipelines.local.images.algorithms.table import load
from tests.functional.conftest import ROLE, Command, definition

CONFIG = """
name: clouds
problem: {problem}
data: {{input: rows.csv}}
label: {label}
recipe: [{{step: one_hot, columns: [kind]}}]
training:
  algorithm: {algorithm}
  hyperparameters: {hyperparameters}
registration: {{model_package_group: clouds}}
"""
CLASSES, TWO = "{column: y, classes: ['0', '1', '2']}", "{column: bad}"
CASES = {
    "kmeans": ("binary_classification", TWO, "{k: 3}", "test:msd", lambda msd: 2 < msd < 4),
    "pca": ("binary_classification", TWO, "{num_components: 2}", "train:progress", lambda done: done == 100),
    "knn": ("multiclass_classification", CLASSES, "{k: 5, sample_size: 100}", "test:accuracy", lambda share: share > 0.95),
    "linear-learner": ("multiclass_classification", CLASSES, "{epochs: 8}", "validation:multiclass_accuracy", lambda share: share > 0.95),
}


@pytest.fixture
def project(sagewright):
    """Write rows of three clouds, and a configuration for an algorithm."""

    def make(algorithm: str, more: str = "", **changes: str) -> Command:
        dice = np.random.default_rng(0)
        which = dice.integers(0, 3, 400)
        numbers = np.array([[0, 0, 0], [9, 9, 0], [-9, 5, 5]])[which] + dice.standard_normal((400, 3))
        rows = [f"{y},{int(y == 2)},{','.join(f'{value:.4f}' for value in row)},{'ab'[int(y) % 2]}" for y, row in zip(which, numbers, strict=True)]
        (sagewright.folder / "rows.csv").write_text("\n".join(["y,bad,p,q,r,kind", *rows]) + "\n")
        problem, label, hyperparameters, _, _ = CASES[algorithm]
        texts = {"problem": problem, "label": label, "hyperparameters": hyperparameters, **changes}
        (sagewright.folder / "pipeline.yaml").write_text(CONFIG.format(algorithm=algorithm, **texts) + more)
        return sagewright

    return make


def described(command: Command, step: str) -> dict:
    file = next(command.folder.glob(f".sagewright/runs/*/jobs/*{step}*/describe.json"))
    return json.loads(file.read_text())


@pytest.mark.parametrize("algorithm", CASES)
def test_each_algorithm_goes_from_rows_to_a_registered_model(project, algorithm, tmp_path_factory):
    command = project(algorithm)
    done = command("run", "--output", "json", "--quiet", "--cold")
    assert done.code == 0, done.err
    assert {step["name"] for step in done.json["steps"]} == {"Preprocess", "Train", "Register"}
    told = described(command, "Train")
    metric, good = CASES[algorithm][3:]
    assert good({each["MetricName"]: each["Value"] for each in told["FinalMetricDataList"]}[metric])
    assert told["HyperParameters"]["feature_dim"] == str(told_width(command))
    check_csv(command, labelled=algorithm in ("knn", "linear-learner"))
    assert told["AlgorithmSpecification"]["TrainingImage"].endswith(f".amazonaws.com/{algorithm}:1")
    packed = (command.store / told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://")).read_bytes()
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive.getmembers():
            (folder / member.name).write_bytes(archive.extractfile(member).read())
    answer = load(folder).predict(np.zeros((2, told_width(command))))
    assert answer and all(len(values) == 2 for values in answer.values())


def told_width(command: Command) -> int:
    return int(json.loads(next(command.store.rglob("recipe/shape.json")).read_text())["feature_dim"])


def check_csv(command: Command, *, labelled: bool) -> None:
    """Look at what Preprocess wrote: no header, a label first where there is one, numbers only."""
    first = next(command.store.rglob("train/train.csv")).read_text().splitlines()[0].split(",")
    assert len(first) == told_width(command) + labelled
    assert not labelled or first[0] in ("0", "1", "2")
    assert all(float(cell) < 1e6 for cell in first) and not list(command.store.rglob("*.parquet"))


def test_a_search_optimises_the_metric_of_the_algorithm(project):
    more = "tuning: {strategy: Random, jobs: 3, ranges: {learning_rate: {low: 0.001, high: 0.1}, mini_batch_size: {low: 10, high: 50}}}\n"
    command = project("linear-learner", more)
    done = command("run", "--output", "json", "--quiet", "--cold")
    assert done.code == 0, done.err
    trials = json.dumps(command("trials", "--output", "json").json)
    assert all(word in trials for word in ("validation:objective_loss", "learning_rate", "mini_batch_size", "Completed"))


@pytest.mark.parametrize(
    ("algorithm", "more", "changes", "words"),
    [
        ("kmeans", "gate: [{metric: auc, at_least: 0.5}]\n", {}, "gate: a gate needs predictions, and those of kmeans come from its own container"),
        ("kmeans", "evaluation: {threshold: 0.4}\n", {}, "evaluation: has no effect with algorithm kmeans"),
        ("kmeans", "", {"hyperparameters": "{}"}, "training.hyperparameters.k: missing; kmeans needs it: a whole number from 1."),
        ("pca", "tuning: {ranges: {num_components: {low: 1, high: 2}}}\n", {}, "tuning: pca computes no metric to choose by"),
        ("knn", "", {"hyperparameters": "{k: 5, sample_size: 100, eta: 1}"}, "training.hyperparameters.eta: knn has no such hyperparameter"),
        ("knn", "", {"hyperparameters": "{k: 5, sample_size: 100, predictor_type: regressor}"}, "predictor_type: not for problem multiclass_classification"),
        ("linear-learner", "", {"hyperparameters": "{num_classes: 4}"}, "num_classes: got 4, expected 3, the number of label.classes, or no such key."),
    ],
)
def test_mistakes_are_told_before_anything_runs(project, algorithm, more, changes, words):
    done = project(algorithm, more, **changes)("validate")
    assert done.code == 2 and words in done.err


def test_keys_of_xgboost_are_refused(project):
    command = project("kmeans", hyperparameters='{k: 3}\n  version: "3.2-0"\n  script: mine.py')
    told = command("validate").err
    assert "training.version: belongs to algorithm xgboost; kmeans has one image only. Remove it" in told
    assert "training.script: has no effect with algorithm kmeans" in told


def test_an_unknown_algorithm_is_named_with_the_known_ones(project):
    command = project("kmeans")
    done = command("validate", "--set", "training.algorithm=linear_learner")
    assert done.code == 2
    assert "training.algorithm: not allowed; got 'linear_learner', expected 'xgboost', 'linear-learner', 'knn', 'kmeans' or 'pca'" in done.err


def test_missing_values_are_named_by_the_step_that_could_fill_them(project):
    command = project("kmeans")
    rows = (command.folder / "rows.csv").read_text().splitlines()
    cells = rows[5].split(",")
    rows[5] = ",".join([*cells[:2], "", *cells[3:]])
    (command.folder / "rows.csv").write_text("\n".join(rows) + "\n")
    done = command("run", "--cold", "--quiet")
    assert done.code == 1
    assert "the column 'p' has 1 missing or infinite values after the recipe" in done.out and "Add a step impute" in done.out


def training(image: str, hyperparameters: dict[str, str], **arguments: object) -> dict:
    """Return a Training step on RecordIO rows, as the SDK of any version writes it."""
    channel = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bkt/train", "S3DataDistributionType": "FullyReplicated"}}
    request = {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": channel}],
        "OutputDataConfig": {"S3OutputPath": "s3://bkt/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": hyperparameters,
        **arguments,
    }
    return {"Name": "Learn", "Type": "Training", "Arguments": request}


@pytest.mark.parametrize(("repository", "title"), [("randomcutforest", "Random Cut Forest"), ("forecasting-deepar", "DeepAR"), ("lda", "LDA")])
def test_other_algorithms_are_valid_and_refused_by_name_before_a_job_starts(sagewright, repository, title):
    document = definition(training(f"438346466558.dkr.ecr.eu-west-1.amazonaws.com/{repository}:1", {"feature_dim": "2"}))
    done = sagewright.run(document)
    assert done.code == 2
    assert f"step Learn: the built-in algorithm {title} ({repository}) does not run locally; it can be upserted" in done.err
    assert not list(sagewright.folder.glob(".sagewright/runs/*"))
    assert sagewright("validate", "p.json").code == 0


def test_the_same_holds_for_a_search(sagewright):
    step = training("438346466558.dkr.ecr.eu-west-1.amazonaws.com/ntm:1", {})
    trained = {key: value for key, value in step["Arguments"].items() if key != "HyperParameters"}
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:total_loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {"IntegerParameterRanges": [{"Name": "num_topics", "MinValue": "2", "MaxValue": "9"}]},
    }
    done = sagewright.run(
        definition({"Name": "Search", "Type": "Tuning", "Arguments": {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": trained}})
    )
    assert done.code == 2 and "step Search: the built-in algorithm NTM (ntm) does not run locally" in done.err


def test_a_wrong_hyperparameter_of_a_definition_is_the_failure_reason(sagewright):
    sagewright.put("s3://bkt/train/a.csv", "1,2\n3,4\n")
    document = definition(training("438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:1", {"feature_dim": "2", "k": "two"}))
    done = sagewright.run(document)
    assert done.code == 1
    assert "ClientError: Hyperparameter k: got 'two', expected a whole number from 1." in done.json["failure_reason"]
    document["Steps"][0]["Arguments"]["HyperParameters"]["k"] = "2"
    assert sagewright.run(document).code == 0
