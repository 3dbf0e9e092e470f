"""The warm parent: import the libraries of jobs once, then fork a supervised child per Python job.

It never runs OpenMP or Arrow work itself: a child forked after that hangs in its first XGBoost call. It reads frames from stdin, answers on
stdout and ends, with every job, when stdin does, that is, with the engine.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local import interpreter, processes, rebirth, sandbox, wire
from pipelines.local.job import JobSpec
from pipelines.local.supervisor import KILL, STOP, Supervisor, drain

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "pyarrow.csv",
    "xgboost",
    "sklearn.metrics",
    "sklearn.model_selection",
    "threadpoolctl",
    "runpy",
    "argparse",
    "tarfile",
    "hashlib",
)
# Our own programs that many jobs run, imported once as well; all else of ours is forgotten in a job.
PROGRAMS = ("pipelines.local.images.xgboost_algorithm",)
LAST_JOBS_S = 12.0


@dataclass(frozen=True)
class Job:
    """Hold a supervised job: its number, and the pipe that tells its supervisor to stop it and, by hanging up, that we are gone."""

    number: int
    control: int


class Zygote:
    """Fork a supervisor per job, pass stop requests on, and notice supervisors that die."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._jobs: dict[int, Job] = {}
        self._wake = _wake_on_child()
        self._fresh = rebirth.Fresh.now()

    def serve(self) -> None:
        """Serve until the engine hangs up; then end every job."""
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wake:
                    drain(self._wake)
                    self._reap()
                elif (request := wire.receive(self._requests)) is not None:
                    self._start(request) if "run" in request else self._stop(request)
                else:
                    self._end()
                    return

    def _start(self, request: Mapping[str, Any]) -> None:
        number = request["run"]
        try:
            control, ours = os.pipe()
            pid = _fork()
        except OSError as error:
            wire.send(self._answers, {"job": number, "error": f"the job cannot be forked: {error.strerror}"})
            return
        if pid == 0:
            os.close(ours)
            self._supervise(request, control)
        os.close(control)
        self._jobs[pid] = Job(number, ours)

    def _supervise(self, request: Mapping[str, Any], control: int) -> None:
        """Be the supervisor of one job; never returns. The engine's pipe and the control of other jobs are not ours to hold."""
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), self._requests)
            for job in self._jobs.values():
                os.close(job.control)
            spec, layer = JobSpec.from_json(request["spec"]), request["isolation"]
            supervisor = Supervisor(spec, layer, control, lambda message: wire.send(self._answers, {"job": request["run"], **message}))
            supervisor.run(lambda told: self._become(spec, layer, told))
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  the job boundary: the engine hears of it from our exit code, and why from stderr
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
        finally:
            os._exit(1)

    def _become(self, spec: JobSpec, layer: str, told: int) -> None:
        """Be the job: run its command in this very process as a new interpreter would, or in a new one where that matters; never returns."""
        command = sandbox.enter(spec, layer, told)
        if self._fresh.must_be_new(command, spec.environment):
            sandbox.execute(command)
        os.close(told)
        shim_root = str(spec.job_dir) if layer == "shim" else None
        self._fresh.run(command, cores=spec.cores, shim_root=shim_root)

    def _stop(self, request: Mapping[str, Any]) -> None:
        for job in self._jobs.values():
            if job.number == request["stop"]:
                _press(job.control, KILL if request["kill"] else STOP)

    def _reap(self) -> None:
        """Collect supervisors that ended; one that was killed leaves an error behind, and its job's processes to us."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                job = self._jobs.pop(ended[0], None)
                if job is None:
                    continue
                os.close(job.control)
                if ended[1]:
                    processes.signal_all(processes.descendants(os.getpid(), spare=self._jobs), signal.SIGKILL)
                    code = os.waitstatus_to_exitcode(ended[1])
                    wire.send(self._answers, {"job": job.number, "error": f"the supervisor of the job ended with {code}"})
        except ChildProcessError:
            return

    def _end(self) -> None:
        """Hang up on every supervisor and wait until each has ended its job."""
        for job in self._jobs.values():
            os.close(job.control)
        ends_at = time.monotonic() + LAST_JOBS_S
        while time.monotonic() < ends_at:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.002)
            except ChildProcessError:
                return


def _press(control: int, what: bytes) -> None:
    try:
        os.write(control, what)
    except BrokenPipeError:
        return


def _fork() -> int:
    """Fork; that libraries keep idle threads, of which newer Pythons warn, does no harm: none of them holds a lock of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _wake_on_child() -> int:
    wake, woken = os.pipe()
    for end in (wake, woken):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    return wake


def _import(names: Iterable[str]) -> None:
    """Import what is there; a library that is absent, or broken on this machine, is left to the jobs that want it."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  the job boundary: an import may raise anything
            sys.stderr.write(f"{name} is not imported: {type(error).__name__}: {error}\n")


def main() -> int:
    """Import the libraries, then serve until the engine hangs up."""
    answers = os.dup(1)
    os.dup2(2, 1)
    request = wire.receive(0)
    if request is None:
        return 0
    processes.adopt_orphans()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.path.remove(interpreter.ROOT)
        _import(request["imports"] or LIBRARIES)
        if not request["imports"]:
            sys.path.append(interpreter.ROOT)
            _import(PROGRAMS)
            sys.path.remove(interpreter.ROOT)
    sys.stdout.flush()
    gc.collect()
    gc.freeze()
    Zygote(0, answers).serve()
    return 0
