"""The warm parent: import the libraries of jobs once, then fork a supervised child per job.

It never runs OpenMP or Arrow work itself: a child forked after that hangs in its first XGBoost call. It reads one JSON line a job from stdin
and ends when stdin does, that is, with the engine.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from typing import Any

from pipelines.local.supervisor import die_with_parent

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "pyarrow.csv",
    "xgboost",
    "sklearn.metrics",
    "sklearn.model_selection",
    "runpy",
    "argparse",
    "tarfile",
    "hashlib",
)


def main() -> int:
    """Serve until stdin ends, or the engine is gone."""
    die_with_parent()
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd()) or entry == os.environ.get("PYTHONPATH")]
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in iter(_read_line, b""):
        if os.fork() == 0:
            _supervise(json.loads(line), answers)
    return 0


def _read_line() -> bytes:
    """Read one line from descriptor 0 without buffering, so that a fork inherits nothing half-read."""
    pieces: list[bytes] = []
    while not pieces or pieces[-1] != b"\n":
        piece = os.read(0, 1)
        if not piece:
            return b""
        pieces.append(piece)
    return b"".join(pieces)


def _supervise(request: dict[str, Any], answers: int) -> None:
    """Be the supervisor of one job: tell the engine our process id, then how the job ended; never returns."""
    from pipelines.local import sandbox
    from pipelines.local.job import JobResult, JobSpec
    from pipelines.local.supervisor import Supervisor

    spec, layer = JobSpec.from_json(request["spec"]), request["isolation"]
    os.write(answers, json.dumps({"name": spec.name, "pid": os.getpid()}).encode() + b"\n")
    run = _become_python if sandbox.is_python(spec.command) else sandbox.become_program
    try:
        result = Supervisor(spec, layer, 0).run(lambda: run(spec, layer))
    except OSError as error:
        os.write(answers, json.dumps({"name": spec.name, "error": str(error)}).encode() + b"\n")
        os._exit(1)
    told: JobResult = result
    os.write(answers, json.dumps({"name": spec.name, **vars(told)}).encode() + b"\n")
    os._exit(0)


def _become_python(spec: Any, layer: str) -> None:
    """Run a Python command in this very process, a fresh fork, as a new interpreter would; never returns."""
    from pipelines.local import sandbox

    try:
        command = sandbox.prepare(spec, layer)
    except OSError as error:
        os.write(2, f"the container cannot be made: {error}\n".encode())
        os._exit(sandbox.CANNOT_RUN)
    code = 1
    try:
        _refresh(spec.cores)
        code = _execute(command)
    finally:
        _leave(code)


def _refresh(cores: int) -> None:
    """Undo what a fork shares and a fresh interpreter would not: random state, output buffers, the number of threads."""
    import random

    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, os.fdopen(os.dup(descriptor), "w", buffering=1, encoding="utf-8", errors="backslashreplace"))
    sys.stdin = open(os.devnull)  # noqa: SIM115  the process's own standard input, open for as long as it lives
    if cores < (os.cpu_count() or 1):
        try:
            importlib.import_module("threadpoolctl").threadpool_limits(cores)
        except ImportError:
            pass


def _execute(command: tuple[str, ...]) -> int:
    """Run script or module as `__main__` and return its exit code."""
    import runpy

    arguments = list(command[1:])
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as leaving:
        return _exit_code(leaving.code)
    except BaseException as error:  # noqa: BLE001  a job may raise anything; it is reported as an interpreter would
        _report(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _report(error: BaseException) -> None:
    """Print the traceback without our own frames."""
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, sys.modules["runpy"].__file__, "<frozen runpy>"):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def _leave(code: int) -> None:
    """End as an interpreter does: wait for threads, run exit handlers, flush, and leave without the parent's clean-up."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
