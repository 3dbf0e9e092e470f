"""The local S3: `s3://bucket/key` lives at `<home>/s3/bucket/key`. Every write is a temporary file and a rename."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")
KEY_BYTES = 1024
BLOCK_BYTES = 1 << 20
TEMPORARY = ".sagewright-partial-"


def split_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key) of an S3 URI.

    Raises:
        UsageError: it is no S3 URI, or its key could leave the bucket's folder or cannot be a path.
    """
    where = f"S3 URI {uri[:200]!r}"
    if not uri.startswith("s3://"):
        raise UsageError("this is not an S3 URI", where=where, expected="s3://bucket/key")
    bucket, _, key = uri[5:].partition("/")
    if not BUCKET.fullmatch(bucket):
        raise UsageError("this is not a bucket name", where=where, got=repr(bucket), expected="3 to 63 of a-z 0-9 . -")
    segments = key.rstrip("/").split("/") if key.rstrip("/") else []
    if any(segment in ("", ".", "..") or "\0" in segment or "\\" in segment for segment in segments) or len(key.encode()) > KEY_BYTES:
        raise UsageError("this key cannot be stored", where=where, expected=f"no empty, '.' or '..' segment and at most {KEY_BYTES} bytes")
    return bucket, key


@dataclass(frozen=True)
class StoredObject:
    """Name an object by its URI, by its key below the prefix it was listed with, and by the file that holds it."""

    uri: str
    relative: str
    path: Path


@dataclass(frozen=True)
class Store:
    """Keep objects under `root`, one file each."""

    root: Path

    def path(self, uri: str) -> Path:
        """Return where the object or prefix lives.

        Raises:
            UsageError: see `split_uri`.
        """
        bucket, key = split_uri(uri)
        return self.root / bucket / key.rstrip("/") if key.rstrip("/") else self.root / bucket

    def exists(self, uri: str) -> bool:
        """Tell whether an object has this very URI, or lies below it."""
        return next(iter(self.list(uri)), None) is not None

    def list(self, uri: str) -> Iterator[StoredObject]:
        """Yield the object of this very URI, or those below it, sorted by key.

        `relative` is the file's place below a download folder: the base name for an object named in full, else what follows the folder.
        """
        bucket, key = split_uri(uri)
        exact = self.path(uri)
        if exact.is_file() and not key.endswith("/"):
            yield StoredObject(uri, exact.name, exact)
            return
        base = key if key.endswith("/") or not key else key + "/"
        folder = self.root / bucket / base if base else self.root / bucket
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(TEMPORARY)):
            relative = file.relative_to(folder).as_posix()
            yield StoredObject(f"s3://{bucket}/{base}{relative}", relative, file)

    def matching(self, uri: str) -> Iterator[StoredObject]:
        """Yield what `list` does; where there is nothing, the objects whose key begins with the URI's, as those of an S3Prefix that is no folder do.

        `relative` is what follows the prefix's last `/` (AWS developer guide, S3DataType S3Prefix). Of a folder the service takes what lies beside it and
        begins with the same letters, too; that is left out here.
        """
        found = list(self.list(uri))
        parent, _, begun = uri.rpartition("/")
        if found or not begun or parent == "s3:/":
            return iter(found)
        beside = [path for path in self.path(parent).glob("*") if path.name.startswith(begun)]
        below = (item for path in beside for item in self.list(f"{parent}/{path.name}"))
        return iter(sorted((replace(item, relative=item.uri[len(parent) + 1 :]) for item in below), key=lambda item: item.uri))

    def read(self, uri: str) -> bytes:
        """Return an object's bytes.

        Raises:
            UsageError: there is no such object.
        """
        path = self.path(uri)
        if not path.is_file():
            raise UsageError("there is no such object in the local S3", where=uri, hint=f"It would be the file {path}.")
        return path.read_bytes()

    def put_bytes(self, uri: str, body: bytes) -> None:
        """Store bytes as one object."""
        with self._writing(uri) as partial:
            partial.path.write_bytes(body)

    def put_file(self, uri: str, source: Path, *, move: bool = False) -> None:
        """Store a copy of a file as one object; with `move` the file itself, which then is gone from its place."""
        with self._writing(uri) as partial:
            if move:
                shutil.move(source, partial.path)
            else:
                shutil.copyfile(source, partial.path)

    def put_tree(self, uri: str, folder: Path) -> int:
        """Move every file below a folder into the store, links left out, and return how many there were."""
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        for file in files:
            self.put_file(f"{uri.rstrip('/')}/{file.relative_to(folder).as_posix()}", file, move=True)
        return len(files)

    def put_objects(self, objects: Mapping[str, bytes | Path]) -> None:
        """Store content-addressed objects; one that is there with the same size is left alone."""
        for uri, body in sorted(objects.items()):
            size_bytes = len(body) if isinstance(body, bytes) else body.stat().st_size
            path = self.path(uri)
            if path.is_file() and path.stat().st_size == size_bytes:
                continue
            if isinstance(body, bytes):
                self.put_bytes(uri, body)
            else:
                self.put_file(uri, body)

    def download(self, uri: str, folder: Path) -> int:
        """Copy the object, or every object below the prefix, into a folder and return how many there were."""
        count = 0
        for item in self.list(uri):
            target = folder / item.relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(item.path, target)
            count += 1
        return count

    def ingest(self, source: Path, prefix: str) -> str:
        """Store a local file, or a folder's files, under its content hash below `prefix` and return the URI.

        The hash is in the key because the service's cache key holds paths, never content.
        """
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.relative_to(source).as_posix()}\0".encode() if source.is_dir() else b"")
            _feed(digest, file)
        base = f"{prefix.rstrip('/')}/{digest.hexdigest()[:16]}"
        names = {file: (file.relative_to(source).as_posix() if source.is_dir() else source.name) for file in files}
        self.put_objects({f"{base}/{name}": file for file, name in names.items()})
        return f"{base}/" if source.is_dir() else f"{base}/{source.name}"

    def _writing(self, uri: str) -> _Partial:
        path = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        return _Partial(path.parent / f"{TEMPORARY}{uuid.uuid4().hex}", path)


def _feed(digest: Any, file: Path) -> None:
    with open(file, "rb") as handle:
        for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
            digest.update(block)


@dataclass(frozen=True)
class _Partial:
    """Give the file its final name only when the block ends well."""

    path: Path
    final: Path

    def __enter__(self) -> _Partial:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                os.replace(self.path, self.final)
        finally:
            self.path.unlink(missing_ok=True)
