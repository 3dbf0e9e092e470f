"""Turn a fork of the warm process into what a new interpreter would be, run a script or module in it, and end as an interpreter ends."""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import importlib.machinery
import io
import itertools
import os
import random
import re
import runpy
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pipelines.local import carried_code, interpreter, shim

# Read when an interpreter starts or a library is loaded, which is over in the warm process.
READ_AT_START = re.compile(
    r"PYTHON(?!PATH$|UNBUFFERED$|DONTWRITEBYTECODE$).*|(LD|DYLD|LC|MALLOC)_.*|(OMP|GOMP|KMP|OPENBLAS|MKL|BLIS|NUMEXPR|ARROW|XGB|NUMPY|NPY)_.*|LANG|TZ"
)
CANNOT_OPEN = 2
FLUSH_FAILED = 120


@dataclass(frozen=True)
class Fresh:
    """Remember what of the warm process a new interpreter would have, too: the search path, which modules are loaded, and their thread pools.

    It is taken before the forks: a fork that walks over all modules copies each memory page that it counts a reference in, which takes 20 ms.
    """

    path: tuple[str, ...]
    modules: frozenset[str]
    packages: frozenset[str]
    ours: tuple[str, ...]
    thread_pools: Any

    @staticmethod
    def now() -> Fresh:
        """Take the present state."""
        packages = {name.partition(".")[0] for name in sys.modules} - {"pipelines", "__main__"}
        ours = tuple(name for name in sys.modules if name.partition(".")[0] == "pipelines")
        for entry in [entry for entry in sys.path_importer_cache if entry.startswith(("/opt", "/tmp"))]:
            del sys.path_importer_cache[entry]
        threadpoolctl = sys.modules.get("threadpoolctl")
        return Fresh(tuple(sys.path), frozenset(sys.modules), frozenset(packages), ours, threadpoolctl and threadpoolctl.ThreadpoolController())

    def must_be_new(self, command: tuple[str, ...], environment: Mapping[str, str]) -> bool:
        """Tell whether a fork would differ from a new interpreter where it matters.

        It would when the environment holds what is read at a start, when the program is no plain script, or when code beside it would have come
        before a library that is loaded already.
        """
        if any(READ_AT_START.fullmatch(name) for name in environment):
            return True
        folder = os.getcwd() if command[1] == "-m" else os.path.dirname(os.path.realpath(command[1]))
        if command[1] != "-m" and (os.path.isdir(command[1]) or command[1].endswith((".pyc", ".zip", ".pyz"))):
            return True
        return any(name in self.packages for place in (folder, *_search(os.environ)) for name in _importable(place))

    def run(self, command: tuple[str, ...], *, cores: int, shim_root: str | None) -> NoReturn:
        """Run `python <script> ...` or `python -m <module> ...` as `__main__` and end this process with its exit code."""
        code = 1
        try:
            _renew_state()
            if self.thread_pools is not None:
                self.thread_pools.limit(limits=cores)
            _renew_output()
            kept = self._renew_modules(command)  # noqa: F841  letting go of them here and now would cost 8 ms
            if shim_root is not None:
                shim.install(shim_root)
            code = _execute(command)
        finally:
            _leave(code, self.modules.difference(self.ours))

    def _renew_modules(self, command: tuple[str, ...]) -> list[types.ModuleType]:
        """Set the search path and forget our own modules, which are returned; a program of ours keeps all but the one that becomes `__main__`."""
        ours = interpreter.is_ours(command[2:3]) and command[1] == "-m"
        first = os.getcwd() if command[1] == "-m" else os.path.dirname(os.path.realpath(command[1]))
        own = [interpreter.ROOT] if ours and interpreter.ROOT not in self.path else []
        sys.path[:] = [first, *_search(os.environ), *self.path, *own]
        sys.dont_write_bytecode = True
        sys.orig_argv = list(command)
        return [sys.modules.pop(name) for name in ([command[2]] if ours else self.ours) if name in sys.modules]


def _search(environment: Mapping[str, str]) -> list[str]:
    """Return what PYTHONPATH adds to the search path, without our own entry for a job's child processes."""
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    return [os.path.abspath(entry) for entry in entries if entry and entry != shim.SITE]


def _importable(folder: str) -> Iterable[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name, dot, suffix = entry.name.partition(".")
        if suffix in ("py", "so", "pyc") or suffix.endswith(".so") or (not dot and os.path.isfile(os.path.join(entry.path, "__init__.py"))):
            yield name


def _renew_state() -> None:
    """Undo what a fork shares and a new interpreter would not: random state, the place of temporary files, a collector that rests."""
    gc.enable()
    random.seed()
    tempfile.tempdir = None
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _renew_output() -> None:
    """Give the standard streams to descriptors 0, 1 and 2, unbuffered as PYTHONUNBUFFERED asks for."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # type: ignore[misc]  # noqa: SIM115  open as long as the process
    sys.stdout = sys.__stdout__ = _stream(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "backslashreplace")  # type: ignore[misc]


def _stream(descriptor: int, errors: str) -> io.TextIOWrapper:
    raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115  open as long as the process
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, newline="\n", write_through=True)


def _execute(command: tuple[str, ...]) -> int:
    """Run the program as `__main__` and return its exit code."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    try:
        if command[1] == "-m":
            sys.argv = ["-m", *command[3:]]
            runpy._run_module_as_main(command[2])  # type: ignore[attr-defined]
        else:
            sys.argv = list(command[1:])
            return _run_script(main, command[1])
    except SystemExit as leaving:
        return _exit_code(leaving.code)
    except BaseException as error:  # noqa: BLE001  a job may raise anything; it is reported as an interpreter would
        _report(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _run_script(main: types.ModuleType, path: str) -> int:
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {os.path.abspath(path)!r}: [Errno {error.errno}] {error.strerror}\n")
        return CANNOT_OPEN
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main.__dict__.update(__file__=path, __loader__=loader, __spec__=None, __package__=None, __cached__=None, __annotations__={})
    exec(carried_code.program(path) or compile(source, path, "exec", dont_inherit=True), main.__dict__)
    return 0


def _exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _report(error: BaseException) -> None:
    """Print the traceback, without our own frames, through the hook that the job may have set."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
        trace = trace.tb_next
    error = error.with_traceback(trace)
    try:
        sys.excepthook(type(error), error, trace)
    except BaseException:  # noqa: BLE001  the hook is the job's own
        traceback.print_exception(type(error), error, trace)


def _leave(code: int, before: frozenset[str]) -> NoReturn:
    """End as an interpreter does: wait for threads, run exit handlers, let go of everything so that open files are written, flush."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        _let_go(before)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        ctypes.CDLL(None).fflush(None)
    except OSError:
        code = code or FLUSH_FAILED
    finally:
        os._exit(code)


def _let_go(before: frozenset[str]) -> None:
    names = vars(sys.modules["__main__"])
    for name in [*(name for name in names if name.startswith("_") and name != "__builtins__"), *(name for name in names if not name.startswith("_"))]:
        names[name] = None
    for name in list(itertools.takewhile(lambda name: name not in before, reversed(sys.modules))):
        del sys.modules[name]
    gc.collect()
    for left in gc.get_objects():
        if isinstance(left, io.IOBase) and not left.closed:
            try:
                left.flush()
            except (OSError, ValueError):
                continue
