"""Feature Store in an account: groups, records and queries by boto3. Checked against moto and botocore's model, never against AWS itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipelines.aws.faults import explained
from pipelines.errors import CloudError

# What is worth another try: the service is busy or ill. Everything else is wrong for good.
RETRIED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailable", "InternalFailure", "InternalServerError", "RequestTimeout")
ATTEMPTS, FIRST_WAIT_S = 6, 0.2
POLL_S = 2.0
IN_FLIGHT = 4

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Failure:
    """State why a record was not taken; `row` counts from 1."""

    row: int
    reason: str


def session(region: str | None) -> Any:
    """Return a boto3 session.

    Raises:
        CloudError: the profile or the region cannot be used.
    """
    with explained("connect to AWS", "your credentials"):
        import boto3

        return boto3.Session(region_name=region)


def create(connection: Any, request: Mapping[str, Any], sleep: Sleep, tries: int = 300) -> dict[str, Any]:
    """Create a feature group and return its description once it is ready.

    Raises:
        CloudError: AWS refused the call, or the group could not be made.
    """
    name = request["FeatureGroupName"]
    with explained("sagemaker:CreateFeatureGroup", name):
        connection.client("sagemaker").create_feature_group(**request)
    for _ in range(tries):
        described = describe(connection, name)
        if described["FeatureGroupStatus"] != "Creating":
            break
        sleep(POLL_S)
    if described["FeatureGroupStatus"] != "Created":
        raise CloudError("the feature group could not be made", where=name, got=described["FeatureGroupStatus"], hint=described.get("FailureReason", ""))
    return described


def describe(connection: Any, name: str) -> dict[str, Any]:
    """Return DescribeFeatureGroup with all pages of the features.

    Raises:
        CloudError: AWS refused the call, e.g. because there is no such group.
    """
    with explained("sagemaker:DescribeFeatureGroup", name):
        client = connection.client("sagemaker")
        described: dict[str, Any] = client.describe_feature_group(FeatureGroupName=name)
        features, token = list(described["FeatureDefinitions"]), described.get("NextToken")
        while token:
            page = client.describe_feature_group(FeatureGroupName=name, NextToken=token)
            features, token = features + page["FeatureDefinitions"], page.get("NextToken")
    return {**{key: value for key, value in described.items() if key not in ("NextToken", "ResponseMetadata")}, "FeatureDefinitions": features}


def list_groups(connection: Any) -> list[dict[str, Any]]:
    """Return the summary of every feature group of account and region.

    Raises:
        CloudError: AWS refused the call.
    """
    with explained("sagemaker:ListFeatureGroups", "feature groups"):
        pages = connection.client("sagemaker").get_paginator("list_feature_groups").paginate()
        return [summary for page in pages for summary in page["FeatureGroupSummaries"]]


def delete(connection: Any, name: str) -> None:
    """Delete a feature group; its records in S3 and its Glue table stay.

    Raises:
        CloudError: AWS refused the call.
    """
    with explained("sagemaker:DeleteFeatureGroup", name):
        connection.client("sagemaker").delete_feature_group(FeatureGroupName=name)


def get_record(connection: Any, name: str, key: str, features: Sequence[str]) -> list[dict[str, str]]:
    """Return GetRecord's record, an empty list when there is none.

    Raises:
        CloudError: AWS refused the call.
    """
    with explained("sagemaker:GetRecord", f"{name}, record {key}"):
        wanted = {"FeatureNames": list(features)} if features else {}
        answer = connection.client("sagemaker-featurestore-runtime").get_record(FeatureGroupName=name, RecordIdentifierValueAsString=key, **wanted)
    record: list[dict[str, str]] = answer.get("Record", [])
    return record


def delete_record(connection: Any, name: str, key: str, event_time: str, *, hard: bool) -> None:
    """Delete a record, softly unless `hard`.

    Raises:
        CloudError: AWS refused the call, e.g. because the event time is not late enough.
    """
    with explained("sagemaker:DeleteRecord", f"{name}, record {key}"):
        client = connection.client("sagemaker-featurestore-runtime")
        mode = "HardDelete" if hard else "SoftDelete"
        client.delete_record(FeatureGroupName=name, RecordIdentifierValueAsString=key, EventTime=event_time, DeletionMode=mode)


def put_records(
    connection: Any, name: str, records: Iterable[Sequence[Mapping[str, str]]], *, workers: int, sleep: Sleep, step: Callable[[int], None]
) -> list[Failure]:
    """Put records side by side and return those that were refused, by row; `step` hears each that is done.

    A call that meets a busy service is tried up to 6 times, with waits of 0.2 s and twice as long each time. Records go one by one: unlike the local store,
    the service cannot take all or none.

    Raises:
        CloudError: there is no connection or there are no credentials, so that no record can be put.
    """
    from botocore.config import Config

    with explained("connect to AWS", name):
        config = Config(max_pool_connections=workers, retries={"total_max_attempts": 1})
        client = connection.client("sagemaker-featurestore-runtime", config=config)
    failures: list[Failure] = []
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="put") as pool:
        for row, reason in _bounded(pool, enumerate(records, 1), lambda record: _put(client, name, record, sleep), workers * IN_FLIGHT):
            step(1)
            if reason:
                failures.append(Failure(row, reason))
    return sorted(failures, key=lambda failure: failure.row)


def _bounded(pool: ThreadPoolExecutor, numbered: Iterable[tuple[int, Any]], act: Callable[[Any], str], limit: int) -> Iterator[tuple[int, str]]:
    """Yield (row, reason or nothing) as calls end, with at most `limit` of them handed to the pool."""
    running: dict[Future[str], int] = {}
    for row, record in numbered:
        running[pool.submit(act, record)] = row
        if len(running) >= limit:
            yield from _ended(running)
    while running:
        yield from _ended(running)


def _ended(running: dict[Future[str], int]) -> Iterator[tuple[int, str]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


def _put(client: Any, name: str, record: Sequence[Mapping[str, str]], sleep: Sleep) -> str:
    """Put one record and return why it was refused, nothing when it was taken."""
    from botocore.exceptions import ClientError

    for attempt in range(ATTEMPTS):
        try:
            with _asked("sagemaker:PutRecord", name):
                client.put_record(FeatureGroupName=name, Record=list(record))
            return ""
        except ClientError as error:
            told = error.response.get("Error", {})
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            reason = f"{told.get('Code')}: {told.get('Message')}"
            if told.get("Code") not in RETRIED and status < 500:
                return reason
            if attempt + 1 < ATTEMPTS:
                sleep(FIRST_WAIT_S * 2**attempt)
    return f"{reason} (tried {ATTEMPTS} times)"


@contextmanager
def _asked(action: str, what: str) -> Iterator[None]:
    """Explain everything but the service's own answers, which the caller looks at."""
    from botocore.exceptions import ClientError

    answer: ClientError | None = None
    with explained(action, what):
        try:
            yield
        except ClientError as error:
            answer = error
    if answer is not None:
        raise answer


