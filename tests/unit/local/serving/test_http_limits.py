"""The server of HTTP with a container behind it: heads and bodies that are too large or too slow, chunked and pipelined requests, clients that leave."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
from fakes import echo, fake_model, saying

from pipelines.local.serving import loop as serving_loop
from pipelines.local.serving.contract import ContainerApp
from pipelines.local.serving.hosted import listening, url_of
from pipelines.local.serving.link import Reply, WorkerLost
from pipelines.local.serving.loop import HttpServer, OneWrite, new_loop


@asynccontextmanager
async def served(model, **limits):
    await model.start()
    listener = listening(0)
    server = HttpServer(ContainerApp(model, **limits), listener)
    await server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        await server.close(0.5)
        listener.close()


def run(work):
    loop = new_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(work, 30))
    finally:
        loop.close()


async def exchange(port, *pieces, pause_s=0.0):
    """Send pieces and return everything that comes until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.create_task(reader.read())
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
    except (ConnectionError, RuntimeError):
        pass  # the server has hung up
    try:
        return await reading
    except ConnectionError:
        return bytes(reader._buffer)
    finally:
        writer.close()


def post(body, *headers, path="/invocations"):
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CLOSE = "Connection: close"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("HEAD", "/ping", 200),
        ("POST", "/ping", 405),
        ("GET", "/execution-parameters", 200),
        ("GET", "/invocations", 405),
        ("DELETE", "/invocations", 405),
        ("GET", "/", 404),
        ("GET", "/invocations/x", 404),
    ],
)
def test_the_paths_of_a_container_and_their_methods(method, path, status):
    async def work():
        async with served(fake_model(echo)) as port:
            answer = await exchange(port, f"{method} {path} HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n\r\n".encode())
            assert answer.startswith(f"HTTP/1.1 {status} ".encode())

    run(work())


def test_a_container_tells_batch_transform_what_it_can():
    async def work():
        async with served(fake_model(echo)) as port:
            answer = await exchange(port, f"GET /execution-parameters HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n\r\n".encode())
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"MaxConcurrentTransforms": 1}

    run(work())


