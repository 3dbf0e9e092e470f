"""Job code that is carried along and is ours to the byte: taken from our own compiled files, since compiling 55 modules takes a job 50 ms.

A job finds `jobkit` beside its script, in a folder that is new in every run, so Python has no compiled files for it. Where a module is not ours to the byte it
is compiled as ever.
"""

from __future__ import annotations

import _imp
import os
import py_compile
import sys
from contextlib import suppress
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import CodeType
from typing import Any

from pipelines.jobs import jobs_root

CARRIED = "jobkit"
# Where the scripts of jobs lie.
PROGRAMS = ("processing", "evaluation", "training")


def install() -> None:
    """Have the modules of folders of `jobkit` loaded so, in this process and its forks."""
    hooks = [hook for hook in sys.path_hooks if hook is not _finder]
    sys.path_hooks[:] = [_finder, *hooks]


def program(path: str) -> CodeType | None:
    """Return the code of a script that is one of ours, else None."""
    places = (os.path.join(jobs_root(), folder, os.path.basename(path)) for folder in PROGRAMS)
    return next((code for place in places if os.path.isfile(place) and (code := code_of(path, place, "__main__"))), None)


def code_of(path: str, ours: str, name: str) -> CodeType | None:
    """Return the code of the file `ours`, as that of `path`, when both are the same to the byte; else None. `name` is the module's."""
    try:
        with open(path, "rb") as one, open(ours, "rb") as other:
            if one.read() != other.read():
                return None
    except OSError:
        return None
    code: CodeType | None = _Ours(name, ours).get_code(name)
    if code is not None:
        _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]  # as importlib does with compiled files that were moved
    return code


class _Ours(SourceFileLoader):
    """Write the compiled file where there is none that is valid, although jobs write none of theirs: `sys.dont_write_bytecode` is that of all threads."""

    def source_to_code(self, data: Any, path: Any, **more: Any) -> CodeType:  # type: ignore[override]  # as SourceFileLoader has it
        """Return the compiled source."""
        with suppress(OSError):
            py_compile.compile(self.path, doraise=True)
        return super().source_to_code(data, path, **more)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code."""
        return code_of(self.path, _ours(self.path), fullname) or super().get_code(fullname)


def _finder(folder: str) -> Any:
    """Return a finder for a folder of `jobkit`.

    Raises:
        ImportError: it is none, by which importlib goes on to the next hook.
    """
    if not (folder.endswith(f"/{CARRIED}") or f"/{CARRIED}/" in folder) or not os.path.isdir(folder):
        raise ImportError("no folder of job code", path=folder)
    return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES))


def _ours(path: str) -> str:
    return os.path.join(jobs_root(), CARRIED, path.rpartition(f"/{CARRIED}/")[2])
