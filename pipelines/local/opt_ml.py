"""The host's own /opt/ml, lent to one job at a time where there are no mount namespaces.

Either /opt/ml becomes a link to the job's folder (needs a writable /opt), or an empty /opt/ml that belongs to the user is filled with links to what
is in the job's folder (`sudo mkdir /opt/ml && sudo chown $USER /opt/ml`, once). A lock that all users of the machine share makes jobs take turns; it also
records which job holds /opt/ml, so that only what we made is ever taken away, after a crash as well.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

LINK = Path("/opt/ml")
LOCK = Path("/tmp/sagewright-opt-ml.lock")


def obstacle(link: Path = LINK, lock: Path = LOCK) -> str:
    """Return why /opt/ml cannot be lent to jobs, an empty text when it can."""
    held = _recorded(lock)
    if lock.exists() and not os.access(lock, os.R_OK | os.W_OK):
        return f"{lock} belongs to another user"
    if link.is_symlink():
        target = os.readlink(link)
        return _unwritable(link.parent) if target == held else f"{link} is a link to {target}, which is not ours"
    if not link.exists():
        return _unwritable(link.parent) if link.parent.is_dir() else f"{link.parent} does not exist"
    if not link.is_dir():
        return f"{link} is not a folder"
    strange = [entry.name for entry in os.scandir(link) if not (held and _is_ours(entry, held))]
    return f"{link} holds {strange[0]}, which is not ours" if strange else _unwritable(link)


def _unwritable(folder: Path) -> str:
    hint = "" if folder == LINK else f" (`sudo mkdir {LINK} && sudo chown $USER {LINK}` would do)"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} is not writable{hint}"


def _is_ours(entry: os.DirEntry[str], held: str) -> bool:
    return entry.is_symlink() and os.readlink(entry.path) == os.path.join(held, entry.name)


def _recorded(lock: Path) -> str:
    try:
        return lock.read_text()
    except OSError:
        return ""


class Claim:
    """Hold /opt/ml for the job whose folder is `ml`."""

    def __init__(self, ml: Path, link: Path = LINK, lock: Path = LOCK) -> None:
        self._ml, self._link, self._lock = ml, link, lock
        self._descriptor = -1

    def acquire(self) -> bool:
        """Lend /opt/ml to the job; False while another job has it.

        Raises:
            OSError: /opt/ml holds what is not ours, or cannot be written.
        """
        self._descriptor = _open_lock(self._lock)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._clear(_recorded(self._lock))
            problem = obstacle(self._link, self._lock)
            if problem:
                raise OSError(errno.EEXIST, problem)
            self._record(str(self._ml))
            self._lend()
        except BlockingIOError:
            self._drop()
            return False
        except OSError:
            self.release()
            raise
        return True

    def _lend(self) -> None:
        if not self._link.is_dir():
            os.symlink(self._ml, self._link)
            return
        for entry in os.scandir(self._ml):
            os.symlink(entry.path, self._link / entry.name)

    def release(self) -> None:
        """Take the links away; what the job made beside them at the top of /opt/ml moves into its folder. Does nothing without the lock."""
        if self._descriptor >= 0:
            try:
                self._clear(_recorded(self._lock))
                self._record("")
            finally:
                self._drop()

    def _record(self, held: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, os.fsencode(held), 0)

    def _drop(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def _clear(self, held: str) -> None:
        if self._link.is_symlink():
            if held and os.readlink(self._link) == held:
                self._link.unlink()
        elif held and self._link.is_dir():
            for entry in list(os.scandir(self._link)):
                _take_back(entry, held)


def _take_back(entry: os.DirEntry[str], held: str) -> None:
    if _is_ours(entry, held):
        os.unlink(entry.path)
    elif os.path.isdir(held) and not os.path.lexists(os.path.join(held, entry.name)):
        shutil.move(entry.path, held)


def _open_lock(path: Path) -> int:
    """Open the lock that all users share, without following a link; a kernel may refuse O_CREAT on another user's file in /tmp."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        pass
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".sagewright-")
    try:
        os.fchmod(descriptor, 0o666)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.close(descriptor)
        os.unlink(name)
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
