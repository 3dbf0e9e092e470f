"""Cut a file into mini-batches, reading it in blocks: no more than one mini-batch of it is in memory at a time.

A mini-batch never holds parts of two files, and a record is never cut. SingleRecord sends a record without the newline or the frame around it; MultiRecord
sends whole lines, or records in their frames ("padding is removed if the value of BatchStrategy is set to SingleRecord", API reference, TransformInput).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from pipelines.local.images.recordio_frames import HEADER, MAGIC
from pipelines.local.transform.bad_data import BadData

BLOCK_BYTES = 1 << 20
PART_BITS = 29
WHOLE, FIRST, LAST = 0, 1, 3
TF_HEADER = struct.Struct("<QI")
TF_FOOTER_BYTES = 4
Stream = IO[bytes]
# A record: its payload, and the payload with the frame around it.
Record = tuple[bytes, bytes]


def too_large(size_bytes: int, limit: int) -> BadData:
    """Return the fault of a record or file that is larger than MaxPayloadInMB allows; `limit` in bytes."""
    return BadData(f"Too much data for max payload size: {size_bytes} bytes or more, MaxPayloadInMB allows {limit}. Give a larger one, or a SplitType")


def split(stream: Stream, kind: str, *, single: bool, limit: int) -> Iterator[bytes]:
    """Yield a file's mini-batches; `kind` is a SplitType, `limit` the largest payload in bytes (0: any).

    Raises:
        BadData: a record is larger than the limit, or the file is not of its format.
    """
    if kind == "None":
        return _whole(stream, limit)
    if kind == "Line":
        return _single_lines(stream, limit) if single else _blocks_of_lines(stream, limit)
    records = RECORDS[kind](stream, limit)
    return (payload for payload, _ in records) if single else _grouped(records, limit)


def _whole(stream: Stream, limit: int) -> Iterator[bytes]:
    body = stream.read(limit + 1) if limit else stream.read()
    if limit and len(body) > limit:
        raise too_large(len(body), limit)
    if body:
        yield body


def _blocks_of_lines(stream: Stream, limit: int) -> Iterator[bytes]:
    """Yield as many whole lines as fit, cut at the last newline of each block. The newline of a line that just fits is left out."""
    if not limit:
        yield from _whole(stream, limit)
        return
    rest = b""
    while block := stream.read(limit + 1 - len(rest)):
        block = rest + block if rest else block
        cut = block.rfind(b"\n", 0, limit) + 1
        if cut:
            yield block if cut == len(block) else block[:cut]
        elif block[limit:] == b"\n":
            yield block[:limit]
            cut = limit + 1
        elif len(block) > limit:
            raise too_large(len(block), limit)
        rest = block[cut:]
    if rest:
        yield rest


def _single_lines(stream: Stream, limit: int) -> Iterator[bytes]:
    """Yield the lines without their ends; empty lines are no records."""
    while line := stream.readline(limit + 3 if limit else -1):
        line = line.rstrip(b"\r\n")
        if limit and len(line) > limit:
            raise too_large(len(line), limit)
        if line:
            yield line


def _grouped(records: Iterator[Record], limit: int) -> Iterator[bytes]:
    """Yield as many framed records together as fit."""
    held, size_bytes = list[bytes](), 0
    for _, framed in records:
        if held and limit and size_bytes + len(framed) > limit:
            yield b"".join(held)
            held, size_bytes = [], 0
        held.append(framed)
        size_bytes += len(framed)
    if held:
        yield b"".join(held)


def _recordio(stream: Stream, limit: int) -> Iterator[Record]:
    """Yield the records of a RecordIO file (MXNet's format); a record in several parts is put together with the magic number that was taken out."""
    parts, frames = list[bytes](), list[bytes]()
    while header := _up_to(stream, HEADER.size):
        magic, word = HEADER.unpack(header) if len(header) == HEADER.size else (0, 0)
        if magic != MAGIC:
            raise BadData(f"this is no RecordIO: got magic number 0x{magic:08x}, expected 0x{MAGIC:08x}")
        flag, size_bytes = word >> PART_BITS, word & (1 << PART_BITS) - 1
        if limit and sum(map(len, parts)) + size_bytes > limit:
            raise too_large(size_bytes, limit)
        if flag > LAST or (flag in (WHOLE, FIRST)) == bool(parts):
            raise BadData(f"this is no RecordIO: part flag {flag} is out of order")
        data = _exactly(stream, size_bytes + -size_bytes % 4)
        parts.append(data[:size_bytes])
        frames.append(header + data)
        if flag in (WHOLE, LAST):
            yield struct.pack("<I", MAGIC).join(parts), b"".join(frames)
            parts, frames = [], []
    if parts:
        raise BadData("the file ends within a record of several parts")


def _tfrecord(stream: Stream, limit: int) -> Iterator[Record]:
    """Yield the records of a TFRecord file: length, its checksum, data, their checksum. The checksums go along and are not looked at."""
    while header := _up_to(stream, TF_HEADER.size):
        if len(header) < TF_HEADER.size:
            raise BadData("the file ends within a TFRecord's header")
        size_bytes, _ = TF_HEADER.unpack(header)
        if limit and size_bytes > limit:
            raise too_large(size_bytes, limit)
        data = _exactly(stream, size_bytes + TF_FOOTER_BYTES)
        yield data[:-TF_FOOTER_BYTES], header + data


RECORDS: Mapping[str, Callable[[Stream, int], Iterator[Record]]] = {"RecordIO": _recordio, "TFRecord": _tfrecord}
SPLITS = ("None", "Line", *RECORDS)


def _exactly(stream: Stream, size_bytes: int) -> bytes:
    data = _up_to(stream, size_bytes)
    if len(data) < size_bytes:
        raise BadData(f"the file ends within a record: {size_bytes} bytes are announced, {len(data)} are there")
    return data


def _up_to(stream: Stream, size_bytes: int) -> bytes:
    """Read in blocks: a length in a file is not trusted with memory before the bytes are there."""
    if size_bytes <= BLOCK_BYTES:
        return stream.read(size_bytes)
    blocks = list[bytes]()
    while size_bytes and (block := stream.read(min(size_bytes, BLOCK_BYTES))):
        blocks.append(block)
        size_bytes -= len(block)
    return b"".join(blocks)
