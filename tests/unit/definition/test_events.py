"""The EventBridge rule of an approval has the shapes of botocore's model, and matches what the service sends."""

from __future__ import annotations

import json

import botocore.loaders
import botocore.model
import botocore.validate

from pipelines.definition.events import approval_pattern, approval_rule


def test_the_rule_is_a_put_rule_request():
    service = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("events", "service-2"))
    rule = approval_rule("a" * 63)
    assert not botocore.validate.ParamValidator().validate(rule, service.operation_model("PutRule").input_shape).has_errors()
    assert len(rule["Name"]) <= 64 and json.loads(rule["EventPattern"]) == approval_pattern("a" * 63)


def test_the_pattern_matches_the_event_of_an_approval_in_this_group_only():
    # The members that the rules of public deployment templates match on; the event itself was not seen.
    event = {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "detail": {"ModelPackageGroupName": "g", "ModelPackageVersion": 1, "ModelApprovalStatus": "Approved"},
    }

    def matches(pattern, found):
        return all(matches(want, found[key]) if isinstance(want, dict) else found[key] in want for key, want in pattern.items())

    assert matches(approval_pattern("g"), event)
    assert not matches(approval_pattern("other"), event) and not matches(approval_pattern("g", "Rejected"), event)
