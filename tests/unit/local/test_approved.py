"""What a run takes of the latest approved version."""

from __future__ import annotations

import json

from pipelines.definition.model import loads
from pipelines.local import approved
from pipelines.local.registry import Registry

REQUEST = {
    "ModelPackageGroupName": "fair",
    "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/model.tar.gz"}]},
    "DriftCheckBaselines": {"Bias": {"PreTrainingConstraints": {"S3Uri": "s3://b/run/PreTrainingBias/output/analysis.json"}}},
}
MARKS = {
    "sagewright.approved.ApprovedModel": "fair:InferenceSpecification.Containers[0].ModelDataUrl",
    "sagewright.approved.Baseline": "fair:DriftCheckBaselines.Bias.PreTrainingConstraints.S3Uri",
    "sagewright.approved.Missing": "fair:DriftCheckBaselines.Explainability.Constraints.S3Uri",
    "sagewright.approved.Elsewhere": "nobody:InferenceSpecification.Containers[0].ModelDataUrl",
    "other": "fair:ModelPackageArn",
}
DEFINITION = loads(json.dumps({"Version": "2020-12-01", "Metadata": MARKS, "Steps": [{"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}]}))


def test_only_an_approved_version_gives_values(tmp_path):
    registry = Registry(tmp_path, lambda: 0.0)
    registry.register(REQUEST, arn_prefix="arn:aws:sagemaker:us-east-1:000000000000:", token="a")
    assert approved.values(registry, DEFINITION) == {}
    registry.approve("fair", 1, "Approved")
    assert approved.values(registry, DEFINITION) == {"ApprovedModel": "s3://b/model.tar.gz", "Baseline": "s3://b/run/PreTrainingBias/output"}
