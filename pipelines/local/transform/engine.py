"""Transform files: read a mini-batch ahead, keep as many requests under way as allowed, write the answers in order, give a file its name when it is whole."""

from __future__ import annotations

import gzip
import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from pipelines.local.store import StoredObject
from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.client import BLOCK_BYTES, Aborted, Client, Gone
from pipelines.local.transform.exchange import Exchange
from pipelines.local.transform.settings import Settings
from pipelines.local.transform.splitting import split

POLL_S = 0.1
NOT_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
# For one request under way, one more is read or answered: a slow one at the head keeps the others busy.
WINDOW = 2


class Stopped(Exception):
    """Say that the job was stopped before it was done."""


@dataclass(frozen=True)
class Target:
    """Say where output goes: `folder` holds what is not whole yet, `keep` gets the name below the output prefix and the whole file, and takes it away."""

    folder: Path
    keep: Callable[[str, Path], None]


@dataclass(frozen=True)
class Amount:
    """State how much of the input is done; bytes as they lie in the files, records as lines (0 where a record is no line)."""

    files: int = 0
    size_bytes: int = 0
    records: int = 0


@dataclass
class File:
    """Hold a file that is being transformed."""

    source: StoredObject
    partial: Path
    failure: BadData | None = None
    out: IO[bytes] | None = None

    @property
    def label(self) -> str:
        """Return `bucket/key`, as the service's data log names a file."""
        return self.source.uri.removeprefix("s3://")

    def write(self, body: bytes) -> None:
        """Append to the output."""
        if self.out is None:
            self.out = open(self.partial, "wb")  # noqa: SIM115  closed by `end`
        self.out.write(body)

    def end(self) -> None:
        """Close the output."""
        if self.out is not None:
            self.out.close()


@dataclass
class _Waiting:
    """Hold a request under way, or with `answer` None the end of a file; `amount` is how much is done when it is."""

    file: File
    amount: Amount
    answer: Future[bytes] | None = None


