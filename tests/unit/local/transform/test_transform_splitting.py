from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.images.recordio_frames import HEADER, MAGIC, framed
from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.splitting import split


def cut(body, kind, *, single=False, limit=1000):
    return list(split(io.BytesIO(body), kind, single=single, limit=limit))


def tf_record(data):
    return struct.pack("<QI", len(data), 1) + data + b"\0\0\0\2"


lines = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b".")), max_size=30)


@given(lines, st.booleans(), st.integers(12, 60))
def test_blocks_of_lines_are_the_file_and_cut_no_line(records, ended, limit):
    body = b"\n".join(records) + (b"\n" if ended and records else b"")
    batches = cut(body, "Line", limit=limit)
    assert all(len(batch) <= limit for batch in batches)
    # The newline of a line that just fits may be left out; the lines are the same.
    assert [line for batch in batches for line in (batch + b"\n" * (not batch.endswith(b"\n"))).split(b"\n")[:-1]] == body.split(b"\n")[
        : -1 if body.endswith(b"\n") or not body else None
    ]


@given(lines)
def test_as_many_lines_go_together_as_fit(records):
    body = b"".join(record + b"\n" for record in records)
    batches = cut(body, "Line", limit=40)
    for earlier, later in zip(batches, batches[1:], strict=False):
        assert len(earlier) + later.index(b"\n") > 39


@given(lines)
def test_single_lines_come_without_their_ends(records):
    body = b"".join(record + b"\r\n" for record in records)
    assert cut(body, "Line", single=True) == [line for line in (record.rstrip(b"\r") for record in records) if line]


def test_a_line_as_long_as_the_limit_fits_and_a_longer_one_does_not():
    assert cut(b"1234\n5678", "Line", limit=4) == [b"1234", b"5678"]
    assert cut(b"1234\r\n5678\n", "Line", single=True, limit=4) == [b"1234", b"5678"]
    for single in (False, True):
        with pytest.raises(BadData, match="Too much data for max payload size"):
            cut(b"1\n12345\n", "Line", single=single, limit=4)


def test_without_a_split_type_a_file_is_one_payload():
    assert cut(b"a\nb", "None") == [b"a\nb"] and cut(b"", "None") == []
    with pytest.raises(BadData, match="MaxPayloadInMB allows 2"):
        cut(b"a\nb", "None", limit=2)


records_of_bytes = st.lists(st.binary(max_size=20), max_size=12)


@given(records_of_bytes, st.booleans())
def test_recordio_comes_bare_one_by_one_and_framed_together(records, unlimited):
    body = b"".join(map(framed, records))
    limit = 0 if unlimited else 40
    assert cut(body, "RecordIO", single=True, limit=limit) == records
    together = cut(body, "RecordIO", limit=limit)
    assert b"".join(together) == body and all(len(batch) <= 40 for batch in together if limit)


def test_a_recordio_record_in_parts_is_one_record():
    frames = b"".join(HEADER.pack(MAGIC, flag << 29 | 4) + part for flag, part in ((1, b"abcd"), (2, b"efgh"), (3, b"ijkl")))
    magic = struct.pack("<I", MAGIC)
    assert cut(frames, "RecordIO", single=True) == [b"abcd" + magic + b"efgh" + magic + b"ijkl"]
    assert cut(frames, "RecordIO") == [frames]


@given(records_of_bytes)
def test_tfrecord_comes_bare_one_by_one_and_framed_together(records):
    body = b"".join(map(tf_record, records))
    assert cut(body, "TFRecord", single=True) == records
    assert b"".join(cut(body, "TFRecord", limit=50)) == body


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("RecordIO", b"nonsense", "no RecordIO"),
        ("RecordIO", b"abc", "no RecordIO"),
        ("RecordIO", framed(b"abcdef")[:-1], "ends within a record"),
        ("RecordIO", HEADER.pack(MAGIC, 3 << 29 | 4) + b"abcd", "part flag 3 is out of order"),
        ("RecordIO", HEADER.pack(MAGIC, 1 << 29 | 4) + b"abcd", "ends within a record of several parts"),
        ("RecordIO", framed(b"x" * 2000), "Too much data"),
        ("TFRecord", b"abc", "TFRecord's header"),
        ("TFRecord", tf_record(b"abcdef")[:-1], "ends within a record"),
        ("TFRecord", struct.pack("<QI", 1 << 62, 0), "Too much data"),
    ],
)
def test_what_is_not_of_its_format_is_said(kind, body, said):
    with pytest.raises(BadData, match=said):
        cut(body, kind)


def test_a_length_that_a_file_only_claims_takes_no_memory():
    with pytest.raises(BadData, match="announced, 3 are there"):
        cut(struct.pack("<QI", 1 << 62, 0) + b"abc", "TFRecord", limit=0)


class Counted(io.RawIOBase):
    """Give bytes without end, and remember the largest read."""

    largest = 0

    def __init__(self, line: bytes, lines: int) -> None:
        self._line, self._left = line, lines * len(line)
        self._total = self._left

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "the whole file was read at once"
        self.largest = max(self.largest, size)
        at = (self._total - self._left) % len(self._line)
        body = (self._line * (size // len(self._line) + 2))[at : at + min(size, self._left)]
        self._left -= len(body)
        return body


def test_a_large_file_is_read_in_blocks_of_a_payload():
    stream = Counted(b"1,2,3,4,5,6,7\n", 4_000_000)
    seen = sum(len(batch) for batch in split(stream, "Line", single=False, limit=1 << 20))
    assert seen == 56_000_000 and stream.largest <= (1 << 20) + 1
