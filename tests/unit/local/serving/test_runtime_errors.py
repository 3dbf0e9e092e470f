"""Errors of the Runtime API that no ordinary request meets, and the measures that alarms look at."""

from __future__ import annotations

import asyncio
import json
import uuid
from types import SimpleNamespace

import pytest
from fakes import FakeEndpoint, echo, plain_config, saying

from pipelines.local.serving import async_inference, runtime
from pipelines.local.serving.async_inference import AsyncQueue
from pipelines.local.serving.invocation import Invocation, RuntimeFault
from pipelines.local.serving.link import Reply
from pipelines.local.serving.many_models import ApiError
from pipelines.local.serving.measures import Measures, percentile
from pipelines.local.serving.records import Records
from pipelines.local.serving.runtime import RuntimeApp, _request_id
from pipelines.local.serving.target_models import TargetModels
from pipelines.local.store import Store


def call(app, body=b"x", path="/endpoints/ep/invocations", pieces=None, headers=()):
    """Send a request to an application and return status, headers and the JSON of the answer."""
    sent = []

    async def work():
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces or ()]
        messages.append({"type": "http.request", "body": body, "more_body": False})

        async def receive():
            if len(messages) == 1 and pieces:
                await asyncio.sleep(60)
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": list(headers)}
        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(work())
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, json.loads(sent[1]["body"])


def test_a_defect_is_an_internal_failure_and_told():
    said = []

    def find(name):
        raise ZeroDivisionError("here")

    status, headers, body = call(RuntimeApp(find, tell=said.append))
    assert (status, headers["x-amzn-errortype"]) == (500, "InternalFailure")
    assert "ZeroDivisionError" in body["message"]
    assert "here" in said[0]