@dataclass
class Transform:
    """Hold a transform that runs."""

    client: Client
    target: Target
    settings: Settings
    exchange: Exchange
    progress: Callable[[Amount], None] = lambda amount: None
    stopping: threading.Event = field(default_factory=threading.Event)
    files: list[File] = field(default_factory=list)
    done: Amount = field(default_factory=Amount)
    gone: BadData | None = None

    def run(self, sources: Sequence[StoredObject]) -> list[File]:
        """Transform every file and return them with what failed.

        Raises:
            Stopped: the job was stopped; files that are whole are there.
            OSError: an output cannot be written.
        """
        waiting: deque[_Waiting] = deque()
        pool = ThreadPoolExecutor(self.settings.concurrent, thread_name_prefix="transform")
        try:
            for each in self._work(sources, pool):
                waiting.append(each)
                while waiting and (waiting[0].answer is None or sum(one.answer is not None for one in waiting) >= WINDOW * self.settings.concurrent):
                    self._settle(waiting.popleft())
            while waiting:
                self._settle(waiting.popleft())
        except BaseException:
            self.client.abort()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            self._tidy()
        return self.files

    def _work(self, sources: Sequence[StoredObject], pool: ThreadPoolExecutor) -> Iterator[_Waiting]:
        """Send the files' mini-batches as fast as they are taken, and mark each file's end."""
        records = before = 0
        for number, source in enumerate(sources):
            file = File(source, self.target.folder / f"{number}.partial", self.gone)
            self.files.append(file)
            for sent, at, lines in self._sent(file, pool) if file.failure is None else ():
                records += lines
                yield _Waiting(file, Amount(number, before + at, records), sent)
            before += source.path.stat().st_size
            yield _Waiting(file, Amount(number + 1, before, records))

    def _sent(self, file: File, pool: ThreadPoolExecutor) -> Iterator[tuple[Future[bytes], int, int]]:
        """Yield the requests of a file, how far into the file each goes, in bytes, and how many lines it has."""
        try:
            with open(file.source.path, "rb") as raw:
                for batch in self._batches(file, raw):
                    if file.failure is not None:
                        return
                    if isinstance(batch, bytes):
                        lines = batch.count(b"\n") + (not batch.endswith(b"\n")) if self.settings.split == "Line" else 0
                        yield pool.submit(self.exchange, batch, self.client.invoke), raw.tell(), lines
                    else:
                        yield pool.submit(self._stream, file, batch), 0, 0
        except (BadData, *NOT_GZIP) as error:
            file.failure = file.failure or (error if isinstance(error, BadData) else _not_gzip(error))

    def _batches(self, file: File, raw: IO[bytes]) -> Iterable[bytes | Callable[[], Iterable[bytes]]]:
        if self.settings.streams:
            return [lambda: self._blocks(file)] if file.source.path.stat().st_size else []
        return split(self._plain(raw), self.settings.split, single=self.settings.single, limit=self.settings.payload_bytes)

    def _blocks(self, file: File) -> Iterator[bytes]:
        with open(file.source.path, "rb") as raw:
            opened = self._plain(raw)
            try:
                yield from iter(lambda: opened.read(BLOCK_BYTES), b"")
            except NOT_GZIP as error:
                raise _not_gzip(error) from None

    def _plain(self, raw: IO[bytes]) -> IO[bytes]:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if self.settings.gzip else raw

    def _stream(self, file: File, blocks: Callable[[], Iterable[bytes]]) -> bytes:
        """Let the model's answer to a whole file go to the output as it comes, and end it with one newline when AssembleWith is Line."""
        with open(file.partial, "w+b") as out:
            self.client.stream(blocks, out)
            if self.settings.lines:
                _end_with_newline(out)
        return b""

    def _settle(self, waited: _Waiting) -> None:
        """Take the oldest request's answer, or close a file."""
        file = waited.file
        if self.stopping.is_set():
            raise Stopped
        if waited.answer is None:
            self._close(file)
        else:
            answer = self._answer(file, waited.answer)
            if answer and file.failure is None:
                file.write(answer)
        self.done = waited.amount
        self.progress(self.done)

    def _answer(self, file: File, answer: Future[bytes]) -> bytes:
        while not answer.done() and not wait((answer,), POLL_S).done:
            if self.stopping.is_set():
                raise Stopped
        try:
            return answer.result()
        except Aborted:
            raise Stopped from None
        except BadData as fault:
            if self.stopping.is_set():
                raise Stopped from None
            file.failure = file.failure or fault
            self.gone = fault if isinstance(fault, Gone) else self.gone
            return b""

    def _close(self, file: File) -> None:
        file.end()
        if file.failure is None:
            file.partial.touch()
            self.target.keep(file.source.relative, file.partial)
        file.partial.unlink(missing_ok=True)

    def _tidy(self) -> None:
        for file in self.files:
            file.end()
            file.partial.unlink(missing_ok=True)


def _not_gzip(error: Exception) -> BadData:
    return BadData(f"CompressionType is Gzip, and this is no whole gzip file: {error}")


def _end_with_newline(out: IO[bytes]) -> None:
    """Leave exactly one newline at the end of a file that is not empty."""
    size_bytes = out.seek(0, os.SEEK_END)
    end = size_bytes
    while end and (out.seek(end - 1), out.read(1))[1] in b"\r\n":
        end -= 1
    if end:
        out.seek(end)
        out.write(b"\n")
        out.truncate()
    elif size_bytes:
        out.seek(0)
        out.truncate()


def transform(
    client: Client,
    sources: Sequence[StoredObject],
    target: Target,
    settings: Settings,
    progress: Callable[[Amount], None] = lambda amount: None,
    *,
    stopping: threading.Event | None = None,
    started_at: str = "",
) -> list[File]:
    """Send files through a model and return them with what failed; `started_at` (ISO 8601, UTC) goes into marked records.

    Raises:
        Stopped: `stopping` was set; files that are whole are there.
        OSError: an output cannot be written.
    """
    return Transform(client, target, settings, Exchange(settings, started_at), progress, stopping or threading.Event()).run(sources)
