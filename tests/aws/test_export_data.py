"""Exported data goes to S3, each file once for the same content."""

from __future__ import annotations

import hashlib

import boto3
import pytest

from pipelines.aws.put import put_files
from pipelines.errors import CloudError, UsageError


def digests(files):
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def test_files_are_put_in_their_order_and_again_only_when_they_changed(aws, tmp_path):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="my-bucket")
    files = {"train.parquet": tmp_path / "a", "manifest.json": tmp_path / "b"}
    files["train.parquet"].write_bytes(b"rows")
    files["manifest.json"].write_bytes(b"{}")
    assert put_files("s3://my-bucket/x/", files, digests(files), "us-east-1") == ["train.parquet", "manifest.json"]
    assert put_files("s3://my-bucket/x", files, digests(files), "us-east-1") == []
    files["train.parquet"].write_bytes(b"ROWS")
    assert put_files("s3://my-bucket/x", files, digests(files), "us-east-1") == ["train.parquet"]
    assert s3.get_object(Bucket="my-bucket", Key="x/train.parquet")["Body"].read() == b"ROWS"


def test_a_bucket_that_is_not_there_is_named(aws, tmp_path):
    (tmp_path / "a").write_bytes(b"rows")
    with pytest.raises(CloudError, match="no-such-bucket"):
        put_files("s3://no-such-bucket/x", {"a": tmp_path / "a"}, {"a": "0"}, "us-east-1")
    with pytest.raises(UsageError, match="bucket/prefix"):
        put_files("s3:///x", {}, {}, "us-east-1")