def test_an_endpoint_that_starts_for_too_long_is_not_available(monkeypatch):
    monkeypatch.setattr(runtime, "STARTUP_PATIENCE_S", 0.05)
    status, headers, _ = call(RuntimeApp(lambda name: None, starts=lambda name: True))
    assert (status, headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")


def test_a_body_that_does_not_come_is_not_waited_for():
    status, headers, _ = call(RuntimeApp(lambda name: None, body_timeout_s=0.05), pieces=[b"x"])
    assert (status, headers["x-amzn-errortype"], headers["connection"]) == (503, "ServiceUnavailable", "close")


def test_a_stream_may_have_a_larger_body_and_says_its_own_limit():
    path = "/endpoints/ep/invocations-response-stream"
    assert call(RuntimeApp(lambda name: None), b"x" * (7 * 2**20), path)[0] == 400
    status, _, body = call(RuntimeApp(lambda name: None), b"x" * (25 * 2**20 + 1), path)
    assert (status, "26214400 bytes" in body["message"]) == (413, True)


def test_header_values_that_are_not_ascii_are_refused(tmp_path):
    endpoint = FakeEndpoint("ep", SimpleNamespace(store=Store(tmp_path)), Records(tmp_path), tmp_path)
    endpoint.answers = {"a": echo}
    asyncio.run(endpoint.start(plain_config(("A", "a", 1.0))))
    for name in (b"content-type", b"accept", b"x-amzn-sagemaker-custom-attributes", b"x-amzn-sagemaker-target-model"):
        status, headers, _ = call(RuntimeApp(lambda _: endpoint), headers=[(name, b"\xe4")])
        assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")


def test_no_memory_for_a_target_model_is_not_ready(tmp_path):
    class Full:
        loaded = {}
        server = SimpleNamespace(ml=tmp_path)

        async def load(self, name, url):
            raise ApiError(507, "InsufficientMemoryException", "full")

    store = Store(tmp_path / "s3")
    import io
    import tarfile

    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w:gz").close()
    store.put_bytes("s3://many/m.tar.gz", buffer.getvalue())
    with pytest.raises(runtime.RuntimeFault) as caught:
        asyncio.run(TargetModels(store, "s3://many", Full()).invoke("m.tar.gz", {}, b"", 1.0))
    assert (caught.value.kind, caught.value.status) == ("ModelNotReadyException", 429)
    assert not list((tmp_path / "models").iterdir())


def measured(*pairs):
    made = Measures()
    for status, seconds in pairs:
        made.add(status, seconds)
    return made


@pytest.mark.parametrize(
    ("alarm", "goes_off"),
    [
        ({"MetricName": "Invocation5XXErrors", "Statistic": "Average", "Threshold": 0.2, "ComparisonOperator": "GreaterThanThreshold"}, True),
        ({"MetricName": "Invocation5XXErrors", "Statistic": "Average", "Threshold": 0.25, "ComparisonOperator": "GreaterThanThreshold"}, False),
        ({"MetricName": "Invocation5XXErrors", "Statistic": "Sum", "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, True),
        ({"MetricName": "Invocation4XXErrors", "Statistic": "Sum", "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}, False),
        ({"MetricName": "ModelLatency", "ExtendedStatistic": "p50", "Threshold": 15_000, "ComparisonOperator": "GreaterThanThreshold"}, True),
        ({"MetricName": "ModelLatency", "ExtendedStatistic": "p50", "Threshold": 25_000, "ComparisonOperator": "GreaterThanThreshold"}, False),
        ({"MetricName": "Invocations", "Statistic": "SampleCount", "Threshold": 5, "ComparisonOperator": "LessThanThreshold"}, True),
    ],
)
def test_an_alarm_looks_at_what_was_measured(alarm, goes_off):
    assert measured((200, 0.01), (200, 0.02), (500, 0.03), (400, 0.04)).alarms(alarm, 0.0) == goes_off


def test_nothing_measured_is_an_alarm_only_when_it_says_so():
    alarm = {"MetricName": "Invocations", "Threshold": 1, "ComparisonOperator": "LessThanThreshold"}
    assert not Measures().alarms(alarm, 0.0)
    assert Measures().alarms({**alarm, "TreatMissingData": "breaching"}, 0.0)


def test_percentiles_are_of_the_values():
    assert [percentile([3.0, 1.0, 2.0, 4.0], share) for share in (0, 25, 50, 99, 100)] == [1.0, 1.0, 2.0, 4.0, 4.0]


def test_a_failing_model_names_its_log(tmp_path):
    endpoint = FakeEndpoint("ep", SimpleNamespace(store=Store(tmp_path)), Records(tmp_path), tmp_path)
    endpoint.answers = {"a": saying(b"no", 500)}
    asyncio.run(endpoint.start(plain_config(("A", "a", 1.0))))
    endpoint.fleet.variants[0].model.containers[0].spec = SimpleNamespace(job_dir=tmp_path)
    status, headers, body = call(RuntimeApp(lambda _: endpoint))
    assert (status, headers["x-amzn-errortype"], body["OriginalStatusCode"], body["OriginalMessage"]) == (424, "ModelError", 500, "no")
    assert str(tmp_path / "log.txt") in body["Message"]


def test_asynchronous_requests_wait_in_memory_and_are_refused_when_there_is_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(async_inference, "MOST_WAITING_BYTES", 250)
    config = {"OutputConfig": {"S3OutputPath": "s3://out/answers"}}

    async def work():
        go = asyncio.Event()

        async def answer(invocation, timeout_s):
            await go.wait()
            return Reply(200, {}, b"done")

        queue = AsyncQueue(Store(tmp_path), config, answer)
        for _ in range(2):
            queue.accept(Invocation({}, b"x" * 100))
        with pytest.raises(RuntimeFault, match="2 asynchronous requests wait already") as caught:
            queue.accept(Invocation({}, b"x" * 100))
        assert (caught.value.kind, caught.value.status) == ("ServiceUnavailable", 503)
        go.set()
        while queue.tasks:
            await asyncio.sleep(0.001)
        queue.accept(Invocation({}, b"x" * 250))
        await queue.close()

    asyncio.run(asyncio.wait_for(work(), 20))


def test_request_ids_are_random_uuids():
    made = {_request_id() for _ in range(1000)}
    assert len(made) == 1000 and all(str(each) == text and each.version == 4 and each.variant == uuid.RFC_4122 for text in made for each in [uuid.UUID(text)])
