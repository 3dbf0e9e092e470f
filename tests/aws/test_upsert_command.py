"""The command itself, as another process, against moto over HTTP."""

from __future__ import annotations

import json
import os

import boto3
import pytest

from tests.functional.conftest import Command

ROLE = "arn:aws:iam::123456789012:role/ml"


@pytest.mark.slow
def test_upsert_sends_the_definition_that_run_executes(aws, tmp_path):
    boto3.client("s3").create_bucket(Bucket="my-bucket")
    settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    command = Command(tmp_path, **settings)
    assert command("sample", "hotel-bookings").code == 0
    account = ("--role-arn", ROLE, "--bucket", "my-bucket")
    first = command("upsert", *account, "--output", "json")
    assert first.code == 0, first.err
    assert first.json["action"] == "created"
    again = command("upsert", *account, "--output", "json").json
    assert (again["action"], again["uploaded"]) == ("unchanged", [])
    sent = boto3.client("sagemaker").describe_pipeline(PipelineName="hotel-bookings")["PipelineDefinition"]
    run = command("run", *account, "--until", "Preprocess", "--output", "json", "--quiet").json
    assert run["definition_sha256"] == first.json["definition_sha256"]
    assert json.loads(sent)["Steps"][0]["Arguments"]["RoleArn"] == ROLE
    keys = [entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket="my-bucket")["Contents"]]
    assert any(key.endswith("/preprocess.py") for key in keys) and any(key.endswith("/hotel_bookings.csv") for key in keys)
    assert command("upsert").code == 2
    assert command("upsert", "--role-arn", ROLE, "--bucket", "no-such-bucket").code == 6
