"""Channels in Pipe mode: named pipes, one per epoch, that are fed while the job reads (AWS developer guide, "Access training data", Pipe mode)."""

from __future__ import annotations

import errno
import gzip
import itertools
import os
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pipelines.local.images.recordio_frames import framed

POLL_S = 0.005
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Piped:
    """Hold a channel: the path of its pipes without their epoch, its files, and how they are sent."""

    path: Path
    files: Sequence[Path]
    unzip: bool = False
    wrap: bool = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes of all files in order; with `wrap` each file is one RecordIO record."""
        for file in self.files:
            opened = gzip.open(file, "rb") if self.unzip and file.suffix == ".gz" else open(file, "rb")  # noqa: SIM115  closed below
            with opened as handle:
                if self.wrap:
                    yield framed(handle.read())
                    continue
                while block := handle.read(BLOCK_BYTES):
                    yield block


class Pipes:
    """Feed channels from entering to leaving: `<channel>_0` first, and the next epoch's pipe once the one before was read to its end or given up.

    A pipe is there one epoch before its turn, so that a reader that is quick to open the next one waits instead of finding nothing.
    """

    def __init__(self, channels: Sequence[Piped]) -> None:
        """Take the channels to feed."""
        self._ended = threading.Event()
        self.problems: list[str] = []
        self._threads = [threading.Thread(target=self._feed, args=(channel,), name=f"pipe {channel.path.name}") for channel in channels]
        for channel in channels:
            channel.path.parent.mkdir(parents=True, exist_ok=True)
            for epoch in (0, 1):
                os.mkfifo(f"{channel.path}_{epoch}")

    def __enter__(self) -> Pipes:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _feed(self, channel: Piped) -> None:
        """Feed one channel; what its files do not give goes to `problems`, for the job to fail of once it has ended."""
        try:
            for epoch in itertools.count():
                writer = self._open(f"{channel.path}_{epoch}")
                if writer is None:
                    return
                try:
                    _make_pipe(f"{channel.path}_{epoch + 2}")
                    for block in channel.blocks():
                        _write_all(writer, block)
                except BrokenPipeError:
                    continue  # the reader has had enough of this epoch
                finally:
                    os.close(writer)
        except (OSError, EOFError, zlib.error) as error:
            self.problems.append(f"channel {channel.path.name!r} cannot be piped: {error}")

    def _open(self, pipe: str) -> int | None:
        """Wait for a reader and return the pipe's descriptor; None once the job is over."""
        while not self._ended.is_set():
            try:
                writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None  # the job took the pipe away
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(POLL_S)
                continue
            os.set_blocking(writer, True)
            return writer
        return None


def _make_pipe(path: str) -> None:
    """Make a named pipe, unless the job has put something there or taken the folder away."""
    try:
        os.mkfifo(path)
    except (FileExistsError, FileNotFoundError):
        return


def _write_all(writer: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(writer, rest) :]
