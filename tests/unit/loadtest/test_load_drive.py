"""The driver against servers that answer, are slow, refuse, close and talk nonsense."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.loadtest import result
from pipelines.loadtest.drive import Plan, drive
from pipelines.loadtest.recorder import distribution
from pipelines.loadtest.requests import Bodies, packed, target
from pipelines.loadtest.schedule import Phase


class Quiet(ThreadingHTTPServer):
    """Serve, and say nothing of clients that leave."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(answer, protocol="HTTP/1.1"):
    """Serve POST by a function of the body and the number of the request, which returns status and delay in seconds."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol
        wbufsize = -1  # head and body in one packet: apart they wait for each other (Nagle and delayed ACK, 40 ms)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(body)
            status, delay = answer(body, len(seen))
            time.sleep(delay)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments):
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


def plan(port, connections=2, duration_s=0.5, phases=(), timeout_s=5.0, bodies=(b"1\n", b"2\n", b"3\n")):
    where = target(f"http://127.0.0.1:{port}/invocations", None)
    return Plan(where, packed(where, Bodies(bodies, "text/csv"), None), connections, duration_s, phases, timeout_s)


def totals(outcome):
    recorder = outcome.recorder
    return recorder.done.get_total_count(), recorder.failed.get_total_count()


def accounted(outcome):
    """Every request that was started is done, failed or unfinished, in the whole and over the seconds."""
    done, failed = totals(outcome)
    assert outcome.started == done + failed + outcome.unfinished
    assert (sum(s["done"] for s in outcome.recorder.timeline), sum(s["failed"] for s in outcome.recorder.timeline)) == (done, failed)


def test_closed_load_keeps_its_connections_busy_and_sends_bodies_in_turn():
    with serving(lambda body, number: (200, 0.01)) as (port, seen):
        outcome = drive(plan(port, connections=3))
    accounted(outcome)
    done, failed = totals(outcome)
    assert failed == 0 and 30 < done <= 160
    assert {seen.count(body) for body in (b"1\n", b"2\n", b"3\n")} <= {done // 3, done // 3 + 1}
    assert outcome.recorder.done.get_min_value() >= 9_900


@pytest.mark.slow
def test_open_load_sends_what_is_due():
    with serving(lambda body, number: (200, 0)) as (port, seen):
        outcome = drive(plan(port, connections=50, phases=[Phase(50, 150, 1.0)]))
    accounted(outcome)
    assert totals(outcome) == (100, 0) and len(seen) == 100


@pytest.mark.slow
def test_latency_counts_from_when_a_request_was_due():
    """A server that stops for half a second delays all that was due meanwhile, not one request only."""
    with serving(lambda body, number: (200, 0.5 if number == 1 else 0)) as (port, _):
        outcome = drive(plan(port, connections=1, phases=[Phase(100, 100, 1.0)]))
    accounted(outcome)
    found = result.document(plan(port, phases=[Phase(100, 100, 1.0)]), outcome, None, "")
    assert found["requests"]["done"] == 100
    slow = sum(count for us, count in distribution(outcome.recorder.done) if us > 100_000)
    assert slow >= 35, "those that waited for the one connection count as slow"
    assert outcome.recorder.service.get_value_at_percentile(90) < 100_000


def test_errors_are_counted_by_status():
    with serving(lambda body, number: ({b"2\n": 424, b"3\n": 503}.get(body, 200), 0)) as (port, _):
        outcome = drive(plan(port, connections=1))
    accounted(outcome)
    assert set(outcome.recorder.errors) == {"status 424", "status 503"}


def test_a_request_that_takes_too_long_is_a_timeout():
    with serving(lambda body, number: (200, 0.6)) as (port, _):
        outcome = drive(plan(port, connections=2, duration_s=0.3, timeout_s=0.2))
    accounted(outcome)
    assert set(outcome.recorder.errors) == {"timeout"}


def test_nobody_there_is_an_error_and_no_endless_loop():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = drive(plan(port, connections=2, duration_s=0.3))
    accounted(outcome)
    assert 2 <= outcome.started <= 20 and all(kind.startswith("not connected") for kind in outcome.recorder.errors)
    opened = drive(plan(port, connections=2, phases=[Phase(100, 100, 0.3)]))
    accounted(opened)
    assert totals(opened) == (0, 30)


def test_a_server_that_closes_after_each_answer_is_connected_to_anew():
    with serving(lambda body, number: (200, 0), protocol="HTTP/1.0") as (port, seen):
        outcome = drive(plan(port, connections=2))
    accounted(outcome)
    assert totals(outcome)[0] > 20 and totals(outcome)[1] == 0


@contextmanager
def raw(answer):
    """Serve bytes: read something, write the answer, close."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                try:
                    client.recv(65536)
                    client.sendall(answer)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "connection closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "connection closed"),
        (b"SSH-2.0-x\r\n", "no HTTP response"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", ""),
    ],
)
def test_answers_that_end_early_are_errors_and_those_that_end_with_the_connection_are_not(answer, kind):
    with raw(answer) as port:
        outcome = drive(plan(port, connections=1, duration_s=0.2))
    accounted(outcome)
    done, failed = totals(outcome)
    assert (failed == 0 and done) if not kind else (set(outcome.recorder.errors) <= {kind, "connection reset"} and not done and failed)


def test_a_connection_that_the_server_closed_while_idle_is_no_error():
    closing = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while not closing.is_set():
            try:
                client, _ = listening.accept()
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # says that it stays open, and closes
                client.close()
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    outcome = drive(plan(listening.getsockname()[1], connections=1, phases=[Phase(50, 50, 0.4)]))
    closing.set()
    listening.close()
    accounted(outcome)
    assert totals(outcome) == (20, 0)


@pytest.mark.slow
def test_the_result_tells_service_times_and_how_many_are_worked_on_at_once():
    with serving(lambda body, number: (200, 0.02)) as (port, _):
        alone = drive(plan(port, connections=1))
        load = plan(port, connections=4)
        found = result.document(load, drive(load), alone, "2026-01-01T00:00:00+00:00")
    service = found["service_times"]
    assert service["mean_ms"] >= 20 and 1 < service["parallel"] <= 4
    assert sum(count for _, count in service["distribution"]) == service["requests"]
    assert "closed load of 4 connections" in result.text(found)
    drawn, names = result.curves(found)
    assert {curve["run"] for each in drawn.values() for curve in each} == set(names)
