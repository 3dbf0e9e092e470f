"""Composing with the real SDK: offline, reproducible, and checked by our own deep check."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.author import bundles
from pipelines.author.compile import compile_in_subprocess, compile_key, compile_pipeline, objects_of
from pipelines.config.loader import load
from pipelines.config.model import PipelineConfig
from pipelines.definition.checks import check
from pipelines.errors import ConfigError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/hotel-bookings/pipeline.yaml"
GOLDEN = ROOT / "tests/definitions/hotel-bookings/definition.json"
HASH = re.compile(r"/[0-9a-f]{16}/")
ROWS = "is_canceled,a\n1,2\n0,3\n"

LINEAR_LEARNER = {
    "training": {"algorithm": "linear-learner"},
    "gate": [],
    "evaluation": {},
    "tuning": {"jobs": 4, "ranges": {"learning_rate": {"low": 0.001, "high": 0.1, "scaling": "Logarithmic"}}},
}


def config(**changes) -> PipelineConfig:
    """Return the example's configuration with its data at data.csv and some sections changed."""
    loaded = load(EXAMPLE).config.as_json()
    return PipelineConfig(**{**loaded, "data": {"input": "data.csv"}, **changes})


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "data.csv").write_text(ROWS)
    (folder / "mine.py").write_text("print('mine')\n")
    return folder


@pytest.fixture(scope="module")
def compiled(root):
    return compile_pipeline(config(), root)


def steps(text: str) -> dict:
    found = {}
    open_ = list(json.loads(text)["Steps"])
    while open_:
        step = open_.pop()
        found[step["Name"]] = step
        open_ += step["Arguments"].get("IfSteps", []) + step["Arguments"].get("ElseSteps", []) if isinstance(step["Arguments"], dict) else []
    return found


PACKED = {"PackageModel", "SkewCheck", "SkewGate", "SkewFailed"}


def test_the_example_has_the_steps_that_the_docs_name(compiled):
    named = {"Preprocess", "Tune", "Evaluate", *PACKED, "CreateModel", "QualityGate", "Register", "BatchTransform", "QualityGateFailed"}
    assert set(steps(compiled.definition_json)) == named


def test_our_own_check_finds_nothing(compiled):
    assert check(json.loads(compiled.definition_json)) == ()


def test_every_step_reads_well_in_a_graph(compiled):
    assert all(step["DisplayName"] and step["Description"] for step in steps(compiled.definition_json).values())


@pytest.mark.parametrize(("name", "changes"), [("definition", {}), ("one-training", {"tuning": None}), ("linear-learner", LINEAR_LEARNER)])
def test_the_definition_is_the_golden_one(root, name, changes):
    golden = GOLDEN.with_name(f"{name}.json")
    text = HASH.sub("/<hash>/", json.dumps(json.loads(compile_pipeline(config(**changes), root).definition_json), indent=1)) + "\n"
    if os.environ.get("SAGEWRIGHT_UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize(
    ("algorithm", "given", "label_size"),
    [("linear-learner", {}, 1), ("knn", {"k": 3, "sample_size": 9}, 1), ("kmeans", {"k": 3}, 0), ("pca", {"num_components": 2}, 0)],
)
def test_a_built_in_algorithm_has_its_image_its_format_and_the_number_of_features_of_preprocess(root, algorithm, given, label_size):
    changed = config(training={"algorithm": algorithm, "hyperparameters": given}, tuning=None, gate=[], evaluation={})
    text = compile_pipeline(changed, root).definition_json
    assert check(json.loads(text)) == ()
    found = steps(text)
    assert set(found) == {"Preprocess", "Train", "Register"}
    request = found["Train"]["Arguments"]
    assert request["AlgorithmSpecification"]["TrainingImage"] == f"382416733822.dkr.ecr.us-east-1.amazonaws.com/{algorithm}:1"
    assert {channel["ContentType"] for channel in request["InputDataConfig"]} == {f"text/csv;label_size={label_size}"}
    shape = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Preprocess.PropertyFiles.Shape"}, "Path": "feature_dim"}}
    assert request["HyperParameters"]["feature_dim"] == shape
    package = found["Register"]["Arguments"]["InferenceSpecification"]
    assert package["Containers"][0]["Image"] == request["AlgorithmSpecification"]["TrainingImage"]
    assert package["SupportedResponseMIMETypes"] == ["application/json"]


