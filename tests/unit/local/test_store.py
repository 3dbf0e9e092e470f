from __future__ import annotations

import pytest

from pipelines.errors import UsageError
from pipelines.local.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "s3")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/../etc/passwd",
        "s3://bucket/a/../../b",
        "s3://bucket//a",
        "s3://bucket/./a",
        "s3://../a",
        "s3:///a",
        "file:///a",
        "s3://bucket/a\0b",
        "s3://bucket/a\\..\\b",
    ],
)
def test_a_key_that_could_leave_its_bucket_is_refused(store, uri):
    with pytest.raises(UsageError):
        store.path(uri)


def test_an_object_named_in_full_lands_under_its_base_name(store, tmp_path):
    store.put_bytes("s3://bucket/data/x.csv", b"1")
    assert store.download("s3://bucket/data/x.csv", tmp_path / "in") == 1
    assert (tmp_path / "in/x.csv").read_bytes() == b"1"


@pytest.mark.parametrize("prefix", ["s3://bucket/data", "s3://bucket/data/"])
def test_a_prefix_lands_with_its_folders(store, tmp_path, prefix):
    store.put_bytes("s3://bucket/data/a/x.csv", b"1")
    store.put_bytes("s3://bucket/data/b.csv", b"2")
    assert store.download(prefix, tmp_path / "in") == 2
    assert sorted(p.relative_to(tmp_path / "in").as_posix() for p in (tmp_path / "in").rglob("*.csv")) == ["a/x.csv", "b.csv"]


def test_a_download_is_a_copy_so_that_a_job_cannot_change_the_store(store, tmp_path):
    store.put_bytes("s3://bucket/x", b"1")
    store.download("s3://bucket/x", tmp_path)
    (tmp_path / "x").write_bytes(b"changed")
    assert store.read("s3://bucket/x") == b"1"


def test_a_write_that_fails_leaves_nothing_under_the_final_name(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.put_file("s3://bucket/x", tmp_path / "absent")
    assert not store.exists("s3://bucket/x")
    assert list(store.list("s3://bucket/")) == []


def test_links_in_an_output_folder_are_not_followed(store, tmp_path):
    (tmp_path / "secret").write_text("s")
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path / "secret")
    (out / "file").write_text("f")
    assert store.put_tree("s3://bucket/out", out) == 1
    assert not store.exists("s3://bucket/out/link")


def test_the_same_content_gets_the_same_uri_whatever_the_file_time(store, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x")
    first = store.ingest(file, "s3://bucket/p/data")
    import os

    os.utime(file, (1, 1))
    assert store.ingest(file, "s3://bucket/p/data") == first
    file.write_text("y")
    assert store.ingest(file, "s3://bucket/p/data") != first


def test_a_folder_is_stored_as_a_prefix(store, tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    (folder / "b.csv").write_text("2")
    uri = store.ingest(folder, "s3://bucket/p/data")
    assert uri.endswith("/")
    assert [item.relative for item in store.list(uri)] == ["a.csv", "b.csv"]


def test_reading_what_is_not_there_says_which_file_it_would_be(store):
    with pytest.raises(UsageError, match="no such object"):
        store.read("s3://bucket/none")


def test_a_prefix_that_is_no_folder_matches_the_keys_that_begin_with_it(store):
    for key in ("in/part-1.csv", "in/part-2/a.csv", "in/other.csv", "part-3.csv"):
        store.put_bytes(f"s3://bkt/{key}", key.encode())
    found = [(item.uri, item.relative) for item in store.matching("s3://bkt/in/part")]
    assert found == [("s3://bkt/in/part-1.csv", "part-1.csv"), ("s3://bkt/in/part-2/a.csv", "part-2/a.csv")]
    assert [item.relative for item in store.matching("s3://bkt/par")] == ["part-3.csv"]
    assert [item.relative for item in store.matching("s3://bkt/in/part-2")] == ["a.csv"]
    assert not [*store.matching("s3://bkt/in/part-9"), *store.matching("s3://bkt/in/part-1.csv/")]
    assert not list(store.list("s3://bkt/in/part")) and not store.exists("s3://bkt/in/part")
