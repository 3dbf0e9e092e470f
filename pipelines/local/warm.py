"""The process from which jobs are forked: started for one run, or borrowed from a parent that is kept between runs."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import tempfile
from typing import IO, Any, Protocol

from pipelines.local import nursery, wire
from pipelines.local.interpreter import own_environment, start_of


class WarmParent(Protocol):
    """Take requests and give answers, frames both; `answers` is the descriptor to read them from."""

    answers: int

    def tell(self, request: dict[str, Any]) -> bool:
        """Send a request; False when the process is gone."""

    def last_words(self) -> str:
        """Return what a process that died had to say, in brackets, or nothing."""

    def end(self, timeout_s: float, *, at_once: bool) -> None:
        """Hang up, so that it ends its jobs and itself, and wait for that; `at_once` when it has none."""

    def close(self) -> None:
        """Let go of what is left."""


def warm_parent(*, kept: bool) -> WarmParent:
    """Return a process of this run's own: forked from the kept parent where there is one and it is wanted, else started."""
    connection = nursery.ask() if kept else None
    return Borrowed(connection) if connection else Started()


class Started:
    """Be a process that was started for one run; it imports the libraries first."""

    def __init__(self) -> None:
        """Start it."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        self._process = start_process(start_of("pipelines.local.zygote", "main", with_site=True), self._said)
        assert self._process.stdout
        self.answers = self._process.stdout.fileno()

    def tell(self, request: dict[str, Any]) -> bool:
        """Send a request; False when the process is gone."""
        return tell_process(self._process, request)

    def last_words(self) -> str:
        """Return the last line it wrote to stderr."""
        return _last_words(self._said)

    def end(self, timeout_s: float, *, at_once: bool) -> None:
        """Hang up and wait; one that does not end in time is killed."""
        if at_once:
            self._process.kill()
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Close what it wrote."""
        assert self._process.stdout
        self._process.stdout.close()
        self._said.close()


class Borrowed:
    """Be a fork of the kept parent, at the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the connection."""
        self._connection = connection
        self.answers = connection.fileno()

    def tell(self, request: dict[str, Any]) -> bool:
        """Send a request; False when the process is gone."""
        try:
            wire.send(self._connection.fileno(), request)
        except (BrokenPipeError, ConnectionResetError, OSError):
            return False
        return True

    def last_words(self) -> str:
        """Return nothing: it has no stderr of this run's."""
        return ""

    def end(self, timeout_s: float, *, at_once: bool) -> None:
        """Hang up and wait until it has, too."""
        self._connection.shutdown(socket.SHUT_WR)
        select.select([self._connection], [], [], timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def start_process(command: list[str], said: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """Start a process of ours, away from the terminal's signals; what it says about its own troubles goes to `said`."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said or subprocess.DEVNULL,
        bufsize=0,
        env=own_environment(),
        start_new_session=True,
    )


def tell_process(process: subprocess.Popen[bytes], message: dict[str, Any]) -> bool:
    """Send a frame; False when the process is gone."""
    assert process.stdin
    try:
        wire.send(process.stdin.fileno(), message)
    except (BrokenPipeError, ValueError):
        return False
    return True


def write_to(pipe: IO[bytes], text: bytes) -> None:
    """Write to a pipe, whether or not anyone reads it any more."""
    try:
        os.write(pipe.fileno(), text)
    except (BrokenPipeError, ValueError):
        pass


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last[:300]})" if last else ""
