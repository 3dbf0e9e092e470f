"""A server of an unpacked package in a process of its own, for as long as a block runs.

The process is a fork: interpreter and libraries are those of the job, imported once, and everything of ours - code, recipe, model - is loaded anew from the
package. It must be forked before the job itself runs XGBoost or Arrow, whose threads do not survive a fork.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional, Tuple

from jobkit.failure import JobError
from jobkit.serving import server

HOST = "127.0.0.1"
MESSAGE_BYTES = 4096


class Refused(NamedTuple):
    """Hold an answer that is none: the status and what the server said."""

    status: int
    message: str


class Asked(JobError):
    """Carry a refusal of a server that was to answer."""


class Client:
    """Ask one server over a connection that is kept; `failure` is where the process leaves its last words."""

    def __init__(self, port: int, failure: int, timeout_s: float) -> None:
        self.connection, self.failure = http.client.HTTPConnection(HOST, port, timeout=timeout_s), failure

    def healthy(self) -> None:
        """Wait until the server answers /ping with 200.

        Raises:
            Asked: it ended, answered otherwise, or took too long.
        """
        self._request("GET", "/ping", None, {})

    def invoke(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Return the answer to a request.

        Raises:
            Asked: the server refused it or ended.
        """
        return self._request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": accept})

    def _request(self, verb: str, path: str, body: Optional[bytes], headers: Mapping[str, str]) -> bytes:
        try:
            self.connection.request(verb, path, body, dict(headers))
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Asked(self._last_words() or "no answer to {}: {}".format(path, error or type(error).__name__)) from None
        if response.status != 200:
            raise Asked("{} answered {}: {}".format(path, response.status, text.decode("utf-8", "replace")[:500]))
        return text

    def _last_words(self) -> str:
        os.set_blocking(self.failure, False)
        try:
            return os.read(self.failure, MESSAGE_BYTES).decode("utf-8", "replace").strip()
        except BlockingIOError:
            return ""


@contextmanager
def running(folder: Path, entry: str, environment: Mapping[str, str], timeout_s: float = 60.0) -> Iterator[Client]:
    """Serve an unpacked package while the block runs; the process ends with it, whatever happens, or with this process."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind((HOST, 0))
    listening.listen(8)
    (heard, said), (alive, held) = os.pipe(), os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(held)
        _serve(folder, entry, listening, environment, said, alive)
    port = listening.getsockname()[1]
    listening.close()
    os.close(said)
    os.close(alive)
    client = Client(port, heard, timeout_s)
    try:
        yield client
    finally:
        client.connection.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
        os.close(held)


def _serve(folder: Path, entry: str, listening: socket.socket, environment: Mapping[str, str], said: int, alive: int) -> None:
    """Be the server; never return."""
    try:
        threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
        server.serve(folder, entry, listening, environment)
    except Exception as error:  # the boundary of a process: its last words go to the one that made it
        traceback.print_exc()
        os.write(said, "the package did not load: {}: {}".format(type(error).__name__, error).encode("utf-8")[:MESSAGE_BYTES])
    finally:
        sys.stderr.flush()
        os._exit(1)


def _end_with(alive: int) -> None:
    """End this process when the one that made it has: nobody holds the other end of the pipe any more."""
    os.read(alive, 1)
    os._exit(0)


Address = Tuple[str, int]
