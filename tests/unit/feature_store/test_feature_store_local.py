"""The local store keeps the service's layout and its rules for late, repeated and deleted records."""

from __future__ import annotations

import os
import re

import pyarrow.parquet as parquet
import pytest

from pipelines.errors import UsageError
from pipelines.feature_store import store as store_module
from pipelines.feature_store.query import run

EARLY, LATER, LATEST = "2024-05-01T09:59:59Z", "2024-05-01T10:00:00Z", "2024-06-30T23:00:00Z"
NAME = "My-Trips"


def files(store) -> list[str]:
    root = store.home / "s3/bkt/features/000000000000/sagemaker/eu-west-1/offline-store/My-Trips-1714521600/data"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.parquet"))


def fare(store, key: str = "1") -> str | None:
    return next((value["ValueAsString"] for value in store.get_record(NAME, key) if value["FeatureName"] == "fare"), None)


def query(store, sql: str) -> list[dict]:
    out = store.home / "out.parquet"
    out.unlink(missing_ok=True)
    run(sql, store.home, store.place, out)
    return parquet.ParquetFile(out).read().to_pylist()


def test_the_description_is_the_services(made):
    described = made.describe(NAME)
    assert described["FeatureGroupArn"] == "arn:aws:sagemaker:eu-west-1:000000000000:feature-group/my-trips"
    assert described["OfflineStoreConfig"]["DataCatalogConfig"] == {
        "TableName": "my_trips_1714521600",
        "Catalog": "AwsDataCatalog",
        "Database": "sagemaker_featurestore",
    }


def test_records_lie_by_the_hour_of_their_event_time(made, rows):
    made.ingest(NAME, rows((1, EARLY, 1.0, "x"), (2, LATER, 2.0, "x"), (3, "2024-05-01T10:59:59.999Z", 3.0, "x")))
    first, second = files(made)
    assert re.fullmatch(r"year=2024/month=05/day=01/hour=09/20240501T095959Z_[0-9a-f]{16}\.parquet", first)
    assert re.fullmatch(r"year=2024/month=05/day=01/hour=10/20240501T105959Z_[0-9a-f]{16}\.parquet", second)


def test_the_service_adds_three_columns(made, rows):
    made.ingest(NAME, rows((1, EARLY, 1.0, None)))
    (found,) = query(made, "SELECT * FROM my_trips_1714521600")
    assert set(found) == {"id", "at", "fare", "city", "write_time", "api_invocation_time", "is_deleted", "year", "month", "day", "hour"}
    assert (found["is_deleted"], found["year"], found["hour"], found["write_time"].isoformat()) == (False, "2024", "09", "2024-05-01T00:00:00")


def test_the_latest_event_time_wins_whatever_the_order(made, rows):
    made.ingest(NAME, rows((1, LATER, 2.0, "x")))
    made.ingest(NAME, rows((1, EARLY, 1.0, "x")))
    assert fare(made) == "2.0"
    made.ingest(NAME, rows((1, LATER, 3.0, "x")))
    assert fare(made) == "2.0", "an equal event time is not later"
    made.ingest(NAME, rows((1, LATEST, 4.0, "x"), (1, EARLY, 5.0, "x")))
    assert fare(made) == "4.0"
    assert query(made, "SELECT count(*) AS n FROM my_trips_1714521600") == [{"n": 5}]


def test_a_record_can_be_asked_for_some_features(made, rows):
    made.ingest(NAME, rows((1, EARLY, 1.0, "x")))
    assert made.get_record(NAME, "1", ("City",)) == [{"FeatureName": "City", "ValueAsString": "x"}]
    assert made.get_record(NAME, "2") == []
    with pytest.raises(UsageError, match="no such feature"):
        made.get_record(NAME, "1", ("town",))


def test_a_soft_deletion_hides_the_record_until_a_later_one_comes(made, rows):
    made.ingest(NAME, rows((1, EARLY, 1.0, "x")))
    made.delete_record(NAME, "1", LATER)
    assert made.get_record(NAME, "1") == []
    made.ingest(NAME, rows((1, EARLY, 2.0, "x")))
    assert made.get_record(NAME, "1") == [], "older than the deletion"
    made.ingest(NAME, rows((1, LATEST, 3.0, "x")))
    assert fare(made) == "3.0"
    assert query(made, "SELECT id, at, fare, city FROM my_trips_1714521600 WHERE is_deleted") == [{"id": 1, "at": LATER, "fare": None, "city": None}]


