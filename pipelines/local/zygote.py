"""The warm parent: import the libraries of jobs once, then fork a supervised child per Python job.

It never runs OpenMP or Arrow work itself: a child forked after that hangs in its first XGBoost call. It reads frames from stdin, answers on
stdout and ends, with every job, when stdin does, that is, with the engine.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.local import carried_code, interpreter, libraries, processes, rebirth, sandbox, wire
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.supervisor import KILL, STOP, STOPPED_BEFORE_START, Supervisor, drain

LAST_JOBS_S = 12.0


@dataclass(frozen=True)
class Job:
    """Hold a supervised job: its number, and the pipe that tells its supervisor to stop it and, by hanging up, that we are gone."""

    number: int
    control: int


class Zygote:
    """Fork a supervisor per job, pass stop requests on, and notice supervisors that die.

    `later` are the modules that are imported while there is nothing else to do, `on_demand` those that follow once a job asks for one of them; jobs wait for
    what they ask for. `on_asked` is called when that begins.
    """

    def __init__(
        self, requests: int, answers: int, later: Sequence[str] = (), on_demand: Sequence[str] = (), on_asked: Callable[[], object] = lambda: None
    ) -> None:
        self._requests, self._answers, self._later, self._on_demand, self._on_asked = requests, answers, list(later), tuple(on_demand), on_asked
        self._jobs: dict[int, Job] = {}
        self._waiting: list[tuple[str, Mapping[str, Any]]] = []
        self._wake = _wake_on_child()
        self._fresh: rebirth.Fresh | None = None
        carried_code.install()

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
        """Import the next module and let the jobs start that waited for it; after the last one tidy up."""
        gc.disable()  # imports make much and free little: a fifth of their time
        done = self._later.pop(0)
        libraries.load([done])
        self._fresh = None
        if not self._later:
            _settle()
        ready = [request for last, request in self._waiting if last == done]
        self._waiting = [each for each in self._waiting if each[0] != done]
        for request in ready:
            self._start(request)

    def _run(self, request: Mapping[str, Any]) -> None:
        asks = libraries.wanted(request["spec"]) if self._later or self._on_demand else ()
        if self._on_demand and self._on_demand[-1] in asks:
            self._later += self._on_demand
            self._on_demand = ()
            self._on_asked()
        if asks and asks[-1] in self._later:
            self._waiting.append((asks[-1], request))
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
        for each in [each for each in self._waiting if each[1]["run"] == request["stop"]]:
            self._waiting.remove(each)
            result = JobResult(STOPPED_BEFORE_START, "stopped", 0.0, each[1]["isolation"])
            wire.send(self._answers, {"job": each[1]["run"], "result": vars(result)})
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


def _settle() -> None:
    """Have forks share what was imported: the collector does not look at it any more, and so copies no page of it."""
    gc.enable()
    gc.freeze()


def import_for_many(names: Sequence[str]) -> None:
    """Import libraries in a parent that is forked for many runs."""
    gc.disable()
    libraries.load(names)
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
    gc.disable()
    libraries.load(request["imports"] or libraries.FIRST)
    sys.stdout.flush()
    if request["imports"]:
        _settle()
        Zygote(0, answers).serve()
    else:
        Zygote(0, answers, libraries.XGBOOST, libraries.ALL).serve()
    return 0
