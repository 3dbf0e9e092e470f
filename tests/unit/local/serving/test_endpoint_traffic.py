"""An endpoint's traffic: variants by weight, shadows, capture, updates and deletions under load."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace

import pytest
from fakes import FakeContainer, FakeEndpoint, asked, echo, fake_model, plain_config, saying

from pipelines.local.faults import ClientFault
from pipelines.local.serving import updating
from pipelines.local.serving.invocation import RuntimeFault
from pipelines.local.serving.link import Reply, WorkerLost
from pipelines.local.serving.model_server import NotHealthy
from pipelines.local.serving.records import Records
from pipelines.local.store import Store


@pytest.fixture
def make(tmp_path):
    """Return an endpoint that is not started, of answers by model name."""

    def endpoint(**answers):
        machine = SimpleNamespace(store=Store(tmp_path / "s3"))
        made = FakeEndpoint("ep", machine, Records(tmp_path), tmp_path / "serving", 100.0)
        made.answers, made.said = answers, []
        made.tell = made.said.append
        return made

    return endpoint


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


async def names_of(endpoint, count, **options):
    return [(await endpoint.invoke(asked(**options)))[1].name for _ in range(count)]


def test_variants_answer_by_their_weights(make):
    async def work():
        endpoint = make(a=echo, b=echo)
        await endpoint.start(plain_config(("A", "a", 3.0), ("B", "b", 1.0)))
        names = await names_of(endpoint, 2000)
        assert 0.69 < names.count("A") / 2000 < 0.81  # six standard deviations
        assert set(await names_of(endpoint, 50, target_variant="B")) == {"B"}
        await endpoint.close()

    run(work())


@pytest.mark.parametrize(("weights", "expected"), [((1.0, 0.0), {"A"}), ((0.0, 0.0), {"A", "B"})])
def test_a_weight_of_nothing_gets_nothing_unless_all_have_it(make, weights, expected):
    async def work():
        endpoint = make(a=echo, b=echo)
        await endpoint.start(plain_config(("A", "a", weights[0]), ("B", "b", weights[1])))
        assert set(await names_of(endpoint, 200)) == expected
        await endpoint.close()

    run(work())


def test_weights_change_in_place(make):
    async def work():
        endpoint = make(a=echo, b=echo)
        await endpoint.start(plain_config(("A", "a", 1.0), ("B", "b", 0.0), EndpointConfigName="one"))
        fleet = endpoint.fleet
        assert await endpoint.update(plain_config(("A", "a", 0.0), ("B", "b", 1.0), EndpointConfigName="two"), None) is None
        assert endpoint.fleet is fleet
        assert set(await names_of(endpoint, 100)) == {"B"}
        await endpoint.close()

    run(work())


def test_a_shadow_gets_a_copy_and_never_answers(make):
    async def work():
        shadow = fake_model(saying(b"shadow", 500))
        endpoint = make(a=saying(b"real"), s=shadow)
        await endpoint.start(plain_config(("A", "a", 1.0), shadows=(("S", "s", 1.0),)))
        replies = [await endpoint.invoke(asked(b"row")) for _ in range(20)]
        assert {(reply.body, variant.name) for reply, variant in replies} == {(b"real", "A")}
        await until(lambda: len(shadow.containers[0].seen) == 20)
        assert {body for _, body in shadow.containers[0].seen} == {b"row"}
        with pytest.raises(RuntimeFault, match="not found"):
            await endpoint.invoke(asked(target_variant="S"))
        await endpoint.close()

    run(work())


def test_a_shadow_gets_its_share(make):
    async def work():
        shadow = fake_model(echo)
        endpoint = make(a=echo, s=shadow)
        await endpoint.start(plain_config(("A", "a", 1.0), shadows=(("S", "s", 0.25),)))
        for _ in range(1000):
            await endpoint.invoke(asked())
            await asyncio.sleep(0)
        await until(lambda: not endpoint.fleet.running())
        assert 150 < len(shadow.containers[0].seen) < 350
        await endpoint.close()

    run(work())


def test_a_slow_shadow_does_not_hold_up_the_answer(make):
    async def work():
        endpoint = make(a=echo, s=saying(b"late", after_s=20))
        await endpoint.start(plain_config(("A", "a", 1.0), shadows=(("S", "s", 1.0),)))
        begun = asyncio.get_running_loop().time()
        for _ in range(300):
            await endpoint.invoke(asked())
        assert asyncio.get_running_loop().time() - begun < 5
        assert len(endpoint._tasks) <= 101
        await endpoint.close()

    run(work())


async def until(look):
    while not look():
        await asyncio.sleep(0.001)


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://seen/here/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


def captured(tmp_path):
    files = sorted((tmp_path / "s3/seen/here").rglob("*.jsonl"))
    return files, [json.loads(line) for file in files for line in file.read_text().splitlines()]


def capturing(make, answer, invocations, **changes):
    async def work():
        endpoint = make(a=answer)
        await endpoint.start(plain_config(("A", "a", 1.0), DataCaptureConfig={**CAPTURE, **changes}))
        for each in invocations:
            reply, _ = await endpoint.invoke(each)
            if reply.parts is not None:
                async for _ in reply.parts:
                    pass
        await endpoint.close()

    run(work())


def test_what_is_captured_lies_where_and_looks_as_the_service_leaves_it(make, tmp_path):
    """reports.md 3.7: the layout of the files and of their lines."""
    capturing(make, echo, [asked(b"1,2", inference_id="id-1", custom_attributes="c")])
    files, records = captured(tmp_path)
    assert len(files[0].relative_to(tmp_path / "s3/seen/here").parts) == 7
    assert files[0].relative_to(tmp_path / "s3/seen/here").parts[:2] == ("ep", "A")
    assert all(part.isdigit() for part in files[0].parent.relative_to(tmp_path / "s3/seen/here/ep/A").parts)
    (record,) = records
    assert list(record) == ["captureData", "eventMetadata", "eventVersion"]
    assert record["captureData"] == {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "1,2", "encoding": "CSV"},
    }
    assert record["eventVersion"] == "0"
    assert record["eventMetadata"]["inferenceId"] == "id-1"
    assert set(record["eventMetadata"]) == {"eventId", "inferenceTime", "inferenceId", "customAttributes"}


@pytest.mark.parametrize(
    ("kind", "body", "encoding", "data"),
    [
        ("text/csv", b"1", "CSV", "1"),
        ("TEXT/CSV; charset=utf-8", b"1", "CSV", "1"),
        ("application/json", b"[1]", "JSON", "[1]"),
        ("application/x-npy", b"\x00\x01", "BASE64", base64.b64encode(b"\x00\x01").decode()),
        ("", b"x", "BASE64", "eA=="),
        ("text/csv", b"\xff", "BASE64", "/w=="),
    ],
)
def test_the_encoding_goes_by_the_content_type(make, tmp_path, kind, body, encoding, data):
    capturing(make, echo, [asked(body, content_type=kind)])
    side = captured(tmp_path)[1][0]["captureData"]["endpointInput"]
    assert (side["observedContentType"], side["encoding"], side["data"]) == (kind, encoding, data)


def test_without_named_types_everything_is_base64(make, tmp_path):
    capturing(make, echo, [asked(b"1,2")], CaptureContentTypeHeader={})
    assert captured(tmp_path)[1][0]["captureData"]["endpointInput"]["encoding"] == "BASE64"


@pytest.mark.parametrize(
    ("modes", "sides"),
    [(["Input"], {"endpointInput"}), (["Output"], {"endpointOutput"}), (["InputAndOutput"], {"endpointInput", "endpointOutput"})],
)
def test_modes_say_what_is_captured(make, tmp_path, modes, sides):
    capturing(make, echo, [asked()], CaptureOptions=[{"CaptureMode": mode} for mode in modes])
    assert set(captured(tmp_path)[1][0]["captureData"]) == sides


def test_a_share_is_captured_or_nothing(make, tmp_path):
    capturing(make, echo, [asked() for _ in range(1000)], InitialSamplingPercentage=30)
    assert 200 < len(captured(tmp_path)[1]) < 400
    before = len(captured(tmp_path)[1])
    capturing(make, echo, [asked() for _ in range(100)], EnableCapture=False)
    assert len(captured(tmp_path)[1]) == before


def test_everything_is_written_at_the_end_and_nothing_twice(make, tmp_path):
    capturing(make, echo, [asked(str(number).encode()) for number in range(2500)])
    data = [record["captureData"]["endpointInput"]["data"] for record in captured(tmp_path)[1]]
    assert sorted(map(int, data)) == list(range(2500))
    assert len({record["eventMetadata"]["eventId"] for record in captured(tmp_path)[1]}) == 2500


def test_failures_are_not_captured(make, tmp_path):
    capturing(make, saying(b"no", 500), [asked()])
    assert captured(tmp_path)[1] == []


def test_a_streamed_answer_is_captured_whole(make, tmp_path):
    capturing(make, streaming(b"a", b"b"), [asked()])
    assert captured(tmp_path)[1][0]["captureData"]["endpointOutput"]["data"] == base64.b64encode(b"ab").decode()


def streaming(*parts, each_s=0.0, breaks=False):
    async def answer(headers, body):
        async def make_parts():
            for part in parts:
                await asyncio.sleep(each_s)
                yield part
            if breaks:
                raise WorkerLost("half way")

        return Reply(200, {"content-type": "text/plain"}, b"", make_parts())

    return answer


def test_a_place_that_cannot_be_written_to_fails_no_request_and_loses_nothing(make, tmp_path):
    async def work():
        endpoint = make(a=echo)
        (tmp_path / "s3").mkdir()
        (tmp_path / "s3/seen").write_text("in the way")
        await endpoint.start(plain_config(("A", "a", 1.0), DataCaptureConfig=CAPTURE))
        for number in range(1200):
            assert (await endpoint.invoke(asked(str(number).encode())))[0].status == 200
            await asyncio.sleep(0)
        await until(lambda: any("cannot be written; they are kept" in line for line in endpoint.said))
        (tmp_path / "s3/seen").unlink()
        await endpoint.close()

    run(work())
    assert len(captured(tmp_path)[1]) == 1200


def hammered(endpoint, stop, bodies):
    async def one():
        while not stop.is_set():
            reply, _ = await endpoint.invoke(asked())
            body = reply.body if reply.parts is None else b"".join([part async for part in reply.parts])
            bodies.append((reply.status, body))

    return [asyncio.create_task(one()) for _ in range(16)]


GUARDED = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
ALARM = {
    "AlarmName": "errors",
    "MetricName": "Invocation5XXErrors",
    "Statistic": "Average",
    "Threshold": 0.01,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def routing(kind, **sizes):
    members = {key: {"Type": "CAPACITY_PERCENT", "Value": value} for key, value in sizes.items()}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 10, **members}}}


WAYS = {
    "at once": None,
    "all at once": routing("ALL_AT_ONCE"),
    "canary": routing("CANARY", CanarySize=20),
    "linear": routing("LINEAR", LinearStepSize=25),
    "rolling": {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 10}},
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_no_request_is_lost_while_an_update_moves_the_traffic(make, way):
    async def work():
        endpoint = make(a=saying(b"old", after_s=0.005), b=saying(b"new", after_s=0.005))
        await endpoint.start(plain_config(("A", "a", 1.0)))
        stop, bodies = asyncio.Event(), []
        tasks = hammered(endpoint, stop, bodies)
        old = endpoint.fleet
        assert await endpoint.update(plain_config(("A", "b", 1.0)), WAYS[way]) is None
        await until(lambda: all(each.model.containers[0].closed for each in old.variants))
        before = len(bodies)
        await until(lambda: len(bodies) > before + 100)
        stop.set()
        await asyncio.gather(*tasks)
        await endpoint.close()
        assert {status for status, _ in bodies} == {200}
        assert {body for _, body in bodies[-50:]} == {b"new"}
        assert endpoint._old == []

    run(work())


def test_no_stream_is_cut_by_an_update(make):
    async def work():
        endpoint = make(a=streaming(*[b"a"] * 20, each_s=0.01), b=echo)
        await endpoint.start(plain_config(("A", "a", 1.0)))
        reply, _ = await endpoint.invoke(asked())
        old = endpoint.fleet
        assert await endpoint.update(plain_config(("A", "b", 1.0)), None) is None
        parts = []
        async for part in reply.parts:
            assert not old.variants[0].model.containers[0].closed
            parts.append(part)
        assert len(parts) == 20
        await until(lambda: old.variants[0].model.containers[0].closed)
        await endpoint.close()

    run(work())


def test_who_leaves_a_stream_leaves_nothing_running(make):
    async def work():
        endpoint = make(a=streaming(*[b"a"] * 20))
        await endpoint.start(plain_config(("A", "a", 1.0), DataCaptureConfig=CAPTURE))
        reply, _ = await endpoint.invoke(asked())
        await reply.parts.__anext__()
        assert endpoint.fleet.running() == 1
        await reply.parts.aclose()
        assert endpoint.fleet.running() == 0
        await endpoint.close()

    run(work())


@pytest.mark.parametrize("way", ["canary", "linear", "all at once"])
def test_failing_requests_take_an_update_back(make, way):
    async def work():
        endpoint = make(a=saying(b"old", after_s=0.001), b=saying(b"broken", 500, after_s=0.001))
        endpoint.speed = 1.0
        endpoint.records.write("alarm", "errors", ALARM)
        await endpoint.start(plain_config(("A", "a", 1.0)))
        stop, bodies = asyncio.Event(), []
        tasks = hammered(endpoint, stop, bodies)
        old = endpoint.fleet
        reason = await endpoint.update(plain_config(("A", "b", 1.0)), {**WAYS[way], **GUARDED})
        assert "alarm errors went off" in reason
        assert endpoint.fleet is old
        await until(lambda: not endpoint._old)
        before = len(bodies)
        await until(lambda: len(bodies) > before + 100)
        stop.set()
        await asyncio.gather(*tasks)
        await endpoint.close()
        assert {body for _, body in bodies[-50:]} == {b"old"}
        assert any(status == 500 for status, _ in bodies)

    run(work())


def test_a_canary_gets_its_share(make):
    async def work():
        endpoint = make(a=saying(b"old"), b=saying(b"new"))
        await endpoint.start(plain_config(("A", "a", 1.0)))
        endpoint._next, endpoint._share = await endpoint._started(plain_config(("A", "b", 1.0))), 0.2
        bodies = [(await endpoint.invoke(asked()))[0].body for _ in range(2000)]
        assert 0.14 < bodies.count(b"new") / 2000 < 0.26
        await endpoint.close()

    run(work())


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"MetricName": "CPUUtilization"}, "MetricName"),
        ({"ComparisonOperator": "Odd"}, "ComparisonOperator"),
        ({"Statistic": "Mode"}, "Statistic"),
        ({"Threshold": None}, "Threshold"),
    ],
)
def test_an_alarm_that_cannot_be_watched_is_refused_before_anything_starts(make, change, member):
    async def work():
        endpoint = make(a=echo, b=echo)
        endpoint.records.write("alarm", "errors", {**ALARM, **change})
        await endpoint.start(plain_config(("A", "a", 1.0)))
        with pytest.raises(ClientFault, match=member):
            await endpoint.update(plain_config(("A", "b", 1.0)), {**WAYS["canary"], **GUARDED})
        assert endpoint._next is None
        await endpoint.close()

    run(work())


def test_an_alarm_that_is_not_there_is_refused(make):
    async def work():
        endpoint = make(a=echo, b=echo)
        await endpoint.start(plain_config(("A", "a", 1.0)))
        with pytest.raises(ClientFault, match="no alarm 'errors'"):
            await endpoint.update(plain_config(("A", "b", 1.0)), GUARDED)
        await endpoint.close()

    run(work())


def test_an_update_whose_container_does_not_start_keeps_the_old_one(make):
    async def work():
        broken = fake_model(echo)
        broken.containers[0].fails = "it cannot be loaded"
        endpoint = make(a=saying(b"old"), b=broken)
        await endpoint.start(plain_config(("A", "a", 1.0)))
        with pytest.raises(NotHealthy, match="cannot be loaded"):
            await endpoint.update(plain_config(("A", "b", 1.0)), None)
        assert (await endpoint.invoke(asked()))[0].body == b"old"
        await endpoint.close()

    run(work())


def test_a_close_waits_for_what_is_being_answered_so_long_as_it_may(make):
    async def work():
        for grace_s, expected in ((10.0, 200), (0.0, 503)):
            endpoint = make(a=saying(b"done", after_s=0.2))
            await endpoint.start(plain_config(("A", "a", 1.0)))
            task = asyncio.create_task(endpoint.invoke(asked()))
            await asyncio.sleep(0)
            await endpoint.close(grace_s)
            assert (await task)[0].status == expected

    run(work())


def test_a_close_ends_variants_that_an_update_has_replaced(make):
    async def work():
        endpoint = make(a=saying(b"slow", after_s=20), b=echo)
        await endpoint.start(plain_config(("A", "a", 1.0)))
        task = asyncio.create_task(endpoint.invoke(asked()))
        await asyncio.sleep(0)
        old = endpoint.fleet
        await endpoint.update(plain_config(("A", "b", 1.0)), None)
        await endpoint.close()
        assert old.variants[0].model.containers[0].closed
        task.cancel()

    run(work())


def test_what_was_queued_before_an_update_is_answered_after_it(make, tmp_path):
    async def work():
        later = {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://out/x"}, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1}}}
        endpoint = make(a=saying(b"old", after_s=0.05), b=saying(b"new"))
        await endpoint.start(plain_config(("A", "a", 1.0), **later))
        accepted = [endpoint.asynchronous.accept(asked(b"x")) for _ in range(5)]
        await endpoint.update(plain_config(("A", "b", 1.0), **later), None)
        store = endpoint.machine.store
        await until(lambda: all(store.exists(each.output) for each in accepted))
        assert {store.read(each.output) for each in accepted} <= {b"old", b"new"}
        await endpoint.close()

    run(work())


def test_no_more_asynchronous_requests_run_at_once_than_the_limit_and_late_ones_expire(make, monkeypatch):
    async def work():
        running, most = [], []

        async def answer(headers, body):
            running.append(1)
            most.append(len(running))
            await asyncio.sleep(0.01)
            running.pop()
            return Reply(200, {}, body)

        config = {"OutputConfig": {"S3OutputPath": "s3://out/x"}, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 3}}
        endpoint = make(a=answer)
        await endpoint.start(plain_config(("A", "a", 1.0), AsyncInferenceConfig=config))
        accepted = [endpoint.asynchronous.accept(asked(b"x")) for _ in range(20)]
        await until(lambda: all(endpoint.machine.store.exists(each.output) for each in accepted))
        assert max(most) == 3
        queue = endpoint.asynchronous
        places = queue._places(asked(b"x"), "")
        held = [asyncio.create_task(queue._gate.acquire()) for _ in range(3)]
        await asyncio.gather(*held)
        await queue._process("", asked(b"x"), places, 1.0, 0.01)
        assert b"waited longer" in endpoint.machine.store.read(places.failure)
        await endpoint.close()

    run(work())


def test_a_pipeline_hands_each_answer_on_and_stops_at_the_first_failure():
    async def work():
        async def twice(headers, body):
            return Reply(200, {"content-type": "text/b"}, body * 2)

        model = fake_model(twice, echo)
        await model.start()
        reply = await model.invoke({"content-type": "text/a", "accept": "text/z"}, b"x")
        assert (reply.body, reply.headers["content-type"]) == (b"xx", "text/b")
        assert "accept" not in model.containers[0].seen[0][0]
        assert model.containers[1].seen[0][0]["accept"] == "text/z"
        failing = fake_model(saying(b"no", 400), echo)
        await failing.start()
        assert (await failing.invoke({}, b"x")).status == 400
        assert failing.containers[1].seen == []

    run(work())


def test_one_container_that_does_not_start_closes_the_others():
    async def work():
        model = fake_model(echo, echo)
        model.containers[1].fails = "no"
        with pytest.raises(NotHealthy):
            await model.start()
        assert model.containers[0].closed

    run(work())


@pytest.mark.parametrize(
    ("config", "shares"),
    [
        (None, (1.0,)),
        (routing("CANARY", CanarySize=10), (0.1, 1.0)),
        (routing("LINEAR", LinearStepSize=30), (0.3, 0.6, 0.9, 1.0)),
        (routing("LINEAR", LinearStepSize=100), (1.0,)),
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}}}, (0.25, 1.0)),
    ],
)
def test_a_deployment_configuration_means_these_shares(config, shares):
    assert updating.plan(config, lambda name: {}, 4).shares == pytest.approx(shares)


def test_a_container_that_is_asked_too_late_counts_as_lost():
    """What the tests above rely on."""

    async def work():
        container = FakeContainer()
        assert (await container.invoke({}, b"")).body == b"LOST"

    run(work())
