"""What `jobkit.Run` left: JSON Lines and files in the job's output, else the lines of its log."""

from __future__ import annotations

import json
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
    """Hold parameters, series and files by name, and the status of the last run that ended (empty when none was opened, or known of)."""

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


def _bodies(job_dir: Path | None, folder: str, uri: str, store: Store) -> list[bytes]:
    uploaded = store.path(uri)
    if uploaded.is_dir():
        return [file.read_bytes() for file in sorted(uploaded.glob("*.jsonl"))]
    here = job_dir / PurePosixPath(folder).relative_to("/") if job_dir else None
    if here is not None and here.is_dir():
        return [file.read_bytes() for file in sorted(here.glob("*.jsonl"))]
    return _packed(uploaded) if uploaded.name.endswith(".tar.gz") and uploaded.is_file() else []


def _packed(archive: Path) -> list[bytes]:
    with tarfile.open(archive) as packed:
        wanted = [entry for entry in packed if entry.isfile() and PurePosixPath(entry.name).match(f"{FOLDER}/*.jsonl")]
        return [file.read() for entry in wanted if (file := packed.extractfile(entry))]
