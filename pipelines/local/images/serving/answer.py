"""What a handler is asked and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"


@dataclass(frozen=True)
class Asked:
    """Hold a request to /invocations; header names are in lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """Return the Content-Type header, empty without one."""
        return self.headers.get("content-type", "")

    @property
    def accept(self) -> str:
        """Return the Accept header, empty without one, or where it takes anything."""
        accept = self.headers.get("accept", "")
        return "" if accept.strip() == "*/*" else accept


@dataclass(frozen=True)
class Answer:
    """Hold a response; a body of several parts is streamed."""

    status: int
    body: bytes | Iterable[bytes]
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Handler(Protocol):
    """Answer requests with one model."""

    def load(self, folder: Path) -> None:
        """Load the model from the folder that holds its files; whatever it raises is the reason why the worker does not start."""

    def invoke(self, asked: Asked) -> Answer:
        """Answer one request."""

    def execution_parameters(self, workers: int) -> Mapping[str, Any] | None:
        """Return what GET /execution-parameters answers, None where the image has no such path."""


def media_type(header: str) -> str:
    """Return the media type of a Content-Type or Accept header, in lower case and without parameters."""
    return header.partition(";")[0].strip().lower()


def refused(status: int, text: str) -> Answer:
    """Return an answer that says what is wrong."""
    return Answer(status, text.encode("utf-8", "replace"))
