"""Map /opt/ml to a job's folder inside a Python process, for machines without mount namespaces.

Python's own file functions are wrapped, and the entry points of the libraries that open files in C or C++. Programs that are not Python, and native
code that opens a path by itself, are not reached. This file is also loaded by `shim_site/sitecustomize.py` in the Python processes that a job starts,
so it imports nothing of the package.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

ML = "/opt/ml"
ROOT_VARIABLE = "SAGEWRIGHT_SHIM_ROOT"
SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim_site")

# Functions whose leading arguments are paths: how many of them.
OS_FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(("open", "stat", "lstat", "listdir", "scandir", "mkdir", "remove", "unlink", "rmdir", "access", "chmod", "utime", "readlink"), 1),
    **dict.fromkeys(("truncate", "chdir", "statvfs", "mkfifo", "mknod", "chown", "lchown", "pathconf", "chflags"), 1),
    **dict.fromkeys(("getxattr", "listxattr", "setxattr", "removexattr"), 1),
    **dict.fromkeys(("rename", "replace", "link", "symlink"), 2),
}
# Functions of `os` that start programs: a path, then the arguments of which each may be a path.
OS_STARTERS = ("execv", "execve", "posix_spawn", "posix_spawnp")
# Libraries that open files without Python's `open`: function or method -> position of the first argument that may be a path.
LIBRARY_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "xgboost.core": ("DMatrix.__init__", "QuantileDMatrix.__init__", "Booster.__init__", "Booster.save_model", "Booster.load_model", "Booster.dump_model"),
    "xgboost.sklearn": ("XGBModel.save_model", "XGBModel.load_model"),
    "lightgbm.basic": ("Dataset.__init__", "Booster.__init__", "Booster.save_model"),
    "catboost.core": ("CatBoost.save_model", "CatBoost.load_model", "Pool.__init__"),
    "pyarrow": ("memory_map", "create_memory_map", "input_stream", "output_stream", "OSFile"),
    "pyarrow.lib": ("memory_map", "create_memory_map", "input_stream", "output_stream", "OSFile"),
    "pyarrow.csv": ("read_csv", "open_csv", "write_csv"),
    "pyarrow.json": ("read_json",),
    "pyarrow.dataset": ("dataset", "write_dataset"),
    "pyarrow.feather": ("read_feather", "read_table", "write_feather"),
    "pyarrow.parquet.core": ("ParquetFile.__init__", "ParquetWriter.__init__", "ParquetDataset.__init__")
    + ("read_table", "write_table", "read_metadata", "read_schema", "write_metadata", "write_to_dataset"),
    "pyarrow.parquet": ("read_table", "write_table", "read_metadata", "read_schema", "write_metadata", "write_to_dataset"),
    "sqlite3": ("connect",),
    "sqlite3.dbapi2": ("connect",),
}


def translate(path: Any, root: str) -> Any:
    """Return the real path for one below /opt/ml, given as text, bytes or path object; anything else unchanged."""
    if isinstance(path, os.PathLike):
        plain = os.fspath(path)
        return translate(plain, root) if _below(plain) else path
    if isinstance(path, (str, bytes)) and _below(path):
        return root + path if isinstance(path, str) else os.fsencode(root) + path
    return path


def _below(path: str | bytes) -> bool:
    text = path if isinstance(path, str) else os.fsdecode(path)
    return text.startswith(ML) and (len(text) == len(ML) or text[len(ML)] in "/?")


def environment(root: str, job: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that differ from a job's own: values that are paths made real, and what carries the shim into its Python processes."""
    real = {name: translate(value, root) for name, value in job.items()}
    search = [translate(entry, root) for entry in job.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {**real, ROOT_VARIABLE: root, "PYTHONPATH": os.pathsep.join([SITE, *search])}


class _Wrapped:
    """Call a function with its path arguments translated; like a built-in function, and unlike a plain one, it never becomes a method."""

    def __init__(self, function: Callable[..., Any], root: str, count: int) -> None:
        functools.update_wrapper(self, function)
        self._function, self._root, self._count = function, root, count

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mapped = [translate(arg, self._root) if index < self._count else arg for index, arg in enumerate(args)]
        return self._function(*mapped, **{key: translate(value, self._root) for key, value in kwargs.items()})


def _wrapped_method(function: Callable[..., Any], root: str, first: int) -> Callable[..., Any]:
    """Return the function or method with each plain argument from position `first` on translated."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        mapped = [*args[:first], *(_translate_argument(arg, root) for arg in args[first:])]
        return function(*mapped, **{key: _translate_argument(value, root) for key, value in kwargs.items()})

    return call


def _translate_argument(value: Any, root: str) -> Any:
    if isinstance(value, (list, tuple)) and any(isinstance(item, (str, os.PathLike)) for item in value):
        return type(value)([translate(item, root) for item in value]) if type(value) in (list, tuple) else value
    return translate(value, root)


def install(root: str) -> None:
    """Wrap the file functions of this process so that /opt/ml means `<root>/opt/ml`; in a process that has modules loaded, in these too."""
    replaced: dict[int, Any] = {id(builtins.open): _Wrapped(builtins.open, root, 1), id(io.FileIO): None}
    replaced[id(io.open_code)] = _Wrapped(io.open_code, root, 1)
    for name, count in OS_FUNCTIONS.items():
        function = getattr(os, name, None)
        if function is not None:
            replaced.setdefault(id(function), _Wrapped(function, root, count))
    for name in OS_STARTERS:
        if hasattr(os, name):
            setattr(os, name, _wrapped_method(getattr(os, name), root, 0))
    _replace_everywhere({key: value for key, value in replaced.items() if value is not None})
    _keep_capabilities()
    _wrap_starting(root)
    sys.path_hooks.insert(0, _finder_for(root))
    for module in LIBRARY_FUNCTIONS:
        _wrap_library(module, root)
    sys.meta_path.insert(0, _AfterImport(root))


def _replace_everywhere(replaced: Mapping[int, Any]) -> None:
    """Replace functions in every module that has taken them by name, and in the classes that keep them (pathlib and glob do)."""
    for name, module in list(sys.modules.items()):
        if module is None or name in ("posix", "importlib._bootstrap_external", "_frozen_importlib_external"):
            continue
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in replaced:
                setattr(module, key, replaced[id(value)])
    for name in ("pathlib", "pathlib._local", "pathlib._abc", "pathlib._os", "glob"):
        for kept in [value for value in vars(sys.modules.get(name, object)).values() if isinstance(value, type)]:
            for key, value in list(vars(kept).items()):
                function = value.__func__ if isinstance(value, staticmethod) else value
                if id(function) in replaced:
                    setattr(kept, key, staticmethod(replaced[id(function)]))


def _keep_capabilities() -> None:
    """Tell `shutil` and others that the wrapped functions can do what the plain ones can."""
    for supported in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        for name in OS_FUNCTIONS:
            function = getattr(os, name, None)
            if isinstance(function, _Wrapped) and function.__wrapped__ in supported:  # type: ignore[attr-defined]
                supported.add(function)


def _wrap_starting(root: str) -> None:
    """Translate the arguments of child processes: the interpreter opens its script in C."""
    import subprocess

    subprocess.Popen.__init__ = _wrapped_method(subprocess.Popen.__init__, root, 1)  # type: ignore[method-assign]


def _finder_for(root: str) -> Callable[[str], Any]:
    """Return a path hook, so that an entry of `sys.path` below /opt/ml is searched in the job's folder."""

    def hook(entry: str) -> Any:
        if not _below(entry):
            raise ImportError(entry)
        suffixes = (importlib.machinery.SOURCE_SUFFIXES, importlib.machinery.BYTECODE_SUFFIXES, importlib.machinery.EXTENSION_SUFFIXES)
        machinery = importlib.machinery
        loaders = zip(suffixes, (machinery.SourceFileLoader, machinery.SourcelessFileLoader, machinery.ExtensionFileLoader))  # noqa: B905  Python 3.8 in jobs
        return machinery.FileFinder(translate(entry, root), *((loader, suffix) for suffix, loader in loaders))

    return hook


def _wrap_library(name: str, root: str) -> None:
    module = sys.modules.get(name)
    for dotted in LIBRARY_FUNCTIONS[name] if module else ():
        holder_name, _, attribute = dotted.rpartition(".")
        holder = getattr(module, holder_name, None) if holder_name else module
        # An older version may lack the class; what None itself has must not be taken for a method of it.
        function = getattr(holder, attribute, None) if holder is not None else None
        if function is not None and not getattr(function, "_sagewright_shim", False):
            wrapped: Any = _subclass(function, root) if isinstance(function, type) else _wrapped_method(function, root, 1 if holder_name else 0)
            wrapped._sagewright_shim = True
            setattr(holder, attribute, wrapped)


def _subclass(kind: type, root: str) -> type:
    """Return a subclass that opens the translated path; for classes written in C, whose methods cannot be replaced."""
    return type(kind.__name__, (kind,), {"__new__": _wrapped_method(kind.__new__, root, 1), "__module__": kind.__module__})


class _AfterImport:
    """Wrap a library's functions right after the library is imported."""

    def __init__(self, root: str) -> None:
        self._root, self._busy = root, False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the other finders have, its loader extended for the libraries that open files in C or C++."""
        if name not in LIBRARY_FUNCTIONS or self._busy:
            return None
        import importlib.util

        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec and spec.loader and hasattr(spec.loader, "exec_module"):
            spec.loader.exec_module = _followed(spec.loader.exec_module, lambda: _wrap_library(name, self._root))  # type: ignore[method-assign,assignment]
        return spec


def _followed(execute: Callable[[Any], None], action: Callable[[], None]) -> Callable[[Any], None]:
    def run(module: Any) -> None:
        execute(module)
        action()

    return run