def test_a_deletion_that_is_not_later_leaves_the_record_and_is_an_error_when_hard(made, rows):
    made.ingest(NAME, rows((1, LATER, 1.0, "x")))
    made.delete_record(NAME, "1", EARLY)
    assert fare(made) == "1.0"
    with pytest.raises(UsageError, match="must be later"):
        made.delete_record(NAME, "1", LATER, hard=True)
    assert query(made, "SELECT count(*) AS n FROM my_trips_1714521600 WHERE is_deleted") == [{"n": 1}]


def test_after_a_hard_deletion_an_older_record_is_taken_again(made, rows):
    made.ingest(NAME, rows((1, LATER, 1.0, "x")))
    made.delete_record(NAME, "1", LATEST, hard=True)
    assert made.get_record(NAME, "1") == []
    made.ingest(NAME, rows((1, EARLY, 2.0, "x")))
    assert fare(made) == "2.0"


def test_an_ingestion_that_dies_before_it_is_complete_leaves_nothing(made, rows, monkeypatch):
    def dies(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.ingest(NAME, rows((1, EARLY, 1.0, "x"), (2, LATER, 1.0, "x")), dies)
    assert files(made) == [] and made.get_record(NAME, "1") == []
    assert list((made.home / "feature-store" / NAME / "pending").iterdir()) == []


def test_an_ingestion_that_dies_after_it_is_complete_is_finished_by_the_next_command(made, rows, monkeypatch):
    real, moved = os.replace, []

    def dies_at_the_second_file(source, target):
        if str(target).endswith(".parquet"):
            moved.append(target)
            if len(moved) == 2:
                raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(store_module.os, "replace", dies_at_the_second_file)
        with pytest.raises(KeyboardInterrupt):
            made.ingest(NAME, rows((1, EARLY, 1.0, "x"), (2, LATER, 2.0, "x")))
    assert len(files(made)) == 1
    assert fare(made, "2") == "2.0"
    assert len(files(made)) == 2


def test_a_group_may_keep_only_one_of_the_stores(store, trips, rows):
    from dataclasses import replace

    store.create(replace(trips, name="on", offline_s3_uri=None), "eu-west-1")
    store.create(replace(trips, name="off", online=False), "eu-west-1")
    for name in ("on", "off"):
        store.ingest(name, rows((1, EARLY, 1.0, "x")))
    assert store.get_record("on", "1")
    with pytest.raises(UsageError, match="no online store"):
        store.get_record("off", "1")
    assert query(store, "SELECT id FROM off_1714521600") == [{"id": 1}]


def test_names_are_unique_and_unknown_groups_are_told(made, trips):
    with pytest.raises(UsageError, match="already"):
        made.create(trips, "eu-west-1")
    with pytest.raises(UsageError, match="groups: My-Trips"):
        made.describe("other")
    with pytest.raises(UsageError, match="not the name"):
        made.describe("../../etc")


def test_a_deleted_group_leaves_its_records_in_s3(made, rows, trips):
    made.ingest(NAME, rows((1, EARLY, 1.0, "x")))
    made.delete(NAME)
    assert made.groups() == [] and len(files(made)) == 1


def test_an_empty_offline_store_can_be_queried(made):
    assert query(made, "SELECT count(*) AS n, max(fare) AS m FROM sagemaker_featurestore.my_trips_1714521600 WHERE year = '2024'") == [{"n": 0, "m": None}]


def test_a_table_that_no_group_has_is_told(made):
    with pytest.raises(UsageError, match="sagemaker_featurestore.my_trips_1714521600"):
        query(made, "SELECT a FROM trips")


def test_iceberg_is_refused_by_name(store, trips):
    from dataclasses import replace

    with pytest.raises(UsageError, match="Iceberg"):
        store.create(replace(trips, table_format="Iceberg"), "eu-west-1")
