"""Feature Store over HTTP against in-process moto with an overlay. Verified against botocore's model and that overlay, never against AWS."""

from __future__ import annotations

import json
import urllib.request

import pytest

from pipelines.aws import feature_store
from pipelines.errors import CloudError
from pipelines.feature_store.group import Group
from tests.aws import overlay_feature_store
from tests.functional.conftest import Command

ROLE = "arn:aws:iam::123456789012:role/ml"
GROUP = Group("trips", "id", "at", {"id": "Integral", "at": "String", "fare": "Fractional"}, offline_s3_uri="s3://my-bucket/features")
AT = "2024-05-01T00:00:00Z"


def record(key, at: str = AT, fare: str = "1.5") -> list[dict[str, str]]:
    return [{"FeatureName": name, "ValueAsString": str(value)} for name, value in (("id", key), ("at", at), ("fare", fare))]


@pytest.fixture
def connection(aws, calls):
    return feature_store.session("us-east-1")


@pytest.fixture
def waits():
    return []


@pytest.fixture
def made(connection, waits):
    return feature_store.create(connection, GROUP.request(ROLE), waits.append)


def put(connection, records, waits, workers: int = 4):
    done = []
    return feature_store.put_records(connection, "trips", records, workers=workers, sleep=waits.append, step=done.append), len(done)


def test_a_group_is_made_and_waited_for(made, waits):
    assert made["FeatureGroupStatus"] == "Created"
    assert made["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"].startswith("s3://my-bucket/features/123456789012/")
    assert made["OnlineStoreConfig"] == {"EnableOnlineStore": True}
    assert waits == [feature_store.POLL_S]


def test_the_request_is_the_services(made, calls):
    request = next(params for service, operation, params in calls if operation == "CreateFeatureGroup")
    assert request["RoleArn"] == ROLE
    assert request["FeatureDefinitions"][1] == {"FeatureName": "at", "FeatureType": "String"}


def test_a_group_without_an_offline_store_asks_for_no_role(connection, waits):
    online = Group("trips", "id", "at", GROUP.features)
    made = feature_store.create(connection, online.request(ROLE), waits.append)
    assert "RoleArn" not in online.request(ROLE) and "OfflineStoreConfig" not in made


def test_a_group_that_is_there_already_is_an_error_of_the_cloud(made, connection, waits):
    with pytest.raises(CloudError, match="already exists"):
        feature_store.create(connection, GROUP.request(ROLE), waits.append)


def test_records_are_put_side_by_side_and_got_back(made, connection, waits):
    failed, done = put(connection, [record(key) for key in range(40)], waits)
    assert (failed, done) == ([], 40)
    assert feature_store.get_record(connection, "trips", "39", ()) == record(39)
    assert feature_store.get_record(connection, "trips", "39", ["fare"]) == [{"FeatureName": "fare", "ValueAsString": "1.5"}]
    assert feature_store.get_record(connection, "trips", "40", ()) == []


def test_a_busy_service_is_asked_again_and_waits_grow(aws, waits):
    connection = feature_store.session("us-east-1")  # without the guard of `calls`, which takes a 503 for an operation that moto lacks
    feature_store.create(connection, GROUP.request(ROLE), waits.append)
    overlay_feature_store.kept("faults")["trips"] = [(400, "ThrottlingException", "slow down"), (503, "ServiceUnavailable", "ill")]
    waits.clear()
    assert put(connection, [record(1)], waits) == ([], 1)
    assert waits == [0.2, 0.4]


def test_a_service_that_stays_busy_is_given_up(made, connection, waits):
    overlay_feature_store.kept("faults")["trips"] = [(400, "ThrottlingException", "slow down")] * 6
    failed, _ = put(connection, [record(1)], waits)
    assert [(failure.row, failure.reason) for failure in failed] == [(1, "ThrottlingException: slow down (tried 6 times)")]


def test_a_refused_record_is_told_by_its_row_and_the_others_are_in(made, connection, waits):
    failed, done = put(connection, [record(1), record("refuse-me"), record(3)], waits)
    assert [failure.row for failure in failed] == [2] and done == 3
    assert "ValidationError" in failed[0].reason
    assert feature_store.get_record(connection, "trips", "3", ()) == record(3)


def test_a_record_is_deleted(made, connection, waits):
    put(connection, [record(1)], waits)
    feature_store.delete_record(connection, "trips", "1", "2024-06-01T00:00:00Z", hard=False)
    assert feature_store.get_record(connection, "trips", "1", ()) == []


def test_groups_are_listed_and_deleted(made, connection):
    assert [group["FeatureGroupName"] for group in feature_store.list_groups(connection)] == ["trips"]
    feature_store.delete(connection, "trips")
    with pytest.raises(CloudError, match="does not exist"):
        feature_store.describe(connection, "trips")


def test_a_query_is_started_waited_for_and_read(aws, connection, waits):
    rows = [{"Data": [{"VarCharValue": "hotel"}, {"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "City"}, {}]}]
    columns = [{"Name": "hotel", "Type": "varchar"}, {"Name": "n", "Type": "bigint"}]
    body = json.dumps({"results": [{"rows": rows, "column_info": columns}]}).encode()
    request = urllib.request.Request(f"{aws}/moto-api/static/athena/query-results", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    found = feature_store.query(connection, "SELECT 1", database="d", output_s3_uri="s3://my-bucket/r/", work_group=None, sleep=waits.append)
    assert list(found) == [{"hotel": "City", "n": None}]


def test_the_commands_reach_the_cloud(aws, tmp_path):
    environment = {"AWS_ENDPOINT_URL": aws, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
    command = Command(tmp_path, **environment, AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
    (tmp_path / "trips.csv").write_text(f"id,at,fare\n1,{AT},2.5\n2,{AT},\n")
    flags = ("--aws", "--region", "us-east-1")
    create = ("feature-group", "create", "trips", "--from", "trips.csv", "--record-id", "id", "--event-time", "at", "--offline", "s3://my-bucket/f")
    assert command(*create, *flags).code == 2  # the placeholder role
    made = command(*create, *flags, "--role-arn", ROLE)
    assert made.code == 0, made.err
    assert command("feature-group", "ingest", "trips", "trips.csv", *flags).out == "ingested 2 records into trips\n"
    got = command("feature-group", "get-record", "trips", "2", "--output", "json", *flags)
    assert got.json == {"Record": [{"FeatureName": "id", "ValueAsString": "2"}, {"FeatureName": "at", "ValueAsString": AT}]}
    assert "trips" in command("feature-group", "list", *flags).out
    assert command("feature-group", "delete", "trips", "--yes", *flags).code == 0
    gone = command("feature-group", "describe", "trips", *flags)
    assert gone.code == 6 and "does not exist" in gone.err
