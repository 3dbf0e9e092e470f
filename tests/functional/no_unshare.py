"""Run a program under a seccomp filter that refuses new namespaces and mounts, as a container does: no_unshare.py COMMAND ARGUMENTS…"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, EPERM = 0x7FFF0000, 0x00050000 | 1
# Numbers of unshare, mount, setns by machine.
REFUSED = {"x86_64": (272, 165, 308), "aarch64": (97, 40, 268)}
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


class Program(ctypes.Structure):
    """Hold a BPF program as the kernel takes it."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def main() -> None:
    """Install the filter and become the command."""
    numbers = REFUSED[platform.machine()]
    lines = [struct.pack("HBBI", LOAD, 0, 0, 0)]
    lines += [struct.pack("HBBI", JUMP_IF_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    lines += [struct.pack("HBBI", RETURN, 0, 0, ALLOW), struct.pack("HBBI", RETURN, 0, 0, EPERM)]
    body = ctypes.create_string_buffer(b"".join(lines))
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(lines), ctypes.cast(body, ctypes.c_void_p))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
