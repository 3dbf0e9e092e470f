"""What is sent where: the target, bodies from files, and each request's bytes, made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from pipelines.errors import UsageError

TYPES = {".csv": "text/csv", ".jsonl": "application/jsonlines", ".ndjson": "application/jsonlines", ".json": "application/json", ".txt": "text/plain"}
BY_LINE = (".csv", ".jsonl", ".ndjson")
BODY_BYTES = 25 << 20


@dataclass(frozen=True)
class Target:
    """Name an HTTP endpoint: where to connect and what to ask for."""

    host: str
    port: int
    path: str
    tls: bool = False

    @property
    def url(self) -> str:
        """Return the URL."""
        return f"{'https' if self.tls else 'http'}://{_bracketed(self.host)}:{self.port}{self.path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def target(name: str, endpoint_url: str | None) -> Target:
    """Return the target of a URL, or of an endpoint's name below the URL of a SageMaker Runtime.

    Raises:
        UsageError: it is neither, or a name came without --endpoint-url.
    """
    if "://" not in name and not endpoint_url:
        raise UsageError("this is no URL", where="TARGET", got=repr(name), expected="http://HOST:PORT/invocations, or a name and --endpoint-url")
    text = name if "://" in name else f"{str(endpoint_url).rstrip('/')}/endpoints/{quote(name, safe='')}/invocations"
    try:
        parts = urlsplit(text)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UsageError("this is no URL", where="TARGET", got=repr(text), expected=str(error)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("this is no URL", where="TARGET", got=repr(text), expected="http://HOST:PORT/invocations")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{quote(parts.query, safe='=&%/:;+,~-._')}" if parts.query else "")
    return Target(parts.hostname, port, path, parts.scheme == "https")


@dataclass(frozen=True)
class Bodies:
    """Hold the bodies to send in turn, and their type."""

    bodies: Sequence[bytes]
    content_type: str


def bodies(files: Sequence[Path], *, content_type: str | None = None, rows: int = 1, header: bool = False) -> Bodies:
    """Return the bodies of files: so many lines each of CSV and JSON Lines, other files whole.

    Raises:
        UsageError: a file cannot be read or is empty, or a body is larger than an endpoint takes.
    """
    found = [body for file in files for body in _bodies(file, rows, header)]
    if not found:
        raise UsageError("there is nothing to send", where="--payload", got=", ".join(map(str, files)) or "no file")
    large = max(map(len, found))
    if large > BODY_BYTES:
        raise UsageError("a body is larger than an endpoint takes", where="--payload", got=f"{large:,} bytes", expected=f"at most {BODY_BYTES:,}")
    return Bodies(found, content_type or TYPES.get(files[0].suffix.lower(), "application/octet-stream"))


def _bodies(file: Path, rows: int, header: bool) -> list[bytes]:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError("this file cannot be read", where="--payload", got=f"{file}: {error.strerror or error}", expected="a file with rows") from None
    if file.suffix.lower() not in BY_LINE:
        return [body] if body else []
    lines = [line for line in body.splitlines() if line.strip()][1 if header else 0 :]
    return [b"\n".join(lines[place : place + rows]) + b"\n" for place in range(0, len(lines), rows)]


def packed(where: Target, what: Bodies, accept: str | None, extra: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    """Return the bytes of each request: head and body of an HTTP/1.1 POST on a connection that stays open.

    Raises:
        UsageError: a header has characters that would end it.
    """
    host = _bracketed(where.host) if where.port in (80, 443) else f"{_bracketed(where.host)}:{where.port}"
    fields = [("Host", host), ("Content-Type", what.content_type), ("Accept", accept or "*/*"), ("User-Agent", "sagewright-loadtest"), *extra]
    for name, value in fields:
        if any(character in f"{name}{value}" for character in "\r\n\0") or not name or ":" in name:
            raise UsageError("this is no header", where="--header", got=repr(f"{name}={value}"), expected="NAME=VALUE in one line")
    head = f"POST {where.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape") + body for body in what.bodies]
