"""Rules of EventBridge: what to listen to so that an approval in SageMaker starts something."""

from __future__ import annotations

import json
from typing import Any

SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Model Package State Change"


def approval_pattern(group: str, status: str = "Approved") -> dict[str, Any]:
    """Return the event pattern that matches when a version of a model package group gets an approval status."""
    return {"source": [SOURCE], "detail-type": [DETAIL_TYPE], "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": [status]}}


def approval_rule(group: str, status: str = "Approved") -> dict[str, Any]:
    """Return the PutRule request (botocore model of `events`) of such a rule; who wants something to happen adds a target."""
    return {
        "Name": f"{group[:48]}-{status.lower()[:15]}",
        "Description": f"A version of the model package group {group} became {status}",
        "EventPattern": json.dumps(approval_pattern(group, status), sort_keys=True),
        "State": "ENABLED",
    }
