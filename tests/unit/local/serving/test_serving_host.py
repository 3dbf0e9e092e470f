"""All endpoints of a home: creation, failure, updates that overlap, deletion at every moment; and the records of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fakes import FakeContainer, FakeEndpoint, asked, echo, fake_model, plain_config, saying

from pipelines.local.faults import ClientFault
from pipelines.local.serving import boxes, deploying, host
from pipelines.local.serving.deploying import Here
from pipelines.local.serving.host import Host
from pipelines.local.serving.records import Records
from pipelines.local.serving.served_model import ServedModel
from pipelines.local.store import Store


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a host of endpoints whose models answer by functions."""
    answers = {"a": saying(b"a"), "b": saying(b"b")}
    records = Records(tmp_path)

    def endpoint(*given):
        made = FakeEndpoint(*given)
        made.answers = answers
        return made

    monkeypatch.setattr(host, "Endpoint", endpoint)
    monkeypatch.setattr(host, "LOOK_EVERY_S", 0.01)
    made = Host(SimpleNamespace(store=Store(tmp_path / "s3")), records, tmp_path / "serving/endpoints")
    made.said = []
    made.tell = made.said.append
    made.answers = answers
    for name in ("a", "b"):
        records.write("endpoint configuration", f"config-{name}", plain_config(("A", name, 1.0)))
    return made


def record(home, name, config, **more):
    home.records.write("endpoint", name, {"EndpointName": name, "EndpointArn": "x", "EndpointConfigName": config, "EndpointStatus": "Creating", **more})


def pending(home, name, config):
    with home.records.changing():
        now = home.records.read("endpoint", name)
        home.records.write("endpoint", name, {**now, "EndpointStatus": "Updating", "PendingDeploymentSummary": {"EndpointConfigName": config}})


async def until(look):
    while not look():
        await asyncio.sleep(0.002)


def run(work):
    asyncio.run(asyncio.wait_for(work, 20))


class Following:
    """Follow a home's records while the block lasts."""

    def __init__(self, home):
        self.home = home

    async def __aenter__(self):
        await self.home.start()
        self.task = asyncio.create_task(self.home.follow())

    async def __aexit__(self, *error):
        assert not self.task.done()
        self.task.cancel()
        await self.home.close()


def status(home, name):
    return home.records.read("endpoint", name)["EndpointStatus"]


def test_what_is_recorded_is_started_and_what_comes_later_too(home):
    async def work():
        record(home, "one", "config-a")
        async with Following(home):
            assert status(home, "one") == "InService"
            record(home, "two", "config-b")
            await until(lambda: home.find("two") and status(home, "two") == "InService")
            assert (await home.find("two").invoke(asked()))[0].body == b"b"

    run(work())


@pytest.mark.parametrize(("config", "reason"), [("none", "no endpoint configuration"), ("config-x", "KeyError|'x'"), ("config-odd", "")])
def test_a_failed_creation_says_why_and_the_server_goes_on(home, config, reason):
    async def work():
        home.records.write("endpoint configuration", "config-x", plain_config(("A", "x", 1.0)))
        home.records.write("endpoint configuration", "config-odd", {"odd": 1})
        record(home, "bad", config)
        async with Following(home):
            await until(lambda: status(home, "bad") == "Failed")
            assert home.records.read("endpoint", "bad")["FailureReason"]
            assert home.find("bad") is None and not home.starts("bad")
            record(home, "good", "config-a")
            await until(lambda: home.find("good"))

    run(work())


def test_what_nobody_thought_of_ends_one_deployment_and_is_told(home):
    async def work():
        home.answers["a"] = fake_model(echo)

        async def start(timeout_s):
            raise RuntimeError("never seen before")

        home.answers["a"].containers[0].start = start
        record(home, "bad", "config-a")
        async with Following(home):
            await until(lambda: status(home, "bad") == "Failed")
            assert home.records.read("endpoint", "bad")["FailureReason"] == "a defect of Sagewright: RuntimeError: never seen before"
            assert any("Traceback" in said for said in home.said)
            record(home, "good", "config-b")
            await until(lambda: home.find("good"))
            pending(home, "good", "config-a")
            await until(lambda: status(home, "good") == "InService")
            kept = home.records.read("endpoint", "good")
            assert (kept["EndpointConfigName"], "RuntimeError" in kept["FailureReason"]) == ("config-b", True)
            assert (await home.find("good").invoke(asked()))[0].body == b"b"

    run(work())


