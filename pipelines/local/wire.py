"""Frames between the engine, the warm process and supervisors: four bytes of length, then one JSON object."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

HEADER = struct.Struct(">I")


def send(descriptor: int, message: Mapping[str, Any]) -> None:
    """Write one frame; frames below 4096 bytes of several writers never mix (POSIX, PIPE_BUF).

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    body = json.dumps(message).encode()
    left = HEADER.pack(len(body)) + body
    while left:
        left = left[os.write(descriptor, left) :]


def receive(descriptor: int) -> dict[str, Any] | None:
    """Read one frame and not a byte more; None when the other side is gone."""
    header = _exactly(descriptor, HEADER.size)
    body = _exactly(descriptor, HEADER.unpack(header)[0]) if header else b""
    message: dict[str, Any] | None = json.loads(body) if body else None
    return message


def _exactly(descriptor: int, size_bytes: int) -> bytes:
    pieces = b""
    while len(pieces) < size_bytes:
        piece = os.read(descriptor, size_bytes - len(pieces))
        if not piece:
            return b""
        pieces += piece
    return pieces
