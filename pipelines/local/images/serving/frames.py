"""Frames between a container's workers and the HTTP server in front of them: eight bytes of lengths, a JSON header, a body of bytes."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

LENGTHS = struct.Struct(">II")
# Below `/opt/ml` of the container, which is the same folder for both sides.
SOCKET = ".serving"


def packed(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return a frame."""
    head = json.dumps(header).encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """Return the next frame's header and body, None when the other side is gone."""
    lengths = _exactly(connection, LENGTHS.size)
    if lengths is None:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    head, body = _exactly(connection, head_bytes), _exactly(connection, body_bytes)
    return None if head is None or body is None else (json.loads(head), bytes(body))


def _exactly(connection: socket.socket, size_bytes: int) -> bytearray | None:
    whole, at = bytearray(size_bytes), 0
    view = memoryview(whole)
    while at < size_bytes:
        count = connection.recv_into(view[at:])
        if not count:
            return None
        at += count
    return whole
