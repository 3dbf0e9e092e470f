"""Containers that bring their own HTTP server, and models that are served for as long as a block lasts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import pytest
from fakes import echo, fake_model

from pipelines.local.faults import ClientFault
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.serving import hosted
from pipelines.local.serving.boxes import claim_port, free_port
from pipelines.local.serving.http_container import HttpContainer
from pipelines.local.serving.link import TOO_LATE, WorkerLost
from pipelines.local.serving.model_server import NotHealthy

PROGRAM = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *given): pass
    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items(): self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        found = {"/ping": b"", "/execution-parameters": b'{"MaxConcurrentTransforms": 3}'}
        self.answer(200 if self.path in found else 404, found.get(self.path, b""))
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"die": os._exit(7)
        if body == b"sleep": time.sleep(30)
        if body == b"hang up": self.close_connection = True; return
        if body.startswith(b"parts"):
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for number in range(50):
                self.wfile.write(b"6\\r\\npart%02d\\r\\n" % number); self.wfile.flush(); time.sleep(0.02)
                if body == b"parts break" and number == 3: os._exit(7)
            self.wfile.write(b"0\\r\\n\\r\\n"); return
        if body == b"trickle":
            self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
            for _ in range(1000): self.wfile.write(b"x"); self.wfile.flush(); time.sleep(0.05)
            return
        if body == b"encodings": self.answer(200, self.headers.get("Accept-Encoding", "").encode()); return
        self.answer(200, body + b"|" + self.headers.get("Accept", "").encode(), Content_Type=self.headers["Content-Type"])
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class PlainLauncher:
    """Run a job as a process, without a sandbox."""

    process = None

    def run(self, spec, on_start=None):
        self.process = subprocess.Popen([sys.executable, *spec.command[1:]], env={**os.environ, **spec.environment})
        return JobResult(self.process.wait(), "exited", 1.0, "none")

    def stop(self, name, *, kill=False):
        self.process.kill()


def container(tmp_path, *command):
    environment = {"SAGEMAKER_BIND_TO_PORT": str(free_port())}
    (tmp_path / "opt/ml/output").mkdir(parents=True)
    return HttpContainer(JobSpec("own", tmp_path, command or ("python3", "-c", PROGRAM), environment), PlainLauncher())


def run(work):
    asyncio.run(asyncio.wait_for(work, 40))


async def started(tmp_path):
    own = container(tmp_path)
    await own.start(20)
    await own.load("", "/opt/ml/model", 5)
    return own


def test_a_container_of_ones_own_is_asked_over_http(tmp_path):
    async def work():
        own = await started(tmp_path)
        assert own.healthy() and own.parameters() == {"MaxConcurrentTransforms": 3}
        reply = await own.invoke({"content-type": "text/csv", "accept": "text/x", "host": "elsewhere", "content-length": "99"}, b"1,2")
        assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"1,2|text/x", "text/csv")
        await own.close()
        assert not own.healthy()

    run(work())


def test_a_container_of_ones_own_is_asked_for_an_encoding_that_is_decoded_here(tmp_path):
    async def work():
        own = await started(tmp_path)
        try:
            reply = await own.invoke({"content-type": "text/csv", "accept-encoding": "exotic"}, b"encodings")
        finally:
            await own.close()
        assert b"gzip" in reply.body and b"exotic" not in reply.body

    run(work())


def test_a_header_that_is_not_ascii_reaches_a_container_of_ones_own(tmp_path):
    async def work():
        own = await started(tmp_path)
        try:
            reply = await own.invoke({"content-type": "text/csv", "accept": "caf\xe9"}, b"1,2")
        finally:
            await own.close()
        assert reply.body == "1,2|café".encode()

    run(work())


@pytest.mark.slow
def test_what_takes_too_long_is_504_however_it_is_spread(tmp_path):
    async def work():
        own = await started(tmp_path)
        for body in (b"sleep", b"trickle"):
            assert (await own.invoke({"content-type": "x"}, body, timeout_s=0.4)).status == 504
        assert (await own.invoke({"content-type": "x"}, b"fine")).status == 200
        await own.close()

    run(work())


@pytest.mark.slow
def test_no_answer_is_502_and_a_dead_container_is_not_healthy(tmp_path):
    async def work():
        own = await started(tmp_path)
        assert (await own.invoke({"content-type": "x"}, b"hang up")).status == 502
        assert (await own.invoke({"content-type": "x"}, b"die")).status == 502
        while own.healthy():
            await asyncio.sleep(0.01)
        assert (await own.invoke({"content-type": "x"}, b"x")).status == 502
        while not own.healthy():  # it is started again
            await asyncio.sleep(0.01)
        assert (await own.invoke({"content-type": "x"}, b"fine")).status == 200
        await own.close()
        await asyncio.sleep(0.3)
        assert not own.healthy()

    run(work())


class LateLauncher(PlainLauncher):
    """Take a while to begin, in which a stop is not heard."""

    def run(self, spec, on_start=None):
        time.sleep(0.3)
        return super().run(spec, on_start)

    def stop(self, name, *, kill=False):
        if self.process:
            self.process.kill()


def test_a_container_that_is_closed_before_it_has_begun_ends_all_the_same(tmp_path):
    async def work():
        own = container(tmp_path)
        own.launcher = LateLauncher()
        starting = asyncio.create_task(own.start(20))
        await asyncio.sleep(0.05)
        starting.cancel()
        await own.close()
        assert own.launcher.process.poll() is not None

    run(work())


def test_two_containers_that_do_not_listen_yet_are_told_different_ports():
    usual = free_port()
    (one, first), (other, second) = claim_port(usual), claim_port(usual)
    assert one == usual != other
    first.close()
    again, third = claim_port(usual)
    assert again == usual
    for claim in (second, third):
        claim.close()


@pytest.mark.slow
def test_parts_come_as_they_are_sent_until_they_break_off_or_take_too_long(tmp_path):
    async def work():
        own = await started(tmp_path)
        reply = await own.invoke({"content-type": "x"}, b"parts")
        assert b"".join([part async for part in reply.parts]).count(b"part") == 50
        reply = await own.invoke({"content-type": "x"}, b"parts", timeout_s=0.3)
        with pytest.raises(WorkerLost) as caught:
            assert [part async for part in reply.parts]
        assert caught.value.code == TOO_LATE
        reply = await own.invoke({"content-type": "x"}, b"parts break")
        with pytest.raises(WorkerLost, match="broke off"):
            assert [part async for part in reply.parts]
        await own.close()

    run(work())


@pytest.mark.slow
@pytest.mark.parametrize(("program", "said"), [("raise SystemExit(3)", "exit code: 3"), ("import time; time.sleep(60)", "SAGEMAKER_BIND_TO_PORT")])
def test_a_container_that_does_not_answer_ping_is_not_healthy(tmp_path, program, said):
    async def work():
        own = container(tmp_path, "python3", "-c", program)
        with pytest.raises(NotHealthy, match=said):
            await own.start(1.0)
        await own.close()

    run(work())


@pytest.fixture
def hosting(tmp_path, monkeypatch):
    """Return a function that hosts a model in the place of the one that would be made."""
    home = SimpleNamespace(store=None, registry=None, launcher=None, images=None, region="us-east-1")

    def host(model):
        monkeypatch.setattr(hosted, "serve_model", lambda *given: model)
        return hosted.hosted(home, "job", [], tmp_path, environment={}, cores=1)

    return host


def test_a_model_is_served_for_as_long_as_a_block_lasts(hosting):
    model = fake_model(echo)
    before = threading.active_count()
    with hosting(model) as url:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f"{url}/invocations", data=b"x" * (7 * 2**20), method="POST"), timeout=10) as answer:
            assert len(answer.read()) == 7 * 2**20
    assert model.containers[0].closed
    assert threading.active_count() <= before + 1


def test_a_model_that_does_not_start_ends_the_block_with_the_reason(hosting):
    model = fake_model(echo)
    model.containers[0].fails = "no such model"
    with pytest.raises(ClientFault, match="did not become healthy: no such model"), hosting(model):
        raise AssertionError("not reached")
    assert model.containers[0].closed


def test_what_fails_in_the_block_stops_the_model(hosting):
    model = fake_model(echo)
    with pytest.raises(RuntimeError, match="mine"), hosting(model):
        raise RuntimeError("mine")
    assert model.containers[0].closed
