"""Choose how a job gets its own /opt/ml: a mount namespace, else the host's own /opt/ml, else a shim over Python's file functions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.local import opt_ml
from pipelines.local.interpreter import own_environment, start_of

PROBE_TIMEOUT_S = 30
# Why a kernel says no to an ordinary user, and what an administrator can do about it: file, value, advice.
KERNEL_SWITCHES = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000"),
)
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True)
class Isolation:
    """Name the layer that jobs run under, and why it is this one."""

    kind: str
    reason: str


def _try_namespace() -> str:
    """Return why a namespace is not possible, an empty text when it is; tried out in a process of its own."""
    if sys.platform != "linux":
        return f"{sys.platform} has no mount namespaces"
    with tempfile.TemporaryDirectory(prefix="sagewright-probe-") as folder:
        ml, tmp = Path(folder, "opt", "ml"), Path(folder, "tmp")
        ml.mkdir(parents=True)
        tmp.mkdir()
        command = [*start_of("pipelines.local.isolation", "probe_here"), str(ml), str(tmp)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, env=own_environment(), check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it could not be tried out: {error}"
        if done.returncode:
            return done.stdout.strip() or f"trying it out ended with {done.returncode}"
        return "" if (ml / "probe").is_file() else "a file written to /opt/ml did not arrive"


def probe_here() -> int:
    """Enter a namespace in this very process, write a file to /opt/ml and print what the kernel refused."""
    from pipelines.local import namespace

    ml, tmp = (Path(argument) for argument in sys.argv[1:3])
    try:
        namespace.enter(ml, tmp, ("algo-1",), isolate_network=False)
        Path("/opt/ml/probe").touch()
    except OSError as error:
        sys.stdout.write(f"the kernel refuses it: {error.strerror}{_advice()}\n")
        return 1
    return 0


def _advice() -> str:
    for file, value, command in KERNEL_SWITCHES:
        if os.geteuid() and Path(file).is_file() and Path(file).read_text().strip() == value:
            return f"; an administrator can allow it: {command}"
    if any(os.path.exists(mark) for mark in CONTAINER_MARKS):
        return "; a container needs --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined for it"
    return ""


LAYERS: Mapping[str, tuple[Callable[[], str], str]] = {
    "namespace": (_try_namespace, "each job has its own /opt/ml, /tmp and host name in a private mount namespace"),
    "symlink": (opt_ml.obstacle, "the host's /opt/ml leads to the folder of one job at a time"),
    "shim": (lambda: "", "Python's file functions map /opt/ml to the job's folder; only Python jobs run"),
}


def probe() -> Isolation:
    """Return the best layer that works here, with the reasons why better ones do not."""
    refused: list[str] = []
    for kind, (attempt, told) in LAYERS.items():
        problem = attempt()
        if not problem:
            return Isolation(kind, "; ".join([told, *refused]))
        refused.append(f"no {kind}: {problem}")
    raise AssertionError("the shim is always possible")


def choose(requested: str) -> Isolation:
    """Return the requested layer, or for `auto` the best one.

    Raises:
        UsageError: the layer that was asked for is not possible here.
    """
    if requested == "auto":
        return probe()
    if requested not in LAYERS:
        raise UsageError("this isolation does not exist", where="--isolation", got=requested, expected=", ".join(("auto", *LAYERS)))
    attempt, told = LAYERS[requested]
    problem = attempt()
    if problem:
        raise UsageError("this isolation is not possible here", where=f"--isolation {requested}", got=problem, hint="Use --isolation auto.")
    return Isolation(requested, told)
