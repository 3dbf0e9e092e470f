"""No false positive on what the SDKs write, and every injected fault found at its place."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from pipelines.definition.catalog import STEP_TYPES
from pipelines.definition.checks import check
from pipelines.definition.model import loads, parse
from pipelines.errors import DefinitionError

CASES = Path(__file__).parents[2] / "definitions"
FROM_SDKS = sorted(CASES.glob("*/definition.json"))
NO_SDK_CLASS = {"Athena", "BedrockCustomModel", "BedrockCustomModelDeployment", "BedrockProvisionedModelThroughput", "BedrockModelImport", "HubContent"}


@pytest.mark.parametrize("file", FROM_SDKS, ids=lambda path: path.parent.name)
def test_what_the_sdks_write_has_no_error(file):
    assert [str(problem) for problem in check(json.loads(file.read_text())) if problem.severity == "error"] == []


def test_the_cases_use_every_step_type_that_the_sdks_have():
    used = {step.type for file in FROM_SDKS for step in parse(json.loads(file.read_text())).all_steps()}
    assert used == set(STEP_TYPES) - NO_SDK_CLASS


def document() -> dict:
    return json.loads((CASES / "hotel-bookings/one-training.json").read_text())


def step(found: dict, name: str) -> dict:
    places = list(found["Steps"])
    while places:
        candidate = places.pop()
        if candidate["Name"] == name:
            return candidate
        places += candidate["Arguments"].get("IfSteps", []) + candidate["Arguments"].get("ElseSteps", [])
    raise KeyError(name)


def at(*keys):
    """Return a function that sets, or with `...` deletes, one place of a step's arguments."""
    *path, value = keys

    def change(found: dict) -> None:
        holder = step(found, path[0])
        for key in path[1:-1]:
            holder = holder[key]
        if value is ...:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value

    return change


def add_step(**members):
    return lambda found: found["Steps"].append({"Name": "Extra", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}, **members})


def twice(found: dict) -> None:
    found["Steps"].append(copy.deepcopy(found["Steps"][0]))


def circle(found: dict) -> None:
    step(found, "Preprocess")["DependsOn"] = ["Evaluate"]


def across(found: dict) -> None:
    step(found, "Register")["DependsOn"] = ["QualityGateFailed"]


def unused(found: dict) -> None:
    found["Parameters"].append({"Name": "Unused", "Type": "String", "DefaultValue": "x"})


def parameter(index: int, **members):
    return lambda found: found["Parameters"][index].update(members)