def query(
    connection: Any, sql: str, *, database: str, output_s3_uri: str | None, work_group: str | None, sleep: Sleep, tries: int = 900
) -> Iterator[dict[str, str | None]]:
    """Run a query in Athena and yield its rows as texts by column.

    Raises:
        CloudError: AWS refused a call, or the query failed.
    """
    client = connection.client("athena")
    result = {"ResultConfiguration": {"OutputLocation": output_s3_uri}} if output_s3_uri else {}
    place = {**result, **({"WorkGroup": work_group} if work_group else {})}
    with explained("athena:StartQueryExecution", database):
        execution = client.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": database}, **place)["QueryExecutionId"]
    for _ in range(tries):
        with explained("athena:GetQueryExecution", execution):
            status = client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        sleep(POLL_S)
    if status["State"] != "SUCCEEDED":
        raise CloudError("the query failed", where=execution, got=status["State"], hint=status.get("StateChangeReason", ""))
    with explained("athena:GetQueryResults", execution):
        yield from _rows(client.get_paginator("get_query_results").paginate(QueryExecutionId=execution))


def _rows(pages: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str | None]]:
    """Yield the rows of Athena's pages; the first row of the first page is the heading."""
    names: list[str] = []
    for page in pages:
        found = page["ResultSet"]["Rows"]
        if not names:
            names = [column["Name"] for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
            found = found[1:]
        for row in found:
            yield {name: cell.get("VarCharValue") for name, cell in zip(names, row["Data"], strict=True)}