def test_records_that_cannot_be_read_for_a_while_are_told_once_and_looked_at_again(home, monkeypatch):
    async def work():
        names, broken = home.names, [True]

        def listed():
            if broken:
                raise OSError("the disk is gone")
            return names()

        async with Following(home):
            monkeypatch.setattr(home, "names", listed)
            await asyncio.sleep(0.1)
            assert [said for said in home.said if "the disk is gone" in said] == ["what is deployed cannot be read: the disk is gone"]
            broken.clear()
            record(home, "one", "config-a")
            await until(lambda: home.find("one"))

    run(work())


def test_a_container_that_does_not_start_is_the_reason(home):
    async def work():
        home.answers["a"] = fake_model(echo)
        home.answers["a"].containers[0].fails = "out of memory"
        record(home, "bad", "config-a")
        async with Following(home):
            assert "out of memory" in home.records.read("endpoint", "bad")["FailureReason"]
            home.answers["a"] = echo
            record(home, "bad", "config-a")
            await until(lambda: status(home, "bad") == "InService")

    run(work())


def test_an_update_is_carried_out_and_a_failed_one_taken_back(home):
    async def work():
        record(home, "one", "config-a")
        async with Following(home):
            pending(home, "one", "config-b")
            await until(lambda: status(home, "one") == "InService")
            assert home.records.read("endpoint", "one")["EndpointConfigName"] == "config-b"
            pending(home, "one", "none")
            await until(lambda: status(home, "one") == "InService")
            kept = home.records.read("endpoint", "one")
            assert (kept["EndpointConfigName"], "rolled back" in kept["FailureReason"]) == ("config-b", True)
            assert (await home.find("one").invoke(asked()))[0].body == b"b"

    run(work())


class SlowModel(ServedModel):
    reached = False
    __setattr__ = object.__setattr__


def slow_start(home, name):
    """Let a model's start wait for an event."""
    go, model = asyncio.Event(), SlowModel([FakeContainer(saying(name.encode()))], ["one"])
    start = model.containers[0].start

    async def waits(timeout_s):
        model.reached = True
        await go.wait()
        await start(timeout_s)

    model.containers[0].start = waits
    home.answers[name] = model
    return go, model


def test_an_endpoint_deleted_while_it_starts_stays_deleted(home):
    async def work():
        async with Following(home):
            go, model = slow_start(home, "a")
            record(home, "one", "config-a")
            await until(lambda: model.reached)
            assert home.starts("one")
            home.records.delete("endpoint", "one")
            go.set()
            await until(lambda: model.containers[0].closed)
            await asyncio.sleep(0.05)
            assert not home.records.has("endpoint", "one")
            assert home.find("one") is None

    run(work())


def test_an_endpoint_deleted_while_it_is_updated_stays_deleted(home):
    async def work():
        record(home, "one", "config-a")
        async with Following(home):
            go, model = slow_start(home, "b")
            pending(home, "one", "config-b")
            await until(lambda: model.reached)
            home.records.delete("endpoint", "one")
            go.set()
            await until(lambda: model.containers[0].closed)
            await until(lambda: home.find("one") is None)
            assert not home.records.has("endpoint", "one")

    run(work())


def test_a_deletion_answers_what_was_asked_and_then_stops(home):
    async def work():
        home.answers["a"] = saying(b"done", after_s=0.2)
        record(home, "one", "config-a")
        async with Following(home):
            endpoint = home.find("one")
            task = asyncio.create_task(endpoint.invoke(asked()))
            await asyncio.sleep(0)
            home.records.delete("endpoint", "one")
            await until(lambda: home.find("one") is None)
            assert not task.done() and not home.starts("one")  # who asks now is told at once that there is none
            assert (await task)[0].body == b"done"
            await until(lambda: endpoint.fleet.variants[0].model.containers[0].closed)

    run(work())


