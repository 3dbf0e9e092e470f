"""Prepared data goes to S3 below its hash, once."""

from __future__ import annotations

import boto3

from pipelines.aws.objects import put_all


def test_objects_are_put_once_in_their_order(aws, tmp_path):
    boto3.client("s3").create_bucket(Bucket="my-bucket")
    (tmp_path / "a").write_bytes(b"rows")
    wanted = {"s3://my-bucket/x/a.parquet": tmp_path / "a", "s3://my-bucket/x/manifest.json": b"{}"}
    assert put_all(wanted, "us-east-1") == tuple(wanted)
    assert put_all(wanted, "us-east-1") == ()
    assert boto3.client("s3").get_object(Bucket="my-bucket", Key="x/a.parquet")["Body"].read() == b"rows"
