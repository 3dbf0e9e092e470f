"""An unmodified boto3 client of SageMaker Runtime against `sagewright serve`: every operation, header, error and status that botocore's model names."""

from __future__ import annotations

import gc
import io
import json
import urllib.error
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.exceptions
import pytest

from tests.functional.endpoints_here import Place, Server, client, eventually, variant

MB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("conformance") / "home")
    obedient = place.model("obedient", place.script("obedient", MARK="one"))
    place.config("obedient", variant(obedient))
    place.endpoint("obedient")
    two = place.model("two", place.script("two", MARK="two"))
    place.config("pair", variant(obedient, "first"), variant(two, "second", 0.0))
    place.endpoint("pair")
    place.config("small", {"VariantName": "AllTraffic", "ModelName": obedient, "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}})
    place.endpoint("small")
    topics = {"SuccessTopic": "arn:aws:sns:us-east-1:000000000000:good", "ErrorTopic": "arn:aws:sns:us-east-1:000000000000:bad"}
    output = {"S3OutputPath": "s3://answers/out/", "S3FailurePath": "s3://answers/failed", "NotificationConfig": topics}
    place.config("later", variant(obedient), AsyncInferenceConfig={"OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}})
    place.endpoint("later")
    direct = [{**place.script(mark, MARK=mark), "ContainerHostname": mark} for mark in ("left", "right")]
    place.model("direct", *direct, InferenceExecutionConfig={"Mode": "Direct"})
    place.config("direct", variant("direct"))
    place.endpoint("direct")
    place.model("broken", place.script("broken", CANNOT_LOAD="1"))
    place.config("broken", variant("broken"))
    place.endpoint("broken")
    served = Server(place.home)
    served.place = place
    served.until("ready:", 120)
    yield served
    assert served.stop() == 0


@pytest.fixture
def runtime(server):
    return client(server.url)


def ask(runtime, endpoint="obedient", body=None, **options):
    given = {"ContentType": "application/json", "Body": json.dumps(body if body is not None else {}), **options}
    return runtime.invoke_endpoint(EndpointName=endpoint, **given)


def refused(call):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    return caught.value


def test_an_endpoint_answers_with_body_content_type_and_variant(runtime):
    answer = ask(runtime, body={"a": 1})
    assert json.loads(answer["Body"].read()) == {"a": 1}
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["RequestId"]


def test_the_container_gets_the_headers_that_the_service_passes_on_and_no_other(runtime):
    options = {"Accept": "application/json", "CustomAttributes": "trace=7", "InferenceId": "id-7"}
    seen = json.loads(ask(runtime, body={"do": "headers"}, **options)["Body"].read())
    expected = {"content-type": "application/json", "accept": "application/json"}
    assert seen == {**expected, "x-amzn-sagemaker-custom-attributes": "trace=7", "x-amzn-sagemaker-inference-id": "id-7"}


def test_a_body_that_is_no_json_arrives_as_it_is(runtime):
    answer = runtime.invoke_endpoint(EndpointName="obedient", ContentType="application/x-npy", Accept="text/csv", Body=bytes(range(256)))
    assert answer["Body"].read() == b"one|application/x-npy|text/csv|256"


def test_a_file_can_be_the_body(runtime):
    answer = runtime.invoke_endpoint(EndpointName="obedient", ContentType="text/x", Body=io.BytesIO(b"12345"))
    assert answer["Body"].read().endswith(b"|5")


def test_an_empty_answer_is_empty(runtime):
    assert ask(runtime, body={"do": "empty"})["Body"].read() == b""


def test_a_failing_model_is_a_model_error_with_its_members(runtime):
    error = refused(lambda: ask(runtime, body={"do": "fail"}))
    assert type(error).__name__ == "ModelError"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error.response["OriginalStatusCode"] == 500
    assert "the rows are wrong" in error.response["OriginalMessage"]
    assert error.response["LogStreamArn"].startswith("arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/obedient")
    assert "Received server error (500) from primary with message" in error.response["Error"]["Message"]


def test_the_status_of_the_container_is_in_the_model_error(runtime):
    error = refused(lambda: ask(runtime, body={"do": "teapot"}))
    assert (error.response["OriginalStatusCode"], error.response["OriginalMessage"]) == (418, "short and stout")
    assert "Received client error (418)" in str(error)


def test_a_worker_that_dies_is_a_model_error_and_the_next_request_is_answered(runtime):
    assert refused(lambda: ask(runtime, body={"do": "die"})).response["OriginalStatusCode"] == 500
    assert ask(runtime, body={"do": "mark"})["Body"].read() == b"one"


def test_a_content_type_with_line_breaks_injects_no_header(runtime):
    answer = ask(runtime, body={"do": "wrong-type"})
    assert "x-injected" not in answer["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("name", ["nowhere", "obedient-2", "broken"])
def test_an_endpoint_that_is_not_there_is_a_validation_error(runtime, name):
    error = refused(lambda: ask(runtime, name))
    assert type(error).__name__ == "ValidationError"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert f"Endpoint {name} of account 000000000000 not found." in error.response["Error"]["Message"]


@pytest.mark.parametrize("name", ["..", "a/b", "../../endpoints/obedient", "%2e%2e", "-a", "a" * 64, "obedient/", "ob%65dient%00"])
def test_a_name_that_is_none_is_refused(runtime, name):
    assert refused(lambda: ask(runtime, name)).response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)


def test_options_that_do_not_fit_the_endpoint_are_validation_errors(runtime):
    wrong = [
        ("obedient", {"TargetModel": "m.tar.gz"}),
        ("obedient", {"TargetContainerHostname": "left"}),
        ("obedient", {"TargetVariant": "other"}),
        ("obedient", {"EnableExplanations": "`true`"}),
        ("obedient", {"SessionId": "NEW_SESSION"}),
        ("obedient", {"InferenceComponentName": "part"}),
        ("direct", {}),
        ("direct", {"TargetContainerHostname": "middle"}),
        ("later", {}),
    ]
    for endpoint, options in wrong:
        assert type(refused(lambda e=endpoint, o=options: ask(runtime, e, **o))).__name__ == "ValidationError", (endpoint, options)


@pytest.mark.parametrize(
    ("option", "size"),
    [("CustomAttributes", 1024), ("InferenceId", 64), ("TargetVariant", 63), ("TargetContainerHostname", 63), ("ContentType", 1024), ("Accept", 1024)],
)
def test_options_have_the_lengths_of_the_model(runtime, option, size):
    error = refused(lambda: ask(runtime, **{option: "a" * (size + 1)}))
    assert type(error).__name__ == "ValidationError"
    assert str(size) in str(error)


def test_a_variant_and_a_container_can_be_chosen(runtime):
    chosen = [ask(runtime, "pair", {"do": "mark"}, TargetVariant=name) for name in ("first", "second")]
    assert [(each["InvokedProductionVariant"], each["Body"].read()) for each in chosen] == [("first", b"one"), ("second", b"two")]
    marks = [ask(runtime, "direct", {"do": "mark"}, TargetContainerHostname=name)["Body"].read() for name in ("right", "left")]
    assert marks == [b"right", b"left"]


def test_the_largest_body_is_answered_and_a_larger_one_is_413(runtime):
    answer = runtime.invoke_endpoint(EndpointName="obedient", ContentType="x/y", Body=b"x" * (6 * MB))
    assert answer["Body"].read().endswith(str(6 * MB).encode())
    for size in (6 * MB + 1, 20 * MB):
        error = refused(lambda s=size: runtime.invoke_endpoint(EndpointName="obedient", ContentType="x/y", Body=b"x" * s))
        assert error.response["Error"]["Code"] == "413"
        assert "HTTP content length exceeded 6291456 bytes." in str(error)
    assert ask(runtime, body={"do": "mark"})["Body"].read() == b"one"


def test_a_serverless_endpoint_takes_four_megabytes_and_so_many_at_once(runtime):
    answer = runtime.invoke_endpoint(EndpointName="small", ContentType="x/y", Body=b"x" * (4 * MB))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert type(refused(lambda: runtime.invoke_endpoint(EndpointName="small", ContentType="x/y", Body=b"x" * (4 * MB + 1)))).__name__ == "ValidationError"
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, runtime, "small", {"do": "sleep", "seconds": 0.5}) for _ in range(8)]
        outcomes = [task.exception() for task in asked]
    throttled = [error for error in outcomes if error]
    assert 1 <= len(throttled) <= 7
    assert {(e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]) for e in throttled} == {("ThrottlingException", 429)}


@pytest.fixture
def streamed():
    """Return what asks for a stream; no socket is left for the next test to trip over: botocore leaves that of a broken stream to the collector."""
    opened = []

    def ask_for_stream(runtime, body, **options):
        answer = runtime.invoke_endpoint_with_response_stream(EndpointName="obedient", ContentType="application/json", Body=json.dumps(body), **options)
        opened.append(answer["Body"])
        return answer, answer["Body"]

    yield ask_for_stream
    for events in opened:
        events.close()
    opened.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_stream_comes_in_its_parts_as_they_are_made(runtime, streamed):
    answer, events = streamed(runtime, {"do": "parts", "parts": ["a", "b" * 70000, "", "d"]}, Accept="text/plain", CustomAttributes="x")
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "AllTraffic")
    assert [event["PayloadPart"]["Bytes"] for event in events] == [b"a", b"b" * 70000, b"", b"d"]


