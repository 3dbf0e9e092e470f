"""What sections on bias, explanations, quality, privacy and the model card compile to, by our own jobs and by check steps of the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.author.bundles import build as bundles
from pipelines.author.compile import compile_pipeline
from pipelines.config.model import PipelineConfig
from pipelines.definition.checks import check
from tests.unit.author.test_compile import steps

pytestmark = pytest.mark.slow

GROUP = "fair"
HERE = {
    "name": "checked",
    "data": {"input": "data.csv"},
    "label": {"column": "y", "positive": "yes"},
    "training": {"hyperparameters": {"num_round": 5}},
    "bias": {"facets": [{"column": "gender", "values": [0]}, {"column": "age", "threshold": 40}], "group": "town"},
    "explainability": {"rows": 50, "samples": 200},
    "quality": {"data": {}, "model": {}},
    "registration": {"model_package_group": GROUP},
}
BARS = [
    {"metric": "accuracy", "at_least": 0.5},
    {"any": [{"metric": "auc", "bound": "lower", "at_least": 0.5}, {"none": [{"cell": "false_negative", "at_least": 9}]}]},
    {"all": [{"bias": "DI", "facet": "gender", "at_least": 0.8}, {"quality": "model"}]},
    {"bias": "DPL", "facet": "age", "within": 0.1},
    {"quality": "data", "at_most": 3},
]
MANAGED = {
    "bias": {**HERE["bias"], "runner": "clarify"},
    "explainability": {**HERE["explainability"], "runner": "clarify"},
    "quality": {"data": {"runner": "model-monitor"}, "model": {"runner": "model-monitor"}},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked")
    (folder / "data.csv").write_text("y,gender,age,town\nyes,0,30,a\nno,1,50,b\n")
    return folder


def made(root, **changes):
    return compile_pipeline(PipelineConfig(**{**HERE, **changes}), root)


@pytest.fixture(scope="module")
def own(root):
    return made(root, gate=BARS, privacy={}, model_card={"intended_uses": {"risk_rating": "High"}})


@pytest.fixture(scope="module")
def managed(root):
    return made(root, gate=BARS[:1], **MANAGED)


def document(compiled) -> dict:
    return json.loads(compiled.definition_json)


def names(found: list) -> list[str]:
    return [step["Name"] for step in found]


def test_the_deep_checks_find_nothing(own, managed):
    assert check(document(own)) == () and check(document(managed)) == ()


def test_nothing_is_trained_behind_a_closed_gate_of_the_data(own):
    gate = steps(own.definition_json)["DataGate"]
    assert names(gate["Arguments"]["IfSteps"]) == ["Train"] and names(gate["Arguments"]["ElseSteps"]) == ["DataGateFailed"]
    paths = [condition["LeftValue"]["Std:JsonGet"]["Path"] for condition in gate["Arguments"]["Conditions"]]
    assert paths == ["facets['age'].DPL.absolute", "violations", "violations"]


def test_with_a_gate_of_leaks_too_the_check_of_bias_waits_for_it(root):
    found = steps(made(root, gate=BARS[3:], leakage={"fail_on": ["high"]}).definition_json)
    assert "PreTrainingBias" in names(found["LeakageGate"]["Arguments"]["IfSteps"])
    assert names(found["DataGate"]["Arguments"]["IfSteps"]) == ["Train"]


def test_combined_bars_become_conditions_that_the_service_has(own):
    first, second, third, *drift = steps(own.definition_json)["QualityGate"]["Arguments"]["Conditions"]
    assert first["Type"] == "GreaterThanOrEqualTo" and first["RightValue"] == {"Get": "Parameters.MinAccuracy"}
    assert second["Type"] == "Or" and [part["Type"] for part in second["Conditions"]] == ["GreaterThanOrEqualTo", "Not"]
    assert third["Type"] == "Not" and third["Expression" if "Expression" in third else "Condition"]["Type"] == "Or"
    assert [condition["RightValue"] for condition in drift] == [0, 0]  # the quality of the model has a bar of its own


def test_a_bar_on_violations_is_what_closes_the_gate_then(own):
    gate = steps(own.definition_json)["DataGate"]["Arguments"]["Conditions"]
    assert [condition["RightValue"] for condition in gate] == [{"Get": "Parameters.MaxAbsDplAge"}, {"Get": "Parameters.MaxDataQualityViolations"}, 0]


def test_the_failure_names_every_bar_with_its_number_and_how_bars_combine(own):
    fail = steps(own.definition_json)["QualityGate"]["Arguments"]["ElseSteps"][0]
    joined = fail["Arguments"]["ErrorMessage"]["Std:Join"]
    assert joined["On"] == "" and "".join(part if isinstance(part, str) else "#" for part in joined["Values"]) == (
        "The quality gate is closed: accuracy is # and must be at least #; any of (the lower limit of auc is # and must be at least #, "
        "none of (false negative rows is # and must be at least #)); all of (DI of gender is # and must be at least #, "
        "violations of the model's quality is # and must be at most #); drift of the model's bias: # and must be 0, namely #; "
        "drift of the explanations: # and must be 0, namely #; nothing was registered."
    )


def test_metadata_tell_which_conditions_guard_and_what_is_taken_of_the_approved_version(own):
    metadata = document(own)["Metadata"]
    assert metadata["sagewright.guards.QualityGate"] == "2,3,4"
    assert metadata["sagewright.gate.DataGateFailed"] == "guard"
    assert metadata["sagewright.approved.PostTrainingBiasBaseline"] == f"{GROUP}:DriftCheckBaselines.Bias.PostTrainingConstraints.S3Uri"
    defaults = {parameter["Name"]: parameter.get("DefaultValue") for parameter in document(own)["Parameters"]}
    assert all(f"{uri}/nothing.txt" in own.objects for name, uri in defaults.items() if f"sagewright.approved.{name}" in metadata)


def test_what_checks_found_is_registered_and_is_the_baseline_of_the_next_version(own, managed):
    for compiled in (own, managed):
        request = next(step for step in steps(compiled.definition_json)["QualityGate"]["Arguments"]["IfSteps"] if step["Name"] == "Register")["Arguments"]
        assert set(request["ModelMetrics"]) == {"ModelQuality", "ModelDataQuality", "Bias", "Explainability"}
        baselines = request["DriftCheckBaselines"]
        assert set(baselines["Bias"]) == {"ConfigFile", "PreTrainingConstraints", "PostTrainingConstraints"}
        assert set(baselines["ModelDataQuality"]) == {"Statistics", "Constraints"}
        assert baselines["Bias"]["ConfigFile"]["S3Uri"] in compiled.objects


def test_a_baseline_that_is_not_registered_anew_stays_the_one_before(root):
    kept = made(root, bias={**HERE["bias"], "drift": {"register_new_baseline": False}}, gate=BARS[:1])
    register = next(step for step in steps(kept.definition_json)["QualityGate"]["Arguments"]["IfSteps"] if step["Name"] == "Register")
    uri = register["Arguments"]["DriftCheckBaselines"]["Bias"]["PreTrainingConstraints"]["S3Uri"]
    assert uri == {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.PreTrainingBiasBaseline"}, "analysis.json"]}}


def test_the_model_card_is_read_of_the_step_that_wrote_it(own):
    register = next(step for step in steps(own.definition_json)["QualityGate"]["Arguments"]["IfSteps"] if step["Name"] == "Register")
    card = register["Arguments"]["ModelCard"]
    assert card["ModelCardStatus"] == "Draft" and card["ModelCardContent"]["Std:JsonGet"]["Path"] == "content"


def test_costs_choose_the_threshold_of_the_package(root):
    found = steps(made(root, evaluation={"costs": {"false_positive": 5}}, gate=BARS[:1]).definition_json)
    for name in ("PackageModel", "SkewCheck"):
        arguments = found[name]["Arguments"]["AppSpecification"]["ContainerArguments"]
        assert arguments[arguments.index("--threshold") + 1]["Std:JsonGet"]["Path"] == "threshold.chosen"
    assert "validation" in [item["InputName"] for item in found["Evaluate"]["Arguments"]["ProcessingInputs"]]


def test_the_splits_are_checked_before_the_training(root, own):
    assert "CheckInputs" in steps(own.definition_json)["DataGate"]["Arguments"]["IfSteps"][0]["DependsOn"]
    assert "CheckInputs" not in made(root, privacy={"check_inputs": False}).definition_json


def test_managed_checks_are_native_step_types_that_the_model_waits_for(managed):
    found = {**steps(managed.definition_json)}
    types = {
        name: (found[name]["Type"], found[name]["CheckType"]) for name in ("PreTrainingBias", "DataQuality", "PostTrainingBias", "Explain", "ModelQuality")
    }
    assert types == {
        "PreTrainingBias": ("ClarifyCheck", "DATA_BIAS"),
        "DataQuality": ("QualityCheck", "DATA_QUALITY"),
        "PostTrainingBias": ("ClarifyCheck", "MODEL_BIAS"),
        "Explain": ("ClarifyCheck", "MODEL_EXPLAINABILITY"),
        "ModelQuality": ("QualityCheck", "MODEL_QUALITY"),
    }
    assert {"PreTrainingBias", "DataQuality"} <= set(found["Train"]["DependsOn"])
    assert {"PostTrainingBias", "Explain", "ModelQuality"} <= set(found["QualityGate"]["DependsOn"])
    assert found["PostTrainingBias"]["ModelName"] == {"Get": "Steps.CreateModel.ModelName"}
    assert {found[name]["SkipCheck"]["Get"] for name in types} == {"Parameters.SkipChecks"}


def test_each_check_step_has_a_configuration_of_its_own_and_it_is_what_the_sdk_would_upload(root, managed):
    from pipelines.author import pipeline, sdk

    config = PipelineConfig(**{**HERE, **MANAGED, "gate": BARS[:1]})
    made_here, uploaded = bundles(config, root), {}
    with sdk.quiet_sdk("us-east-1"), pytest.MonkeyPatch.context() as patch:
        from sagemaker.mlops.workflow import clarify_check_step

        def upload(path, uri, session, kms):
            uploaded[uri] = json.loads(Path(path).read_text())
            return f"{uri}/analysis_config.json"

        patch.setattr(clarify_check_step, "_upload_analysis_config", upload)
        pipeline.build(config, root)
    for key in ("pre_training", "post_training", "explainability"):
        bundle = made_here[key]
        assert uploaded[f"{bundle.prefix}/config"] == json.loads(bundle.files["config/analysis_config.json"]), key
        assert f"{bundle.prefix}/config/analysis_config.json" in managed.objects
    assert len(uploaded) == 3
