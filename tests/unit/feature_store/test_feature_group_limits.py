"""Names, types and limits of a feature group, and the request that makes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.definition.shapes import check_request
from pipelines.errors import UsageError
from pipelines.feature_store.group import Group, of_description, of_recipe, resolved_uri, sql_columns, table_name

ROLE = "arn:aws:iam::123456789012:role/ml"


def with_features(trips: Group, **features: str) -> Group:
    return replace(trips, features={"id": "Integral", "at": "String", **features})


@pytest.mark.parametrize("name", ["is_deleted", "write_time", "api_invocation_time", "Write_Time", "a b", "-a", "a-", "", "x" * 65, "ä"])
def test_a_feature_name_that_the_service_refuses_is_refused(trips, name):
    with pytest.raises(UsageError):
        with_features(trips, **{name: "String"}).check()


@pytest.mark.parametrize("name", ["a", "A-b_c9", "x" * 64, "a--b"])
def test_a_feature_name_that_the_service_takes_is_taken(trips, name):
    group = with_features(trips, **{name: "String"}).check()
    assert list(check_request("CreateFeatureGroup", group.request(ROLE), "$", frozenset())) == []


def test_a_group_has_at_most_2500_features(trips):
    many = {f"f{number}": "Fractional" for number in range(2498)}
    assert len(with_features(trips, **many).check().features) == 2500
    with pytest.raises(UsageError, match="number of features"):
        with_features(trips, **many, more="String").check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"record_identifier": "nope"},
        {"event_time": "nope"},
        {"event_time": "id"},
        {"online": False, "offline_s3_uri": None},
        {"name": "a b"},
        {"description": "x" * 129},
        {"features": {"id": "Integral", "at": "String", "City": "String", "city": "String"}},
    ],
)
def test_what_does_not_fit_together_is_refused(trips, wrong):
    with pytest.raises(UsageError):
        replace(trips, **wrong).check()


def test_a_group_survives_the_way_to_the_service_and_back(trips):
    assert of_description(replace(trips, description="d").request(ROLE)) == replace(trips, description="d")


def test_the_table_and_the_prefix_are_named_as_the_service_names_them(trips):
    assert table_name("My-Trips", 1714521600) == "my_trips_1714521600"
    assert resolved_uri(trips, "123456789012", "eu-west-1", 1714521600) == (
        "s3://bkt/features/123456789012/sagemaker/eu-west-1/offline-store/My-Trips-1714521600/data"
    )
    assert list(sql_columns(trips))[-7:] == ["write_time", "api_invocation_time", "is_deleted", "year", "month", "day", "hour"]


def test_a_recipes_features_are_numbers_with_identifier_and_time_before_them():
    assert of_recipe({"features": ["a", "id"]}, "id", "at") == {"id": "Integral", "at": "Fractional", "a": "Fractional"}
    with pytest.raises(UsageError, match="not a fitted recipe"):
        of_recipe({"steps": []}, "id", "at")
