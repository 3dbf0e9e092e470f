"""Launchers: run a job's processes, from a warm interpreter that is forked or from a cold one that is started."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import Any, Protocol

from pipelines.local.faults import StepFault
from pipelines.local.isolation import Isolation, choose
from pipelines.local.job import JobResult, JobSpec


class Launcher(Protocol):
    """Run jobs, several at once from several threads."""

    def run(self, spec: JobSpec) -> JobResult:
        """Run a job to its end.

        Raises:
            StepFault: the job could not be run for a reason that is not its own.
        """

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job: SIGTERM and a grace period, or SIGKILL at once."""

    def close(self) -> None:
        """End everything that is still running."""


class ColdLauncher:
    """Start a fresh interpreter for every job."""

    def __init__(self, isolation: str = "auto") -> None:
        self._layer = choose(isolation)
        self._running: set[int] = set()
        self._lock = threading.Lock()

    def run(self, spec: JobSpec) -> JobResult:
        """Run a job under a supervisor process of its own.

        Raises:
            StepFault: the supervisor died.
        """
        process = subprocess.Popen([sys.executable, "-m", "pipelines.local.supervisor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin and process.stdout
        with self._lock:
            self._running.add(process.pid)
        try:
            process.stdin.write(json.dumps({"spec": spec.as_json(), "isolation": self._layer.kind}).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        finally:
            with self._lock:
                self._running.discard(process.pid)
            process.stdin.close()
            process.wait()
            process.stdout.close()
        if not answer:
            raise StepFault("SageMaker.JOB_INTERNAL_ERROR", f"the supervisor of {spec.name} ended with {process.returncode}")
        return JobResult(**json.loads(answer))

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job."""
        with self._lock:
            for pid in self._running:
                _signal(pid, kill)

    def close(self) -> None:
        """Kill what still runs."""
        self.stop_all(kill=True)


class WarmLauncher:
    """Fork every Python job from one process that has imported the libraries; it starts importing at once."""

    def __init__(self, isolation: str = "auto") -> None:
        self._requested, self._layer = isolation, None if isolation == "auto" else choose(isolation)
        self._answers: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._pids: dict[str, int] = {}
        self._lock = threading.Lock()
        self._process = subprocess.Popen([sys.executable, "-m", "pipelines.local.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._listener = threading.Thread(target=self._listen, daemon=True, name="zygote")
        self._listener.start()

    def _isolation(self) -> Isolation:
        with self._lock:
            self._layer = self._layer or choose(self._requested)
            return self._layer

    def run(self, spec: JobSpec) -> JobResult:
        """Have the job forked and wait for its end.

        Raises:
            StepFault: the warm process died.
        """
        layer = self._isolation().kind
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        with self._lock:
            self._answers[spec.name] = answers
            self._send({"spec": spec.as_json(), "isolation": layer})
        answer = answers.get()
        if "error" in answer:
            raise StepFault("SageMaker.JOB_INTERNAL_ERROR", answer["error"])
        return JobResult(**{key: value for key, value in answer.items() if key != "name"})

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise StepFault("SageMaker.JOB_INTERNAL_ERROR", "the warm process is gone; try --cold") from None

    def _listen(self) -> None:
        """Hand each answer of the zygote to the thread that waits for it; at its end tell all that wait."""
        assert self._process.stdout
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                if "pid" in answer:
                    self._pids[answer["name"]] = answer["pid"]
                    continue
                self._pids.pop(answer["name"], None)
                waiting = self._answers.pop(answer["name"], None)
            if waiting:
                waiting.put(answer)
        with self._lock:
            for waiting in self._answers.values():
                waiting.put({"error": "the warm process died; try --cold"})
            self._answers.clear()

    def stop_all(self, *, kill: bool) -> None:
        """Stop every running job."""
        with self._lock:
            for pid in self._pids.values():
                _signal(pid, kill)

    def close(self) -> None:
        """Kill what still runs, then the warm process."""
        self.stop_all(kill=True)
        assert self._process.stdin
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.kill()
        self._process.wait()
        self._listener.join(5)
        if self._process.stdout:
            self._process.stdout.close()


def _signal(pid: int, kill: bool) -> None:
    try:
        os.kill(pid, signal.SIGUSR1 if kill else signal.SIGTERM)
    except ProcessLookupError:
        pass
