"""A job's container seen from outside: its /opt/ml folders, its inputs and outputs, its log."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.faults import ClientFault
from pipelines.local.job import JobResult
from pipelines.local.store import Store, StoredObject

MESSAGE_BYTES = 1024
# Of gzip: a sixth of the time of the usual 6 for a model, a fifteenth more bytes.
LEVEL = 3


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


def objects(store: Store, source: Mapping[str, Any], share: tuple[int, int] = (0, 1)) -> list[StoredObject]:
    """Return the objects that an S3 data source names, sorted.

    `source` has S3Uri and may have S3DataType (S3Prefix, ManifestFile) and S3DataDistributionType: with ShardedByS3Key the instance of number `share[0]`
    (from 0) gets its part of the objects among `share[1]` instances.

    Raises:
        ClientFault: nothing lies there, or the URI or the data type cannot be used here.
    """
    uri, kind = str(source.get("S3Uri", "")), source.get("S3DataType", "S3Prefix")
    try:
        reader = READERS.get(kind)
        if reader is None:
            raise ClientFault(f"S3DataType {kind} does not run locally; expected one of {', '.join(READERS)}")
        found = list(reader(store, uri))
    except UsageError as error:
        raise ClientFault(str(error)) from None
    if not found:
        raise ClientFault(f"no S3 objects found under {uri}. Locally S3 is the folder {store.root}; put the file there, or give a parameter a local path.")
    number, instances = share if source.get("S3DataDistributionType") == "ShardedByS3Key" else (0, 1)
    return found[number::instances]


def download(store: Store, source: Mapping[str, Any], folder: Path, share: tuple[int, int] = (0, 1)) -> None:
    """Copy what an S3 data source names into a folder; see `objects`. With S3CompressionType or CompressionType Gzip, `.gz` files are unzipped.

    Raises:
        ClientFault: nothing lies there, or the URI or the data type cannot be used here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for item in objects(store, source, share):
        target = folder / item.relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(item.path, target)
    if "Gzip" in (source.get("S3CompressionType"), source.get("CompressionType")):
        _gunzip(folder)


def _of_prefix(store: Store, uri: str) -> Iterator[StoredObject]:
    return store.matching(uri)


def _of_manifest(store: Store, uri: str) -> Iterator[StoredObject]:
    """Yield the objects that a manifest lists, each at its key below the manifest's prefix.

    Raises:
        ClientFault: one of them is not there.
    """
    entries = json.loads(store.read(uri))
    prefix = str(entries[0]["prefix"]).rstrip("/")
    for key in entries[1:]:
        found = [] if ".." in PurePosixPath(str(key)).parts else list(store.list(f"{prefix}/{key}"))
        if not found:
            raise ClientFault(f"the manifest {uri} lists {key!r}, and there is no object {prefix}/{key}")
        yield from (replace(item, relative=key) for item in found)


READERS = {"S3Prefix": _of_prefix, "S3Object": _of_prefix, "ManifestFile": _of_manifest}


def _gunzip(folder: Path) -> None:
    for file in [path for path in folder.rglob("*.gz") if path.is_file()]:
        with gzip.open(file) as packed, open(file.with_suffix(""), "wb") as plain:
            shutil.copyfileobj(packed, plain)
        file.unlink()


ENDINGS = {"timeout": "MaxRuntimeExceeded: the job ran for {seconds:.0f} s", "stopped": "the job was stopped"}


def failure_reason(result: JobResult, job_dir: Path, file: str) -> str | None:
    """Return the FailureReason of a job, None when it ended well.

    What the job wrote to `/opt/ml/output/<file>` says why; without it the last line of its log.
    """
    if result.reason in ENDINGS:
        return ENDINGS[result.reason].format(seconds=result.seconds)
    if result.exit_code == 0:
        return None
    said = message(job_dir / "opt/ml/output" / file) or last_words(job_dir / "log.txt")
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
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=LEVEL) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
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


def read_json(path: Path) -> Any:
    """Return a JSON file's content, or None when it is not there or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
