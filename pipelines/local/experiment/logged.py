"""What `jobkit.Run` left: JSON Lines and files in the job's output, else the lines of its log."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.local.experiment.series import Log, Series
from pipelines.local.store import Store

FOLDER = "experiment"


@dataclass
class Logged:
    """Hold parameters, series and files by name, and how the runs ended: completed, failed when one did, unfinished when one never did, empty without any."""

    parameters: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: str = ""


def read(log: Log, job_dir: Path | None, experiment: tuple[str, str] | None, store: Store) -> Logged:
    """Return what was logged. `experiment` is where: the container's folder and the URI it is uploaded to; without files there, the log tells."""
    entries = list(_entries(job_dir, experiment, store)) if experiment else []
    if not entries:
        return Logged(log.parameters, log.logged)
    found = Logged()
    for entry in sorted(entries, key=lambda entry: float(entry.get("time", 0))):
        _add(found, entry)
    events = [entry.get("event") for entry in entries]
    if found.status != "failed" and events.count("started") > events.count("ended"):
        found.status = "unfinished"
    return found


def _add(found: Logged, entry: Mapping[str, Any]) -> None:
    event, name = entry.get("event"), str(entry.get("name", ""))
    if event == "parameter":
        found.parameters[name] = entry.get("value")
    elif event == "metric":
        found.series.setdefault(name, Series()).add(float(entry["value"]), entry.get("step"))
    elif event == "file":
        found.files[name] = {key: entry.get(key) for key in ("sha256", "bytes", "kept")}
    elif event == "ended":
        found.status = "failed" if "failed" in (found.status, entry.get("status")) else "completed"


def _entries(job_dir: Path | None, experiment: tuple[str, str], store: Store) -> Iterator[dict[str, Any]]:
    """Yield the entries of every run of a job: from the store, where the upload put them, else from the folder of a job that failed."""
    for body in _bodies(job_dir, *experiment, store):
        for line in body.split(b"\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _bodies(job_dir: Path | None, container_folder: str, uri: str, store: Store) -> list[bytes]:
    folder = _folder(job_dir, container_folder, uri, store)
    if folder is not None:
        return [file.read_bytes() for file in sorted(folder.glob("*.jsonl"))]
    return [body for name, body in _packed(store.path(uri)) if PurePosixPath(name).match("*.jsonl")]


def copy_files(job_dir: Path | None, experiment: tuple[str, str], store: Store, target: Path) -> None:
    """Copy the files that a job logged into a folder; see `read` for `experiment`."""
    folder = _folder(job_dir, *experiment, store)
    if folder is not None:
        if (folder / "files").is_dir():
            shutil.copytree(folder / "files", target, ignore=_links, dirs_exist_ok=True)
        return
    for name, body in _packed(store.path(experiment[1])):
        if name.startswith("files/"):
            file = target / name.removeprefix("files/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)


def _links(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if os.path.islink(os.path.join(folder, name))]


def _folder(job_dir: Path | None, container_folder: str, uri: str, store: Store) -> Path | None:
    """Return the folder with what was logged: in the store, where the upload put it, else that of the job, which failed or packs its output."""
    uploaded = store.path(uri)
    here = job_dir / PurePosixPath(container_folder).relative_to("/") if job_dir else None
    return next((folder for folder in (uploaded, here) if folder is not None and folder.is_dir()), None)


def _packed(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name below the folder and bytes of what output.tar.gz has of it, once the job's own folder is deleted."""
    if not archive.name.endswith(".tar.gz") or not archive.is_file():
        return
    with tarfile.open(archive) as packed:
        for entry in packed:
            parts = PurePosixPath(entry.name).parts
            file = packed.extractfile(entry) if entry.isfile() and parts[0] == FOLDER and ".." not in parts else None
            if file:
                yield "/".join(parts[1:]), file.read()
