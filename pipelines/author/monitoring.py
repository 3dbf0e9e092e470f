"""The pipeline that a schedule starts to look for drift: one Processing step a kind of analysis, each with a condition that fails the execution.

It is composed as plain JSON, without the SDK: it has nothing of a configuration, its five shapes of step never change, and a schedule is made in a second
and not in eight. `pipelines.definition.checks.check` holds it against the service's model as any other definition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.author.compile import GATE_MARK
from pipelines.definition.monitoring import KINDS, Kind
from pipelines.definition.schedules import Watch
from pipelines.jobs import jobs_root

PROGRAM = "evaluation/drift.py"
ML = "/opt/ml/processing"
SUMMARY = "summary.json"
HASH_CHARACTERS = 16
TITLES: Mapping[str, str] = {
    "data-quality": "Quality of the requests",
    "model-quality": "Quality of the answers",
    "bias": "Bias of the answers",
    "explainability": "What the model looks at",
}


@dataclass(frozen=True)
class Composed:
    """Hold the definition's text and the objects of code that its steps read, by URI."""

    definition: str
    objects: Mapping[str, bytes]


def compose(watch: Watch, image: str) -> Composed:
    """Return the pipeline; `image` is that of XGBoost, whose libraries the job needs. The same watch gives the same bytes."""
    files = {"drift.py": (jobs_root() / PROGRAM).read_bytes()}
    for file in sorted((jobs_root() / "jobkit").rglob("*.py")):
        files[file.relative_to(jobs_root()).as_posix()] = file.read_bytes()
    prefix = f"{watch.output_uri}/code/{_hash(files)}"
    steps = [step for kind in watch.kinds for step in (_analysis(watch, kind, image, prefix), _gate(kind))]
    document = {
        "Version": "2020-12-01",
        "Metadata": {f"{GATE_MARK}{_name(kind)}Drift": "guard" for kind in watch.kinds},
        "Parameters": _parameters(watch),
        "Steps": steps,
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return Composed(text, {f"{prefix}/{name}": body for name, body in files.items()})


def _hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, body in sorted(files.items()):
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    return digest.hexdigest()[:HASH_CHARACTERS]


def _parameters(watch: Watch) -> list[dict[str, Any]]:
    values = {"CapturedData": watch.captured_uri, "Hours": str(watch.hours), "InstanceType": watch.instance_type}
    truth = {"GroundTruth": watch.truth} if watch.truth else {}
    return [{"Name": name, "Type": "String", "DefaultValue": value} for name, value in {**values, **truth}.items()]


def _name(kind: str) -> str:
    return KINDS[kind].monitoring_type


def _analysis(watch: Watch, kind: str, image: str, prefix: str) -> dict[str, Any]:
    described, name = KINDS[kind], _name(kind)
    # The end of the span is the start of the execution, of which the service knows no other form.
    arguments: list[Any] = ["--kind", kind, "--to", {"Get": "Execution.StartDateTime"}, "--hours", {"Get": "Parameters.Hours"}, "--problem-type", watch.problem]
    output = {"Std:Join": {"On": "/", "Values": [watch.output_uri, "executions", {"Get": "Execution.PipelineExecutionId"}, kind]}}
    return {
        "Name": name,
        "Type": "Processing",
        "DisplayName": TITLES[kind],
        "Description": f"Holds captured data of {watch.endpoint} against the baseline of training.",
        "Arguments": {
            "ProcessingResources": {"ClusterConfig": {"InstanceType": {"Get": "Parameters.InstanceType"}, "InstanceCount": 1, "VolumeSizeInGB": 30}},
            "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": ["python3", f"{ML}/input/code/drift.py"], "ContainerArguments": arguments},
            "RoleArn": watch.role_arn,
            "ProcessingInputs": _inputs(watch, kind, described, prefix),
            "ProcessingOutputConfig": {
                "Outputs": [{"OutputName": "output", "S3Output": {"S3Uri": output, "LocalPath": f"{ML}/output", "S3UploadMode": "EndOfJob"}}]
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
        "PropertyFiles": [{"PropertyFileName": f"{name}Summary", "OutputName": "output", "FilePath": SUMMARY}],
    }


def _inputs(watch: Watch, kind: str, described: Kind, prefix: str) -> list[dict[str, Any]]:
    made = [_input("code", f"{prefix}/", "code"), _input("captured", {"Get": "Parameters.CapturedData"}, "captured")]
    made += [_input("model", watch.model_uri, "model")] if watch.model_uri else []
    made += [_input("ground_truth", {"Get": "Parameters.GroundTruth"}, "ground_truth")] if watch.truth and described.takes_truth else []
    return made + [_input(f"baseline_{folder}", uri, f"baseline/{folder}") for folder, uri in watch.baselines[kind].items()]


def _input(name: str, uri: Any, folder: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"{ML}/input/{folder}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "AppManaged": False, "S3Input": {**source, "S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}}


def _gate(kind: str) -> dict[str, Any]:
    """Return the condition that fails the execution when an analysis found violations, with these as its message."""
    name = _name(kind)
    holds = {"Type": "LessThanOrEqualTo", "LeftValue": _read(name, "violations"), "RightValue": 0}
    message = {"Std:Join": {"On": " ", "Values": [f"{TITLES[kind]} has drifted.", _read(name, "message")]}}
    failed = {"Name": f"{name}Drift", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return {
        "Name": f"{name}Holds",
        "Type": "Condition",
        "DisplayName": f"{TITLES[kind]}: no drift",
        "Arguments": {"Conditions": [holds], "IfSteps": [], "ElseSteps": [failed]},
    }


def _read(name: str, path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{name}.PropertyFiles.{name}Summary"}, "Path": path}}


def service_images(region: str) -> dict[str, str]:
    """Return the images of Model Monitor and Clarify by kind of analysis, from the SDK's own table (which takes seconds to import).

    Raises:
        ConfigError: the SDK's table has no such region.
    """
    from pipelines.author.images import algorithm_image

    monitor, clarify = algorithm_image(region, "model-monitor"), algorithm_image(region, "clarify")
    return {"data-quality": monitor, "model-quality": monitor, "bias": clarify, "explainability": clarify}


def xgboost_image(region: str) -> str:
    """Return the image whose libraries the job needs, of the version that configurations have by default; from the SDK's own table.

    Raises:
        ConfigError: the SDK's table has no such region.
    """
    from pipelines.author.images import framework_image
    from pipelines.config.training_rules import DEFAULTS

    return framework_image(region, "xgboost", DEFAULTS["xgboost"])
