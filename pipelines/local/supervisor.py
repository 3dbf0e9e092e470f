"""Watch over one job: its time, its stop signals, every process it leaves behind, and the engine's own death.

The supervisor is the job's parent and adopts what detaches itself from it, so that everything a job starts ends with the job, as in a container.
It never outlives the engine: its control pipe hangs up when the engine, or the warm process between them, is gone.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.local import processes, sandbox, wire
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.opt_ml import Claim

STOP, KILL = b"T", b"K"
LONGEST_WAIT_S, AGAIN_S, SWEEP_S = 1.0, 0.05, 10.0
STOPPED_BEFORE_START = 128 + signal.SIGTERM

Become = Callable[[int], None]


class Supervisor:
    """Run one job to its end.

    `layer` names its isolation; the bytes T (stop) and K (kill) come through the descriptor `control`, which hangs up when the engine is gone;
    `tell` sends an answer to the engine.
    """

    def __init__(self, spec: JobSpec, layer: str, control: int, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._spec, self._layer, self._control, self._tell = spec, layer, control, tell
        self._poll, self._readers = select.poll(), {control: self._on_control}
        self._reason, self._problem = "exited", ""
        self._kill_at = float("inf")
        self._pid, self._status, self._ready = 0, -1, -1
        self._started = time.monotonic()

    def run(self, become: Become) -> None:
        """Fork, let the child `become` the job, and tell how it ended once nothing of it is left."""
        self._listen()
        claim = Claim(self._spec.job_dir / "opt/ml") if self._layer == "symlink" else None
        try:
            if claim is None or self._wait_for(claim):
                self._start(become)
                self._watch()
                if self._ready in self._readers:
                    self._on_ready()
                self._sweep()
        except OSError as error:
            self._problem = self._problem or error.strerror or str(error)
        finally:
            if claim:
                claim.release()
        self._tell({"error": self._problem[:600]} if self._problem else {"result": vars(self._result())})

    def _result(self) -> JobResult:
        code = os.waitstatus_to_exitcode(self._status) if self._pid else STOPPED_BEFORE_START
        seconds = time.monotonic() - self._started if self._pid else 0.0
        return JobResult(128 - code if code < 0 else code, self._reason, round(seconds, 3), self._layer)

    def _listen(self) -> None:
        """Be woken by every child's end and by the engine."""
        processes.adopt_orphans()
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._readers[wake] = lambda: drain(wake)
        for descriptor in self._readers:
            self._poll.register(descriptor, select.POLLIN)

    def _wait_for(self, claim: Claim) -> bool:
        """Wait for the job's turn to have /opt/ml, unless told to stop; the wait counts as no time of the job's."""
        while not claim.acquire():
            self._read(AGAIN_S)
            if self._reason != "exited":
                return False
        return True

    def _start(self, become: Become) -> None:
        self._ready, told = os.pipe()
        self._started = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                become(told)
            finally:
                os._exit(sandbox.CANNOT_RUN)
        os.close(told)
        self._readers[self._ready] = self._on_ready
        self._poll.register(self._ready, select.POLLIN)

    def _watch(self) -> None:
        while not self._reap():
            now = time.monotonic()
            ends_at = self._started + (self._spec.timeout_s if self._spec.timeout_s is not None else float("inf"))
            if now >= ends_at:
                self._stop("timeout")
            if now >= self._kill_at:
                self._signal(signal.SIGKILL)
                self._kill_at = now + AGAIN_S
            waits_for = self._kill_at if self._reason != "exited" else min(ends_at, self._kill_at)
            self._read(min(LONGEST_WAIT_S, max(0.0, waits_for - now)))

    def _read(self, wait_s: float) -> None:
        for descriptor, _ in self._poll.poll(int(wait_s * 1000) + 1):
            self._readers[descriptor]()

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._readers[descriptor]
        os.close(descriptor)

    def _on_control(self) -> None:
        told = os.read(self._control, 64)
        if not told:
            self._forget(self._control)
            self._problem = "the process that started the job is gone"
        if told and KILL not in told:
            self._stop("stopped")
            return
        self._reason = "stopped" if self._reason == "exited" else self._reason
        self._kill_at = 0.0

    def _on_ready(self) -> None:
        """Hear that the container is made, the pipe being closed without a word, or why it cannot be made."""
        told = os.read(self._ready, 4096)
        if told:
            self._problem = self._problem or told.decode(errors="replace")
        else:
            self._tell({"pid": self._pid})
        self._forget(self._ready)

    def _stop(self, reason: str) -> None:
        """Ask the job to end, and kill it when its grace is over."""
        if self._reason != "exited":
            return
        self._reason = reason
        self._kill_at = time.monotonic() + self._spec.stop_grace_s
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """Signal the job's process group and every descendant, those in sessions of their own included."""
        below = processes.descendants(os.getpid())
        reached = self._status < 0 < self._pid and _signal_group(self._pid, number)
        processes.signal_all(_outside_group(below, self._pid) if reached else below, number)

    def _reap(self) -> bool:
        """Collect ended processes, adopted ones too; tell whether the job itself has ended."""
        try:
            while self._status < 0:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return False
                if pid == self._pid:
                    self._status = status
        except ChildProcessError:
            self._problem = self._problem or "the job's process was lost"
            self._status = max(self._status, 0)
        return True

    def _sweep(self) -> None:
        """Kill what the job left behind, as the end of a container would; what forks faster is killed again."""
        if sys.platform != "linux":
            _signal_group(self._pid, signal.SIGKILL)
        ends_at = time.monotonic() + SWEEP_S
        while time.monotonic() < ends_at:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    processes.signal_all(processes.descendants(os.getpid()), signal.SIGKILL)
                    time.sleep(0.002)
            except ChildProcessError:
                return


def _outside_group(pids: list[int], group: int) -> list[int]:
    """Return the processes that a signal to the group did not reach, so that none gets it twice."""
    return [pid for pid in pids if _group_of(pid) != group]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _signal_group(group: int, number: int) -> bool:
    """Signal a process group; False when there is none, as in the moment before a new job has made its own."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def drain(descriptor: int) -> None:
    """Read all that waits in a non-blocking pipe."""
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def main() -> int:
    """Run the job that the first frame on stdin describes in a fresh interpreter, and answer on stdout."""
    answers = os.dup(1)
    request = wire.receive(0)
    if request is None:
        return 0
    spec, layer = JobSpec.from_json(request["spec"]), request["isolation"]
    supervisor = Supervisor(spec, layer, os.dup(0), lambda message: wire.send(answers, message))
    supervisor.run(lambda told: sandbox.become_program(spec, layer, told))
    return 0
