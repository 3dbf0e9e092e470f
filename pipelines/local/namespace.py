"""Enter a private mount namespace in which /opt/ml, /tmp, /etc/hosts and the host name are the job's own (Linux).

Nothing of the host changes: every mount is made after the propagation of the whole tree was made private.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def enter(ml: Path, tmp: Path, hosts: tuple[str, ...], *, isolate_network: bool) -> bool:
    """Make `ml` the /opt/ml and `tmp` the /tmp of this process and its children; return whether /tmp became private.

    /tmp stays shared when the interpreter or its packages live below it. The process must have a single thread.

    Raises:
        OSError: the kernel refuses the namespace or a mount.
    """
    _unshare(CLONE_NEWNS | CLONE_NEWUTS | (CLONE_NEWNET if isolate_network else 0))
    _mount(None, "/", MS_REC | MS_PRIVATE)
    _mount_ml(ml)
    _mount_hosts(ml.parents[1] / "hosts", hosts)
    socket.sethostname(hosts[0])
    if isolate_network:
        _raise_loopback()
    private = not any(str(path).startswith("/tmp/") for path in (sys.prefix, sys.base_prefix, __file__, *sys.path))
    if private:
        _mount(str(tmp), "/tmp", MS_BIND)
    return private


def _unshare(flags: int) -> None:
    """Leave the shared namespaces, as root directly, otherwise through a user namespace that keeps the same ids."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.unshare(flags) == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(flags | CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unshare: {os.strerror(code)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _mount(source: str | None, target: str, flags: int, kind: str | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {target}: {os.strerror(code)}")


def _mount_ml(ml: Path) -> None:
    if not os.path.isdir("/opt/ml"):
        _add_mount_point(ml.parents[1] / "mount-opt")
    _mount(str(ml), "/opt/ml", MS_BIND)


def _add_mount_point(scratch: Path) -> None:
    """Cover /opt with an in-memory copy of its top level, to which `ml` is added; its entries are bound, not copied."""
    if not os.path.isdir("/opt"):
        raise OSError(errno.ENOENT, "this machine has no /opt")
    scratch.mkdir(exist_ok=True)
    _mount("tmpfs", str(scratch), 0, "tmpfs")
    for entry in os.scandir("/opt"):
        place = scratch / entry.name
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
            continue
        place.mkdir() if entry.is_dir() else place.touch()
        _mount(entry.path, str(place), MS_BIND | MS_REC)
    (scratch / "ml").mkdir()
    _mount(str(scratch), "/opt", MS_BIND | MS_REC)


def _mount_hosts(file: Path, hosts: tuple[str, ...]) -> None:
    file.write_text(f"127.0.0.1 localhost {' '.join(hosts)}\n::1 localhost\n")
    if os.path.isfile("/etc/hosts"):
        _mount(str(file), "/etc/hosts", MS_BIND)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))
