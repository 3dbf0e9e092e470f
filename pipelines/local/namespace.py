"""Enter a private mount namespace in which /opt/ml, /tmp, /dev/shm, /etc/hosts and the host name are the job's own (Linux).

Nothing of the host changes: every mount is made after the propagation of the whole tree was made private.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CAPABILITY_VERSION_3 = 0x20080522
TMP, OPT, ML = "/tmp", "/opt", "/opt/ml"


def enter(ml: Path, tmp: Path, hosts: Sequence[str], *, isolate_network: bool, keep: Sequence[str] = ()) -> None:
    """Make `ml` the /opt/ml and `tmp` the /tmp of this process, which must have one thread, and of its children.

    The uid stays. The interpreter and its packages, and the folders `keep`, stay reachable when they live below /tmp.

    Raises:
        OSError: the kernel refuses the namespace or a mount.
    """
    own_user = _unshare(CLONE_NEWNS | CLONE_NEWUTS | (CLONE_NEWNET if isolate_network else 0))
    _mount(None, "/", MS_REC | MS_PRIVATE)
    kept_ml, kept_tmp = _keep(ml), _keep(tmp)
    _mount_hosts(ml.parents[1] / "hosts", hosts)
    _mount_ml(kept_ml)
    _mount_tmp(kept_tmp, tmp, keep)
    if os.path.isdir("/dev/shm"):
        _mount("tmpfs", "/dev/shm", 0, "tmpfs")
    socket.sethostname(hosts[0])
    if isolate_network:
        _raise_loopback()
    if own_user:
        _drop_capabilities()


def _unshare(flags: int) -> bool:
    """Leave the shared namespaces, as root directly, otherwise through a user namespace that keeps the same ids; tell which."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.unshare(flags) == 0:
        return False
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(flags | CLONE_NEWUSER) != 0:
        _refused("unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def _refused(what: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, f"{what}: {os.strerror(code)}")


def _mount(source: str | None, target: str, flags: int, kind: str | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None) != 0:
        _refused(f"mount {target}")


def _keep(path: str | Path) -> str:
    """Return a name of a file or folder that stays valid when something is mounted over its path; its descriptor closes with the others."""
    return f"/proc/self/fd/{os.open(path, os.O_PATH)}"


def _mount_ml(ml: str) -> None:
    try:
        exists = stat.S_ISDIR(os.lstat(ML).st_mode)
    except FileNotFoundError:
        exists = False
    if not exists:
        _add_mount_point()
    _mount(ml, ML, MS_BIND)


def _add_mount_point() -> None:
    """Cover /opt with an in-memory copy of its top level, to which `ml` is added; its entries are bound, not copied."""
    if not os.path.isdir(OPT):
        raise OSError(errno.ENOENT, f"this machine has no {OPT}")
    entries = [(entry.name, entry.is_dir(follow_symlinks=False), os.readlink(entry.path) if entry.is_symlink() else None) for entry in os.scandir(OPT)]
    real = _keep(OPT)
    _mount("tmpfs", OPT, 0, "tmpfs")
    for name, is_folder, target in entries:
        if name == "ml":
            continue
        if target is not None:
            os.symlink(target, f"{OPT}/{name}")
            continue
        _make_mount_point(f"{OPT}/{name}", is_folder)
        _mount(f"{real}/{name}", f"{OPT}/{name}", MS_BIND | MS_REC)
    os.mkdir(ML)


def _make_mount_point(path: str, is_folder: bool) -> None:
    if is_folder:
        os.makedirs(path, exist_ok=True)
    else:
        Path(path).touch()


def _mount_tmp(tmp: str, real: Path, keep: Sequence[str]) -> None:
    """Make `tmp` the /tmp; what the interpreter needs below the shared /tmp is bound back to its place."""
    venv = os.path.dirname(os.path.dirname(sys.executable))  # which is not sys.prefix in an interpreter that runs without `site`
    ours = (venv, sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), __file__.rpartition("/pipelines/")[0])
    needed = [(path, _keep(path)) for path in _below_tmp([*ours, *keep])]
    for path, _ in needed:
        os.makedirs(f"{real}{path[len(TMP) :]}", exist_ok=True)
    _mount(tmp, TMP, MS_BIND)
    for path, kept in needed:
        _mount(kept, path, MS_BIND | MS_REC)


def _below_tmp(paths: Iterable[str]) -> list[str]:
    """Return the folders below /tmp, without those inside another one of them."""
    below = sorted({os.path.realpath(path) for path in paths if os.path.realpath(path).startswith(TMP + "/")})
    return [path for path in below if not any(path.startswith(other + "/") for other in below)]


def _mount_hosts(file: Path, hosts: Sequence[str]) -> None:
    file.write_text(f"127.0.0.1 localhost {' '.join(hosts)}\n::1 localhost\n")
    if os.path.isfile("/etc/hosts"):
        _mount(str(file), "/etc/hosts", MS_BIND)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))


def _drop_capabilities() -> None:
    """Give up what the user namespace granted for the mounts, so that file permissions mean to the job what they mean to its user."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()) != 0:
        _refused("capset")
