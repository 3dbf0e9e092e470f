"""Delete runs: the folder of a run and nothing else, whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.home import Home
from pipelines.local.journal import RunState
from pipelines.local.model_packages import lineage

TRASH = "trash"


@dataclass(frozen=True)
class Candidate:
    """State what deleting a run would take and leave: bytes of its folder, bytes it made in the local S3, and why it is refused (None when it is not)."""

    state: RunState
    folder_bytes: int
    store_bytes: int
    refusal: str | None


def look(home: Home, state: RunState, *, force: bool = False) -> Candidate:
    """Return what deleting a run would do."""
    refusal = _executing(home, state) or (None if force else _registered(home, state))
    made = home.store.root.glob(f"*/{state.pipeline_name}/executions/{state.execution_id}")
    return Candidate(state, _size(home.run_dir(state)), sum(_size(folder) for folder in made), refusal)


def delete(home: Home, state: RunState) -> bool:
    """Delete the folder of a run: it is renamed out of sight at once, then emptied. Return False when another process executes the run, or it is gone.

    What an interrupted deletion left is emptied as well. Models that the run registered keep their lineage.
    """
    trash = home.root / TRASH
    with _held(home.run_dir(state)) as free:
        if free:
            lineage.keep(home, state, again=False)
            trash.mkdir(parents=True, exist_ok=True)
            home.run_dir(state).rename(trash / f"{state.execution_id}-{uuid.uuid4().hex[:8]}")
    for left in trash.iterdir() if trash.is_dir() else ():
        try:
            shutil.rmtree(left)
        except FileNotFoundError:  # another process deletes at the same time
            pass
    return free


@contextmanager
def _held(run_dir: Path) -> Iterator[bool]:
    """Hold a run's lock, as who executes it does; False while another does, or when there is no such folder."""
    try:
        handle = open(run_dir / ".lock", "a")  # noqa: SIM115  closed below; the folder may be gone
    except FileNotFoundError:
        yield False
        return
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _executing(home: Home, state: RunState) -> str | None:
    with _held(home.run_dir(state)) as free:
        return None if free else "a process is executing it"


def _registered(home: Home, state: RunState) -> str | None:
    """Tell which model package a run registered."""
    tokens = f"{state.execution_id}/"
    for group in home.registry.groups():
        for package in home.registry.versions(group):
            if str(package.get("ClientToken", "")).startswith(tokens):
                return f"it registered {group}/{package['ModelPackageVersion']}, whose origin it tells; --force deletes it all the same"
    return None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file())
