"""deploy, serve, invoke and endpoints as commands, and EndpointConfig and Endpoint as steps of a pipeline, with and without a server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import botocore.exceptions
import pytest

from pipelines.local.home import Home
from tests.functional.conftest import Command, definition
from tests.functional.endpoints_here import ROLE, Place, Server, client, eventually, variant


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return a folder with the approved version 1 and the pending version 2 of a group, and version 3 that cannot be loaded."""
    folder = tmp_path_factory.mktemp("shop")
    place = Place(folder / ".sagewright")
    for number, container in enumerate((place.script("v1", MARK="one"), place.script("v2", MARK="two"), place.script("v3", CANNOT_LOAD="1")), 1):
        request = {"ModelPackageGroupName": "shop", "InferenceSpecification": {"Containers": [container]}}
        status = {"ModelApprovalStatus": "Approved" if number == 1 else "PendingManualApproval"}
        Home(place.home).registry.register({**request, **status}, arn_prefix="arn:aws:sagemaker:us-east-1:000000000000:", token=str(number))
    return Command(folder)


def test_an_approved_version_is_deployed_asked_listed_shown_and_deleted_without_a_server(shop):
    done = shop("deploy", "shop")
    assert (done.code, "shop: InService" in done.out) == (0, True)
    assert shop("invoke", "shop", '{"do": "mark"}').out == "one\n"
    assert "Not served now" in shop("endpoints", "list").out
    shown = shop("endpoints", "show", "shop").json
    assert shown["Endpoint"]["EndpointStatus"] == "InService"
    assert shown["EndpointConfig"]["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    assert list(shown["Models"]) == [shown["EndpointConfig"]["ProductionVariants"][0]["ModelName"]]
    assert shop("endpoints", "delete", "shop").code == 0
    assert shop("endpoints", "list", "--output", "json").json == {"url": "", "endpoints": []}
    assert not list((shop.folder / ".sagewright/serving").rglob("opt"))


def test_a_deployment_can_be_printed_and_changes_nothing(shop):
    options = ["--shift", "canary:20:5", "--alarm", "errors>1", "--alarm", "latency>200", "--capture", "s3://seen/x", "--instances", "2"]
    asked = shop("deploy", "shop", "--endpoint", "dry", "--dry-run", *options).json
    assert set(asked) == {"CreateModel", "CreateEndpointConfig", "CreateEndpoint", "PutMetricAlarm"}
    routing = asked["CreateEndpoint"]["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "CANARY", "WaitIntervalInSeconds": 5, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20}}
    assert [(each["MetricName"], each["Threshold"]) for each in asked["PutMetricAlarm"]] == [("Invocation5XXErrors", 0.01), ("ModelLatency", 200_000.0)]
    assert asked["CreateEndpointConfig"]["DataCaptureConfig"]["DestinationS3Uri"] == "s3://seen/x"
    assert asked == shop("deploy", "shop", "--endpoint", "dry", "--dry-run", *options).json
    assert shop("endpoints", "show", "dry").code == 2


def test_a_deployment_that_fails_says_why_with_exit_code_1(shop):
    done = shop("deploy", "shop/3", "--force", "--endpoint", "bad")
    assert (done.code, "there is no such thing" in done.err) == (1, True)
    record = shop("endpoints", "show", "bad").json["Endpoint"]
    assert record["EndpointStatus"] == "Failed"
    done = shop("invoke", "bad", "{}")
    assert (done.code, "there is no such thing" in done.err) == (2, True)


WRONG = [
    (["deploy", "nothing"], "no model package group"),
    (["deploy", "shop/9"], "no version 9"),
    (["deploy", "shop/2"], "PendingManualApproval"),
    (["deploy", "../x"], ""),
    (["deploy", "shop", "--shift", "sideways"], "--shift"),
    (["deploy", "shop", "--shift", "canary:x"], "--shift"),
    (["deploy", "shop", "--shift", "canary:1:2:3"], "--shift"),
    (["deploy", "shop", "--shift", "canary:\u00b2"], "--shift"),
    (["deploy", "shop", "--alarm", "errors"], "--alarm"),
    (["deploy", "shop", "--alarm", "errors>\u00b2"], "--alarm"),
    (["deploy", "shop", "--alarm", "cpu>1"], "--alarm"),
    (["deploy", "shop", "--alarm", "errors>x"], "--alarm"),
    (["deploy", "shop", "--endpoint", "no_name"], "no_name"),
    (["deploy", "shop", "--endpoint", "a" * 64], ""),
    (["deploy", "shop", "--capture", "here"], ""),
    (["deploy", "shop", "--async-to", "here"], ""),
    (["deploy", "shop", "--serverless-mb", "1000"], ""),
    (["deploy", "shop", "--instance-type", "large"], ""),
    (["deploy", "shop", "--image-map", "none.yaml"], ""),
    (["invoke", "nothing", "1,2"], "no endpoint 'nothing'"),
    (["invoke", "../shop", "1,2"], ""),
    (["invoke", "nothing", "--file", "none.csv"], "no such file"),
    (["invoke", "nothing", "1", "--file", "x.csv"], "both"),
    (["invoke", "nothing", " "], "nothing to send"),
    (["invoke", "x", "1", "--endpoint-url", "http://127.0.0.1:1"], "cannot be reached"),
    (["invoke", "x", "1", "--endpoint-url", "no url"], "cannot be reached"),
    (["invoke", "x", "1", "--endpoint-url", "http://127.0.0.1:1", "--accept", "a\nb"], "cannot be reached"),
    (["endpoints", "show", "nothing"], "no endpoint"),
    (["endpoints", "show", ".."], ""),
    (["endpoints", "delete", "nothing"], "no endpoint"),
    (["deploy", "shop", "--serverless-mb", "1500"], "expected one of 1024, 2048"),
    (["deploy", "shop", "--serverless-mb", "2048", "--capture", "s3://seen/x"], "no serverless endpoint with DataCaptureConfig"),
    (["deploy", "shop", "--serverless-mb", "2048", "--async-to", "s3://seen/x"], "no serverless endpoint with AsyncInferenceConfig"),
    (["deploy", "shop", "--shift", "\x1b[31m"], "got \\x1b[31m,"),
    (["serve", "nothing"], "no endpoint"),
    (["serve", "--port", "99999"], ""),
    (["serve", "--host", "256.0.0.1", "--port", "0"], "cannot listen"),
    (["serve", "--speed", "0"], ""),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "")
def test_bad_input_is_a_usage_error_without_a_traceback(shop, arguments, said):
    done = shop(*arguments)
    assert done.code == 2, (done.out, done.err)
    assert said in done.err
    assert done.out == ""


def test_a_failing_model_is_exit_code_1(shop):
    shop("deploy", "shop", "--endpoint", "failing")
    done = shop("invoke", "failing", '{"do": "fail"}')
    assert (done.code, done.out) == (1, "")
    assert "failing: the model answered 500: the rows are wrong" in done.err
    log = Path(done.err.rpartition("The log: ")[2].strip().removesuffix("."))
    assert "the rows are wrong" in log.read_text()


@pytest.fixture(scope="module")
def served(shop):
    """Serve a home of its own, with waits a thousand times shorter."""
    server = Server(shop.folder / ".sagewright", "--speed", "100")
    server.until("SageMaker Runtime on")
    yield server
    assert server.stop() == 0


def marks(server, name, count=200, tries=1):
    runtime = client(server.url)
    return [runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b'{"do": "mark"}')["Body"].read() for _ in range(count)]


def test_a_running_server_takes_deployments_up_and_shifts_their_traffic(shop, served):
    assert shop("deploy", "shop", "--endpoint", "live").code == 0
    assert set(marks(served, "live")) == {b"one"}
    done = shop("deploy", "shop/2", "--force", "--endpoint", "live", "--shift", "linear:25:10", "--alarm", "errors>1")
    assert (done.code, "live: InService" in done.out) == (0, True)
    assert set(marks(served, "live")) == {b"two"}
    assert shop("invoke", "live", '{"do": "mark"}').out == "two\n"
    assert served.url in shop("endpoints", "list").out
    bad = shop("deploy", "shop/3", "--force", "--endpoint", "live")
    assert (bad.code, "rolled back" in bad.err) == (1, True)
    assert set(marks(served, "live", 20)) == {b"two"}


def test_rows_come_from_a_file_or_from_stdin(shop, served):
    shop("deploy", "shop", "--endpoint", "filed")
    (shop.folder / "rows.csv").write_text("1,2\n3,4\n")
    assert shop("invoke", "filed", "--file", "rows.csv", "--accept", "text/plain").out == "one|text/csv|text/plain|8\n"
    (shop.folder / "rows.libsvm").write_text("0 1:2")
    assert "|text/libsvm|" in shop("invoke", "filed", "--file", "rows.libsvm").out
    assert "|text/csv|" in shop("invoke", "filed", "1,2", "3,4").out
    assert "|application/jsonlines|" in shop("invoke", "filed", '{"a": 1}', '{"a": 2}').out


def test_deploying_the_same_again_changes_nothing(shop, served):
    first = shop("deploy", "shop", "--endpoint", "same", "--output", "json").json["endpoint"]
    again = shop("deploy", "shop", "--endpoint", "same", "--output", "json").json["endpoint"]
    assert first["EndpointConfigName"] == again["EndpointConfigName"]
    assert set(marks(served, "same", 20)) == {b"one"}


def test_an_alarm_takes_an_update_back_when_real_requests_fail(shop, served):
    """The new version answers, but what it answers is a failure."""
    import threading

    place = Place(shop.folder / ".sagewright")
    for mark, code in (("good", "return b'good'"), ("bad", "raise ValueError('bad')")):
        place.model(f"guard-{mark}", place.script(f"guard-{mark}", f"def model_fn(d): pass\ndef transform_fn(m, b, k, a): {code}"))
        place.config(f"guard-{mark}", variant(f"guard-{mark}"))
    place.endpoint("guarded", "guard-good")
    served.status("guarded", "InService")
    alarm = {"AlarmName": "bad-ones", "MetricName": "Invocation5XXErrors", "Statistic": "Average", "Threshold": 0.05}
    place.records.write("alarm", "bad-ones", {**alarm, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"})
    routing = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30}, "WaitIntervalInSeconds": 600}
    guard = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "bad-ones"}]}}
    stop, outcomes = threading.Event(), []

    def hammer():
        runtime = client(served.url)
        while not stop.is_set():
            try:
                outcomes.append(runtime.invoke_endpoint(EndpointName="guarded", Body=b"1")["Body"].read())
            except botocore.exceptions.ClientError as error:
                outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in threads:
        thread.start()
    with place.records.changing():
        now = place.records.read("endpoint", "guarded")
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": "guard-bad"}, "PendingDeploymentConfig": guard}
        place.records.write("endpoint", "guarded", {**now, **pending, "EndpointStatus": "Updating"})
    record = served.status("guarded", "InService")
    eventually(lambda: outcomes[-100:] == [b"good"] * 100)
    stop.set()
    for thread in threads:
        thread.join()
    assert "alarm bad-ones went off" in record["FailureReason"]
    assert record["EndpointConfigName"] == "guard-good"
    assert set(outcomes) == {b"good", "ModelError"}


