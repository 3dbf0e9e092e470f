"""Unpack a model archive as the service does, and nothing that could harm the machine."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipelines.local.faults import ClientFault

# A bomb: more bytes than this, and more than so many times the archive's own.
ALWAYS_ALLOWED_BYTES = 256 * 2**20
MOST_TIMES = 200
MOST_MEMBERS = 100_000
LARGEST_HEADER_BYTES = 1 << 20
BLOCK_BYTES = 1 << 20


class Entry(tarfile.TarInfo):
    """Be a member whose long names and extended headers, which are read into memory, have a limit."""

    def _proc_member(self, packed: tarfile.TarFile) -> Any:
        headers = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if self.type in headers and self.size > LARGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(packed)  # type: ignore[misc]


def unpack(archive: Path | bytes, folder: Path, name: str = "model.tar.gz") -> None:
    """Write the files of a tar archive, compressed or not, below a folder.

    Raises:
        ClientFault: it is no tar archive or damaged, holds a link, a device or a path that leads out, or would grow beyond all measure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size_bytes = len(archive) if isinstance(archive, bytes) else archive.stat().st_size
    most_bytes = max(ALWAYS_ALLOWED_BYTES, MOST_TIMES * size_bytes)
    try:
        with _opened(archive) as stream:
            with tarfile.open(mode="r|*", tarinfo=Entry, fileobj=stream) as packed:
                _write_all(packed, folder.resolve(), name, most_bytes)
            _finish(stream, most_bytes)
    except (tarfile.TarError, EOFError, OSError, ValueError, UnicodeError, zlib.error, lzma.LZMAError) as error:
        raise ClientFault(f"{name}: the archive cannot be unpacked: {error}. Expected a tar.gz, as a training job leaves it.") from None


@contextmanager
def _opened(archive: Path | bytes) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open an archive; of gzip, whose checksum `tarfile` would not look at, the content."""
    with io.BytesIO(archive) if isinstance(archive, bytes) else open(archive, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not zipped:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream


def _finish(stream: IO[bytes] | gzip.GzipFile, most_bytes: int) -> None:
    """Read what follows the archive's end, since the checksum lies behind it."""
    left = most_bytes
    while left > 0 and (block := stream.read(BLOCK_BYTES)):
        left -= len(block)


def _write_all(packed: tarfile.TarFile, root: Path, name: str, most_bytes: int) -> None:
    written = 0
    for number, member in enumerate(packed):
        target = _target(root, member, name)
        written += member.size
        if written > most_bytes or number >= MOST_MEMBERS:
            raise ClientFault(f"{name}: the archive grows beyond {most_bytes:,} bytes or {MOST_MEMBERS:,} files; it is not unpacked")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif target != root:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(packed, member, target)


def _target(root: Path, member: tarfile.TarInfo, name: str) -> Path:
    plain = member.isdir() or (member.isreg() and not member.issparse())
    target = root / member.name
    if not plain or member.name.startswith("/") or ".." in Path(member.name).parts or "\0" in member.name:
        kind = "a path outside the archive" if plain else "a link, a device or a sparse file"
        raise ClientFault(f"{name}: {member.name[:200]!r} is {kind}; expected files and folders only")
    return target


def _write(packed: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = packed.extractfile(member)
    with open(target, "wb") as handle:
        while content and (block := content.read(BLOCK_BYTES)):
            handle.write(block)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
