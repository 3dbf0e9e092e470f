"""Launchers: run a job's processes, from a warm interpreter that is forked or from a cold one that is started."""

from __future__ import annotations

import itertools
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pipelines.local import nursery, wire
from pipelines.local.faults import StepFault
from pipelines.local.interpreter import is_python_job, start_of
from pipelines.local.isolation import Isolation, choose
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.sandbox import refuse_what_cannot_run
from pipelines.local.supervisor import KILL, STOP, STOPPED_BEFORE_START
from pipelines.local.warm import start_process, tell_process, warm_parent, write_to

CLOSE_TIMEOUT_S = 15.0
OnStart = Callable[[int], None]


class Launcher(Protocol):
    """Run jobs, several at once from several threads."""

    def run(self, spec: JobSpec, on_start: OnStart | None = None) -> JobResult:
        """Run a job to its end; `on_start` hears the process id once the container is made and the program starts.

        Raises:
            UsageError: the command cannot run under this isolation.
            StepFault: the job could not be run for a reason that is not its own.
        """

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop a running job: SIGTERM and a grace period, or SIGKILL at once."""

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job; jobs that are run from now on do not start."""

    def close(self) -> None:
        """End everything that is still running."""

    def layer(self) -> str:
        """Return the name of the isolation that jobs get."""


class ColdLauncher:
    """Start a fresh interpreter for every job."""

    def __init__(self, isolation: str = "auto", layer: Isolation | None = None) -> None:
        self._layer = layer or choose(isolation)
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._lock = threading.RLock()
        self._stopping = False

    def layer(self) -> str:
        """Return the name of the isolation that jobs get."""
        return self._layer.kind

    def run(self, spec: JobSpec, on_start: OnStart | None = None) -> JobResult:
        """Run a job under a supervisor process of its own.

        Raises:
            UsageError: the command cannot run under this isolation.
            StepFault: the container cannot be made, or the supervisor died.
        """
        refuse_what_cannot_run(spec, self._layer.kind)
        with self._supervisor(spec) as process:
            if process is None:
                return not_started(self._layer)
            assert process.stdout
            while answer := wire.receive(process.stdout.fileno()):
                if "pid" not in answer:
                    return result_of(answer)
                if on_start:
                    on_start(answer["pid"])
        raise StepFault("SageMaker.JOB_INTERNAL_ERROR", f"the supervisor of {spec.name} ended with {process.returncode}")

    def _begin(self, spec: JobSpec) -> subprocess.Popen[bytes] | None:
        """Start a supervisor and hand it the job before anyone can tell it to stop; None when nothing may start any more."""
        with self._lock:
            if self._stopping:
                return None
            process = start_process(start_of("pipelines.local.supervisor", "main"), None)
            tell_process(process, {"spec": spec.as_json(), "isolation": self._layer.kind})
            self._running[process.pid] = spec.name, process
            return process

    @contextmanager
    def _supervisor(self, spec: JobSpec) -> Iterator[subprocess.Popen[bytes] | None]:
        process = self._begin(spec)
        if process is None:
            yield None
            return
        assert process.stdin and process.stdout
        try:
            yield process
        finally:
            with self._lock:
                del self._running[process.pid]
                process.stdin.close()
            process.wait()
            process.stdout.close()

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop a running job."""
        with self._lock:
            for job, process in self._running.values():
                if job == name and process.stdin:
                    write_to(process.stdin, KILL if kill else STOP)

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job; jobs that are run from now on do not start."""
        with self._lock:
            self._stopping = True
            for name in {name for name, _ in self._running.values()}:
                self.stop(name, kill=kill)

    def close(self) -> None:
        """Kill what still runs and wait until it is gone."""
        self.stop_all(kill=True)
        ends_at = time.monotonic() + CLOSE_TIMEOUT_S
        while self._running and time.monotonic() < ends_at:
            time.sleep(0.005)


