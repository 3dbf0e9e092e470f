"""A local store with a clock that stands still."""

from __future__ import annotations

import pytest

from pipelines.feature_store.group import Group
from pipelines.feature_store.store import LocalStore

NOW = 1714521600.0  # 2024-05-01T00:00:00Z


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path, lambda uri: tmp_path / "s3" / uri.removeprefix("s3://"), lambda: NOW)


@pytest.fixture
def trips():
    return Group("My-Trips", "id", "at", {"id": "Integral", "at": "String", "fare": "Fractional", "City": "String"}, offline_s3_uri="s3://bkt/features")


@pytest.fixture
def made(store, trips):
    store.create(trips, "eu-west-1")
    return store


@pytest.fixture
def rows(trips):
    import pyarrow as pa

    from pipelines.feature_store.rows import check

    def make(*given):
        names = list(trips.features)
        return check(pa.table({name: [row[index] for row in given] for index, name in enumerate(names)}), trips)

    return make
