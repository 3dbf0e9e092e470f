"""Job code that is carried along and is ours to the byte: taken from our own compiled files, since compiling 55 modules takes a job 50 ms.

A job finds `jobkit` beside its script, in a folder that is new in every run, so Python has no compiled files for it. Where a module is not ours to the byte it
is compiled as ever.
"""

from __future__ import annotations

import _imp
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from types import CodeType
from typing import Any

from pipelines.jobs import jobs_root

CARRIED = "jobkit"
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
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        code: CodeType | None = SourceFileLoader(name, ours).get_code(name)
    finally:
        sys.dont_write_bytecode = before
    if code is not None:
        _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]  # as importlib does with compiled files that were moved
    return code


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
    return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, [".py"]))


def _ours(path: str) -> str:
    return os.path.join(jobs_root(), CARRIED, path.rpartition(f"/{CARRIED}/")[2])
