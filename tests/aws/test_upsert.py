"""Upsert over HTTP against in-process moto. Verified against moto and botocore's model, never against AWS."""

from __future__ import annotations

import json
import threading

import boto3
import pytest

from pipelines.aws.upsert import upsert
from pipelines.errors import CloudError, UsageError

ROLE = "arn:aws:iam::123456789012:role/ml"
BUCKET = "my-bucket"
FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "stop"}}


def definition(**changes) -> str:
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [{**FAIL, **changes}]})


def objects(body: bytes = b"print()") -> dict:
    return {f"s3://{BUCKET}/p/code/abc/x.py": body}


@pytest.fixture
def bucket(aws):
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def send(text=None, **changes):
    given = {"name": "bookings", "role_arn": ROLE, "objects": objects(), "region": "us-east-1", **changes}
    return upsert(text or definition(), **given)


def test_the_first_upsert_creates_and_starts_nothing(bucket, calls):
    result = send()
    assert (result.action, result.pipeline_arn) == ("created", "arn:aws:sagemaker:us-east-1:123456789012:pipeline/bookings")
    assert "StartPipelineExecution" not in [operation for _, operation, _ in calls]
    assert boto3.client("sagemaker").describe_pipeline(PipelineName="bookings")["PipelineDefinition"] == definition()


def test_objects_are_there_before_the_pipeline_is(bucket, calls):
    send()
    order = [operation for _, operation, _ in calls]
    assert order.index("PutObject") < order.index("CreatePipeline")


def test_the_same_upsert_again_changes_nothing(bucket, calls):
    send()
    calls.clear()
    assert send().action == "unchanged"
    assert [operation for _, operation, _ in calls] == ["HeadObject", "DescribePipeline"]


@pytest.mark.parametrize("change", [{"text": definition(Description="new")}, {"role_arn": f"{ROLE}-2"}, {"description": "other"}])
def test_what_differs_is_updated(bucket, change):
    send()
    assert send(**change).action == "updated"
    assert send(**change).action == "unchanged"


def test_an_object_that_is_there_is_not_sent_again(bucket):
    assert send().uploaded == tuple(objects())
    assert send(definition(Description="new")).skipped == tuple(objects())


def test_a_file_is_uploaded_too(bucket, tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(b"a,b\n1,2\n")
    send(objects={f"s3://{BUCKET}/p/data/abc/data.csv": file})
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key="p/data/abc/data.csv")["Body"].read() == b"a,b\n1,2\n"


def test_a_definition_that_aws_refuses_is_said_in_its_words(bucket):
    with pytest.raises(CloudError, match="CreatePipeline failed: Unable to parse pipeline definition.*step type"):
        send(definition(Type="Fial"))


def test_a_missing_bucket_stops_before_the_pipeline(aws, calls):
    with pytest.raises(CloudError, match="s3:PutObject failed.*Create the bucket first"):
        send()
    assert "CreatePipeline" not in [operation for _, operation, _ in calls]


def test_a_large_definition_goes_by_s3(bucket, calls):
    steps = [{"Name": f"Stop{n}", "Type": "Fail", "Arguments": {"ErrorMessage": "x" * 3000}} for n in range(40)]
    large = json.dumps({"Version": "2020-12-01", "Steps": steps})
    assert send(large).action == "created"
    request = next(params for _, operation, params in calls if operation == "CreatePipeline")
    assert request["PipelineDefinitionS3Location"]["Bucket"] == BUCKET and "PipelineDefinition" not in request
    assert send(large).action == "unchanged"


def test_two_upserts_at_once_leave_one_pipeline(bucket):
    results, errors = [], []

    def work():
        try:
            results.append(send().action)
        except CloudError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and results.count("created") == 1


def test_without_credentials_the_message_says_what_to_set(aws, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CloudError, match="AWS_ACCESS_KEY_ID"):
        send()


def test_a_server_that_cannot_be_reached_is_named(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(CloudError, match="127.0.0.1:9"):
        send()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role_arn": "ml"}, "ARN of a role"),
        ({"role_arn": "arn:aws:iam::000000000000:role/SagewrightLocal"}, "--role-arn"),
        ({"objects": {"s3://sagewright-local/x": b""}}, "--bucket"),
    ],
)
def test_placeholders_of_local_runs_are_refused_before_any_call(aws, calls, change, words):
    with pytest.raises(UsageError, match=words):
        send(**change)
    assert calls == []
