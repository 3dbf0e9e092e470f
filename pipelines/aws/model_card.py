"""A model card that stands by itself in an account. Checked against moto and botocore's model, never against AWS itself.

A version that is registered with a card has it in SageMaker by that; this is for versions that are registered here only, and for cards without a version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipelines.aws.faults import explained


@dataclass(frozen=True)
class PutCard:
    """State what was done: `action` is created, updated or unchanged."""

    model_card_arn: str
    action: str


def put_card(name: str, content: str, status: str, region: str | None) -> PutCard:
    """Create the card, or update it when its content or status differs, which makes a new version of it.

    Raises:
        CloudError: AWS refused a call or could not be reached.
    """
    with explained("connect to AWS", "your credentials"):
        import boto3

        sagemaker = boto3.Session(region_name=region).client("sagemaker")
    with explained("sagemaker:DescribeModelCard", name):
        present = _described(sagemaker, name)
    if present is None:
        with explained("sagemaker:CreateModelCard", name):
            created = sagemaker.create_model_card(ModelCardName=name, Content=content, ModelCardStatus=status)
        return PutCard(str(created["ModelCardArn"]), "created")
    if _same(present, content, status):
        return PutCard(str(present["ModelCardArn"]), "unchanged")
    with explained("sagemaker:UpdateModelCard", name):
        updated = sagemaker.update_model_card(ModelCardName=name, Content=content, ModelCardStatus=status)
    return PutCard(str(updated["ModelCardArn"]), "updated")


def _described(sagemaker: Any, name: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = sagemaker.describe_model_card(ModelCardName=name)
        return found
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
            return None
        raise


def _same(present: dict[str, Any], content: str, status: str) -> bool:
    try:
        return bool(json.loads(present["Content"]) == json.loads(content) and present["ModelCardStatus"] == status)
    except ValueError:
        return False
