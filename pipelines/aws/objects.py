"""Objects in S3 whose keys carry the hash of their content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.aws.faults import explained


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def upload(s3: Any, uri: str, body: bytes | Path, progress: Callable[[str], None]) -> bool:
    """Upload an object unless one of the same key and size is there; keys carry the content's hash, so the same key is the same content."""
    bucket, key = split_uri(uri)
    size_bytes = len(body) if isinstance(body, bytes) else body.stat().st_size
    with explained("s3:PutObject", uri):
        if _stored_size(s3, bucket, key) == size_bytes:
            return False
        progress(f"uploading {uri} ({size_bytes:,} bytes)")
        if isinstance(body, bytes):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        else:
            s3.upload_file(str(body), bucket, key)
    return True


def _stored_size(s3: Any, bucket: str, key: str) -> int | None:
    from botocore.exceptions import ClientError

    try:
        return int(s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
    except ClientError as error:
        # A role without s3:ListBucket is answered 403 for a key that is not there; the upload itself then tells what is allowed.
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "403"):
            return None
        raise
