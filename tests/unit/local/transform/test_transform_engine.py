from __future__ import annotations

import dataclasses
import gzip
import threading
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.local.images.recordio_frames import framed
from pipelines.local.transform import client as client_module
from pipelines.local.transform import data_log
from pipelines.local.transform.engine import Stopped
from pipelines.local.transform.formats import CSV
from pipelines.local.transform.settings import MB, Processing, Settings

LINES = Settings(split="Line", lines=True, concurrent=3, payload_bytes=64)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(client_module, "PAUSE_S", 0.001)


def rows(count, start=0):
    return b"".join(b"row %d\n" % number for number in range(start, start + count))


def test_an_identity_model_gives_the_files_back_in_order(batch, model):
    model.reply = lambda body: time.sleep(0.005) or body
    files = {"a.csv": rows(200), "deep/er/b.csv": rows(50, 1000), "empty.csv": b""}
    assert batch(files, LINES) == {f"{name}.out": body for name, body in files.items()}
    assert batch.left == [] and 1 < model.most_under_way <= 3
    assert all(len(body) <= 64 for body in model.bodies)


@pytest.mark.slow
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("ab,\"'é ", min_size=1, max_size=9), max_size=20),
    st.sampled_from(["None", "Line"]),
    st.booleans(),
    st.integers(1, 4),
    st.booleans(),
)
def test_whatever_is_split_is_assembled_again(batch, lines, split, single, concurrent, packed):
    body = "".join(f"{line}\n" for line in lines).encode()
    settings = Settings(split=split, single=single, lines=True, concurrent=concurrent, payload_bytes=0 if split == "None" else 40, gzip=packed)
    assert batch({"x": gzip.compress(body) if packed else body}, settings)["x.out"] == body


@pytest.mark.parametrize("single", [False, True])
def test_recordio_is_put_together_as_bytes(batch, single):
    records = [b"one", b"", b"three" * 10]
    body = b"".join(map(framed, records))
    out = batch({"x": body}, Settings(split="RecordIO", single=single, payload_bytes=60))
    assert out["x.out"] == (b"".join(records) if single else body)


def test_files_do_not_share_a_mini_batch(batch, model):
    batch({"a": b"1\n", "b": b"2\n", "c": b"3"}, Settings(split="Line", lines=True))
    assert sorted(model.bodies) == [b"1\n", b"2\n", b"3"]


def test_a_slow_first_answer_does_not_change_the_order(batch, model):
    def reply(body):
        time.sleep(0.2 if body.startswith(b"row 0\n") else 0)
        return body

    model.reply = reply
    assert batch({"x": rows(60)}, LINES)["x.out"] == rows(60)


def test_a_file_that_fails_has_no_output_and_the_others_go_on(batch, model):
    model.reply = lambda body: (400, b"no such thing") if b"bad" in body else body
    out = batch({"a": rows(30), "b": rows(20) + b"bad\n" + rows(30), "c": rows(30)}, LINES)
    assert sorted(out) == ["a.out", "c.out"] and batch.left == []
    assert batch.failures == {"b": "ClientError: 400\n\nMessage:\nno such thing"}
    assert data_log.failure_reason([f for f in batch.files if f.failure], 3) == (
        "ClientError: See job logs for more information (1 of 3 files failed): bkt/in/b: ClientError: 400 Message: no such thing"
    )
    assert sum(b"bad" in body for body in model.bodies) == 1  # a 4xx is not asked again


def test_a_5xx_is_asked_again_as_often_as_allowed(batch, model):
    left = [2]

    def reply(body):
        left[0] -= 1
        return (500, b"oops") if left[0] >= 0 else body

    model.reply = reply
    assert batch({"x": b"1\n"}, LINES) == {"x.out": b"1\n"}
    left[0] = 99
    assert batch({"x": b"1\n"}, dataclasses.replace(LINES, retries=1))
    assert batch.failures == {"x": "Bad HTTP status received from algorithm: 500\n\nMessage:\noops"} and left[0] == 97
    assert data_log.failure_reason(batch.files, 1).startswith("AlgorithmError: See job logs for more information: bkt/in/x: Bad HTTP status")


def test_the_reason_of_a_failure_leaves_the_stack_of_the_models_code_to_the_log(batch, model):
    model.reply = lambda body: (500, b'no such column\nTraceback (most recent call last):\n  File "inference.py", line 8\n')
    batch({"x": b"1\n"}, dataclasses.replace(LINES, retries=0))
    assert "line 8" in batch.failures["x"]
    assert data_log.failure_reason(batch.files, 1).endswith("status received from algorithm: 500 Message: no such column")


def test_a_connection_that_breaks_is_tried_again(batch, model):
    broken = []
    model.reply = lambda body: broken.append(1) or ((0, b"") if len(broken) < 3 else body)
    assert batch({"x": b"1\n"}, LINES) == {"x.out": b"1\n"}


@pytest.mark.parametrize("payload_bytes", [64, 0])
def test_an_answer_that_is_cut_off_is_asked_for_again(batch, model, payload_bytes):
    cut = []
    model.reply = lambda body: cut.append(1) or ((-200, body) if len(cut) < 3 else body)
    assert batch({"x": b"1\n"}, dataclasses.replace(LINES, payload_bytes=payload_bytes)) == {"x.out": b"1\n"} and len(cut) == 3