def test_an_answer_in_one_piece_is_a_stream_of_one_part(runtime, streamed):
    _, events = streamed(runtime, {"do": "big", "size": 3 * MB})
    assert b"".join(event["PayloadPart"]["Bytes"] for event in events) == b"x" * 3 * MB


@pytest.mark.parametrize("how", ["breaks", "dies"])
def test_a_stream_that_breaks_ends_with_a_model_stream_error(runtime, streamed, how):
    _, events = streamed(runtime, {"do": "parts", "parts": ["a", "b"], how: True})
    seen = []
    with pytest.raises(botocore.exceptions.EventStreamError) as caught:
        seen.extend(event["PayloadPart"]["Bytes"] for event in events)
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert "half way" in str(caught.value) or how == "dies"
    assert ask(runtime, body={"do": "mark"})["Body"].read() == b"one"


def test_a_stream_that_fails_before_its_first_part_is_a_model_error(runtime):
    for call in (runtime.invoke_endpoint_with_response_stream, runtime.invoke_endpoint):
        body = json.dumps({"do": "parts", "parts": [], "breaks": True})
        error = refused(lambda c=call, b=body: c(EndpointName="obedient", ContentType="application/json", Body=b))
        assert (type(error).__name__, error.response["OriginalStatusCode"]) == ("ModelError", 500)
        assert "half way" in error.response["OriginalMessage"]


