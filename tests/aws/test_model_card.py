"""A card of its own in SageMaker. Verified against moto and botocore's model, never against AWS."""

from __future__ import annotations

import json
import os

import boto3
import pytest

from pipelines.aws.model_card import put_card
from pipelines.errors import CloudError
from tests.functional.conftest import Command
from tests.unit.local.test_model_cards import CARD, register

CONTENT = json.dumps(CARD)


def test_a_card_is_created_once_updated_when_it_differs_and_left_alone_otherwise(aws, calls):
    assert put_card("bookings-1", CONTENT, "Draft", "us-east-1").action == "created"
    assert put_card("bookings-1", json.dumps(CARD, indent=1), "Draft", "us-east-1").action == "unchanged"
    changed = put_card("bookings-1", "{}", "Approved", "us-east-1")
    assert changed.action == "updated" and changed.model_card_arn.endswith(":model-card/bookings-1")
    found = boto3.client("sagemaker").describe_model_card(ModelCardName="bookings-1")
    assert (found["Content"], found["ModelCardStatus"], found["ModelCardVersion"]) == ("{}", "Approved", 2)
    assert [operation for _, operation, _ in calls][:5] == [
        *("DescribeModelCard", "CreateModelCard", "DescribeModelCard", "DescribeModelCard", "UpdateModelCard"),
    ]


def test_what_aws_refuses_is_told(aws):
    with pytest.raises(CloudError, match="sagemaker:DescribeModelCard failed"):
        put_card("", CONTENT, "Draft", "us-east-1")


def test_the_command_shows_draws_and_sends_the_card_of_a_version(aws, tmp_path):
    register(tmp_path / ".sagewright", CARD)
    command = Command(tmp_path, **{name: value for name, value in os.environ.items() if name.startswith("AWS_")})
    shown = command("registry", "card", "g/1")
    assert shown.code == 0 and "Risk:          Low" in shown.out and "Says who cancels" in shown.out and "auc 0.9" in shown.out, shown.err
    assert command("registry", "card", "g", "--output", "json").json == CARD
    sent = command("registry", "card", "g/1", "--html", "card.html", "--upload")
    assert "wrote card.html" in sent.out and "created arn:aws:sagemaker" in sent.out, sent.err
    assert "Says who cancels" in (tmp_path / "card.html").read_text()
    alone = json.loads(boto3.client("sagemaker").describe_model_card(ModelCardName="g-1")["Content"])
    assert alone["model_overview"] == {"model_creator": "me", "model_description": "Says who cancels"} and "additional_information" not in alone
