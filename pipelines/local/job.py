"""One job to run, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class JobSpec:
    """Describe a job as its container would see it.

    `<job_dir>/opt/ml` is the container's /opt/ml, filled before the start; `<job_dir>/tmp` is its /tmp, `<job_dir>/log.txt` its output.
    `command` and `cwd` are container paths; `environment` is all that the job gets beside a minimal base. Of `memory_bytes`
    each of its processes may take so much; more is refused to it (Linux). `python` is the interpreter
    that `python3` in the command means; the one that runs Sagewright if absent. `reaches` are folders of this machine
    that it needs, even where they lie below a /tmp that is hidden from it.
    """

    name: str
    job_dir: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str = "/opt/ml"
    timeout_s: float | None = None
    stop_grace_s: float = 120.0
    cores: int = 1
    network_isolation: bool = False
    hosts: tuple[str, ...] = ("algo-1",)
    memory_bytes: int | None = None
    python: str | None = None
    reaches: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready members, for another process."""
        return {**asdict(self), "job_dir": str(self.job_dir)}

    @staticmethod
    def from_json(members: Mapping[str, Any]) -> JobSpec:
        """Return the job that `as_json` wrote."""
        tuples = {name: tuple(members[name]) for name in ("command", "hosts", "reaches")}
        return JobSpec(**{**members, **tuples, "job_dir": Path(members["job_dir"])})


@dataclass(frozen=True)
class JobResult:
    """State how a job ended: its exit code (128 + n when signal n killed it), why, and in how many seconds under which isolation."""

    exit_code: int
    reason: str
    seconds: float
    isolation: str
