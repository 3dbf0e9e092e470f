"""What of a configuration makes a package known: which steps, behind which gate, and with what in their requests."""

from __future__ import annotations

import json

import pytest

from pipelines.author.compile import compile_pipeline
from pipelines.config.model import PipelineConfig
from pipelines.config.rules import impossible
from pipelines.definition.checks import check
from tests.unit.author.test_compile import steps

pytestmark = pytest.mark.slow

HERE = {
    "name": "deployed",
    "data": {"input": "data.csv"},
    "label": {"column": "y"},
    "training": {"hyperparameters": {"num_round": 5}},
    "gate": [{"metric": "accuracy", "at_least": 0.5}],
    "registration": {"model_package_group": "group"},
}
BATCH, ENDPOINT = {"instance_type": "ml.m5.xlarge"}, {"name": "bookings"}


def config(**changes) -> PipelineConfig:
    return PipelineConfig(**{**HERE, **changes})


def refused(**changes) -> list[str]:
    return [key for key, _ in impossible(config(**changes))]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "data.csv").write_text("y,a\n1,2\n0,3\n")
    (folder / "more.jsonl").write_text('{"a": 2}\n')
    (folder / "mine.py").write_text("print('mine')\n")
    return folder


@pytest.fixture(scope="module")
def everything(root):
    return compile_pipeline(config(batch_transform={**BATCH, "join": "Input"}, endpoint=ENDPOINT), root)


def branch(made, gate: str) -> list[str]:
    return [step["Name"] for step in steps(made.definition_json)[gate]["Arguments"]["IfSteps"]]


def test_nothing_is_known_before_both_gates_hold(everything):
    found = steps(everything.definition_json)
    assert branch(everything, "SkewGate") == ["CreateModel"] and found["QualityGate"]["DependsOn"] == ["CreateModel"]
    assert branch(everything, "QualityGate") == ["Register", "BatchTransform", "EndpointConfig", "Endpoint"]
    assert not {"SkewCheck", "SkewGate"} & set(found["Evaluate"].get("DependsOn", []))
    assert check(json.loads(everything.definition_json)) == ()


def test_without_bars_all_of_it_is_behind_the_skew_gate_and_after_the_evaluation(root):
    made = compile_pipeline(config(gate=[], batch_transform=BATCH, endpoint=ENDPOINT), root)
    found = steps(made.definition_json)
    assert branch(made, "SkewGate") == ["CreateModel", "Register", "BatchTransform", "EndpointConfig", "Endpoint"]
    assert all("Evaluate" in found[name]["DependsOn"] for name in ("Register", "BatchTransform", "EndpointConfig"))
    assert check(json.loads(made.definition_json)) == ()


def test_a_finding_that_does_not_count_stops_nothing(root):
    made = compile_pipeline(config(skew={"fail": False}, endpoint=ENDPOINT), root)
    assert "SkewGate" not in steps(made.definition_json) and "SkewFailed" not in made.definition_json
    assert branch(made, "QualityGate") == ["CreateModel", "Register", "EndpointConfig", "Endpoint"]
    assert check(json.loads(made.definition_json)) == ()