def test_a_model_error_before_the_stream_is_a_model_error(runtime, streamed):
    assert type(refused(lambda: streamed(runtime, {"do": "fail"}))).__name__ == "ModelError"
    assert type(refused(lambda: runtime.invoke_endpoint_with_response_stream(EndpointName="nowhere", Body=b"x"))).__name__ == "ValidationError"


def test_a_generator_answers_an_ordinary_request_too(runtime):
    assert ask(runtime, body={"do": "parts", "parts": ["a", "b", "c"]})["Body"].read() == b"abc"


def test_who_leaves_a_stream_takes_no_part_of_the_next_answer(runtime, streamed):
    """A client closes the connection in the middle; the next one must not get what was left over."""
    for _ in range(3):
        _, events = streamed(runtime, {"do": "parts", "parts": ["left over"] * 200, "each_s": 0.005})
        assert next(iter(events))["PayloadPart"]["Bytes"] == b"left over"
        events.close()
        assert ask(runtime, body={"do": "mark"})["Body"].read() == b"one"


def later(runtime, **options):
    return runtime.invoke_endpoint_async(EndpointName="later", ContentType="application/json", **options)


def stored(server, uri):
    path = server.place.store.path(uri)
    return eventually(lambda: path.is_file() and path.read_bytes())


def test_an_asynchronous_request_is_answered_into_s3(server, runtime):
    server.place.store.put_bytes("s3://asked/in/rows.json", b'{"do": "headers"}')
    answer = later(runtime, InputLocation="s3://asked/in/rows.json", Accept="application/json", InferenceId="mine", CustomAttributes="c")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"].startswith("s3://answers/out/")
    assert answer["FailureLocation"].startswith("s3://answers/failed/")
    seen = json.loads(stored(server, answer["OutputLocation"]))
    assert (seen["content-type"], seen["accept"], seen["x-amzn-sagemaker-inference-id"]) == ("application/json", "application/json", "mine")
    assert not server.place.store.path(answer["FailureLocation"]).exists()


