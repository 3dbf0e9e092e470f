"""A worker's connection and the workers of a model: answers that are late, broken off or not wanted any more, and who gets the next free worker."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from pipelines.local.images.serving import frames, serve
from pipelines.local.job import JobSpec
from pipelines.local.serving.link import MOST_PARTS, TOO_LATE, Link, TimedOut, WorkerLost
from pipelines.local.serving.model_server import ModelServer
from pipelines.local.serving.workers import LONGEST_QUEUE, Busy, Crew, NotLoaded

OK = {"status": 200, "headers": {}}


class FakeWorker:
    """Be the other side of a link; its process is one that only sleeps, so that it can be killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    async def join(self, crew: Crew) -> Link:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        self.reader, self.writer = await asyncio.open_connection(sock=theirs)
        asyncio.current_task().add_done_callback(lambda _: self.writer.close())
        made = lambda: Link(crew.welcome, crew.forget)  # noqa: E731
        _, self.link = await loop.create_connection(made, sock=ours)
        self.writer.write(frames.packed({"role": "worker", "model": "", "pid": self.process.pid, "parameters": None}))
        await until(lambda: self.link in crew.links)
        return self.link

    async def take(self) -> tuple[dict, bytes]:
        head_bytes, body_bytes = frames.LENGTHS.unpack(await self.reader.readexactly(8))
        return json.loads(await self.reader.readexactly(head_bytes)), await self.reader.readexactly(body_bytes)

    def give(self, body: bytes = b"", **more: object) -> None:
        self.writer.write(frames.packed({**OK, **more}, body))

    def killed(self) -> bool:
        return self.process.wait(5) == -9


async def until(look):
    while not look():
        await asyncio.sleep(0.001)


@pytest.fixture
def workers():
    made = []

    def make():
        made.append(FakeWorker())
        return made[-1]

    yield make
    for worker in made:
        worker.process.kill()
        worker.process.wait()


def run(work):
    asyncio.run(asyncio.wait_for(work, 30))


def ask(crew, body=b"x", timeout_s=10.0):
    return asyncio.create_task(crew.ask({"a": "b"}, body, timeout_s))


def test_a_request_goes_out_and_its_answer_comes_back(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew, b"row")
        assert await worker.take() == ({"a": "b"}, b"row")
        worker.give(b"answer")
        assert (await task).body == b"answer"
        assert len(crew.idle) == 1

    run(work())


