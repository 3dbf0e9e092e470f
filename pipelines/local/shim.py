"""Map /opt/ml to a job's folder inside a Python process, for machines without mount namespaces.

Python's own file functions are wrapped, and the entry points of pyarrow and XGBoost that open files in C++. Programs that are not Python, and
C++ code that opens a path by itself, are not reached. This file is also loaded by `shim_site/sitecustomize.py` in the processes that a job starts,
so it imports nothing of the package.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

ML = "/opt/ml"
ROOT_VARIABLE = "SAGEWRIGHT_SHIM_ROOT"

# Functions whose leading arguments are paths: how many of them.
OS_FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(
        ("open", "stat", "lstat", "listdir", "scandir", "mkdir", "remove", "unlink", "rmdir", "access", "chmod", "utime", "readlink", "truncate", "chdir"), 1
    ),
    **dict.fromkeys(("statvfs", "mkfifo", "getxattr", "listxattr", "chown", "lchown"), 1),
    **dict.fromkeys(("rename", "replace", "link", "symlink"), 2),
}
LIBRARY_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "xgboost.core": ("DMatrix.__init__", "Booster.save_model", "Booster.load_model"),
    "xgboost.sklearn": ("XGBModel.save_model", "XGBModel.load_model"),
    "pyarrow.parquet.core": ("ParquetFile.__init__", "ParquetWriter.__init__", "read_table", "write_table"),
    "pyarrow.parquet": ("read_table", "write_table"),
    "pyarrow": ("OSFile", "memory_map"),
}


def translate(path: Any, root: str) -> Any:
    """Return the real path for one below /opt/ml, given as text, bytes or path object; anything else unchanged."""
    if isinstance(path, os.PathLike):
        plain = os.fspath(path)
        return translate(plain, root) if _below(plain) else path
    if isinstance(path, bytes):
        return os.fsencode(root) + path if _below(path) else path
    return root + path if isinstance(path, str) and _below(path) else path


def _below(path: str | bytes) -> bool:
    text = os.fsdecode(path)
    return text == ML or text.startswith(ML + "/")


def environment(root: str) -> dict[str, str]:
    """Return the variables that carry the shim into the Python processes that a job starts."""
    site = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim_site")
    return {ROOT_VARIABLE: root, "PYTHONPATH": site, "SAGEMAKER_BASE_DIR": root + ML}


def _wrapped(function: Callable[..., Any], root: str, first: int, count: int) -> Callable[..., Any]:
    """Return the function with `count` path arguments, from position `first` on, translated."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        stop = first + count
        mapped = [translate(arg, root) if first <= index < stop else arg for index, arg in enumerate(args)]
        return function(*mapped, **{key: translate(value, root) for key, value in kwargs.items()})

    return call


def install(root: str) -> None:
    """Wrap the file functions of this process so that /opt/ml means `<root>/opt/ml`."""
    opened = _wrapped(builtins.open, root, 0, 1)
    for holder in (builtins, io):
        holder.open = opened  # type: ignore[attr-defined]
    for name, count in OS_FUNCTIONS.items():
        if hasattr(os, name):
            setattr(os, name, _wrapped(getattr(os, name), root, 0, count))
    _wrap_pathlib()
    for module in LIBRARY_FUNCTIONS:
        _wrap_library(module, root)
    sys.meta_path.insert(0, _AfterImport(root))


def _wrap_pathlib() -> None:
    """Hand the wrapped functions to pathlib of Python 3.10, which has kept the original ones since its import."""
    import pathlib

    accessor = getattr(pathlib, "_NormalAccessor", None)
    for name in OS_FUNCTIONS if accessor else ():
        if hasattr(accessor, name):
            setattr(accessor, name, staticmethod(io.open if name == "open" else getattr(os, name)))


def _wrap_library(name: str, root: str) -> None:
    module = sys.modules.get(name)
    for dotted in LIBRARY_FUNCTIONS[name] if module else ():
        holder_name, _, attribute = dotted.rpartition(".")
        holder = getattr(module, holder_name, None) if holder_name else module
        function = getattr(holder, attribute, None)
        if function is not None and not getattr(function, "_sagewright_shim", False):
            wrapped = _wrapped(function, root, 1 if holder_name else 0, 2)
            wrapped._sagewright_shim = True  # type: ignore[attr-defined]
            setattr(holder, attribute, wrapped)


class _AfterImport:
    """Wrap a library's functions right after the library is imported."""

    def __init__(self, root: str) -> None:
        self._root, self._busy = root, False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the other finders have, its loader extended for the libraries that open files in C++."""
        if name not in LIBRARY_FUNCTIONS or self._busy:
            return None
        import importlib.util

        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec and spec.loader:
            spec.loader.exec_module = _followed(spec.loader.exec_module, lambda: _wrap_library(name, self._root))  # type: ignore[method-assign,assignment]
        return spec


def _followed(execute: Callable[[Any], None], action: Callable[[], None]) -> Callable[[Any], None]:
    def run(module: Any) -> None:
        execute(module)
        action()

    return run
