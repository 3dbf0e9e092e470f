"""Become the job: its /opt/ml, its environment, its working directory, its output; then its program."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.local import interpreter, namespace, processes, shim
from pipelines.local.job import JobSpec

CANNOT_RUN, NOT_FOUND = 126, 127
ML = "/opt/ml"
FREE_DESCRIPTORS = 65536
OUR_SIGNALS = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def refuse_what_cannot_run(spec: JobSpec, layer: str) -> None:
    """Refuse a job that the layer would only half isolate.

    Raises:
        UsageError: the command is empty, or it is not Python and the layer is the shim, which reaches only Python.
    """
    if not spec.command:
        raise UsageError("the job has no command", where=spec.name)
    if layer == "shim" and not interpreter.is_interpreter(spec.command[0]):
        raise UsageError(
            "without a private /opt/ml only Python programs run here",
            where=spec.name,
            got=spec.command[0],
            expected="python3 ...",
            hint="`sagewright doctor` says why and what would help.",
        )


def enter(spec: JobSpec, layer: str, told: int) -> tuple[str, ...]:
    """Turn this process, a fresh fork, into the job's container and return its command as it is to be run here.

    `told` is the pipe on which the supervisor hears why the container cannot be made; this process ends then. Every other descriptor above 2 is closed.
    """
    try:
        command = _enter(spec, layer)
    except OSError as error:
        reason = error.strerror or str(error)
        os.write(told, f"the container of {spec.name} cannot be made: {reason}{f' ({error.filename})' if error.filename else ''}".encode()[:600])
        os._exit(CANNOT_RUN)
    os.closerange(3, told)
    os.closerange(told + 1, FREE_DESCRIPTORS)
    return command


def _enter(spec: JobSpec, layer: str) -> tuple[str, ...]:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in OUR_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _redirect(spec.job_dir / "log.txt")
    (spec.job_dir / "tmp").mkdir(exist_ok=True)
    folder, tmp, command = ENTER[layer](spec)
    processes.die_with_parent()
    os.environ.clear()
    os.environ.update({**interpreter.base_environment(tmp, spec.cores, spec.python), "SAGEMAKER_BASE_DIR": f"{folder}{ML}", **spec.environment})
    if layer == "shim":
        os.environ.update(shim.environment(folder, os.environ))
    place = f"{folder}{spec.cwd}" if spec.cwd == ML or spec.cwd.startswith(f"{ML}/") else spec.cwd
    os.makedirs(place, exist_ok=True)
    os.chdir(place)
    processes.limit_memory(spec.memory_bytes)
    return command


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _enter_namespace(spec: JobSpec) -> tuple[str, str, tuple[str, ...]]:
    namespace.enter(spec.job_dir / "opt/ml", spec.job_dir / "tmp", spec.hosts, isolate_network=spec.network_isolation, keep=spec.reaches)
    return "", "/tmp", spec.command


def _enter_symlink(spec: JobSpec) -> tuple[str, str, tuple[str, ...]]:
    _say_what_is_shared(spec)
    return "", str(spec.job_dir / "tmp"), spec.command


def _enter_shim(spec: JobSpec) -> tuple[str, str, tuple[str, ...]]:
    _say_what_is_shared(spec)
    root = str(spec.job_dir)
    return root, f"{root}/tmp", tuple(shim.translate(part, root) for part in spec.command)


def _say_what_is_shared(spec: JobSpec) -> None:
    if spec.network_isolation:
        os.write(2, b"sagewright: EnableNetworkIsolation needs a namespace, which is not possible here: this job can reach the network\n")


# Layer -> (what stands before /opt/ml in a real path, the job's TMPDIR, its command with real paths).
ENTER: Mapping[str, Callable[[JobSpec], tuple[str, str, tuple[str, ...]]]] = {
    "namespace": _enter_namespace,
    "symlink": _enter_symlink,
    "shim": _enter_shim,
}


def become_program(spec: JobSpec, layer: str, told: int) -> None:
    """Replace this process, a fresh fork, by the job's program; never returns."""
    execute(enter(spec, layer, told), spec.python)


def execute(command: tuple[str, ...], python: str | None = None) -> None:
    """Replace this process, which is the job's container already, by a program; never returns."""
    argv = interpreter.host_command(command, python)
    try:
        os.execvpe(argv[0], argv, dict(os.environ))
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN)
