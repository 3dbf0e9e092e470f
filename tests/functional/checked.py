"""Definitions with check steps, written by hand as the SDK (V2) writes them, and data for them."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.functional.conftest import IMAGE, ROLE, Command

CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
GROUP = "loans"
BUCKET = "s3://bkt/checks"
FLAGS = tuple({"Name": name, "Type": "Boolean", "DefaultValue": False} for name in ("Skip", "Register"))


def check(name: str, kind: str, check_type: str, inputs: dict[str, tuple[str, str]], **changes: Any) -> dict[str, Any]:
    """Return a check step; `inputs` are (URI, folder below /opt/ml/processing/input) by name. Skip and Register are parameters."""
    output = {"Std:Join": {"On": "/", "Values": [BUCKET, "out", {"Get": "Execution.PipelineExecutionId"}, name]}}
    arguments = {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}},
        "AppSpecification": {"ImageUri": CLARIFY if kind == "ClarifyCheck" else MONITOR},
        "RoleArn": ROLE,
        "ProcessingInputs": [
            {
                "InputName": key,
                "AppManaged": False,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/input/{folder}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3CompressionType": "None",
                },
            }
            for key, (uri, folder) in inputs.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "analysis_result" if kind == "ClarifyCheck" else "quality_check_output",
                    "AppManaged": False,
                    "S3Output": {"S3Uri": output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                }
            ]
        },
        **changes.pop("arguments", {}),
    }
    step = {
        "Name": name,
        "Type": kind,
        "Arguments": arguments,
        "CheckType": check_type,
        "ModelPackageGroupName": GROUP,
        "SkipCheck": {"Get": "Parameters.Skip"},
        "FailOnViolation": True,
        "RegisterNewBaseline": {"Get": "Parameters.Register"},
        "SuppliedBaselineConstraints": None,
    }
    return {**step, **({} if kind == "ClarifyCheck" else {"SuppliedBaselineStatistics": None}), **changes}


def clarify(name: str, check_type: str, config: str, **changes: Any) -> dict[str, Any]:
    """Return a ClarifyCheck step on data.csv with the configuration `<config>/analysis_config.json`."""
    inputs = {"analysis_config": (f"{BUCKET}/{config}/analysis_config.json", "config"), "dataset": (f"{BUCKET}/data.csv", "data")}
    return check(name, "ClarifyCheck", check_type, inputs, **changes)


def quality(name: str, check_type: str, data: str, **changes: Any) -> dict[str, Any]:
    """Return a QualityCheck step on a file."""
    environment = {
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
        "dataset_format": '{"csv": {"header": true, "output_columns_position": "START"}}',
        "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
        **changes.pop("environment", {}),
    }
    inputs = {"baseline_dataset_input": (f"{BUCKET}/{data}", "baseline_dataset_input")}
    return check(name, "QualityCheck", check_type, inputs, arguments={"Environment": environment}, **changes)


def model_quality(name: str) -> dict[str, Any]:
    attributes = {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "probability_attribute": "prob",
        "ground_truth_attribute": "label",
        "probability_threshold_attribute": "0.5",
    }
    return quality(name, "MODEL_QUALITY", "predicted.csv", environment=attributes)


def source(step: str, which: str) -> dict[str, Any]:
    return {"ContentType": "application/json", "S3Uri": {"Get": f"Steps.{step}.{which}"}}


PARTS = {
    "ModelQuality": ("ModelQuality", "Statistics", "Constraints"),
    "DataQuality": ("ModelDataQuality", "Statistics", "Constraints"),
}


def register(*names: str) -> dict[str, Any]:
    """Return a RegisterModel step with metrics and drift baselines of those of the five checks that are named."""
    metrics: dict[str, Any] = {}
    drift: dict[str, Any] = {}
    for name in names:
        if name in PARTS:
            part, *kinds = PARTS[name]
            metrics[part] = {kind: source(name, f"CalculatedBaseline{kind}") for kind in kinds}
            drift[part] = {kind: source(name, f"BaselineUsedForDriftCheck{kind}") for kind in kinds}
    bias = {"DataBias": ("PreTrainingReport", "PreTrainingConstraints"), "ModelBias": ("PostTrainingReport", "PostTrainingConstraints")}
    for name in [each for each in bias if each in names]:
        metrics.setdefault("Bias", {})[bias[name][0]] = source(name, "CalculatedBaselineConstraints")
        drift.setdefault("Bias", {})[bias[name][1]] = source(name, "BaselineUsedForDriftCheckConstraints")
    if "Shap" in names:
        metrics["Explainability"] = {"Report": source("Shap", "CalculatedBaselineConstraints")}
        drift["Explainability"] = {"Constraints": source("Shap", "BaselineUsedForDriftCheckConstraints")}
    container = {"Image": IMAGE, "ModelDataUrl": f"{BUCKET}/model.tar.gz"}
    arguments = {
        "ModelPackageGroupName": GROUP,
        "ModelMetrics": metrics,
        "DriftCheckBaselines": drift,
        "InferenceSpecification": {"Containers": [container], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]},
        "ModelApprovalStatus": "PendingManualApproval",
    }
    return {"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}


def put_data(sagewright: Command, *, shifted: bool = False, rows: int = 400) -> None:
    """Store data.csv (score, age, gender, label) and predicted.csv (prob, label); shifted, women are approved less and ages are others."""
    draw = random.Random(7)
    lines, predicted = ["label,score,age,gender"], ["prob,label"]
    for _ in range(rows):
        gender, score = draw.randrange(2), draw.random()
        age = draw.gauss(60 if shifted else 40, 8)
        label = int(score + (-0.3 if shifted and gender else 0.0) > 0.45)
        lines.append(f"{label},{score:.4f},{age:.1f},{gender}")
        right = draw.random() < (0.6 if shifted else 0.9)
        predicted.append(f"{0.8 if (label == 1) == right else 0.2},{label}")
    sagewright.put(f"{BUCKET}/data.csv", "\n".join(lines) + "\n")
    sagewright.put(f"{BUCKET}/predicted.csv", "\n".join(predicted) + "\n")


def put_configs(sagewright: Command) -> None:
    """Store the analysis configurations of the three Clarify checks, without the model's name, as the SDK does for check steps."""
    base = {
        "dataset_type": "text/csv",
        "headers": ["label", "score", "age", "gender"],
        "label": "label",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "gender", "value_or_threshold": [1]}],
    }
    predictor = {"predictor": {"instance_type": "ml.m5.xlarge", "initial_instance_count": 1, "accept_type": "text/csv", "content_type": "text/csv"}}
    report = {"report": {"name": "report", "title": "Analysis Report"}}
    shap = {"shap": {"num_samples": 30, "agg_method": "mean_abs", "use_logit": False, "save_local_shap_values": True, "baseline": [[0.5, 40.0, 0]]}}
    configs = {
        "pre": {**base, "methods": {"pre_training_bias": {"methods": "all"}, **report}},
        "post": {**base, "methods": {"post_training_bias": {"methods": "all"}, **report}, **predictor, "probability_threshold": 0.5},
        "shap": {**base, "methods": {**shap, **report}, **predictor},
    }
    for name, config in configs.items():
        sagewright.put(f"{BUCKET}/{name}/analysis_config.json", json.dumps(config))
