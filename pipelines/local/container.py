"""A job's container seen from outside: its /opt/ml folders, its inputs and outputs, its log."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.context import StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.images import ContainerCommand
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.processes import usable_memory_bytes
from pipelines.local.store import Store

MESSAGE_BYTES = 1024
DEFAULT_RUNTIME_S = 86_400.0
HOSTS = ("algo-1",)


def prepare(step_run: StepRun, folders: tuple[str, ...]) -> Path:
    """Make an empty job folder with these folders below /opt/ml and return the real /opt/ml; what an earlier crash left there goes."""
    shutil.rmtree(step_run.job_dir, ignore_errors=True)
    ml = step_run.job_dir / "opt" / "ml"
    for folder in folders:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    (step_run.job_dir / "tmp").mkdir()
    return ml


def real_path(ml: Path, container_path: str, *, below: str = "/opt/ml/") -> Path:
    """Return the file that a container path stands for.

    Raises:
        ClientFault: the path is not below `below`, or climbs out of it.
    """
    path = PurePosixPath(container_path)
    if not f"{container_path.rstrip('/')}/".startswith(below) or ".." in path.parts:
        raise ClientFault(f"LocalPath {container_path!r} must be below {below}")
    return ml / path.relative_to("/opt/ml")


def write_json(path: Path, value: Any) -> None:
    """Write a configuration file as the service does: one JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, sort_keys=True, default=str))


def download(store: Store, source: Mapping[str, Any], folder: Path) -> None:
    """Copy what an S3 data source names into a folder.

    `source` has S3Uri and may have S3DataType (S3Prefix, ManifestFile) and S3CompressionType or CompressionType (Gzip).

    Raises:
        ClientFault: nothing lies there, or the URI or the data type cannot be used here.
    """
    uri, kind = str(source.get("S3Uri", "")), source.get("S3DataType", "S3Prefix")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        reader = READERS.get(kind)
        if reader is None:
            raise ClientFault(f"S3DataType {kind} does not run locally; expected one of {', '.join(READERS)}")
        count = reader(store, uri, folder)
    except UsageError as error:
        raise ClientFault(str(error)) from None
    if not count:
        raise ClientFault(f"no S3 objects found under {uri}. Locally S3 is the folder {store.root}; put the file there, or give a parameter a local path.")
    if "Gzip" in (source.get("S3CompressionType"), source.get("CompressionType")):
        _gunzip(folder)


def _download_prefix(store: Store, uri: str, folder: Path) -> int:
    return store.download(uri, folder)


def _download_manifest(store: Store, uri: str, folder: Path) -> int:
    entries = json.loads(store.read(uri))
    prefix = str(entries[0]["prefix"]).rstrip("/")
    return sum(store.download(f"{prefix}/{key}", (folder / key).parent) for key in entries[1:] if ".." not in PurePosixPath(key).parts)


READERS = {"S3Prefix": _download_prefix, "S3Object": _download_prefix, "ManifestFile": _download_manifest}


def _gunzip(folder: Path) -> None:
    for file in [path for path in folder.rglob("*.gz") if path.is_file()]:
        with gzip.open(file) as packed, open(file.with_suffix(""), "wb") as plain:
            shutil.copyfileobj(packed, plain)
        file.unlink()


def run_job(
    step_run: StepRun, image: str, command: ContainerCommand, environment: Mapping[str, Any], stopping: Mapping[str, Any] | None, *, network_isolation: bool
) -> JobResult:
    """Run a job's processes to their end, at most for MaxRuntimeInSeconds of its StoppingCondition (86,400 s without one)."""
    spec = JobSpec(
        name=step_run.job_name,
        job_dir=step_run.job_dir,
        command=command.argv,
        environment={name: str(value) for name, value in environment.items()},
        cwd=command.cwd,
        timeout_s=float((stopping or {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_S)),
        stop_grace_s=step_run.run.stop_grace_s,
        cores=step_run.cores,
        network_isolation=network_isolation,
        python=step_run.run.python_of(image),
        memory_bytes=int(usable_memory_bytes() * step_run.memory_share),
    )
    return step_run.run.launcher.run(spec)


ENDINGS = {"timeout": "MaxRuntimeExceeded: the job ran for {seconds:.0f} s", "stopped": "the job was stopped"}


def failure_reason(result: JobResult, step_run: StepRun, file: str) -> str | None:
    """Return the FailureReason of a job, None when it ended well.

    What the job wrote to `/opt/ml/output/<file>` says why; without it the last line of its log.
    """
    if result.reason in ENDINGS:
        return ENDINGS[result.reason].format(seconds=result.seconds)
    if result.exit_code == 0:
        return None
    said = message(step_run.job_dir / "opt/ml/output" / file) or last_words(step_run.job_dir / "log.txt")
    return f"AlgorithmError: {said or 'See job logs for more information'}, exit code: {result.exit_code}"


def message(path: Path) -> str | None:
    """Return the first 1 KB of a message or failure file as text, or None when there is none."""
    if not path.is_file():
        return None
    with open(path, "rb") as handle:
        return handle.read(MESSAGE_BYTES).decode("utf-8", errors="replace")


def log_lines(path: Path) -> Iterator[str]:
    """Yield a job's log line by line, without line ends."""
    if path.is_file():
        with open(path, encoding="utf-8", errors="replace", newline="\n") as handle:
            for line in handle:
                yield line.rstrip("\n")


def last_words(path: Path, size_bytes: int = 8192) -> str:
    """Return the last line of a log that is not empty, for a failure that left no message."""
    if not path.is_file():
        return ""
    with open(path, "rb") as handle:
        handle.seek(max(0, path.stat().st_size - size_bytes))
        lines = handle.read().decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def pack(folder: Path) -> bytes:
    """Return a folder as tar.gz with the same bytes for the same files: sorted names, no owner, no time; links left out."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.mode = 0o755 if path.is_dir() else 0o644
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
                continue
            entry.size = path.stat().st_size
            with open(path, "rb") as handle:
                archive.addfile(entry, handle)
    return buffer.getvalue()


def resource_config(instance_type: str) -> dict[str, Any]:
    """Return resourceconfig.json of a job of one instance (AWS developer guide, "How Amazon SageMaker runs your training image")."""
    return {
        "current_host": HOSTS[0],
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": list(HOSTS),
        "instance_groups": [{"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": list(HOSTS)}],
        "network_interface_name": "eth0",
    }


def read_json(path: Path) -> Any:
    """Return a JSON file's content, or None when it is not there or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