def test_requests_wait_for_the_one_worker_in_their_order(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        tasks = [ask(crew, str(number).encode()) for number in range(5)]
        for number in range(5):
            _, body = await worker.take()
            assert body == str(number).encode()
            worker.give(body)
        assert [(await task).body for task in tasks] == [b"0", b"1", b"2", b"3", b"4"]

    run(work())


def test_an_answer_that_does_not_come_in_time_costs_the_worker(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        with pytest.raises(TimedOut):
            await crew.ask({}, b"x", 0.05)
        assert worker.killed()
        await until(lambda: not crew.links)

    run(work())


def test_a_worker_that_dies_fails_its_own_request_only(workers):
    async def work():
        crew, one, two = Crew(), workers(), workers()
        await one.join(crew)
        await two.join(crew)
        first, second = ask(crew, b"1"), ask(crew, b"2")
        assert ((await one.take())[1], (await two.take())[1]) == (b"1", b"2")
        one.writer.close()
        two.give(b"fine")
        with pytest.raises(WorkerLost):
            await first
        assert (await second).body == b"fine"

    run(work())


def test_a_worker_that_died_idle_gets_nothing(workers):
    async def work():
        crew, one, two = Crew(), workers(), workers()
        link = await one.join(crew)
        await two.join(crew)
        link.kill()  # the loop has not heard of it
        task = ask(crew)
        await two.take()
        two.give(b"fine")
        assert (await task).body == b"fine"

    run(work())


def test_who_waits_gets_the_worker_that_comes_anew(workers):
    async def work():
        crew, worker = Crew(), workers()
        task = ask(crew)
        await asyncio.sleep(0)
        await worker.join(crew)
        await worker.take()
        worker.give(b"fine")
        assert (await task).body == b"fine"

    run(work())


def test_who_waits_too_long_is_told_and_forgotten(workers):
    async def work():
        crew = Crew()
        for _ in range(3):
            with pytest.raises(Busy):
                await crew.ask({}, b"", 0.01)
        assert not crew.waiting

    run(work())


def test_waiting_and_answering_have_one_limit_together(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        begun = asyncio.get_running_loop().time()
        first, second = ask(crew, timeout_s=5), ask(crew, timeout_s=0.4)
        await worker.take()
        await asyncio.sleep(0.2)
        worker.give()
        await first
        with pytest.raises(TimedOut):
            await second
        assert asyncio.get_running_loop().time() - begun < 0.6

    run(work())


def test_a_worker_that_got_a_request_late_is_not_killed_for_it(workers):
    """The request had waited for almost all of its time: it is over, the worker goes on and answers the next."""

    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        first, second, third = ask(crew, b"1"), ask(crew, b"2", timeout_s=0.4), ask(crew, b"3")
        await worker.take()
        await asyncio.sleep(0.3)
        crew.usual_s = -1.0  # so that the second is asked all the same
        worker.give()
        await first
        with pytest.raises(TimedOut):
            await second
        assert (await worker.take())[1] == b"2" and not crew.idle
        worker.give(b"nobody's")
        assert (await worker.take())[1] == b"3"
        worker.give(b"fine")
        assert (await third).body == b"fine" and worker.process.poll() is None

    run(work())


def test_a_worker_that_got_a_request_late_is_killed_when_it_has_had_its_time(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        first, second = ask(crew, b"1"), ask(crew, b"2", timeout_s=0.4)
        await worker.take()
        await asyncio.sleep(0.3)
        crew.usual_s = -1.0
        worker.give()
        await first
        asked_at = time.monotonic()
        with pytest.raises(TimedOut):
            await second
        await until(lambda: not crew.links)
        assert worker.killed() and 0.3 < time.monotonic() - asked_at < 0.6

    run(work())


def test_whoever_gives_up_as_the_time_is_over_frees_the_worker_once(workers):
    async def work():
        crew, worker = Crew(), workers()
        link = await worker.join(crew)
        task = asyncio.create_task(link.ask({}, b"x", 10.0, lambda: crew.free(link), 10.0))
        crew.idle.clear()
        await worker.take()
        link._give_up(10.0, lambda: crew.free(link))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not crew.idle
        worker.give()
        await until(lambda: crew.idle)
        assert list(crew.idle) == [link]

    run(work())


def test_an_answer_that_comes_as_the_time_is_over_does_not_cost_the_worker(workers):
    """The timer may be due in the very round of the loop in which the answer came, before whoever asked has taken it."""

    async def work():
        crew, worker = Crew(), workers()
        link = await worker.join(crew)
        task = ask(crew)
        await worker.take()
        link._take({"status": 200, "headers": {}}, b"just in time")
        link._give_up(0.0, lambda: None)
        assert (await task).body == b"just in time"
        assert link.alive and list(crew.idle) == [link] and worker.process.poll() is None

    run(work())


def test_when_more_is_asked_than_can_be_answered_as_much_is_answered_as_before(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)

        async def serve():
            while True:
                await worker.take()
                await asyncio.sleep(0.05)
                worker.give()

        serving, tasks = asyncio.create_task(serve()), []
        for _ in range(120):
            tasks.append(ask(crew, timeout_s=1.0))
            await asyncio.sleep(0.025)
        told = await asyncio.gather(*tasks, return_exceptions=True)
        serving.cancel()
        answered = [each for each in told[-50:] if not isinstance(each, Exception)]
        assert len(answered) > 8
        assert worker.process.poll() is None and any(isinstance(each, Busy) for each in told)

    run(work())


def test_so_many_may_wait_and_no_more():
    async def work():
        crew = Crew()
        tasks = [ask(crew) for _ in range(LONGEST_QUEUE)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await crew.ask({}, b"", 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not crew.waiting

    run(work())


def test_who_gives_up_waiting_does_not_take_the_worker_along(workers):
    async def work():
        crew, worker = Crew(), workers()
        gone, stays = ask(crew), ask(crew, b"stays")
        await asyncio.sleep(0)
        gone.cancel()
        await worker.join(crew)
        assert (await worker.take())[1] == b"stays"
        worker.give(b"fine")
        assert (await stays).body == b"fine"

    run(work())


def test_who_gives_up_an_answer_leaves_the_worker_busy_until_it_has_answered(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        gone, stays = ask(crew, b"gone"), ask(crew, b"stays")
        await worker.take()
        gone.cancel()
        await asyncio.sleep(0.01)
        worker.give(b"nobody's")
        assert (await worker.take())[1] == b"stays"
        worker.give(b"fine")
        assert (await stays).body == b"fine"

    run(work())


def test_an_answer_that_nobody_waits_for_any_more_is_still_cut_in_time(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        gone = ask(crew, timeout_s=0.1)
        await worker.take()
        gone.cancel()
        await until(lambda: not crew.links)
        assert worker.killed()

    run(work())


def test_parts_come_as_they_are_sent_and_the_worker_is_free_after_the_last(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        worker.give(b"a", more=True)
        reply = await task
        assert not crew.idle
        worker.give(b"b", more=True)
        worker.give(more=False)
        assert [part async for part in reply.parts] == [b"a", b"b"]
        assert len(crew.idle) == 1

    run(work())


@pytest.mark.parametrize("seen", [1, 2])
def test_who_leaves_a_stream_never_leaves_parts_to_the_next(workers, seen):
    """At the moment of leaving nothing may be waiting: the worker is not done all the same, and cannot be used again."""

    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        worker.give(b"a", more=True)
        reply = await task
        worker.give(b"b", more=True)
        await asyncio.sleep(0.01)
        for _ in range(seen):
            await reply.parts.__anext__()
        await reply.parts.aclose()
        assert worker.killed()
        assert not crew.idle

    run(work())


def test_a_stream_that_takes_too_long_is_cut_whether_anyone_reads_or_not(workers):
    async def work():
        for reads in (True, False):
            crew, worker = Crew(), workers()
            await worker.join(crew)
            task = ask(crew, timeout_s=0.1)
            await worker.take()
            worker.give(b"a", more=True)
            reply = await task
            if reads:
                with pytest.raises(WorkerLost) as caught:
                    assert [part async for part in reply.parts]
                assert caught.value.code == TOO_LATE
            await until(lambda c=crew: not c.links)
            assert worker.killed()

    run(work())


def test_an_error_in_a_stream_ends_it_and_keeps_the_worker(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        worker.give(b"a", more=True)
        worker.give(more=False, error="ValueError: no")
        with pytest.raises(WorkerLost, match="ValueError: no"):
            assert [part async for part in (await task).parts]
        assert len(crew.idle) == 1

    run(work())


def test_an_error_before_the_first_part_is_a_500(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        worker.give(more=False, error="ValueError: no")
        assert ((await task).status, (await task).body) == (500, b"ValueError: no")

    run(work())


def test_a_slow_reader_holds_the_worker_back(workers):
    """An answer without end must not fill the memory of the server."""

    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        part, sent = os.urandom(1 << 16), 0
        worker.give(part, more=True)
        reply = await task

        async def pour():
            nonlocal sent
            for _ in range(1000):
                worker.give(part, more=True)
                await worker.writer.drain()
                sent += 1

        pouring = asyncio.create_task(pour())
        await asyncio.sleep(0.3)
        assert sent < 200
        assert worker.link._queue.qsize() < 4 * MOST_PARTS
        got = 0
        async for _ in reply.parts:
            got += 1
            if got == 1000:
                break
        assert got == 1000
        await pouring
        await reply.parts.aclose()

    run(work())


def test_a_crew_without_hope_says_why_at_once():
    async def work():
        crew = Crew()
        task = ask(crew)
        await asyncio.sleep(0)
        crew.welcome(None, {"error": "ValueError: no model"})
        for asked in (task, ask(crew), crew.first):
            with pytest.raises(NotLoaded, match="no model"):
                await asked

    run(work())


def test_frames_arrive_in_any_pieces(workers):
    async def work():
        crew, worker = Crew(), workers()
        await worker.join(crew)
        task = ask(crew)
        await worker.take()
        for byte in frames.packed({**OK, "more": True}, b"a") + frames.packed({**OK, "more": True}, b"bc") + frames.packed({**OK, "more": False}):
            worker.writer.write(bytes([byte]))
            await worker.writer.drain()
            await asyncio.sleep(0)
        assert [part async for part in (await task).parts] == [b"a", b"bc"]

    run(work())


def test_a_worker_of_a_model_that_was_unloaded_is_not_taken_for_one_of_the_next_loading(tmp_path, workers):
    async def play():
        server = ModelServer(JobSpec("many", tmp_path, ("python3",), {}), None, 1)
        crew = server._crews["m"] = Crew(2)
        stale, fresh = workers(), workers()
        for worker, loading, error in ((stale, 1, {"error": "its folder is gone"}), (fresh, 2, {})):
            ours, theirs = socket.socketpair()
            _, writer = await asyncio.open_connection(sock=theirs)
            await asyncio.get_running_loop().create_connection(lambda: Link(server._hello, server._lost), sock=ours)
            writer.write(frames.packed({"role": "worker", "model": "m", "pid": worker.process.pid, "loading": loading, "parameters": None, **error}))
            await until((lambda: crew.first.done()) if loading == crew.loading else (lambda: stale.process.poll() is not None))
            writer.close()
        assert stale.killed() and crew.first.exception() is None

    asyncio.run(play())


def test_a_master_that_is_told_to_stop_a_worker_does_not_start_it_again(monkeypatch):
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started, select_as_ever = [], select.select

    def at_once(*given):
        """Have the request and the worker's end there before the master looks, as when it was busy."""
        if child.returncode is None:
            theirs.sendall(frames.packed({"do": "stop", "model": "m"}))
            theirs.shutdown(socket.SHUT_WR)
            child.kill()
            child.returncode = -9  # the master collects it
            time.sleep(0.3)
        return select_as_ever(*given)

    handler, wakeup = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1)
    monkeypatch.setattr(select, "select", at_once)
    try:
        master = serve.Master("script", ours)
        monkeypatch.setattr(master, "_fork", lambda model, place: started.append(model))
        master._places["m"] = serve.Place("/opt/ml/models/m", 1, 1, {child.pid: 0.0})
        master.serve()
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGCHLD, handler)
        ours.close()
        theirs.close()
    assert started == [] and master._places == {}