class WarmLauncher:
    """Fork every Python job from one process that has imported the libraries; it starts importing at once.

    What is not Python, and every job after the warm process died, runs in a fresh process. With `keep_minutes` the libraries are kept in memory between runs,
    until no run has asked for them for so long.
    """

    def __init__(self, isolation: str = "auto", imports: tuple[str, ...] | None = None, *, keep_minutes: float = 0.0) -> None:
        self._requested, self._layer = isolation, None if isolation == "auto" else choose(isolation)
        self._jobs: dict[int, tuple[str, queue.Queue[dict[str, Any]]]] = {}
        self._cold: ColdLauncher | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._stopping = self._dead = False
        self._keep_minutes = keep_minutes
        self._parent = warm_parent(kept=keep_minutes > 0 and imports is None)
        self._listener = threading.Thread(target=self._listen, daemon=True, name="zygote")
        self._listener.start()
        self._ask({"imports": imports})

    def _isolation(self) -> Isolation:
        with self._lock:
            self._layer = self._layer or choose(self._requested)
            return self._layer

    def layer(self) -> str:
        """Return the name of the isolation that jobs get."""
        return self._isolation().kind

    def run(self, spec: JobSpec, on_start: OnStart | None = None) -> JobResult:
        """Have the job forked and wait for its end.

        Raises:
            UsageError: the command cannot run under this isolation.
            StepFault: the container cannot be made, or the warm process died.
        """
        layer = self._isolation()
        refuse_what_cannot_run(spec, layer.kind)
        if spec.python is not None or not is_python_job(spec.command):
            return self._cold_launcher().run(spec, on_start)
        number, answers = next(self._numbers), queue.SimpleQueue[dict[str, Any]]()
        with self._lock:
            if self._stopping:
                return not_started(layer)
            asked = not self._dead and self._ask({"run": number, "spec": spec.as_json(), "isolation": layer.kind})
            if asked:
                self._jobs[number] = spec.name, answers  # type: ignore[assignment]
        if not asked:
            return self._cold_launcher().run(spec, on_start)
        while "pid" in (answer := answers.get()):
            if on_start:
                on_start(answer["pid"])
        return result_of(answer)

    def _cold_launcher(self) -> ColdLauncher:
        with self._lock:
            self._cold = self._cold or ColdLauncher(layer=self._isolation())
            if self._stopping:
                self._cold.stop_all(kill=False)
            return self._cold

    def _ask(self, request: dict[str, Any]) -> bool:
        return self._parent.tell(request)

    def _listen(self) -> None:
        """Hand each answer to the thread that waits for it; when the warm process is gone tell all that wait."""
        while answer := wire.receive(self._parent.answers):
            with self._lock:
                _, waiting = self._jobs[answer["job"]] if "pid" in answer else self._jobs.pop(answer["job"])
            waiting.put(answer)
        with self._lock:
            self._dead = True
            lost = {"error": f"the warm process died{self._parent.last_words()}; jobs from now on start cold"}
            for _, waiting in self._jobs.values():
                waiting.put(lost)
            self._jobs.clear()

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop a running job."""
        with self._lock:
            for number, (job, _) in self._jobs.items():
                if job == name:
                    self._ask({"stop": number, "kill": kill})
            if self._cold:
                self._cold.stop(name, kill=kill)

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job; jobs that are run from now on do not start."""
        with self._lock:
            self._stopping = True
            for name in {name for name, _ in self._jobs.values()}:
                self.stop(name, kill=kill)
            if self._cold:
                self._cold.stop_all(kill=kill)

    def close(self) -> None:
        """Kill what still runs, then the warm process."""
        self.stop_all(kill=True)
        if self._cold:
            self._cold.close()
        self._parent.end(CLOSE_TIMEOUT_S, at_once=not self._jobs)
        self._listener.join(CLOSE_TIMEOUT_S)
        self._parent.close()
        if self._keep_minutes > 0:
            nursery.keep(self._keep_minutes)


def not_started(layer: Isolation) -> JobResult:
    """Return the result of a job that was stopped before it started."""
    return JobResult(STOPPED_BEFORE_START, "stopped", 0.0, layer.kind)


def result_of(answer: dict[str, Any]) -> JobResult:
    """Return the result that a supervisor told.

    Raises:
        StepFault: it told why there is none.
    """
    if "error" in answer:
        raise StepFault("SageMaker.JOB_INTERNAL_ERROR", answer["error"])
    return JobResult(**answer["result"])
