"""Rows become records, or all of them are refused with the numbers of the bad ones."""

from __future__ import annotations

from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.feature_store import times
from pipelines.feature_store.group import Group
from pipelines.feature_store.rows import check, feature_types, read

AT = "2024-05-01T00:00:00Z"


def test_a_record_has_the_shape_of_put_record_and_leaves_missing_values_out(rows):
    assert rows((7, AT, 0.5, None)).record(0) == [
        {"FeatureName": "id", "ValueAsString": "7"},
        {"FeatureName": "at", "ValueAsString": AT},
        {"FeatureName": "fare", "ValueAsString": "0.5"},
    ]


def test_bad_rows_are_told_by_their_numbers(rows):
    with pytest.raises(UsageError) as told:
        rows((1, AT, 1.0, "x"), (None, AT, 1.0, "x"), (3, None, 1.0, "x"), (4, "2024-05-01", 1.0, "x"), (5, AT, float("inf"), "x"))
    text = str(told.value)
    assert "4 of 5 rows cannot be ingested, so none was" in text
    assert "row 2: id: the record identifier is missing" in text
    assert "row 3: at: the event time is missing" in text
    assert "row 4: at: got '2024-05-01', expected yyyy-MM-ddTHH:mm:ssZ" in text
    assert "row 5: fare: got inf" in text


def test_ten_bad_rows_are_told_and_the_others_counted(rows):
    with pytest.raises(UsageError, match="and 2 more"):
        rows(*[(None, AT, 1.0, "x")] * 12)


@pytest.mark.parametrize(
    "text", ["2024-02-30T00:00:00Z", "2024-05-01T00:00:00", "2024-05-01 00:00:00Z", "2024-05-01T00:00:00+02:00", "2024-05-01T24:00:00Z", "x", ""]
)
def test_text_that_is_no_event_time_has_no_seconds(text):
    assert times.seconds(text) is None


@given(st.integers(min_value=0, max_value=int(times.LATEST_S) * 1000))
def test_every_millisecond_survives_as_text(milliseconds):
    assert round(times.seconds(times.iso(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e15, True, None])
def test_a_number_that_is_no_time_has_no_seconds(value):
    assert times.seconds(value) is None


def test_types_come_from_the_columns():
    table = pa.table({"a": pa.array([1], pa.int32()), "b": [True], "c": pa.array([1.0], pa.float32()), "d": ["x"], "e": [datetime(2024, 5, 1)]})
    assert feature_types(table) == {"a": "Integral", "b": "Integral", "c": "Fractional", "d": "String", "e": "String"}


def test_timestamps_become_the_services_text(trips):
    moment = datetime(2024, 5, 1, 12, 30, 0, 250000, tzinfo=timezone.utc)
    table = pa.table({"id": [1.0], "at": [moment], "fare": [1], "City": pa.array([None], pa.string())})
    assert check(table, trips).values["at"] == ["2024-05-01T12:30:00.250Z"]
    assert check(table, trips).values["id"] == [1]


def test_a_broken_number_is_no_identifier_of_a_whole_kind(trips):
    with pytest.raises(UsageError, match="row 1: id: got 1.5, which is not a whole number"):
        check(pa.table({"id": [1.5], "at": [AT], "fare": [1.0], "City": ["x"]}), trips)


def test_dates_in_csv_stay_text_and_empty_cells_are_missing(tmp_path):
    (tmp_path / "a.csv").write_text("at,day,n\n2024-05-01T00:00:00Z,2024-05-01,\n2024-05-02T00:00:00Z,,3\n")
    assert read(tmp_path / "a.csv").to_pylist() == [
        {"at": "2024-05-01T00:00:00Z", "day": "2024-05-01", "n": None},
        {"at": "2024-05-02T00:00:00Z", "day": None, "n": 3},
    ]


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "a,b\n1\n"), ("a.csv", "a,b\n"), ("a.csv", ""), ("a.parquet", "no"), ("a.jsonl", "{"), ("a.csv", "a,a\n1,2\n")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError):
        read(tmp_path / name)


def test_columns_must_be_the_groups(trips, tmp_path):
    table = pa.table({"id": [1], "at": [AT], "fare": [1.0], "City": ["x"], "more": [1]})
    with pytest.raises(UsageError, match="more"):
        check(table, trips)
    assert list(check(table, trips, skip_unknown=True).values) == list(trips.features)
    with pytest.raises(UsageError, match="also: City"):
        check(table.drop(["City"]), trips)


def test_a_parquet_file_is_read_without_taking_its_folder_for_a_partition(tmp_path):
    folder = tmp_path / "year=2024"
    folder.mkdir()
    parquet.write_table(pa.table({"a": [1]}), folder / "x.parquet")
    assert read(folder / "x.parquet").column_names == ["a"]


def test_a_group_may_date_its_records_in_seconds():
    group = Group("g", "id", "at", {"id": "String", "at": "Fractional"})
    assert list(check(pa.table({"id": ["a"], "at": [1.5]}), group).times_s) == [1.5]
