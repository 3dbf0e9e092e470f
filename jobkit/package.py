"""The package: model, recipe and the code that serves them in one model.tar.gz, the same bytes for the same content."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Mapping

from jobkit.failure import JobError

ARCHIVE = "model.tar.gz"
INFERENCE = "code/inference.py"
LARGEST_BYTES, MOST_MEMBERS = 8 << 30, 20_000
# Below this no archive is a bomb, above it one that grew more than this many times is.
SMALL_BYTES, LARGEST_RATIO = 256 << 20, 200
LEVEL = 3


def read(path: Path) -> Dict[str, bytes]:
    """Return the files of an archive by name.

    Raises:
        JobError: it cannot be read, grows too large, or holds links, devices or paths that lead elsewhere.
    """
    files: Dict[str, bytes] = {}
    limit = max(SMALL_BYTES, LARGEST_RATIO * path.stat().st_size)
    try:
        with tarfile.open(str(path)) as packed:
            total = 0
            for member in packed:
                total += member.size
                if total > min(limit, LARGEST_BYTES) or len(files) > MOST_MEMBERS:
                    raise JobError(
                        "{}: it unpacks to more than {} bytes or {} files; that is no model".format(path.name, min(limit, LARGEST_BYTES), MOST_MEMBERS)
                    )
                name = _safe(member, path.name)
                if member.isfile():
                    files[name] = packed.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise JobError("{} cannot be read: {}".format(path.name, error)) from None
    return files


def _safe(member: tarfile.TarInfo, archive: str) -> str:
    name = os.path.normpath(member.name)
    if name.startswith(("/", "..")) or PurePosixPath(member.name).is_absolute() or "\\" in name or "\0" in name:
        raise JobError("{}: the member {!r} leads out of the archive; it is not unpacked".format(archive, member.name))
    if not (member.isfile() or member.isdir()):
        raise JobError("{}: the member {!r} is a link or a device; expected files and folders".format(archive, member.name))
    return name


def find(folder: Path) -> Path:
    """Return the archive in a folder.

    Raises:
        JobError: there is none.
    """
    archives = sorted(folder.rglob("*.tar.gz"))
    if not archives:
        raise JobError("there is no {} in {}".format(ARCHIVE, folder))
    return archives[0]


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return files as tar.gz: names sorted, no times, no owners."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=LEVEL) as packed:
        packed.write(_tar(files))
    return buffer.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, body in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of an archive below a folder."""
    for name, body in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)


def digests(files: Mapping[str, bytes]) -> Dict[str, str]:
    """Return the sha256 of each file."""
    return {name: sha256(body) for name, body in sorted(files.items())}


def sha256(body: bytes) -> str:
    """Return the hash of bytes in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def changed(files: Mapping[str, bytes], declared: Mapping[str, Any]) -> str:
    """Return in words the first file that is not what `declared` (sha256 by name) says, empty if all are; the file that declares is none of them."""
    for name in sorted({*files, *declared}):
        if name not in declared:
            return "{} is in the package, and package.json does not name it".format(name)
        if name not in files:
            return "{} is missing from the package".format(name)
        found = sha256(files[name])
        if found != declared[name]:
            return "{} was changed: its sha256 is {}, package.json says {}".format(name, found[:16], str(declared[name])[:16])
    return ""
