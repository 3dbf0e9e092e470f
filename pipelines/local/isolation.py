"""Choose how a job gets its own /opt/ml: a mount namespace, else a locked symlink, else a shim over Python's file functions."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.local import namespace

LINK = Path("/opt/ml")
LOCK = "/tmp/sagewright-opt-ml.lock"


@dataclass(frozen=True)
class Isolation:
    """Name the layer that jobs run under, and why it is this one."""

    kind: str
    reason: str


def _try_namespace() -> str:
    """Return why a namespace is not possible, an empty text when it is; tried out in a child."""
    if sys.platform != "linux":
        return f"{sys.platform} has no mount namespaces"
    with tempfile.TemporaryDirectory(prefix="sagewright-probe-") as folder:
        ml, tmp = Path(folder, "opt", "ml"), Path(folder, "tmp")
        ml.mkdir(parents=True)
        tmp.mkdir()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _probe_child(ml, tmp, writer)
        os.close(writer)
        with os.fdopen(reader) as answer:
            told = answer.read()
        os.waitpid(child, 0)
        return told or ("" if (ml / "probe").is_file() else "a file written to /opt/ml did not arrive")


def _probe_child(ml: Path, tmp: Path, writer: int) -> None:
    try:
        namespace.enter(ml, tmp, ("algo-1",), isolate_network=False)
        Path("/opt/ml/probe").touch()
    except OSError as error:
        hint = "; on Ubuntu 24.04: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" if error.errno in (1, 13) and os.geteuid() else ""
        os.write(writer, f"the kernel refuses it ({error.strerror}){hint}".encode())
    finally:
        os._exit(0)


def _try_symlink() -> str:
    """Return why a symlink at /opt/ml is not possible, an empty text when it is."""
    if LINK.is_symlink():
        target = os.readlink(LINK)
        return "" if is_ours(target) and os.access(LINK.parent, os.W_OK) else f"{LINK} is a link to {target}, which is not ours"
    if LINK.exists():
        return f"{LINK} exists and is not ours"
    return "" if os.access(LINK.parent, os.W_OK) else f"{LINK.parent} is not writable"


def is_ours(target: str) -> bool:
    """Tell whether a link's target is the /opt/ml of one of our jobs, or of one that is gone."""
    return target.endswith("/opt/ml") and (not os.path.exists(target) or os.path.isfile(f"{target[: -len('opt/ml')]}log.txt"))


def release_link(ml: Path) -> None:
    """Take away the link to a job's /opt/ml, unless another job holds it by now."""
    descriptor = os.open(LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if LINK.is_symlink() and os.readlink(LINK) == str(ml):
            LINK.unlink()
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


LAYERS: Mapping[str, tuple[Callable[[], str], str]] = {
    "namespace": (_try_namespace, "each job has its own /opt/ml, /tmp and host name in a private mount namespace"),
    "symlink": (_try_symlink, "/opt/ml is a link that one job at a time holds"),
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
    attempt, told = LAYERS[requested]
    problem = attempt()
    if problem:
        raise UsageError("this isolation is not possible here", where=f"--isolation {requested}", got=problem, hint="Use --isolation auto.")
    return Isolation(requested, told)