def steps(place, mark, name):
    container = place.script(f"step-{mark}", MARK=mark)
    model = {"Name": "Model", "Type": "Model", "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}}
    chosen = {"VariantName": "All", "ModelName": {"Get": "Steps.Model.ModelName"}, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = {"Name": "Config", "Type": "EndpointConfig", "Arguments": {"ProductionVariants": [{**chosen, "InitialVariantWeight": 1.0}]}}
    arguments = {"EndpointName": name, "EndpointConfigName": {"Get": "Steps.Config.EndpointConfigName"}}
    return definition(model, config, {"Name": "Endpoint", "Type": "Endpoint", "Arguments": arguments})


def test_the_steps_of_a_pipeline_deploy_without_a_server(sagewright):
    place = Place(sagewright.folder / ".sagewright")
    done = sagewright.run(steps(place, "first", "piped"))
    assert done.code == 0, done.err
    assert sagewright("invoke", "piped", '{"do": "mark"}').out == "first\n"
    done = sagewright.run(steps(place, "second", "piped"))
    assert done.code == 0, done.err
    assert sagewright("invoke", "piped", '{"do": "mark"}').out == "second\n"


def test_an_endpoint_step_fails_when_the_model_cannot_be_loaded(sagewright):
    place = Place(sagewright.folder / ".sagewright")
    document = steps(place, "bad", "piped")
    document["Steps"][0]["Arguments"]["PrimaryContainer"] = place.script("bad", CANNOT_LOAD="1")
    done = sagewright.run(document)
    assert done.code == 1
    assert "there is no such thing" in done.out + done.err


def test_the_steps_of_a_pipeline_deploy_to_a_running_server(shop, served):
    place = Place(shop.folder / ".sagewright")
    begun = time.monotonic()
    for mark in ("alpha", "beta"):
        done = shop.run(steps(place, mark, "piped-live"))
        assert done.code == 0, done.err
        assert set(marks(served, "piped-live", 5)) == {mark.encode()}
    assert time.monotonic() - begun < 60


def test_a_server_of_some_endpoints_leaves_the_others_alone(shop, tmp_path):
    place = Place(tmp_path / ".sagewright")
    place.simple("mine")
    place.simple("other")
    command = Command(tmp_path)
    server = Server(place.home, "mine", cold=True)
    server.until("ready: mine", 60)
    with pytest.raises(botocore.exceptions.ClientError, match="not found"):
        client(server.url).invoke_endpoint(EndpointName="other", Body=b"{}")
    registry = Home(place.home).registry
    held = {"ModelPackageGroupName": "other", "ModelApprovalStatus": "Approved", "InferenceSpecification": {"Containers": [place.script("x", MARK="x")]}}
    registry.register(held, arn_prefix="arn:aws:sagemaker:us-east-1:000000000000:", token="x")
    assert command("deploy", "other").code == 0
    assert json.loads(command("endpoints", "show", "other").out)["Endpoint"]["EndpointStatus"] == "InService"
    assert server.stop() == 0


def test_while_the_container_of_one_endpoint_answers_others_can_be_deployed(shop, tmp_path):
    place = Place(tmp_path / ".sagewright")
    place.simple("mine")
    command = Command(tmp_path)
    server = Server(place.home, "mine", "--container", cold=True)
    server.until("ready: mine", 60)
    held = {"ModelPackageGroupName": "other", "ModelApprovalStatus": "Approved", "InferenceSpecification": {"Containers": [place.script("x", MARK="x")]}}
    Home(place.home).registry.register(held, arn_prefix="arn:aws:sagemaker:us-east-1:000000000000:", token="x")
    done = command("deploy", "other")
    assert (done.code, "other: InService" in done.out) == (0, True)
    refused = command("serve", "--port", "0")
    assert (refused.code, "answers as a container" in refused.err) == (2, True)
    assert server.stop() == 0
