"""The Python interpreter that everything local runs on: how to start one, and how a fork of a warm one becomes a fresh one.

`python` and `python3` in a job's command mean the interpreter that runs Sagewright.
"""

from __future__ import annotations

import os
import re
import site
import sys
import tempfile
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
PYTHON = re.compile(r"python(3(\.\d+)?)?")
# What the interpreter itself may need to start and find its packages; never the user's own variables.
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "LOKY_MAX_CPU_COUNT")

# Threads that wait asleep instead of spinning. OpenMP: on a busy machine of 2 cores a training of 100 rounds took 0.7 s instead of 4.5 s (median of 5).
# OpenBLAS: 2 to the power of this many cycles, 20 microseconds in the place of 20 milliseconds.
PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "16"}


def start_of(module: str, function: str, *, with_site: bool = False) -> list[str]:
    """Return a command that calls a function of ours in a new interpreter, whatever the working directory holds."""
    flags = ["-c"] if with_site else ["-s", "-S", "-c"]
    return [sys.executable, *flags, f"import sys; sys.path[0] = {ROOT!r}; from {module} import {function}; sys.exit({function}())"]


def base_environment(tmp: str, cores: int, python: str | None = None) -> dict[str, str]:
    """Return the variables that every job has, a container's few: none of the user's, whose keys and tokens stay out."""
    folder = os.path.dirname(python or sys.executable)
    shell = {"PATH": f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": tmp}
    own = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE and python is None else {}
    settings = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **own}
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed, **shell, **settings, **dict.fromkeys(THREAD_VARIABLES, str(cores)), **PATIENT_THREADS, "TMPDIR": tmp}


def is_interpreter(program: str) -> bool:
    """Tell whether a program's name means our interpreter."""
    return PYTHON.fullmatch(os.path.basename(program)) is not None


def is_python_job(command: tuple[str, ...]) -> bool:
    """Tell whether a command is a Python script or module that a forked interpreter can run itself."""
    if len(command) < 2 or not is_interpreter(command[0]):
        return False
    return (command[1] == "-m" and len(command) > 2) or not command[1].startswith("-")


def host_command(command: tuple[str, ...], python: str | None = None) -> list[str]:
    """Return a command as it starts on this machine; a program of an image (`-m pipelines...`) finds our package wherever it is."""
    if not command or not is_interpreter(command[0]):
        return list(command)
    if command[1:2] == ("-m",) and is_ours(command[2:3]):
        begin = f"import runpy, sys; sys.path.append({ROOT!r}); sys.argv[:1] = []; runpy._run_module_as_main(sys.argv[0])"
        return [python or sys.executable, "-c", begin, *command[2:]]
    return [python or sys.executable, *command[1:]]


def is_ours(modules: tuple[str, ...]) -> bool:
    """Tell whether a command's module is a program of ours."""
    return any(name.split(".")[0] == "pipelines" for name in modules)


def own_environment() -> dict[str, str]:
    """Return what our own processes get, the warm one and the supervisors: a fork's /proc/self/environ shows nothing of the user's either.

    OpenBLAS has one thread there; a job that has more cores asks for more. Else each fork would start threads that spin for 0.1 s and take it from others.
    """
    kept = {name: value for name, value in base_environment(tempfile.gettempdir(), 1).items() if name not in ("PYTHONDONTWRITEBYTECODE", *THREAD_VARIABLES)}
    return {**kept, "OPENBLAS_NUM_THREADS": "1"}