ARGUMENTS = "Arguments"
INPUT = ("Preprocess", ARGUMENTS, "ProcessingInputs", 0, "S3Input")
FAULTS = {
    "a key that is misspelt": (at("Train", ARGUMENTS, "RoleARN", "x"), "unknown-member", "Did you mean RoleArn?"),
    "a member that is missing": (at("Train", ARGUMENTS, "RoleArn", ...), "missing-member", "RoleArn is missing"),
    "text for a number": (at("Train", ARGUMENTS, "StoppingCondition", "MaxRuntimeInSeconds", "60"), "type", "expected a whole number"),
    "a number out of range": (at("Preprocess", ARGUMENTS, "ProcessingResources", "ClusterConfig", "VolumeSizeInGB", 0), "range", "out of range"),
    "an instance type that is none": (at("Train", ARGUMENTS, "ResourceConfig", "InstanceType", "ml.m5.lage"), "enum", "Did you mean ml.m5."),
    "a role that is none": (at("Train", ARGUMENTS, "RoleArn", "arn:aws:iam::12:role/x-and-more"), "pattern", "does not have the form"),
    "an integer among the arguments": (at("Preprocess", ARGUMENTS, "AppSpecification", "ContainerArguments", ["--seed", 3]), "type", "expected text"),
    "a parameter that is not declared": (at(*INPUT, "S3Uri", {"Get": "Parameters.InputDate"}), "reference", "Did you mean InputData?"),
    "a step that is not there": (at(*INPUT, "S3Uri", {"Get": "Steps.Prepros.ProcessingJobArn"}), "reference", "no step 'Prepros'"),
    "a property that is not there": (
        at(*INPUT, "S3Uri", {"Get": "Steps.Train.ModelArtefacts.S3ModelArtifacts"}),
        "property-path",
        "did you mean ModelArtifacts?",
    ),
    "an output that is not there": (
        at(*INPUT, "S3Uri", {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evalution'].S3Output.S3Uri"}),
        "property-path",
        "no output 'evalution'",
    ),
    "a property file that is not there": (
        at(
            "QualityGate",
            ARGUMENTS,
            "Conditions",
            0,
            "LeftValue",
            {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Raport"}, "Path": "a"}},
        ),
        "property-file",
        "no property file 'Raport'",
    ),
    "a property file of no output": (
        at("Evaluate", "PropertyFiles", [{"PropertyFileName": "EvaluationReport", "OutputName": "x", "FilePath": "y"}]),
        "property-file",
        "no output 'x'",
    ),
    "a variable that no execution has": (at(*INPUT, "S3Uri", {"Get": "Execution.PipelineNam"}), "reference", "no 'PipelineNam'"),
    "a path that cannot be read": (at(*INPUT, "S3Uri", {"Get": "Parameters..X"}), "expression", "cannot read"),
    "a JsonPath that the service does not know": (
        at(
            "QualityGate",
            ARGUMENTS,
            "Conditions",
            0,
            "LeftValue",
            {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.EvaluationReport"}, "Path": "a[*]"}},
        ),
        "expression",
        "cannot read the JsonPath",
    ),
    "a step twice": (twice, "duplicate-step", "is also at"),
    "steps in a circle": (circle, "cycle", "in a circle"),
    "a circle in the body of a ForEach step": (
        add_step(
            Type="ForEach",
            Arguments={
                "IterableItems": ["a"],
                "ForEachBody": [
                    {"Name": "In", "Type": "Processing", "DependsOn": ["Out"], "Arguments": {}},
                    {"Name": "Out", "Type": "Processing", "DependsOn": ["In"], "Arguments": {}},
                ],
            },
        ),
        "cycle",
        "In -> Out -> In",
    ),
    "a number that is none": (at("Train", ARGUMENTS, "HyperParameters", "eta", float("nan")), "structure", "nan is not a number"),
    "half a surrogate pair": (at("Train", "Description", "\ud83d"), "structure", "no Unicode text"),
    "a key that is a number": (at("Train", ARGUMENTS, "Environment", {1: "x"}), "structure", "a key: expected text, got an integer"),
    "a huge integer": (at("Train", ARGUMENTS, "StoppingCondition", "MaxRuntimeInSeconds", 10**30), "structure", "more than 64 bits"),
    "a Python object": (at("Train", ARGUMENTS, "Environment", {"x": {1}}), "structure", "got set"),
    "caching where nothing is cached": (at("QualityGate", "CacheConfig", {"Enabled": True}), "no-effect", "does not cache Condition steps"),
    "a step after a Fail step": (across, "depends-on-fail", "which nothing can follow"),
    "a dependency on nothing": (at("Train", "DependsOn", ["Nothing"]), "reference", "no step 'Nothing'"),
    "an unknown step type": (add_step(Type="Procesing"), "step-type", "Did you mean Processing?"),
    "an unknown key of a step": (add_step(DependOn=[]), "unknown-member", "Did you mean DependsOn?"),
    "a step name that is none": (add_step(Name="with space"), "pattern", "no step name"),
    "a description that is too long": (add_step(Description="x" * 4000), "limit", "4000 characters"),
    "an unknown condition": (at("QualityGate", ARGUMENTS, "Conditions", 0, "Type", "GreatherThan"), "condition", "Did you mean GreaterThan?"),
    "a retry policy with two ends": (
        at("Train", "RetryPolicies", [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1, "ExpireAfterMin": 5}]),
        "retry",
        "MaxAttempts or ExpireAfterMin",
    ),
    "a fault that does not exist": (at("Train", "RetryPolicies", [{"ExceptionType": ["Step.THROTTLE"], "MaxAttempts": 1}]), "enum", "Step.THROTTLE"),
    "retries where none are taken": (
        at("QualityGate", "RetryPolicies", [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1}]),
        "unknown-member",
        "takes no retry policies",
    ),
    "a duration that is none": (at("Train", "CacheConfig", {"Enabled": True, "ExpireAfter": "a month"}), "pattern", "ISO 8601"),
    "a default of another type": (parameter(1, DefaultValue="zero"), "type", "not of the type Integer"),
    "a default outside its enum": (parameter(-1, DefaultValue="Maybe"), "enum", "not among the EnumValues"),
    "a secret by its form": (at("Train", ARGUMENTS, "HyperParameters", "x", "AKIAIOSFODNN7EXAMPLE"), "secret", "AWS access key"),
    "a secret by its name": (at("Train", ARGUMENTS, "Environment", {"DB_PASSWORD": "hunter2"}), "secret", "'DB_PASSWORD'"),
    "a folder outside": (at(*INPUT, "LocalPath", "/home/me"), "local-path", "/opt/ml/processing"),
    "a key that climbs": (at(*INPUT, "S3Uri", "s3://bucket/../x"), "s3-uri", "climbs out"),
    "a parameter that nothing reads": (unused, "unused-parameter", "nothing reads"),
    "a Fail step without a message": (add_step(Arguments={}), "missing-member", "ErrorMessage"),
    "a Lambda step without a function": (add_step(Type="Lambda", Arguments={}), "missing-member", "FunctionArn"),
    "a key at the top that does not exist": (lambda found: found.update(Step=[]), "unknown-member", "no such key"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_injected_fault_is_found_with_a_hint(name):
    change, code, words = FAULTS[name]
    found = document()
    change(found)
    told = [f"{problem.message} {problem.hint}" for problem in check(found) if problem.code == code]
    assert any(words in text for text in told), [str(problem) for problem in check(found)]


def test_a_step_that_waits_for_the_other_branch_can_never_run():
    found = document()
    found["Steps"][-1]["Arguments"]["ElseSteps"].append({"Name": "Late", "Type": "Fail", "DependsOn": ["Register"], "Arguments": {"ErrorMessage": "x"}})
    assert any(problem.code == "unreachable" for problem in check(found))


def test_a_circle_is_told_as_the_way_round_it():
    found = document()
    circle(found)
    told = [problem.message for problem in check(found) if problem.code == "cycle"]
    assert told == ["steps wait for each other in a circle: Preprocess -> Evaluate -> Train -> Preprocess"]


@pytest.mark.parametrize("text", ['{"Steps": [1e999]}', '{"Steps": [NaN]}', '{"Steps": [' + "9" * 5000 + "]}", '{"Steps": ["\\ud800"]}'])
def test_a_text_that_is_almost_json_is_refused(text):
    with pytest.raises(DefinitionError):
        loads(text)


def test_all_faults_come_at_once():
    found = document()
    for name in ("a key that is misspelt", "a number out of range", "an unknown step type"):
        FAULTS[name][0](found)
    assert {"unknown-member", "range", "step-type"} <= {problem.code for problem in check(found)}


def test_types_that_cannot_run_here_are_named_when_asked():
    found = document()
    assert [problem.code for problem in check(found, executable=frozenset({"Processing", "Training", "Condition", "Fail", "Model", "Transform"}))] == [
        "not-executable"
    ]


def test_limits_of_the_service_are_known():
    found = document()
    found["Parameters"] += [{"Name": f"P{n}", "Type": "String", "DefaultValue": "x"} for n in range(200)]
    assert any("the service takes at most 200" in problem.message for problem in check(found))
    inputs = step(found, "Preprocess")["Arguments"]["ProcessingInputs"]
    inputs += [{**inputs[0], "InputName": f"i{n}"} for n in range(10)]
    assert any("processing inputs; the service takes at most 10" in problem.message for problem in check(found))