def test_a_failed_asynchronous_request_leaves_its_reason(server, runtime):
    server.place.store.put_bytes("s3://asked/in/bad.json", b'{"do": "fail"}')
    answer = later(runtime, InputLocation="s3://asked/in/bad.json", InferenceId="bad-one")
    assert b"the rows are wrong" in stored(server, answer["FailureLocation"])
    assert not server.place.store.path(answer["OutputLocation"]).exists()
    lines = eventually(lambda: [m for m in map(json.loads, notifications(server)) if m["Message"]["inferenceId"] == "bad-one"])
    assert (lines[0]["TopicArn"].rpartition(":")[2], lines[0]["Message"]["invocationStatus"]) == ("bad", "Failed")


def notifications(server):
    path = server.place.home / "notifications.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


def test_success_is_notified(server, runtime):
    answer = later(runtime, Body=b'{"do": "mark"}', InferenceId="good-one")
    lines = eventually(lambda: [m for m in map(json.loads, notifications(server)) if m["Message"]["inferenceId"] == "good-one"])
    assert (lines[0]["TopicArn"].rpartition(":")[2], lines[0]["Message"]["invocationStatus"]) == ("good", "Completed")
    assert lines[0]["Message"]["responseParameters"]["outputLocation"] == answer["OutputLocation"]


def test_an_asynchronous_body_can_come_with_the_request_and_its_answer_be_named(server, runtime):
    answer = later(runtime, Body=b'{"do": "mark"}', Filename="mine.txt", S3OutputPathExtension="a/b")
    assert answer["OutputLocation"] == "s3://answers/out/a/b/mine.txt"
    assert stored(server, answer["OutputLocation"]) == b"one"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"InputLocation": "s3://asked/none.json"},
        {"InputLocation": "https://asked/none.json"},
        {"InputLocation": "s3://asked/../../endpoints/later.json"},
        {"Body": b"{}", "InputLocation": "s3://asked/in/rows.json"},
        {"Body": b"x" * 128_001},
        {"Body": b"{}", "S3OutputPathExtension": "../../up"},
        {"Body": b"{}", "RequestTTLSeconds": 21_601},
        {"Body": b"{}", "InvocationTimeoutSeconds": 3601},
    ],
    ids=str,
)
def test_wrong_asynchronous_requests_are_validation_errors(runtime, options):
    assert type(refused(lambda: later(runtime, **options))).__name__ == "ValidationError"


def test_an_ordinary_endpoint_takes_no_asynchronous_request(runtime):
    assert type(refused(lambda: runtime.invoke_endpoint_async(EndpointName="obedient", Body=b"{}"))).__name__ == "ValidationError"


def test_an_answer_that_takes_longer_than_an_asynchronous_request_may_is_a_failure(server, runtime):
    answer = later(runtime, Body=b'{"do": "sleep", "seconds": 30}', InvocationTimeoutSeconds=1)
    assert b"504" in stored(server, answer["FailureLocation"])


def test_the_environment_variable_of_the_sdk_is_enough(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    answer = boto3.client("sagemaker-runtime", **keys).invoke_endpoint(EndpointName="obedient", ContentType="application/json", Body=b'{"do": "mark"}')
    assert answer["Body"].read() == b"one"


def test_what_is_no_operation_is_404_and_no_other_method_is_one(server):
    """botocore knows three operations; the bidirectional stream is HTTP/2, another client's, and no operation here."""
    assert set(client(server.url).meta.service_model.operation_names) == {"InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"}
    wanted = {
        ("POST", "/endpoints/obedient/invocations-bidirectional-stream"): 404,
        ("POST", "/"): 404,
        ("GET", "/endpoints/obedient/invocations"): 405,
        ("GET", "/ping"): 200,
    }
    for (method, path), status in wanted.items():
        assert plainly(server.url + path, method) == status, (method, path)


def plainly(url, method):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        assert error.headers["x-amzn-errortype"] == "UnknownOperationException"
        return error.code


def test_a_failed_endpoint_says_why(server):
    record = server.status("broken", "Failed")
    assert "there is no such thing" in record["FailureReason"]
