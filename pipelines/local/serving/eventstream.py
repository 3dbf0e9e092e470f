"""The event stream encoding of a streamed answer (Smithy specification, "Amazon Event Stream"): messages with typed headers and checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

PRELUDE = struct.Struct(">II")
CHECKSUM = struct.Struct(">I")
STRING = 7
LARGEST_PART_BYTES = 1 << 20
CONTENT_TYPE = "application/vnd.amazon.eventstream"


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    overhead = PRELUDE.size + 2 * CHECKSUM.size
    prelude = PRELUDE.pack(overhead + len(head) + len(payload), len(head))
    body = prelude + CHECKSUM.pack(zlib.crc32(prelude)) + head + payload
    return body + CHECKSUM.pack(zlib.crc32(body))


def part(payload: bytes) -> bytes:
    """Return a PayloadPart event, or several where the payload is large."""
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    pieces = [payload[at : at + LARGEST_PART_BYTES] for at in range(0, len(payload), LARGEST_PART_BYTES)] or [b""]
    return b"".join(message(headers, piece) for piece in pieces)


def failure(kind: str, body: bytes) -> bytes:
    """Return the exception that ends a stream, `ModelStreamError` or `InternalStreamFailure`, with a JSON body."""
    return message({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, body)


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([STRING]) + struct.pack(">H", len(encoded)) + encoded
