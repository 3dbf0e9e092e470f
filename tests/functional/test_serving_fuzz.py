"""Ten thousand requests that nobody would send, over bare sockets: no hang, no failure that the API does not name, and a server that is as before."""

from __future__ import annotations

import os
import random
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.functional.endpoints_here import Place, Server, client

REQUESTS, THREADS = 10_000, 4
TIMEOUT_S = 20.0
RIGHT = b"\r\nHost: right\r\n"
# What the API names, what its limits say, and what uvicorn answers to what is no HTTP.
STATUSES = {200, 202, 204, 400, 404, 405, 408, 413, 424, 429, 431, 503}
METHODS = ["POST"] * 8 + ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW", "post", "", "P" * 300]
PATHS = [
    *["/endpoints/obedient/invocations"] * 8,
    "/endpoints/obedient/invocations-response-stream",
    "/endpoints/obedient/async-invocations",
    "/endpoints/none/invocations",
    "/endpoints/../obedient/invocations",
    "/endpoints/%2e%2e/invocations",
    "/endpoints/obedient%00/invocations",
    "/endpoints/\xe4/invocations",
    "/endpoints/%ff/invocations",
    "/endpoints/" + "a" * 5000 + "/invocations",
    "/ping",
    "/",
    "",
    "*",
    "http://x/endpoints/obedient/invocations",
    "//endpoints/obedient/invocations",
    "/endpoints/obedient/invocations?x=%zz",
    "/endpoints/obedient/invocations#x",
    "/endpoints//invocations",
]
NAMES = [
    "Content-Type",
    "Accept",
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-Target-Model",
    "X-Amzn-SageMaker-Target-Variant",
    "X-Amzn-SageMaker-Inference-Id",
    "X-Amzn-SageMaker-InputLocation",
    "X-Amzn-SageMaker-Session-Id",
    "Expect",
    "Upgrade",
    "Connection",
    "Host",
    "Content-Encoding",
    "Cookie",
    ":path",
    "X y",
    "",
]
VALUES = [
    "",
    "application/json",
    "text/csv",
    "a" * 2000,
    "a" * 70_000,
    "\xff\xfe",
    "\x00",
    "100-continue",
    "websocket",
    "close",
    "upgrade",
    "s3://../../x",
    "{}",
    "\t",
    "é",
    "x\rY: z",
]
BODIES = [
    b"",
    b"{}",
    b'{"do": "mark"}',
    b'{"do": "fail"}',
    b'{"do": "teapot"}',
    b"[",
    b"\xff" * 100,
    b"x" * 10_000,
    b'{"do": "parts", "parts": ["a", "b"]}',
    b"null",
    b'{"do": 1}',
]


def made(maker: random.Random) -> bytes:
    """Return a request, right or wrong."""
    body = maker.choice(BODIES) if maker.random() < 0.8 else maker.randbytes(maker.randrange(300))
    if maker.random() < 0.3:
        return right(maker, body)
    lines = [f"{maker.choice(METHODS)} {maker.choice(PATHS)} HTTP/{maker.choice(['1.1'] * 8 + ['1.0', '2.0', '0.9', 'x'])}"]
    lines += [f"{maker.choice(NAMES)}: {maker.choice(VALUES)}" for _ in range(maker.choice([0, 1, 1, 2, 3, 40]))]
    how = maker.random()
    if how < 0.7:
        lines.append(f"Content-Length: {len(body)}")
    elif how < 0.8:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif how < 0.9:
        lines.append(f"Content-Length: {maker.choice([-1, 'x', 10**30, len(body) + 5, 0, '1, 2'])}")
    request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    for _ in range(maker.choice([0] * 8 + [1, 5])):
        place = maker.randrange(len(request))
        request = request[:place] + maker.randbytes(maker.randrange(3)) + request[place + maker.randrange(3) :]
    return request[: maker.randrange(len(request))] if maker.random() < 0.1 else request


def right(maker: random.Random, body: bytes) -> bytes:
    """Return a request that is one, with odd values in some of its headers."""
    headers = {"Host": "right", "Connection": "close", "Content-Length": len(body), "Content-Type": "application/json"}
    if maker.random() < 0.5:
        headers[maker.choice(NAMES[:8])] = maker.choice(["", "application/json", "a" * 2000, "a" * 70_000, "\xe9", "s3://../x"])
    lines = [f"POST {maker.choice(PATHS[:10])} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(port: int, request: bytes) -> bytes:
    """Send a request and return all that comes back; of one that may lack its end, say that there is no more, whereupon the server hangs up."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
            if RIGHT not in request:
                connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(65536):
                got += block
        except TimeoutError:
            raise
        except OSError:  # the server has hung up
            pass
    return got


def state(pid: int) -> tuple[int, float, int]:
    """Return the number of descriptors, the memory in MB and the number of threads of a process."""
    told = Path(f"/proc/{pid}/status").read_text()
    return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", told)[1]) / 1024, int(re.search(r"Threads:\s+(\d+)", told)[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20_26])
def test_ten_thousand_odd_requests_leave_the_server_as_it_was(tmp_path, seed):
    place = Place(tmp_path / "home")
    place.simple("obedient", place.script("obedient", SAGEMAKER_MODEL_SERVER_WORKERS="2", MARK="fine"))
    server = Server(place.home)
    server.until("ready:", 120)
    port, pid = int(server.url.rpartition(":")[2]), server.process.pid
    odd, hung, seen = [], [], set()

    def work(number: int, count: int) -> None:
        maker = random.Random(f"{seed}/{number}")
        for _ in range(count):
            request = made(maker)
            try:
                answer = exchange(port, request)
            except TimeoutError:
                hung.append(request[:300])
                continue
            statuses = {int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer[:20])} - {100}
            seen.update(statuses)
            if not statuses <= STATUSES:
                odd.append((statuses, request[:300], answer[:300]))

    def all_of(count: int) -> None:
        threads = [threading.Thread(target=work, args=(number, count // THREADS)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_of(REQUESTS // 10)
    before = settled(pid)
    all_of(REQUESTS - REQUESTS // 10)
    after = settled(pid)
    assert hung == []
    assert odd == []
    assert seen >= {200, 400, 404, 405, 424, 431}
    assert after[0] <= before[0] + 3
    assert after[1] <= before[1] + 15
    assert after[2] <= before[2] + 4
    answer = client(server.url).invoke_endpoint(EndpointName="obedient", ContentType="application/json", Body=b'{"do": "mark"}')
    assert answer["Body"].read() == b"fine"
    assert server.stop() == 0
    assert not [line for line in server.said if "defect" in line], server.said


def settled(pid: int) -> tuple[int, float, int]:
    """Return the state once connections that were left are closed."""
    found = state(pid)
    for _ in range(100):
        time.sleep(0.05)
        found, last = state(pid), found
        if found[0] == last[0]:
            break
    return found