def test_a_container_that_is_not_healthy_says_so():
    async def work():
        model = fake_model(echo)
        async with served(model) as port:
            model.containers[0].closed = True
            assert (await exchange(port, b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 503 ")

    run(work())


def test_a_chunked_body_without_length_is_put_together_and_limited():
    async def work():
        async with served(fake_model(echo), largest_body_bytes=1000) as port:
            head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            answer = await exchange(port, head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n", pause_s=0.01)
            assert answer.endswith(b"abcde")
            assert b"HTTP/1.1 413 " in await exchange(port, head, b"2ff\r\n" + b"x" * 0x2FF + b"\r\n", b"2ff\r\n" + b"x" * 0x2FF + b"\r\n", pause_s=0.01)

    run(work())


def test_a_body_beyond_the_limit_is_413_however_it_is_sent():
    async def work():
        async with served(fake_model(echo), largest_body_bytes=100_000) as port:
            assert (await exchange(port, post(b"x" * 100_000, CLOSE))).endswith(b"x" * 100_000)
            assert b"HTTP/1.1 413 " in await exchange(port, post(b"x" * 100_001, CLOSE))
            assert b"HTTP/1.1 413 " in await exchange(port, post(b"x" * 300_000, CLOSE))
            lies = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
            assert b"HTTP/1.1 413 " in await exchange(port, lies, b"x" * 1000)

    run(work())


def test_a_body_that_comes_byte_by_byte_is_sent_away_in_time():
    async def work():
        async with served(fake_model(echo), body_timeout_s=0.2) as port:
            begun = asyncio.get_running_loop().time()
            slow = [b"x"] * 20
            answer = await exchange(port, b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", *slow, pause_s=0.03)
            assert b"HTTP/1.1 408 " in answer
            assert asyncio.get_running_loop().time() - begun < 2
            assert (await exchange(port, post(b"fine", CLOSE))).endswith(b"fine")

    run(work())


def test_a_head_that_never_ends_is_sent_away(monkeypatch):
    monkeypatch.setattr(serving_loop, "HEAD_TIMEOUT_S", 0.2)

    async def work():
        async with served(fake_model(echo)) as port:
            for start in (b"", b"POST /invoc", b"POST /invocations HTTP/1.1\r\nHost: x\r\nX: "):
                begun = asyncio.get_running_loop().time()
                assert await exchange(port, start, *[b"a"] * 3, pause_s=0.01) in (b"",) or start == b""
                assert asyncio.get_running_loop().time() - begun < 2

    run(work())


def test_a_connection_that_was_used_is_not_cut_by_the_limit_of_the_head(monkeypatch):
    monkeypatch.setattr(serving_loop, "HEAD_TIMEOUT_S", 0.1)

    async def work():
        async with served(fake_model(echo)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for body in (b"one", b"two"):
                writer.write(post(body))
                assert (await reader.readuntil(body)).endswith(body)
                await asyncio.sleep(0.2)
            writer.close()

    run(work())


@pytest.mark.parametrize("piece", [b"X-Long: " + b"a" * 70_000, b"X: y\r\n"])
def test_a_head_without_measure_is_431(piece):
    async def work():
        async with served(fake_model(echo)) as port:
            answer = await exchange(port, b"POST /invocations HTTP/1.1\r\nHost: x\r\n", *[piece * (100_000 // len(piece) + 1)] * 4, pause_s=0.005)
            assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""
            assert (await exchange(port, post(b"fine", CLOSE))).endswith(b"fine")

    run(work())


def test_a_header_that_is_too_large_is_431_in_one_piece_too():
    async def work():
        async with served(fake_model(echo)) as port:
            assert (await exchange(port, post(b"x", "X-Long: " + "a" * 70_000))).startswith(b"HTTP/1.1 431 ")
            assert (await exchange(port, post(b"fine", "X-Long: " + "a" * 60_000, CLOSE))).endswith(b"fine")

    run(work())


def test_a_large_head_and_a_large_body_do_not_count_together():
    async def work():
        async with served(fake_model(echo), largest_body_bytes=10**7) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(3):
                writer.write(post(b"z" * 3_000_000, "X-Long: " + "a" * 30_000))
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(3_000_000) == b"z" * 3_000_000
            writer.close()

    run(work())


def test_pipelined_requests_are_answered_in_their_order():
    async def work():
        async with served(fake_model(echo)) as port:
            many = b"".join(post(f"body {number:04}".encode()) for number in range(200))
            answer = await exchange(port, many, post(b"last one!", CLOSE))
            bodies = [part for part in answer.split(b"\r\n\r\n")[1:]]
            assert [body[:9] for body in bodies] == [*(f"body {number:04}".encode() for number in range(200)), b"last one!"]

    run(work())


@pytest.mark.parametrize(
    "broken", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /invocations HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_400(broken):
    async def work():
        async with served(fake_model(echo)) as port:
            assert (await exchange(port, broken)).startswith(b"HTTP/1.1 400 ")

    run(work())


def test_a_client_that_leaves_in_the_middle_disturbs_nobody():
    async def work():
        model = fake_model(saying(b"late", after_s=0.1))
        async with served(model) as port:
            for piece in (post(b"abc"), post(b"abc")[:-2], b"POST /invo", b""):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(piece)
                await writer.drain()
                writer.transport.abort()
            assert (await exchange(port, post(b"fine", CLOSE))).endswith(b"late")

    run(work())


def streaming(parts, closed, each_s=0.0, breaks=False):
    async def answer(headers, body):
        async def make_parts():
            try:
                for number in range(parts):
                    await asyncio.sleep(each_s)
                    yield f"part {number};".encode()
                if breaks:
                    raise WorkerLost("half way")
            finally:
                closed.append(number)

        return Reply(200, {"content-type": "text/plain"}, b"", make_parts())

    return answer


def test_a_stream_is_sent_in_chunks_and_one_that_breaks_is_incomplete(capfd):
    async def work():
        async with served(fake_model(streaming(3, []))) as port:
            answer = await exchange(port, post(b"x", CLOSE))
            assert b"chunked" in answer and answer.endswith(b"0\r\n\r\n")
        async with served(fake_model(streaming(3, [], breaks=True))) as port:
            answer = await exchange(port, post(b"x", CLOSE))
            assert b"part 2;" in answer and not answer.endswith(b"0\r\n\r\n")

    run(work())
    assert capfd.readouterr().err == ""


def test_who_makes_a_stream_stops_when_its_client_leaves():
    async def work():
        closed = []
        async with served(fake_model(streaming(100_000, closed, each_s=0.001))) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(b"x"))
            await reader.readuntil(b"part 3;")
            writer.transport.abort()
            while not closed:
                await asyncio.sleep(0.005)
            assert closed[0] < 10_000

    run(work())


def test_expect_100_continue_is_answered():
    async def work():
        async with served(fake_model(echo)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(b"body", "Expect: 100-continue", CLOSE)[:-4])
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await reader.read()).endswith(b"body")
            writer.close()

    run(work())


def test_a_server_that_closes_answers_what_is_under_way_and_cuts_what_takes_too_long():
    async def work():
        for after_s, answered in ((0.1, True), (30, False)):
            async with served(fake_model(saying(b"late", after_s=after_s))) as port:
                task = asyncio.create_task(exchange(port, post(b"x", CLOSE)))
                await asyncio.sleep(0.05)
            assert (b"late" in await task) == answered

    run(work())


def test_a_port_in_use_is_an_error():
    first = listening(0)
    with pytest.raises(OSError):
        listening(first.getsockname()[1])
    first.close()


def test_an_address_of_ip_6_can_be_listened_on():
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        listener = listening(0, "::1")
    except OSError:
        pytest.skip("no IPv6 here")
    assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"
    listener.close()


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_that_never_reads_is_cut_off_and_its_answer_given_up(monkeypatch, streamed):
    monkeypatch.setattr(serving_loop, "UNREAD_TIMEOUT_S", 0.2)
    closed = []

    async def large(headers, body):
        async def parts():
            try:
                while True:
                    yield b"x" * 1_000_000
            finally:
                closed.append(True)

        return Reply(200, {"content-type": "text/plain"}, b"", parts()) if streamed else Reply(200, {"content-type": "text/plain"}, b"x" * 30_000_000)

    async def work():
        async with served(fake_model(large)) as port:
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(post(b"one"))
            await asyncio.sleep(0.6)
            client.settimeout(5)
            with pytest.raises(ConnectionError):
                await asyncio.get_running_loop().run_in_executor(None, _read_all, client)
            client.close()
            assert closed == [True] * streamed

    run(work())


def _read_all(client):
    seen = 0
    while part := client.recv(1 << 20):
        seen += len(part)
    raise ConnectionError(f"cut off after {seen} bytes") if seen < 30_000_000 else AssertionError("the whole answer came")


class Sink:
    """Be a transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def test_a_head_goes_out_with_its_body_and_at_the_latest_before_the_loop_waits_again():
    async def play():
        sink = Sink()
        transport = OneWrite(sink, asyncio.get_running_loop())
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        transport.write(b"body")
        assert sink.written == [b"HTTP/1.1 200 OK\r\n\r\nbody"]
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        assert len(sink.written) == 1
        await asyncio.sleep(0)
        assert sink.written[1:] == [b"HTTP/1.1 200 OK\r\n\r\n"]
        transport.write(b"late")
        transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        transport.close()
        assert sink.written[2:] == [b"late", b"HTTP/1.1 204 No Content\r\n\r\n"] and sink.closed
        await asyncio.sleep(0)
        assert len(sink.written) == 4

    asyncio.run(play())
