"""Watch over one job: its time, its stop signals, every process it leaves behind, and the engine's own death.

The supervisor is the job's parent and its sub-reaper, so that a process which detaches itself still ends with the job. It never outlives the
engine: it holds the reading end of a pipe whose writing end only the engine has.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from pipelines.local import isolation
from pipelines.local.job import JobResult, JobSpec

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
TICK_MS = 200
SWEEPS = 200


class Supervisor:
    """Run one job to its end; `layer` names its isolation, `lifeline` is a descriptor that hangs up when the engine is gone."""

    def __init__(self, spec: JobSpec, layer: str, lifeline: int) -> None:
        self._spec, self._isolation, self._lifeline = spec, layer, lifeline
        self._reason, self._kill_at = "exited", float("inf")
        self._exit: int | None = None
        self._started = time.monotonic()

    def run(self, child: Callable[[], None]) -> JobResult:
        """Fork, let the child become the job, and return how it ended once nothing of it is left."""
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_kill)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._pid = os.fork()
        if self._pid == 0:
            child()
            os._exit(70)
        self._watch(wake)
        self._sweep()
        if self._isolation == "symlink":
            isolation.release_link(self._spec.job_dir / "opt/ml")
        code = os.waitstatus_to_exitcode(self._exit or 0)
        return JobResult(128 - code if code < 0 else code, self._reason, round(time.monotonic() - self._started, 3), self._isolation)

    def _watch(self, wake: int) -> None:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._lifeline, 0)
        while not self._reap():
            now = time.monotonic()
            if self._reason == "exited" and self._spec.timeout_s is not None and now - self._started > self._spec.timeout_s:
                self._stop("timeout")
            if now > self._kill_at:
                self._signal(signal.SIGKILL)
            for descriptor, _ in poll.poll(TICK_MS):
                if descriptor == self._lifeline:
                    self._on_kill(0, None)
                else:
                    _drain(wake)

    def _reap(self) -> bool:
        """Collect ended processes, adopted ones too; tell whether the job itself has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return self._exit is not None
            if pid == self._pid:
                self._exit = status

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop("stopped")

    def _on_kill(self, number: int, frame: FrameType | None) -> None:
        if self._reason == "exited":
            self._reason = "stopped"
        self._kill_at = 0.0

    def _stop(self, reason: str) -> None:
        if self._reason == "exited":
            self._reason = reason
            self._kill_at = time.monotonic() + self._spec.stop_grace_s
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """Signal the job's process group and every descendant, those in sessions of their own included."""
        try:
            os.killpg(self._pid, number)
        except (ProcessLookupError, PermissionError):
            pass
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _sweep(self) -> None:
        """Kill what the job left behind, as the end of a container would; what forks faster is killed again."""
        for _ in range(SWEEPS):
            self._signal(signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def _descendants(root: int) -> list[int]:
    """Return the processes below one, from /proc; an empty list where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_bytes().rsplit(b")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found, open_ = [], [root]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def main() -> int:
    """Run the job that stdin's first line describes in a fresh interpreter, and print its result as JSON on stdout."""
    from pipelines.local import sandbox

    request = json.loads(_first_line())
    spec = JobSpec.from_json(request["spec"])
    answers = os.dup(1)
    result = Supervisor(spec, request["isolation"], 0).run(lambda: sandbox.become_program(spec, request["isolation"]))
    os.write(answers, json.dumps(vars(result)).encode() + b"\n")
    return 0


def _first_line() -> bytes:
    """Read one line from descriptor 0 without taking more."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            raise SystemExit(0)
        line += piece
    return line


if __name__ == "__main__":
    sys.exit(main())
