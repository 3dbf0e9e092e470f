"""The frame around each record of a RecordIO file (MXNet's format): magic number, length, padding to four bytes."""

from __future__ import annotations

import struct

MAGIC = 0xCED7230A
HEADER = struct.Struct("<II")


def framed(record: bytes) -> bytes:
    """Return a whole record in its frame."""
    return HEADER.pack(MAGIC, len(record)) + record + bytes(-len(record) % 4)
