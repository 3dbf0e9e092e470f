"""`sagewright serve` when things go wrong: processes that are killed, models that hang or are slow, clients that misbehave, and its own end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import botocore.exceptions
import pytest

from tests.functional.endpoints_here import ROOT, XGBOOST, Place, Server, client, eventually, variant

SOON_S = 2.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("robust") / "home")
    place.simple("two", place.script("two", SAGEMAKER_MODEL_SERVER_WORKERS="2"))
    place.simple("one")
    served = Server(place.home)
    served.place = place
    served.until("ready:", 120)
    yield served
    assert served.stop() == 0


@pytest.fixture
def runtime(server):
    return client(server.url)


def ask(runtime, endpoint="one", **body):
    return runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body))["Body"].read()


def failed(call):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    return caught.value


def children(pid):
    """Return the ids of all processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, look = [], [pid]
    while look:
        below = parents.get(look.pop(), [])
        found += below
        look += below
    return found


def alive(pids):
    left = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            left.append(pid)
    return left


def test_a_worker_that_is_killed_idle_is_replaced_and_nobody_notices(runtime):
    for _ in range(3):
        pid = int(ask(runtime, do="pid"))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda p=pid: not alive([p]))
        assert int(ask(runtime, do="pid")) != pid


def test_a_worker_that_is_killed_over_a_request_fails_this_one_only(runtime):
    with ThreadPoolExecutor(8) as pool:
        pids = {int(pid) for pid in pool.map(lambda _: ask(runtime, "two", do="pid"), range(40))}
        slow = [pool.submit(ask, runtime, "two", do="sleep", seconds=1.0) for _ in range(2)]
        waiting = [pool.submit(ask, runtime, "two", do="mark") for _ in range(5)]
        time.sleep(0.3)
        os.kill(min(pids), signal.SIGKILL)
        outcomes = [task.exception() for task in slow]
        assert [type(error).__name__ for error in outcomes if error] == ["ModelError"]
        assert [task.exception() for task in waiting] == [None] * 5
    eventually(lambda: len({ask(runtime, "two", do="pid") for _ in range(20)} - {str(min(pids)).encode()}) >= 1)


def test_a_container_whose_master_is_killed_is_started_anew(server, runtime):
    place = server.place
    place.simple("headless")
    server.status("headless", "InService")
    worker = int(ask(runtime, "headless", do="pid"))
    master = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(master, signal.SIGKILL)
    eventually(lambda: not alive([worker]))
    eventually(lambda: succeeds(lambda: ask(runtime, "headless", do="mark")), 60)
    place.records.delete("endpoint", "headless")


def succeeds(call):
    try:
        call()
        return True
    except botocore.exceptions.ClientError as error:
        assert type(error).__name__ == "ModelError", error
        return False


def test_a_slow_start_within_its_limit_is_waited_for_and_one_beyond_fails(server, runtime):
    place = server.place
    for name, limit_s in (("patient", 60), ("hasty", 60)):
        place.model(name, place.script(name, LOADS_FOR_S="3"))
        place.config(name, variant(name, ContainerStartupHealthCheckTimeoutInSeconds=limit_s))
    hasty = place.records.read("endpoint configuration", "hasty")
    hasty["ProductionVariants"][0]["ContainerStartupHealthCheckTimeoutInSeconds"] = 1  # the API takes no less than 60
    place.records.write("endpoint configuration", "hasty", hasty)
    for name in ("patient", "hasty"):
        place.endpoint(name)
    assert "did not become healthy within 1 s" in server.status("hasty", "Failed")["FailureReason"]
    server.status("patient", "InService")
    assert ask(runtime, "patient", do="mark") == b""
    for name in ("patient", "hasty"):
        place.records.delete("endpoint", name)


def test_a_request_to_an_endpoint_that_starts_waits_for_it(server, runtime):
    place = server.place
    place.simple("later", place.script("later", LOADS_FOR_S="1", MARK="here"))
    eventually(lambda: succeeds_validated(lambda: ask(runtime, "later", do="mark")))
    assert ask(runtime, "later", do="mark") == b"here"
    place.records.delete("endpoint", "later")


def succeeds_validated(call):
    try:
        call()
        return True
    except botocore.exceptions.ClientError as error:
        assert "not found" in str(error)
        return False


BAD_ARCHIVES = {
    "absolute": "import tarfile; e = tarfile.TarInfo('/tmp/harm-abs'); e.size = 1; t.addfile(e, io.BytesIO(b'x'))",
    "up": "e = tarfile.TarInfo('../../harm-up'); e.size = 1; t.addfile(e, io.BytesIO(b'x'))",
    "link": "e = tarfile.TarInfo('l'); e.type = tarfile.SYMTYPE; e.linkname = '/etc/passwd'; t.addfile(e)",
    "pipe": "e = tarfile.TarInfo('p'); e.type = tarfile.FIFOTYPE; t.addfile(e)",
}


