"""The commands of feature groups on the local store, as a user types them."""

from __future__ import annotations

import pytest

ROWS = "id,at,fare,City\n1,2024-05-01T10:00:00Z,1.5,Rome\n2,2024-05-01T11:00:00Z,2.5,Oslo\n1,2024-05-01T09:00:00Z,9.5,Bern\n"
CREATE = ("feature-group", "create", "my-trips", "--from", "rows.csv", "--record-id", "id", "--event-time", "at", "--offline", "s3://bkt/features")
SECTION = "feature_group: {name: trips, record_identifier: id, event_time: at, offline: {s3_uri: 's3://bkt/f'}}\n"


@pytest.fixture
def trips(sagewright):
    (sagewright.folder / "rows.csv").write_text(ROWS)
    made = sagewright(*CREATE, "--output", "json")
    assert made.code == 0, made.err
    sagewright.table = made.json["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    return sagewright


def test_rows_are_ingested_got_and_queried(trips):
    assert trips("feature-group", "ingest", "my-trips", "rows.csv").out == "ingested 3 records into my-trips\n"
    got = trips("feature-group", "get-record", "my-trips", "1", "-f", "City", "--output", "json")
    assert got.json == {"Record": [{"FeatureName": "City", "ValueAsString": "Rome"}]}
    asked = trips("feature-group", "query", f"SELECT city, hour FROM {trips.table} ORDER BY fare", "--output", "json")
    assert asked.json == [{"city": "Rome", "hour": "10"}, {"city": "Oslo", "hour": "11"}, {"city": "Bern", "hour": "09"}]
    assert trips("feature-group", "query", f"SELECT * FROM {trips.table}", "--file", "out.csv").out == "wrote 3 rows to out.csv\n"
    assert trips.table in trips("feature-group", "list").out
    assert trips("feature-group", "get-record", "my-trips", "3").code == 1


def test_a_bad_row_is_told_and_nothing_is_written(trips):
    (trips.folder / "bad.csv").write_text(ROWS + ",2024-05-01T09:00:00Z,1.0,x\n4,yesterday,1.0,x\n")
    done = trips("feature-group", "ingest", "my-trips", "bad.csv")
    assert done.code == 2
    assert "row 4: id: the record identifier is missing" in done.err and "row 5: at: got 'yesterday'" in done.err
    assert trips("feature-group", "query", f"SELECT count(*) AS n FROM {trips.table}", "--output", "json").json == [{"n": 0}]


def test_a_group_can_come_from_the_configuration_and_a_recipe(bookings):
    with open(bookings.folder / "pipeline.yaml", "a") as yaml:
        yaml.write(SECTION)
    (bookings.folder / "recipe.json").write_text('{"features": ["adr"]}')
    done = bookings("feature-group", "create", "--config", "pipeline.yaml", "--from", "recipe.json", "--output", "json")
    assert done.code == 0, done.err
    assert [feature["FeatureType"] for feature in done.json["FeatureDefinitions"]] == ["Integral", "Fractional", "Fractional"]
    assert done.json["OfflineStoreConfig"]["TableFormat"] == "Glue"


def test_a_hostile_query_reads_no_file(trips):
    done = trips("feature-group", "query", "SELECT * FROM read_text('/etc/passwd')")
    assert done.code == 2 and "root:" not in done.out + done.err
    assert trips("feature-group", "query", 'SELECT * FROM "../../etc/passwd"').code == 2


def test_deleting_asks_for_a_yes(trips):
    assert trips("feature-group", "delete", "my-trips").code == 2
    assert trips("feature-group", "delete", "my-trips", "--yes").code == 0
    assert trips("feature-group", "get-record", "my-trips", "1").code == 2


def test_a_pipeline_reads_the_offline_store_by_its_table(trips):
    from tests.functional.test_athena import SHOW, athena, queried
    from tests.functional.test_athena import rows as result

    trips.put("s3://bkt/code/show.py", SHOW)
    trips("feature-group", "ingest", "my-trips", "rows.csv")
    query = f"SELECT id, max_by(city, at) AS city FROM {trips.table} WHERE NOT is_deleted GROUP BY id ORDER BY id"
    document = queried(athena(query, Database="sagemaker_featurestore"), CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    done = trips.run(document)
    assert done.code == 0, done.err
    assert result(trips, done) == [{"id": 1, "city": "Rome"}, {"id": 2, "city": "Oslo"}]
    trips("feature-group", "ingest", "my-trips", "rows.csv")
    assert trips.run(document).json["steps"][0]["cache"].startswith("miss: ProcessingInputs changed")
