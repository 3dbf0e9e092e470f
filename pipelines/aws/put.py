"""Put files into S3, those that are not there with the same content. Checked against moto, never against AWS itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.aws.faults import explained
from pipelines.errors import UsageError


def put_files(uri: str, files: Mapping[str, Path], digests: Mapping[str, str], region: str | None) -> list[str]:
    """Upload files below a prefix in their order, large ones in parts; return the names of those that were uploaded.

    The SHA-256 of each is kept with the object as metadata; an object that has the same is left alone.

    Raises:
        UsageError: this is not an S3 URI.
        CloudError: AWS refused a call or could not be reached.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError("this is not an S3 URI", where="--to", got=uri, expected="s3://bucket/prefix")
    with explained("connect to AWS", "your credentials"):
        import boto3

        s3 = boto3.Session(region_name=region).client("s3")
    copied = []
    for name, file in files.items():
        key = f"{prefix.rstrip('/')}/{name}".lstrip("/")
        with explained("s3:PutObject", f"s3://{bucket}/{key}"):
            if _stored(s3, bucket, key) != digests[name]:
                s3.upload_file(str(file), bucket, key, ExtraArgs={"Metadata": {"sha256": digests[name]}})
                copied.append(name)
    return copied


def _stored(s3: Any, bucket: str, key: str) -> str | None:
    """Return the hash that an object was stored with, None when there is none or it may not be asked."""
    from botocore.exceptions import ClientError

    try:
        found: str | None = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256")
        return found
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "403"):
            return None
        raise
