"""A warm parent kept between runs: it has the libraries of jobs imported, and for each run it forks the warm process that the run would have started.

It listens on a socket in a folder of the user's own, answers that user only, and ends when nobody asked for some minutes. What it has imported is known by the
name of the socket: another Sagewright, interpreter or set of packages does not find it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.local.interpreter import ROOT, own_environment, start_of

LARGEST_BACKLOG = 16
CREDENTIALS = struct.Struct("3i")
TAKEN_WITHIN_S = 1.0


def folder() -> Path:
    """Return the user's own folder for sockets, made when it is not there.

    Raises:
        PermissionError: somebody else owns it, or may look into it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    place = Path(base) / f"sagewright-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{place} is not a folder of yours alone")
    return place


def address() -> Path:
    """Return the socket of the parent that fits this Sagewright, this interpreter and its packages."""
    digest = hashlib.sha256(f"{ROOT}\0{sys.executable}\0{sys.version}\0".encode())
    for place in (*sorted(Path(ROOT, "pipelines/local").rglob("*.py")), Path(sysconfig.get_path("purelib"))):
        found = place.stat()
        digest.update(f"{place}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    return folder() / f"{digest.hexdigest()[:16]}.sock"


def ask() -> socket.socket | None:
    """Return a connection to a warm process of one's own, forked from the kept parent; None when there is no parent."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(TAKEN_WITHIN_S)
        connection.connect(str(address()))
        if connection.recv(1) != b"+":
            raise OSError("refused")
    except OSError:
        connection.close()
        return None
    connection.settimeout(None)
    return connection


def keep(minutes: float) -> None:
    """Start a parent that lives until nobody has asked it for so many minutes, unless there is one; it outlives this process."""
    place = address()
    known = ask()
    if known:
        known.close()
        return
    command = [*start_of("pipelines.local.nursery", "main", with_site=True), str(place), str(minutes)]
    subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=own_environment(), start_new_session=True
    )


def parents() -> Iterator[tuple[int, Path]]:
    """Yield the process id and the socket of every parent of this user that is kept now."""
    for place in sorted(folder().glob("*.sock")):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(place))
            except OSError:
                place.unlink(missing_ok=True)
                continue
            yield _peer(connection)[0], place


def stop() -> int:
    """End every kept parent and return how many there were; runs that go on are not touched."""
    found = list(parents())
    for pid, place in found:
        os.kill(pid, signal.SIGTERM)
        place.unlink(missing_ok=True)
    return len(found)


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Return process id and user id of the other side."""
    pid, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return pid, uid


class Nursery:
    """Fork a warm process for whoever connects."""

    def __init__(self, listener: socket.socket, idle_s: float) -> None:
        self._listener, self._idle_s = listener, idle_s

    def serve(self) -> None:
        """Serve until nobody has asked for long."""
        self._listener.settimeout(self._idle_s)
        last = time.monotonic()
        while time.monotonic() - last < self._idle_s:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                return
            with connection:
                if _peer(connection)[1] == os.getuid():
                    self._fork(connection)
                    last = time.monotonic()

    def _fork(self, connection: socket.socket) -> None:
        """Become a run's warm process in a fork, which the system collects when it ends."""
        from pipelines.local import processes, wire, zygote

        if os.fork():
            return
        try:
            self._listener.close()
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            processes.adopt_orphans()
            connection.setblocking(True)
            connection.sendall(b"+")
            requests = os.dup(connection.fileno())
            if wire.receive(requests) is not None:
                zygote.Zygote(requests, os.dup(connection.fileno())).serve()
        finally:
            os._exit(0)


def main() -> int:
    """Let go of the process that started this one, import the libraries, then serve."""
    if os.fork():
        return 0
    from pipelines.local import zygote

    place, minutes = sys.argv[1], float(sys.argv[2])
    os.chdir("/")
    zygote.import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    unfinished = f"{place}.{os.getpid()}"
    listener.bind(unfinished)
    listener.listen(LARGEST_BACKLOG)
    os.replace(unfinished, place)
    try:
        Nursery(listener, minutes * 60).serve()
    finally:
        Path(place).unlink(missing_ok=True)
    return 0
