"""A version of a model as one file: description, lineage, history, and every object that it names, in a .tar.gz that has the same bytes for the same version.

The first member, `manifest.json`, gives size and SHA-256 of every other one and the URI that it is the object of.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.model_packages import lineage
from pipelines.local.model_packages.named import named_uris
from pipelines.local.registry import Package

MANIFEST, DESCRIPTION, LINEAGE, HISTORY = "manifest.json", "package.json", "lineage.json", "history.json"
FORMAT = "sagewright-model-package/1"
BLOCK_BYTES = 1 << 20
LEVEL = 6


def export(home: Home, package: Package, target: Path) -> dict[str, Any]:
    """Write the archive of a version and return its manifest; the file has its name only when it is whole.

    Raises:
        UsageError: an object that the version names is not in the local S3.
    """
    group, number = package["ModelPackageName"], package["ModelPackageVersion"]
    traced = lineage.load(home, package)
    texts = {DESCRIPTION: package, LINEAGE: traced, HISTORY: home.registry.history(group, number)}
    bodies: dict[str, bytes | Path] = {name: _json(value) for name, value in texts.items()}
    uris = dict(_objects(home, package))
    bodies |= {name: path for name, (_, path) in uris.items()}
    files = {name: {**_measure(body), **({"uri": uris[name][0]} if name in uris else {})} for name, body in sorted(bodies.items())}
    manifest = {"format": FORMAT, "model_package_arn": package["ModelPackageArn"], "files": files}
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        _write(partial, {MANIFEST: _json(manifest), **bodies}, files)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _objects(home: Home, package: Package) -> Iterator[tuple[str, tuple[str, Path]]]:
    for name, uri in sorted(named_uris(package).items()):
        items = list(home.store.list(uri))
        if not items:
            raise UsageError("an object of this version is not in the local S3", where=package["ModelPackageArn"], got=uri)
        for item in items:
            yield f"objects/{name}/{item.relative}", (item.uri, item.path)


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, default=str) + "\n").encode()


def _measure(body: bytes | Path) -> dict[str, Any]:
    digest, size_bytes = hashlib.sha256(), 0
    with _reader(body) as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            digest.update(block)
            size_bytes += len(block)
    return {"sha256": digest.hexdigest(), "bytes": size_bytes}


def _reader(body: bytes | Path) -> BinaryIO:
    return io.BytesIO(body) if isinstance(body, bytes) else open(body, "rb")  # noqa: SIM115  who calls closes it


def _write(partial: Path, bodies: Mapping[str, bytes | Path], files: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the members; no clock, no user and no mode of this machine is in the bytes.

    Raises:
        UsageError: an object changed while it was read.
    """
    with (
        open(partial, "xb") as out,
        gzip.GzipFile("", "wb", LEVEL, out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, body in bodies.items():
            entry = tarfile.TarInfo(name)
            entry.size = files[name]["bytes"] if name in files else len(body) if isinstance(body, bytes) else 0
            entry.mode = 0o644
            with _reader(body) as file:
                tar.addfile(entry, file)
    for name, body in bodies.items():
        if isinstance(body, Path) and body.stat().st_size != files[name]["bytes"]:
            raise UsageError("this object changed while it was packed", where=str(body))