def test_every_object_that_the_definition_reads_is_among_its_objects(compiled):
    named = set(re.findall(r"s3://sagewright-local/hotel-bookings/(?:code|data)/[^\"]+", compiled.definition_json))
    assert named and all(any(uri.startswith(name) for uri in compiled.objects) for name in named)


DENY = """
import runpy, socket
def no(*args, **options): raise SystemExit("the network was used")
socket.socket.connect = no
socket.getaddrinfo = no
runpy.run_module("pipelines.author", run_name="__main__")
"""


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_offline_wherever_they_run(root, compiled, tmp_path):
    (tmp_path / "config.yaml").write_text("SchemaVersion: '1.0'\nSageMaker:\n  ProcessingJob:\n    RoleArn: arn:aws:iam::123456789012:role/other\n")
    (tmp_path / ".sagemaker-code-config").write_text('{"sagemakerResourceId": "x", "sagemakerProjectName": "p", "sagemakerProjectId": "i"}')
    worlds = [
        ({"PYTHONHASHSEED": "1", "HOME": "/nonexistent"}, "/"),
        ({"PYTHONHASHSEED": "77", "SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "config.yaml"), "AWS_PROFILE": "none", "TZ": "Asia/Tokyo"}, tmp_path),
    ]
    request = json.dumps({"config": config().as_json(), "root": str(root)})
    for extra, cwd in worlds:
        done = subprocess.run(
            [sys.executable, "-c", DENY],
            input=request,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **extra},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == compiled.definition_json


def test_environment_and_working_directory_come_back(root):
    before, here = dict(os.environ), os.getcwd()
    compile_pipeline(config(), root)
    assert (dict(os.environ), os.getcwd()) == (before, here)


def test_importing_the_author_does_not_import_the_sdk():
    code = "import sys, pipelines.author, pipelines.author.compile, pipelines.author.bundles; print('sagemaker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_script_of_ones_own_takes_the_place_of_the_shipped_one(root):
    made = compile_pipeline(config(preprocess={"script": "mine.py"}, evaluation={"script": "mine.py"}), root)
    entry = steps(made.definition_json)["Preprocess"]["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
    assert entry == ["python3", "/opt/ml/processing/input/code/mine.py"]
    assert any(uri.endswith("/mine.py") and body == b"print('mine')\n" for uri, body in made.objects.items())


def test_script_mode_gets_program_and_archive(root):
    made = compile_pipeline(config(tuning=None, training={"script": "mine.py", "hyperparameters": {"depth": 3, "fast": True}}), root)
    hyperparameters = steps(made.definition_json)["Train"]["Arguments"]["HyperParameters"]
    assert hyperparameters["sagemaker_program"] == "mine.py" and hyperparameters["depth"] == "3" and hyperparameters["fast"] == "true"
    assert hyperparameters["sagemaker_submit_directory"] in made.objects
    assert check(json.loads(made.definition_json)) == ()


def test_without_a_gate_the_model_is_registered_after_its_evaluation(root):
    made = compile_pipeline(config(gate=(), batch_transform=None), root)
    found = steps(made.definition_json)
    assert set(found) == {"Preprocess", "Tune", "Evaluate", *PACKED, "Register"} and "Evaluate" in found["Register"]["DependsOn"]
    metadata = json.loads(made.definition_json)["Metadata"]
    assert {key for key in metadata if "gate." in key} == {"sagewright.gate.SkewFailed"} and check(json.loads(made.definition_json)) == ()


def test_without_registration_the_gate_only_judges(root):
    made = compile_pipeline(config(registration=None, batch_transform=None), root)
    assert set(steps(made.definition_json)) == {"Preprocess", "Tune", "Evaluate", *PACKED, "CreateModel", "QualityGate", "QualityGateFailed"}
    assert check(json.loads(made.definition_json)) == ()


def test_account_region_and_bucket_are_where_they_belong(root):
    account = {"region": "eu-west-1", "bucket": "my-bucket", "role_arn": "arn:aws:iam::123456789012:role/ml"}
    text = compile_pipeline(config(aws=account), root).definition_json
    assert "141502667606.dkr.ecr.eu-west-1" in text and "s3://my-bucket/" in text and "sagewright-local" not in text
    assert steps(text)["Tune"]["Arguments"]["TrainingJobDefinition"]["RoleArn"] == account["role_arn"]


def test_an_unknown_region_is_a_configuration_error(root):
    with pytest.raises(ConfigError, match="aws.region, training.version: the SDK knows no image of xgboost"):
        compile_pipeline(config(aws={"region": "xx-nowhere-1"}), root)


def test_get_pipeline_returns_the_sdks_own_object(root):
    from pipelines.author import get_pipeline
    from pipelines.author.sdk import quiet_sdk

    (root / "pipeline.yaml").write_text("name: mine\ndata: {input: data.csv}\nlabel: {column: is_canceled}\n")
    pipeline = get_pipeline(root / "pipeline.yaml", role="arn:aws:iam::123456789012:role/ml", default_bucket="my-bucket")
    assert type(pipeline).__module__.startswith("sagemaker.mlops") and len(pipeline.steps) == 6
    assert [step.name for step in pipeline.steps] == ["Preprocess", "Train", "Evaluate", "PackageModel", "SkewCheck", "SkewGate"]
    with quiet_sdk("us-east-1"):
        assert "s3://my-bucket/mine/code/" in pipeline.definition()


def test_parameters_have_types_defaults_and_descriptions(compiled):
    declared = {p["Name"]: p for p in json.loads(compiled.definition_json)["Parameters"]}
    assert declared["MinAccuracy"]["Type"] == "Float" and declared["MaxFalseNegative"]["Type"] == "Integer" and declared["Seed"]["DefaultValue"] == 0
    assert declared["ModelApprovalStatus"]["EnumValues"] == ["PendingManualApproval", "Approved", "Rejected"]
    assert all(p["Description"] for p in declared.values())


def test_a_bundle_is_the_script_its_settings_and_jobkit(root):
    bundle = bundles.build(config(), root)["preprocess"]
    assert {"preprocess.py", "job.json", "jobkit/__init__.py", "jobkit/paths.py", "jobkit/recipe.py"} <= set(bundle.files)
    assert all(name.endswith((".py", ".json")) for name in bundle.files)


def test_a_new_file_time_changes_no_hash_and_a_new_byte_does(root):
    first = bundles.build(config(evaluation={"script": "mine.py"}), root)["evaluation"].prefix
    os.utime(root / "mine.py", (1, 1))
    assert bundles.build(config(evaluation={"script": "mine.py"}), root)["evaluation"].prefix == first
    (root / "mine.py").write_text("print('other')\n")
    assert bundles.build(config(evaluation={"script": "mine.py"}), root)["evaluation"].prefix != first
    (root / "mine.py").write_text("print('mine')\n")


@pytest.mark.parametrize(("script", "words"), [("absent.py", "no such script"), ("bad.py", "not Python")])
def test_a_script_that_cannot_run_is_named(root, script, words):
    (root / "bad.py").write_text("def (:\n")
    with pytest.raises(ConfigError, match=words):
        bundles.build(config(preprocess={"script": script}), root)


def test_the_key_follows_the_content(root):
    first = compile_key(config(), objects_of(config(), root))
    assert compile_key(config(), objects_of(config(), root)) == first != compile_key(config(seed=1), objects_of(config(seed=1), root))
    (root / "data.csv").write_text(ROWS + "1,4\n")
    assert compile_key(config(), objects_of(config(), root)) != first
    (root / "data.csv").write_text(ROWS)


@pytest.mark.slow
def test_a_damaged_cache_entry_is_made_anew(root, tmp_path, compiled):
    first = compile_in_subprocess(config(), root, tmp_path)
    assert first.definition_json == compiled.definition_json
    entry = next(tmp_path.glob("*.json"))
    entry.write_text('{"torn')
    assert compile_in_subprocess(config(), root, tmp_path).sha256 == first.sha256


def tune(made) -> dict:
    return steps(made.definition_json)["Tune"]["Arguments"]


def test_the_search_has_ranges_limits_and_the_seed_as_parameters(compiled):
    request = tune(compiled)
    searched = request["HyperParameterTuningJobConfig"]
    assert searched["RandomSeed"] == {"Get": "Parameters.Seed"}
    assert searched["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": {"Get": "Parameters.TuningJobs"},
        "MaxParallelTrainingJobs": {"Get": "Parameters.TuningParallelJobs"},
    }
    assert searched["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "validation:auc"}
    assert {each["Name"] for each in searched["ParameterRanges"]["ContinuousParameterRanges"]} == {"eta"}
    static = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["num_round"] == "100" and not {"eta", "max_depth"} & set(static)


def test_evaluation_and_package_take_the_best_model_of_the_search_and_registration_the_package(compiled):
    found = steps(compiled.definition_json)
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in found["Evaluate"]["Arguments"]["ProcessingInputs"]}
    assert inputs["model"]["Std:Join"]["Values"][-2:] == [{"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"}, "output/model.tar.gz"]
    (container,) = found["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    packed = {each["InputName"]: each["S3Input"]["S3Uri"] for each in found["PackageModel"]["Arguments"]["ProcessingInputs"]}
    assert packed["model"] == inputs["model"]
    assert container["ModelDataUrl"]["Std:Join"]["Values"] == [
        {"Get": "Steps.PackageModel.ProcessingOutputConfig.Outputs['package'].S3Output.S3Uri"},
        "model.tar.gz",
    ]


def test_every_option_of_a_search_is_in_the_request(root):
    ranges = {"eta": {"low": 0.1, "high": 0.9, "scaling": "ReverseLogarithmic"}, "max_depth": {"low": 2, "high": 4}, "booster": {"values": ["gbtree", "dart"]}}
    stop = {"target": 0.99, "not_improving": 5, "on_convergence": True}
    warm = {"jobs": ["earlier"], "type": "TransferLearning"}
    made = compile_pipeline(config(tuning={"jobs": 4, "ranges": ranges, "stop": stop, "warm_start": warm, "early_stopping": True, "max_runtime_s": 600}), root)
    request = tune(made)["HyperParameterTuningJobConfig"]
    assert request["TuningJobCompletionCriteria"] == {
        "TargetObjectiveMetricValue": 0.99,
        "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
        "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
    }
    assert request["TrainingJobEarlyStoppingType"] == "Auto" and request["ResourceLimits"]["MaxRuntimeInSeconds"] == 600
    assert tune(made)["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [{"HyperParameterTuningJobName": "earlier"}]
    assert check(json.loads(made.definition_json)) == ()


@pytest.mark.parametrize(
    "tuning",
    [
        {"strategy": "Grid", "ranges": {"max_depth": {"values": [3, 4]}}},
        {"strategy": "Hyperband", "hyperband": {"max_resource": 100}, "ranges": {"eta": {"low": 0.1, "high": 0.3}}},
    ],
)
def test_the_other_strategies_compile_too(root, tuning):
    made = compile_pipeline(config(tuning=tuning), root)
    request = tune(made)["HyperParameterTuningJobConfig"]
    assert request["Strategy"] == tuning["strategy"]
    assert ("MaxNumberOfTrainingJobs" in request["ResourceLimits"]) == (tuning["strategy"] != "Grid")  # a grid is tried whole
    assert check(json.loads(made.definition_json)) == ()


def test_a_script_of_ones_own_is_searched_by_a_metric_of_its_own(root):
    tuning = {"metric": "loss", "metric_regex": "loss=([0-9.]+)", "direction": "Minimize", "ranges": {"depth": {"low": 1, "high": 9}}}
    made = compile_pipeline(config(training={"script": "mine.py"}, tuning=tuning), root)
    specification = tune(made)["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert specification["MetricDefinitions"] == [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    assert check(json.loads(made.definition_json)) == ()