@pytest.mark.parametrize("kind", [*BAD_ARCHIVES, "no archive", "nothing", "pickle"])
def test_a_bad_archive_fails_its_endpoint_with_a_reason(server, kind):
    import io
    import pickle
    import tarfile

    place, name = server.place, f"bad-{kind.replace(' ', '-')}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as t:
        exec(BAD_ARCHIVES.get(kind, ""), {"t": t, "io": io, "tarfile": tarfile})
    uri = f"s3://models/{name}.tar.gz"
    place.store.put_bytes(uri, b"no archive" if kind == "no archive" else buffer.getvalue())
    if kind == "pickle":
        place.archive(name, {"xgboost-model": pickle.dumps({"a": 1})})
    if kind == "nothing":
        place.store.path(uri).unlink()
    place.simple(name, {"Image": XGBOOST, "ModelDataUrl": uri, "Environment": {}})
    reason = server.status(name, "Failed")["FailureReason"]
    expected = {"no archive": "cannot be unpacked", "nothing": "could not find model data", "pickle": "SAGEWRIGHT_ALLOW_PICKLE=true"}
    assert expected.get(kind, "expected files and folders only") in reason
    assert not list(place.home.rglob("harm-*")) and not Path("/tmp/harm-abs").exists()
    place.records.delete("endpoint", name)


def test_the_files_of_endpoints_that_are_gone_are_gone(server):
    place = server.place
    place.simple("brief")
    server.status("brief", "InService")
    folder = place.home / "serving/endpoints"
    assert list(folder.glob("brief-*/AllTraffic/opt"))
    place.records.delete("endpoint", "brief")
    eventually(lambda: not list(folder.glob("brief-*/AllTraffic/opt")))


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(server, runtime):
    host, port = server.url.removeprefix("http://").split(":")
    for piece in (b"POST /endp", b"POST /endpoints/one/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"):
        for _ in range(20):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(piece)
    assert ask(runtime, do="mark") == b""


def test_a_port_in_use_is_a_usage_error(server, tmp_path):
    port = server.url.rpartition(":")[2]
    done = command(tmp_path, "serve", "--port", port)
    assert (done.returncode, "cannot listen" in done.stderr, "--port 0" in done.stderr) == (2, True, True)
    assert "Traceback" not in done.stderr


def test_a_second_server_of_a_home_is_refused_and_told_where_the_first_is(server):
    done = command(server.home.parent, "serve", "--port", "0", "--home", str(server.home))
    assert (done.returncode, server.url in done.stderr) == (2, True)


def command(folder, *arguments):
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "pipelines", *arguments], cwd=folder, env=told, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("number", "cold"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_a_signal_ends_everything_soon(tmp_path, number, cold):
    place = Place(tmp_path / "home")
    place.simple("one")
    server = Server(place.home, cold=cold)
    server.until("ready:", 120)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, client(server.url), do="sleep", seconds=30)
        time.sleep(0.3)
        below = children(server.process.pid)
        assert below
        begun = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - begun < SOON_S + 1.0  # one second of grace for requests that are being answered
        assert held.exception() is not None
    eventually(lambda: not alive(below), SOON_S)
    assert not list((tmp_path / "home/serving").rglob("opt"))


@pytest.mark.parametrize("cold", [True, False])
def test_a_killed_server_leaves_no_process_behind(tmp_path, cold):
    place = Place(tmp_path / "home")
    place.simple("one")
    server = Server(place.home, cold=cold)
    server.until("ready:", 120)
    below = children(server.process.pid)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    eventually(lambda: not alive(below), 10)
    assert place.records.url() == ""
    again = Server(place.home, cold=True)
    again.until("ready:", 120)
    assert ask(client(again.url), do="mark") == b""
    assert again.stop() == 0


def test_deleting_while_it_is_asked_gives_answers_and_then_validation_errors(server, runtime):
    server.place.simple("hit")
    server.status("hit", "InService")
    outcomes, stop = [], threading.Event()

    def hammer():
        mine = client(server.url)
        while not stop.is_set():
            try:
                outcomes.append(ask(mine, "hit", do="mark"))
            except botocore.exceptions.ClientError as error:
                outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(outcomes) > 50)
    server.place.records.delete("endpoint", "hit")
    eventually(lambda: outcomes[-8:] == ["ValidationError"] * 8)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {b"", "ValidationError"}


def test_nothing_outside_can_be_named_by_a_request(server, runtime):
    for name in ("../one", "..", "%2e%2e%2fone", "one/../../..", "/etc/passwd"):
        assert failed(lambda n=name: ask(runtime, n)).response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)


@pytest.mark.parametrize("layer", ["shim", "symlink"])
def test_every_isolation_serves(tmp_path, layer):
    place = Place(tmp_path / "home")
    place.simple("one", place.script("one", MARK=layer))
    server = Server(place.home, "--isolation", layer, cold=True)
    eventually(lambda: server.process.poll() is not None or server._line("one: "))
    if server.process.poll() == 2:
        server.stop()
        pytest.skip(f"{layer} is not possible here")
    server.status("one", "InService")
    assert ask(client(server.url), do="mark") == layer.encode()
    assert server.stop() == 0


def test_the_container_of_an_endpoint_answers_by_its_own_contract(tmp_path):
    place = Place(tmp_path / "home")
    place.simple("one")
    server = Server(tmp_path / "home", "one", "--container")
    url = server.until("the container of one on").rsplit(" ", 1)[-1]
    server.until("ready: one")
    with urllib.request.urlopen(f"{url}/ping", timeout=10) as reply:
        assert reply.status == 200
    request = urllib.request.Request(f"{url}/invocations", data=b'{"a": 1}', headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.read() == b'{"a": 1}'
    assert server.stop() == 0
