"""Send a pipeline to SageMaker: objects first, then create or update. Checked against moto and botocore's model, never against AWS itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.aws.faults import explained
from pipelines.aws.objects import split_uri, upload
from pipelines.errors import UsageError

INLINE_CHARACTERS = 100 * 1024
ROLE = re.compile(r"arn:aws[a-z\-]*:iam::(\d{12}):role/[\w+=,.@/\-]+")
PLACEHOLDER_ACCOUNT = "000000000000"
PLACEHOLDER_BUCKET = "sagewright-local"
ABSENT = ("ResourceNotFound", "ValidationException")


@dataclass(frozen=True)
class UpsertResult:
    """State what was done: `action` is created, updated or unchanged; URIs of objects that were uploaded and that were there already."""

    pipeline_arn: str
    action: str
    definition_sha256: str
    uploaded: tuple[str, ...]
    skipped: tuple[str, ...]


def upsert(
    definition_json: str,
    *,
    name: str,
    role_arn: str,
    objects: Mapping[str, bytes | Path],
    region: str | None,
    description: str | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> UpsertResult:
    """Upload what is not there yet, then create the pipeline or update it when its definition, role or description differs. Starts nothing.

    Raises:
        UsageError: role or bucket is a placeholder or malformed; no call was made.
        CloudError: AWS refused a call or could not be reached.
    """
    _check_account(definition_json, role_arn, objects)
    with explained("connect to AWS", "your credentials"):
        import boto3

        session = boto3.Session(region_name=region)
        s3, sagemaker = session.client("s3"), session.client("sagemaker")
    uploaded = tuple(uri for uri, body in sorted(objects.items()) if upload(s3, uri, body, progress))
    wanted = {"PipelineName": name, "RoleArn": role_arn, "PipelineDescription": description or name}
    body = _definition(s3, definition_json, name, objects)
    arn, action = _create_or_update(sagemaker, definition_json, {**wanted, **body})
    progress(f"{action} {arn}")
    digest = hashlib.sha256(definition_json.encode()).hexdigest()
    return UpsertResult(arn, action, digest, uploaded, tuple(sorted(set(objects) - set(uploaded))))


def _check_account(definition_json: str, role_arn: str, objects: Mapping[str, bytes | Path]) -> None:
    match = ROLE.fullmatch(role_arn)
    if match is None:
        raise UsageError("this is not the ARN of a role", where="--role-arn", got=role_arn, expected="arn:aws:iam::<12 digits>:role/<name>")
    if match.group(1) == PLACEHOLDER_ACCOUNT:
        raise UsageError("the role is the placeholder for local runs", where="aws.role_arn", got=role_arn, hint="Give --role-arn, or set it in a profile.")
    if any(uri.startswith(f"s3://{PLACEHOLDER_BUCKET}/") for uri in objects) or f"s3://{PLACEHOLDER_BUCKET}/" in definition_json:
        raise UsageError(
            "the bucket is the placeholder for local runs", where="aws.bucket", got=PLACEHOLDER_BUCKET, hint="Give --bucket, or set it in a profile."
        )


def _definition(s3: Any, text: str, name: str, objects: Mapping[str, bytes | Path]) -> dict[str, Any]:
    """Return the definition as the request takes it: inline, or by its place in S3 from 100 KiB on."""
    if len(text) < INLINE_CHARACTERS or not objects:
        return {"PipelineDefinition": text}
    bucket, _ = split_uri(next(iter(sorted(objects))))
    key = f"{name}/definitions/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    with explained("s3:PutObject", f"s3://{bucket}/{key}"):
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return {"PipelineDefinitionS3Location": {"Bucket": bucket, "ObjectKey": key}}


def _create_or_update(sagemaker: Any, text: str, request: Mapping[str, Any]) -> tuple[str, str]:
    name = request["PipelineName"]
    with explained("sagemaker:DescribePipeline", name):
        present = _described(sagemaker, name)
    if present is None:
        token = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:64]
        with explained("sagemaker:CreatePipeline", name):
            created = _created(sagemaker, {**request, "ClientRequestToken": token})
        if created:
            return created, "created"
    elif _same(present, text, request):
        return str(present["PipelineArn"]), "unchanged"
    with explained("sagemaker:UpdatePipeline", name):
        return str(sagemaker.update_pipeline(**request)["PipelineArn"]), "updated"


def _described(sagemaker: Any, name: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = sagemaker.describe_pipeline(PipelineName=name)
        return found
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] == "ResourceNotFound" or (told["Code"] in ABSENT and re.search("not find|not exist|not found", told["Message"])):
            return None
        raise


def _created(sagemaker: Any, request: Mapping[str, Any]) -> str | None:
    """Return the new pipeline's ARN, None when someone else has made it meanwhile."""
    from botocore.exceptions import ClientError

    try:
        return str(sagemaker.create_pipeline(**request)["PipelineArn"])
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] == "ConflictException" or "already exists" in told["Message"]:
            return None
        raise


def _same(present: Mapping[str, Any], text: str, request: Mapping[str, Any]) -> bool:
    try:
        same_definition = json.loads(present["PipelineDefinition"]) == json.loads(text)
    except ValueError:
        return False
    described = present.get("PipelineDescription") or present["PipelineName"]
    return bool(same_definition and present["RoleArn"] == request["RoleArn"] and described == request["PipelineDescription"])
