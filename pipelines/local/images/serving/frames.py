"""Frames between a container's workers and the HTTP server in front of them: eight bytes of lengths, a JSON header, a body of bytes."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

LENGTHS = struct.Struct(">II")
# Below `/opt/ml` of the container, which is the same folder for both sides.
SOCKET = ".serving"
PIECE_BYTES = 1 << 16
# Requests and answers mostly have the headers of those before them; how many different ones are kept written and read.
KEPT = 256

Frame = tuple[Mapping[str, Any], bytes]


def packed(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return a frame."""
    return framed(json.dumps(header).encode(), body)


def framed(head: bytes, body: bytes) -> bytes:
    """Return a frame of a header that is JSON already."""
    return LENGTHS.pack(len(head), len(body)) + head + body


def request(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the frame of a request."""
    return framed(_head(tuple(headers.items())), body)


@lru_cache(KEPT)
def _head(items: tuple[tuple[str, str], ...]) -> bytes:
    return json.dumps(dict(items)).encode()


@lru_cache(KEPT)
def _read(head: bytes) -> Mapping[str, Any]:
    return MappingProxyType(json.loads(head))


class Incoming:
    """Take frames out of bytes that come in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take a piece."""
        self._buffer += piece

    def next(self) -> Frame | None:
        """Return the next frame, None while it is not whole."""
        buffer = self._buffer
        if len(buffer) < LENGTHS.size:
            return None
        head_bytes, body_bytes = LENGTHS.unpack_from(buffer)
        end = LENGTHS.size + head_bytes + body_bytes
        if len(buffer) < end:
            return None
        frame = _read(bytes(buffer[LENGTHS.size : LENGTHS.size + head_bytes])), bytes(buffer[end - body_bytes : end])
        del buffer[:end]
        return frame


def receive(connection: socket.socket, incoming: Incoming) -> Frame | None:
    """Return the next frame of a connection, None when the other side is gone."""
    while (frame := incoming.next()) is None:
        piece = connection.recv(PIECE_BYTES)
        if not piece:
            return None
        incoming.feed(piece)
    return frame