def test_without_a_package_all_is_as_it_was(root):
    made = compile_pipeline(config(package={"enabled": False}), root)
    assert set(steps(made.definition_json)) == {"Preprocess", "Train", "Evaluate", "QualityGate", "QualityGateFailed", "Register"}
    outputs = steps(made.definition_json)["Preprocess"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert "sample" not in [output["OutputName"] for output in outputs]


def test_the_registered_version_is_the_package_with_its_code_and_its_certificate(everything):
    request = steps(everything.definition_json)["Register"]["Arguments"]
    (container,) = request["InferenceSpecification"]["Containers"]
    assert container["Environment"] == {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    assert {key: value["Std:JsonGet"]["Path"] for key, value in request["CustomerMetadataProperties"].items()} == {
        "skew_rows": "registry.rows",
        "skew_sha256": "registry.sha256",
        "skew_largest_difference": "registry.largest_difference",
    }
    assert request["InferenceSpecification"]["SupportedContentTypes"][:2] == ["text/csv", "application/json"]


def test_batch_transform_takes_the_raw_rows_and_pairs_the_header_with_a_header(everything):
    request = steps(everything.definition_json)["BatchTransform"]["Arguments"]
    assert request["TransformInput"] == {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.InputData"}}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    }
    assert request["DataProcessing"] == {"JoinSource": "Input"} and request["Environment"] == {"SAGEWRIGHT_CSV_HEADER": "same"}
    assert request["BatchStrategy"] == "MultiRecord" and request["MaxPayloadInMB"] == 6
    assert request["ModelName"] == {"Get": "Steps.CreateModel.ModelName"}


def test_rows_of_another_file_have_a_parameter_and_their_own_format(root):
    made = compile_pipeline(config(batch_transform={"input": "more.jsonl", "accept": "application/jsonlines"}), root)
    request = steps(made.definition_json)["BatchTransform"]["Arguments"]
    assert request["TransformInput"]["ContentType"] == "application/jsonlines"
    assert request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == {"Get": "Parameters.BatchInput"}
    (parameter,) = [each for each in json.loads(made.definition_json)["Parameters"] if each["Name"] == "BatchInput"]
    assert parameter["DefaultValue"] in made.objects


def test_an_endpoint_has_variants_capture_and_the_model_of_this_execution(root):
    given = {
        **ENDPOINT,
        "variants": [{"name": "new", "weight": 1.0}, {"name": "old", "model": "the-old-one", "weight": 9.0, "instance_count": 2}],
        "data_capture": {"s3_uri": "s3://bucket/captured", "percentage": 20},
    }
    found = steps(compile_pipeline(config(endpoint=given), root).definition_json)
    request = found["EndpointConfig"]["Arguments"]
    assert [each["ModelName"] for each in request["ProductionVariants"]] == [{"Get": "Steps.CreateModel.ModelName"}, "the-old-one"]
    assert [each["InitialInstanceCount"] for each in request["ProductionVariants"]] == [1, 2]
    assert request["DataCaptureConfig"]["InitialSamplingPercentage"] == 20
    assert found["Endpoint"]["Arguments"]["EndpointName"] == "bookings"
    assert found["Endpoint"]["Arguments"]["EndpointConfigName"] == {"Get": "Steps.EndpointConfig.EndpointConfigName"}


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ({"serverless": {"memory_mb": 4096}}, {"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 20}}),
        ({"asynchronous": {"output_s3_uri": "s3://bucket/answers"}}, {"InitialInstanceCount": 1}),
    ],
)
def test_endpoints_without_instances_and_those_that_answer_later_compile(root, kind, member):
    made = compile_pipeline(config(endpoint={**ENDPOINT, **kind}), root)
    request = steps(made.definition_json)["EndpointConfig"]["Arguments"]
    assert member.items() <= request["ProductionVariants"][0].items()
    assert ("AsyncInferenceConfig" in request) == ("asynchronous" in kind) and check(json.loads(made.definition_json)) == ()


def test_a_script_that_brings_its_inference_code_keeps_it(root):
    (root / "code").mkdir(exist_ok=True)
    (root / "code" / "train.py").write_text("print('trained')\n")
    (root / "code" / "inference.py").write_text("def model_fn(folder): ...\n")
    training = {"framework": "scikit-learn", "version": "1.4-2", "source_dir": "code", "script": "train.py"}
    found = steps(compile_pipeline(config(training=training), root).definition_json)
    # What another image lacks cannot fail these jobs: they run where Preprocess does.
    assert found["PackageModel"]["Arguments"]["AppSpecification"]["ImageUri"] == found["Preprocess"]["Arguments"]["AppSpecification"]["ImageUri"]
    (container,) = found["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert found["Register"]["Arguments"]["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]


def test_what_makes_no_sense_is_refused():
    assert refused(package={"enabled": False}, endpoint=ENDPOINT) == ["endpoint"]
    assert refused(package={"enabled": False}, skew={"rows": 10}) == ["skew"]
    assert refused(skew={"script": "mine.py"}) == ["skew.script"]
    assert refused(package={"instance_type": "ml.m5.xlarge"}) == ["package.instance_type"]
    assert refused(batch_transform={"join": "Input", "accept": "application/json"}) == ["batch_transform.join"]
    assert refused(batch_transform={"input": "rows.parquet", "strategy": "SingleRecord"}) == ["batch_transform.strategy"]
    linear = {"training": {"algorithm": "linear-learner"}, "gate": []}
    assert refused(**linear, batch_transform=BATCH) == ["batch_transform"] and refused(**linear, package={"enabled": False}) == ["package"]


@pytest.mark.parametrize(
    "endpoint",
    [
        {"name": "a b"},
        {**ENDPOINT, "serverless": {}, "data_capture": {"s3_uri": "s3://b/c"}},
        {**ENDPOINT, "serverless": {}, "instance_count": 2},
        {**ENDPOINT, "variants": [{"name": "a", "model": "other"}]},
        {**ENDPOINT, "variants": [{"name": "a"}, {"name": "a"}]},
    ],
)
def test_an_endpoint_that_the_service_would_refuse_is_refused(endpoint):
    with pytest.raises(ValueError, match="endpoint"):
        config(endpoint=endpoint)
    with pytest.raises(ValueError, match="at most 100"):
        config(batch_transform={"max_payload_mb": 50, "max_concurrent": 4})
