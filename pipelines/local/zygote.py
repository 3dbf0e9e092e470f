"""The warm parent: import the libraries of jobs once, then fork a supervised child per Python job.

It never runs OpenMP or Arrow work itself: a child forked after that hangs in its first XGBoost call. It reads frames from stdin, answers on
stdout and ends, with every job, when stdin does, that is, with the engine.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import select
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.local import interpreter, processes, rebirth, sandbox, wire
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.supervisor import KILL, STOP, STOPPED_BEFORE_START, Supervisor, drain

# What is imported before any job starts, and what follows while jobs may start that do not ask for it.
FIRST = ("numpy", "pyarrow", "pyarrow.parquet", "pyarrow.csv", "threadpoolctl", "runpy", "argparse", "tarfile", "hashlib")
# In small parts, since a job that comes during an import waits for its end: XGBoost imports scikit-learn, which imports most of SciPy.
HEAVY = ("pandas", "scipy.linalg", "scipy.sparse", "scipy.special", "scipy.optimize", "scipy.stats.distributions", "scipy.stats") + (
    "sklearn.utils",
    "sklearn.metrics",
    "sklearn.model_selection",
    "xgboost",
)
# Our own programs that many jobs run, imported once as well; all else of ours is forgotten in a job.
PROGRAMS = ("pipelines.local.images.xgboost_algorithm",)
ASKS_FOR_HEAVY = re.compile(rb"pandas|xgboost|sklearn")
SCRIPT_BYTES = 1 << 20
LAST_JOBS_S = 12.0


@dataclass(frozen=True)
class Job:
    """Hold a supervised job: its number, and the pipe that tells its supervisor to stop it and, by hanging up, that we are gone."""

    number: int
    control: int


class Zygote:
    """Fork a supervisor per job, pass stop requests on, and notice supervisors that die.

    `later` are the modules that are imported while there is nothing else to do; jobs that ask for them wait until they are there.
    """

    def __init__(self, requests: int, answers: int, later: Sequence[str] = ()) -> None:
        self._requests, self._answers, self._later = requests, answers, list(later)
        self._jobs: dict[int, Job] = {}
        self._waiting: list[Mapping[str, Any]] = []
        self._wake = _wake_on_child()
        self._fresh: rebirth.Fresh | None = None

    def serve(self) -> None:
        """Serve until the engine hangs up; then end every job."""
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            happened = poll.poll(0 if self._later else None)
            for descriptor, _ in happened:
                if descriptor == self._wake:
                    drain(self._wake)
                    self._reap()
                elif (request := wire.receive(self._requests)) is not None:
                    self._run(request) if "run" in request else self._stop(request)
                else:
                    self._end()
                    return
            if self._later and not happened:
                self._go_on_importing()

    def _go_on_importing(self) -> None:
        """Import the next module; after the last one let the jobs start that waited."""
        _import([self._later.pop(0)])
        self._fresh = None
        if not self._later:
            _settle()
            while self._waiting:
                self._start(self._waiting.pop(0))

    def _run(self, request: Mapping[str, Any]) -> None:
        if self._later and _asks_for_heavy(request["spec"]):
            self._waiting.append(request)
        else:
            self._start(request)

    def _start(self, request: Mapping[str, Any]) -> None:
        number = request["run"]
        self._fresh = self._fresh or rebirth.Fresh.now()
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
        assert self._fresh is not None
        command = sandbox.enter(spec, layer, told)
        if self._fresh.must_be_new(command, spec.environment):
            sandbox.execute(command)
        os.close(told)
        shim_root = str(spec.job_dir) if layer == "shim" else None
        self._fresh.run(command, cores=spec.cores, shim_root=shim_root)

    def _stop(self, request: Mapping[str, Any]) -> None:
        for waiting in [each for each in self._waiting if each["run"] == request["stop"]]:
            self._waiting.remove(waiting)
            result = JobResult(STOPPED_BEFORE_START, "stopped", 0.0, waiting["isolation"])
            wire.send(self._answers, {"job": waiting["run"], "result": vars(result)})
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
    """Import what is there; a library that is absent, or broken on this machine, is left to the jobs that want it.

    The folder of Sagewright itself is on the search path for modules of ours only.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            ours = [interpreter.ROOT] if interpreter.is_ours((name,)) else []
            sys.path += ours
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001  the job boundary: an import may raise anything
                sys.stderr.write(f"{name} is not imported: {type(error).__name__}: {error}\n")
            finally:
                del sys.path[len(sys.path) - len(ours) :]


def _asks_for_heavy(spec: Mapping[str, Any]) -> bool:
    """Tell whether a job's program names one of the libraries that take long to import; one that cannot be read here is taken to."""
    command = tuple(spec["command"])
    if command[1] == "-m":
        return True
    ml = Path(spec["job_dir"], "opt", "ml")
    try:
        path = ml / PurePosixPath(command[1]).relative_to("/opt/ml") if command[1].startswith("/opt/ml/") else Path(command[1])
        with open(path, "rb") as script:
            return ASKS_FOR_HEAVY.search(script.read(SCRIPT_BYTES)) is not None
    except (OSError, ValueError):
        return True


def _settle() -> None:
    """Tidy up once, so that forks share the memory of what was imported."""
    gc.enable()
    gc.collect()
    gc.freeze()


def import_all() -> None:
    """Import the libraries and our own programs, and tidy up."""
    sys.path.remove(interpreter.ROOT)
    gc.disable()
    _import((*FIRST, *HEAVY, *PROGRAMS))
    _settle()


def main() -> int:
    """Import the libraries, serving jobs meanwhile, until the engine hangs up."""
    answers = os.dup(1)
    os.dup2(2, 1)
    request = wire.receive(0)
    if request is None:
        return 0
    processes.adopt_orphans()
    sys.path.remove(interpreter.ROOT)
    gc.disable()  # imports make much and free little: a fifth of their time
    _import(request["imports"] or FIRST)
    sys.stdout.flush()
    if request["imports"]:
        _settle()
    Zygote(0, answers, later=() if request["imports"] else (*HEAVY, *PROGRAMS)).serve()
    return 0
