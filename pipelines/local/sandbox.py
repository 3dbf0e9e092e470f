"""Become the job: its /opt/ml, its environment, its working directory, its output; then its program."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.local import isolation, namespace, shim
from pipelines.local.job import JobSpec
from pipelines.local.supervisor import die_with_parent

PYTHON = "python"
CANNOT_RUN, NOT_FOUND = 126, 127


def is_python(command: tuple[str, ...]) -> bool:
    """Tell whether a command is a Python script or module that a forked interpreter can run itself."""
    program = os.path.basename(command[0]) if command else ""
    if not (program.rstrip("0123456789.") == PYTHON and len(command) > 1):
        return False
    return (command[1] == "-m" and len(command) > 2) or not command[1].startswith("-")


def prepare(spec: JobSpec, layer: str) -> tuple[str, ...]:
    """Turn this process, a fresh fork, into the job's container and return its command as it is to be run here.

    Raises:
        OSError: a mount, the working directory or the log cannot be made.
    """
    os.setsid()
    die_with_parent()
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    _redirect(spec.job_dir / "log.txt")
    os.environ.clear()
    os.environ.update({"TMPDIR": str(spec.job_dir / "tmp"), **_base_environment(spec), **spec.environment})
    command = ENTER[layer](spec)
    os.environ.setdefault("HOME", os.environ["TMPDIR"])
    folder = spec.cwd if layer != "shim" else shim.translate(spec.cwd, str(spec.job_dir))
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    return command


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.closerange(3, 4096)


def _base_environment(spec: JobSpec) -> dict[str, str]:
    folder = os.path.dirname(sys.executable)
    threads = {name: str(spec.cores) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")}
    shell = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    return {**shell, **threads, "SAGEMAKER_BASE_DIR": "/opt/ml", "PYTHONDONTWRITEBYTECODE": "1"}


def _enter_namespace(spec: JobSpec) -> tuple[str, ...]:
    private_tmp = namespace.enter(spec.job_dir / "opt/ml", spec.job_dir / "tmp", spec.hosts, isolate_network=spec.network_isolation)
    if private_tmp:
        os.environ["TMPDIR"] = "/tmp"
    return spec.command


def _enter_symlink(spec: JobSpec) -> tuple[str, ...]:
    """Hold /opt/ml; the lock's descriptor stays open in the job and all it starts, so the next job waits for all of them."""
    lock = os.open(isolation.LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    if isolation.LINK.is_symlink():
        if not isolation.is_ours(os.readlink(isolation.LINK)):
            raise OSError(17, "another program has taken /opt/ml")
        os.unlink(isolation.LINK)
    os.symlink(spec.job_dir / "opt/ml", isolation.LINK)
    return spec.command


def _enter_shim(spec: JobSpec) -> tuple[str, ...]:
    root = str(spec.job_dir)
    os.environ.update(shim.environment(root))
    if not is_python(spec.command):
        os.write(2, f"{spec.command[0]}: without a private /opt/ml only Python programs run here; see `sagewright doctor`\n".encode())
        os._exit(CANNOT_RUN)
    shim.install(root)
    return tuple(shim.translate(part, root) for part in spec.command)


ENTER: Mapping[str, Callable[[JobSpec], tuple[str, ...]]] = {"namespace": _enter_namespace, "symlink": _enter_symlink, "shim": _enter_shim}


def become_program(spec: JobSpec, layer: str) -> None:
    """Replace this process, a fresh fork, by the job's program; never returns."""
    try:
        command = prepare(spec, layer)
        program = sys.executable if is_python(command) or os.path.basename(command[0]).rstrip("0123456789.") == PYTHON else command[0]
        os.execvpe(program, [program, *command[1:]], dict(os.environ))
    except FileNotFoundError as error:
        os.write(2, f"{spec.command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"the container cannot be made: {error}\n".encode())
        os._exit(CANNOT_RUN)