def test_a_name_can_be_used_again_at_once(home):
    async def work():
        record(home, "one", "config-a")
        async with Following(home):
            home.records.delete("endpoint", "one")
            await until(lambda: home.find("one") is None)
            record(home, "one", "config-b")
            await until(lambda: home.find("one"))
            assert (await home.find("one").invoke(asked()))[0].body == b"b"

    run(work())


def test_a_record_that_is_no_record_disturbs_no_other(home):
    async def work():
        async with Following(home):
            (home.records.home / "endpoints").mkdir(exist_ok=True)
            (home.records.home / "endpoints/torn.json").write_text("{")
            (home.records.home / "endpoints/empty.json").write_text("{}")
            record(home, "one", "config-a")
            await until(lambda: home.find("one"))

    run(work())


def test_only_named_endpoints_are_served(home):
    async def work():
        home.only = frozenset({"one"})
        record(home, "one", "config-a")
        record(home, "two", "config-b")
        async with Following(home):
            assert list(home.endpoints) == ["one"]

    run(work())


def test_an_endpoint_that_is_being_updated_cannot_be_updated(tmp_path):
    records = Records(tmp_path)
    here = Here(records, None, tmp_path)
    records.write("endpoint configuration", "c", plain_config(("A", "a", 1.0)))
    records.write("endpoint", "one", {"EndpointName": "one", "EndpointStatus": "Updating", "PendingDeploymentSummary": {"EndpointConfigName": "c"}})
    with records.serving() as mine:
        assert mine
        records.announce("http://127.0.0.1:1")
        with pytest.raises(ClientFault, match="cannot update an endpoint that is Updating"):
            deploying.create_or_update(here, "one", "c")


def test_a_server_that_starts_during_a_trial_takes_the_deployment_up(tmp_path, monkeypatch):
    records = Records(tmp_path)
    records.write("endpoint configuration", "c", plain_config(("A", "a", 1.0)))

    async def tried(here, config, name):
        holding.__enter__()
        records.announce("http://127.0.0.1:1")
        return ""

    holding = records.serving()
    monkeypatch.setattr(deploying, "_tried_out", tried)
    monkeypatch.setattr(deploying, "_wait", lambda records, name, tell: records.read("endpoint", name))
    found = deploying.create_or_update(Here(records, None, tmp_path), "one", "c")
    assert (found["EndpointStatus"], found["PendingDeploymentSummary"]["EndpointConfigName"]) == ("Creating", "c")
    holding.__exit__(None, None, None)


def test_logs_of_trials_do_not_pile_up(tmp_path):
    made = [boxes.fresh(tmp_path / "tried", "one") for _ in range(boxes.LOGS_KEPT)]
    (made[0] / "AllTraffic/opt/ml").mkdir(parents=True)
    for _ in range(boxes.LOGS_KEPT + 5):
        boxes.fresh(tmp_path / "tried", "one")
    assert made[0].is_dir()
    assert len(list((tmp_path / "tried").iterdir())) <= boxes.LOGS_KEPT + 2


def test_one_server_serves_a_home_and_says_where(tmp_path):
    records = Records(tmp_path)
    assert (records.url(), records.is_served("one")) == ("", False)
    with records.serving() as mine:
        records.announce("http://127.0.0.1:5", ["one"])
        assert mine
        assert (records.url(), records.is_served("one"), records.is_served("two")) == ("http://127.0.0.1:5", True, False)
        with Records(tmp_path).serving() as other:
            assert not other
    assert (records.url(), records.is_served("one")) == ("", False)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a_b", "-a", "a-", "a" * 64, "a\n", "ä"])
def test_a_name_that_is_none_reads_and_writes_no_file(tmp_path, name):
    for call in (
        lambda: Records(tmp_path).read("endpoint", name),
        lambda: Records(tmp_path).write("endpoint", name, {}),
        lambda: Records(tmp_path).has("endpoint", name),
    ):
        with pytest.raises(ClientFault, match="no name"):
            call()
    assert list(tmp_path.iterdir()) == []
