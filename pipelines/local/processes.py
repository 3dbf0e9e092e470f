"""The operating system's view of a job's processes: who descends from whom, and who dies with whom."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own (Linux; elsewhere such a process goes to process 1)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def usable_memory_bytes() -> int:
    """Return what the jobs here may take together: nine tenths of this machine's memory, or of its control group's when that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max") as handle:
            total = min(total, int(handle.read()))
    except (OSError, ValueError):
        pass  # no control groups, or no limit ("max")
    return total * 9 // 10


def limit_memory(most_bytes: int | None) -> None:
    """Let this process and its children take at most so much private memory each (Linux): a job that eats all of it fails alone."""
    if most_bytes is not None and sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(root: int, *, spare: Collection[int] = ()) -> list[int]:
    """Return the processes below one, without those named by `spare` and what is below these."""
    children: dict[int, list[int]] = {}
    for pid, parent in _family():
        children.setdefault(parent, []).append(pid)
    found, unseen = [], [root]
    while unseen:
        below = [pid for pid in children.get(unseen.pop(), []) if pid not in spare]
        found += below
        unseen += below
    return found


def _family() -> Iterator[tuple[int, int]]:
    """Yield every process with its parent, from /proc where there is one, else from `ps`."""
    if os.path.exists("/proc/self/stat"):
        yield from _family_of_proc()
        return
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        pid, parent = line.split()
        yield int(pid), int(parent)


def _family_of_proc() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                yield int(name), int(file.read().rsplit(b")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue


def signal_all(pids: Collection[int], number: int) -> None:
    """Signal processes; those that are gone or belong to another user are passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
