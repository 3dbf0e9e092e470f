"""Find, start and end the warm parent that is kept between runs (`pipelines.local.kept_parent`).

It listens on a socket in a folder of the user's own. What it has imported is known by the name of the socket: another Sagewright, interpreter or set of
packages does not find it.
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
from collections.abc import Iterator
from pathlib import Path

from pipelines.local.interpreter import ROOT, own_environment, start_of

CREDENTIALS = struct.Struct("3i")
TAKEN_WITHIN_S = 1.0
IMPORTED = ("*.py", "local/**/*.py", "algorithms/**/*.py")


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
    for place in (*files(), Path(sysconfig.get_path("purelib"))):
        found = place.stat()
        digest.update(f"{place}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    return folder() / f"{digest.hexdigest()[:16]}.sock"


def files() -> list[Path]:
    """Return the files of ours that a parent may have imported."""
    return sorted(file for pattern in IMPORTED for file in Path(ROOT, "pipelines").glob(pattern))


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
    command = [*start_of("pipelines.local.kept_parent", "main", with_site=True), str(place), str(minutes)]
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
            yield peer(connection)[0], place


def stop() -> int:
    """End every kept parent and return how many there were; runs that go on are not touched."""
    found = list(parents())
    for pid, place in found:
        os.kill(pid, signal.SIGTERM)
        place.unlink(missing_ok=True)
    return len(found)


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return process id and user id of the other side."""
    pid, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return pid, uid