def test_a_model_that_does_not_answer_in_time_fails_the_file(batch, model):
    model.reply = lambda body: time.sleep(0.5) or body
    assert batch({"x": b"1\n"}, dataclasses.replace(LINES, timeout_s=0.1, retries=0)) == {}
    assert batch.failures == {"x": "Unable to get response from algorithm: no answer within 0.1 seconds"}


def test_a_server_that_is_gone_ends_the_job_at_once(batch, model):
    model.url = "http://127.0.0.1:1"
    assert batch({str(number): b"1\n" for number in range(300)}, dataclasses.replace(LINES, retries=0)) == {}
    assert set(batch.failures.values()) == {"Unable to get response from algorithm: the model server has ended"}


def test_a_record_that_is_too_large_fails_its_file_only(batch):
    assert sorted(batch({"a": b"1\n", "b": b"x" * 100, "c": b"2\n"}, LINES)) == ["a.out", "c.out"]
    assert "Too much data for max payload size" in batch.failures["b"]


def test_what_is_no_gzip_file_fails(batch):
    settings = dataclasses.replace(LINES, gzip=True)
    assert sorted(batch({"a": gzip.compress(b"1\n"), "b": b"plain\n", "c": gzip.compress(rows(99))[:-9]}, settings)) == ["a.out"]
    assert all("CompressionType is Gzip" in said for said in batch.failures.values()) and len(batch.failures) == 2


def test_what_is_no_gzip_file_cannot_be_streamed(batch):
    batch({"b": b"plain\n"}, Settings(payload_bytes=0, gzip=True))
    assert "no whole gzip file" in batch.failures["b"] and batch.left == []


def test_a_stream_goes_in_chunks_and_its_answer_to_the_disk(batch, model):
    body = bytes(range(256)) * 20_000
    assert batch({"x": body, "none": b""}, Settings(payload_bytes=0, concurrent=2)) == {"x.out": body, "none.out": b""}
    assert model.headers[0]["Transfer-Encoding"] == "chunked"
    model.reply = lambda body: b"answer\n\r\n\n"
    assert batch({"x": b"y"}, Settings(payload_bytes=0, lines=True))["x.out"] == b"answer\n"


def test_rows_are_joined_over_many_mini_batches(batch, model):
    model.reply = lambda body: b"".join(b"%d\n" % sum(map(int, line.split(b","))) for line in body.split())
    from pipelines.local.transform.json_path import parse

    processing = Processing(parse("$[1:]", "x"), parse("$[0,-1]", "x"), join=True)
    settings = dataclasses.replace(LINES, content_type=CSV, accept=CSV, processing=processing)
    body = b"".join(b"id%d,%d,1\n" % (number, number) for number in range(100))
    assert batch({"x": body}, settings)["x.out"] == b"".join(b"id%d,%d\n" % (number, number + 1) for number in range(100))


def test_progress_counts_files_bytes_and_lines(batch):
    seen = []
    batch({"a": rows(100), "b": rows(10)[:-1]}, LINES, progress=seen.append)
    assert seen == sorted(seen, key=lambda each: (each.size_bytes, each.records))
    assert (seen[-1].files, seen[-1].size_bytes, seen[-1].records) == (2, len(rows(100)) + len(rows(10)) - 1, 110)


def test_a_job_that_is_stopped_leaves_nothing_half_written(batch, model):
    stopping = threading.Event()

    def reply(body):
        if b"row 30\n" in body:
            stopping.set()
            time.sleep(3)
        return body

    model.reply = reply
    started = time.monotonic()
    with pytest.raises(Stopped):
        batch({"a": rows(5), "b": rows(100)}, LINES, stopping=stopping)
    assert time.monotonic() - started < 2 and batch.left == []
    assert [item.relative for item in batch.store.list("s3://bkt/out")] in (["a.out"], [])


def test_a_failed_file_leaves_the_output_of_an_earlier_job_alone(batch, model):
    batch({"x": b"1\n"}, LINES)
    model.reply = lambda body: (400, b"")
    assert batch({"x": b"2\n"}, LINES) == {"x.out": b"1\n"} and batch.failures == {"x": "ClientError: 400"}


def test_an_output_that_cannot_be_written_ends_the_job(batch, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.local.transform.engine.File.write", full)
    with pytest.raises(OSError, match="No space left"):
        batch({"x": rows(1000)}, LINES)
    assert batch.left == []


def test_memory_does_not_grow_with_the_file(batch, model):
    """Twenty times the payload under way, and no more than a few payloads at any time."""
    model.reply = lambda body: b"1\n" * body.count(b"\n")
    model.bodies = type("Nothing", (list,), {"append": lambda self, body: None})()
    model.headers = model.bodies
    body = b"0123456789abcde\n" * (20 * MB // 16)
    batch({"warm": b"1\n"}, LINES)
    tracemalloc.start()
    batch({"x": body}, dataclasses.replace(LINES, payload_bytes=MB, concurrent=2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 14 * MB
