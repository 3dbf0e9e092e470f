"""Take a version of a model from an archive: hostile ones are refused, hashes are verified, and nothing is there before all of it is."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pipelines.definition.shapes import check_request, shape
from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.model_packages.archive import BLOCK_BYTES, DESCRIPTION, FORMAT, HISTORY, LINEAGE, MANIFEST
from pipelines.local.model_packages.cards import check_card
from pipelines.local.model_packages.named import named_uris
from pipelines.local.model_packages.traced import is_history, is_traced
from pipelines.local.registry import GROUP, Package

BUCKET = "sagewright-local"
NAME = re.compile(r"(?!\.)[^/\\\x00-\x1f]{1,200}")
ARN = re.compile(r"arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]+:\d{12}:")
TEXT_BYTES = 4 << 20
FILES = 10_000
PLAIN = (tarfile.REGTYPE,)
# What is packed is packed already or small JSON; an archive that grows more than this is made to fill a disk.
GROWTH, FREE_BYTES = 100, 64 << 20
READ_BYTES = TEXT_BYTES + (64 << 10)
TEXTS = (DESCRIPTION, LINEAGE, HISTORY)
# Of a description these come from the registry that it is in, not from whoever registers; approval is given anew.
OWN = ("ClientToken", "ModelPackageName", "ModelApprovalStatus")


def import_package(home: Home, archive: Path, group: str | None, *, by: str | None = None) -> Package:
    """Register what an archive holds as a new version of its group, or of another one, waiting for approval; its objects get names by their content.

    Raises:
        UsageError: the archive is damaged, hostile, of another kind or not one at all; nothing was imported.
    """
    if group is not None and not GROUP.fullmatch(group):
        raise UsageError("this is not a model package group name", where="--group", got=repr(group[:80]), expected="1 to 63 letters, digits and hyphens")
    staging = home.root / "imports" / uuid.uuid4().hex
    try:
        staging.mkdir(parents=True)
        manifest = _unpack(archive, staging)
        return _register(home, archive, staging, manifest, group, by)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refused(archive, f"it cannot be unpacked ({error or type(error).__name__})") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refused(archive: Path, why: str) -> UsageError:
    return UsageError(f"this archive was not imported: {why}", where=str(archive), expected="a file that `sagewright registry export` wrote")


@dataclass(frozen=True)
class _Bounded:
    """Read what an archive unpacks to up to a limit, and never much at once: what a header claims must not fill the memory."""

    file: BinaryIO
    limit: int

    def read(self, size: int = -1) -> bytes:
        """Return bytes.

        Raises:
            ReadError: more is asked for than an honest archive needs.
        """
        if not 0 <= size <= READ_BYTES:
            raise tarfile.ReadError("a member claims to be larger than such an archive needs")
        self._within(self.file.tell() + size - READ_BYTES)
        return self.file.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place, which tarfile does to pass over padding.

        Raises:
            ReadError: it is beyond the limit.
        """
        self._within(place)
        return self.file.seek(place, whence)

    def tell(self) -> int:
        """Return the place."""
        return self.file.tell()

    def _within(self, place: int) -> None:
        if place > self.limit:
            raise tarfile.ReadError("it unpacks to more than such an archive can hold")


def _unpack(archive: Path, staging: Path) -> dict[str, Any]:
    """Write every member that the manifest names into the folder, under its number, and return the manifest."""
    limit = archive.stat().st_size * GROWTH + FREE_BYTES
    free = shutil.disk_usage(staging).free
    with _members(archive, min(limit, free)) as (tar, entries):
        manifest = _manifest(archive, tar, entries, min(limit, free))
        left = dict(manifest["files"])
        for entry in entries:
            wanted = left.pop(_checked(archive, entry, left), None)
            if wanted is None or entry.size != wanted["bytes"]:
                raise _refused(archive, f"member {entry.name[:80]!r} is not as the manifest says")
            source = cast(BinaryIO, tar.extractfile(entry))
            if _copy(source, staging / str(wanted["number"])) != wanted["sha256"]:
                raise _refused(archive, f"member {entry.name[:80]!r} has another SHA-256 than the manifest says")
    if left:
        raise _refused(archive, f"{len(left)} members are missing, {next(iter(left))!r} first")
    return manifest


@contextmanager
def _members(archive: Path, limit: int) -> Iterator[tuple[tarfile.TarFile, Iterator[tarfile.TarInfo]]]:
    with open(archive, "rb") as raw, gzip.GzipFile(fileobj=raw, mode="rb") as packed:
        bounded = cast(BinaryIO, _Bounded(cast(BinaryIO, packed), limit))
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            yield tar, iter(tar)


def _manifest(archive: Path, tar: tarfile.TarFile, entries: Iterator[tarfile.TarInfo], limit: int) -> dict[str, Any]:
    first = next(entries, None)
    if first is None or first.name != MANIFEST or first.type not in PLAIN or first.size > TEXT_BYTES:
        raise _refused(archive, f"its first member is not {MANIFEST}")
    manifest = _loaded(archive, cast(BinaryIO, tar.extractfile(first)).read(), MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict) or len(manifest["files"]) > FILES:
        raise _refused(archive, f"its manifest is not of the format {FORMAT}")
    for number, (name, each) in enumerate(manifest["files"].items()):
        if not _is_entry(name, each):
            raise _refused(archive, f"the manifest's entry {name[:80]!r} is not one that can be")
        each["number"] = number
    if sum(each["bytes"] for each in manifest["files"].values()) > limit or any(name not in manifest["files"] for name in TEXTS):
        raise _refused(archive, "its manifest names too much or too little")
    return manifest


def _is_entry(name: str, each: Any) -> bool:
    parts = name.split("/")
    placed = name in TEXTS or (len(parts) > 2 and parts[0] == "objects" and all(NAME.fullmatch(part) for part in parts))
    if not placed or not isinstance(each, dict) or not re.fullmatch(r"[0-9a-f]{64}", str(each.get("sha256"))):
        return False
    size_bytes = each.get("bytes")
    fits = isinstance(size_bytes, int) and not isinstance(size_bytes, bool) and size_bytes >= 0
    return fits and (isinstance(each.get("uri"), str) if name not in TEXTS else cast(int, size_bytes) <= TEXT_BYTES)


def _checked(archive: Path, entry: tarfile.TarInfo, left: Mapping[str, Any]) -> str:
    """Return the member's name when it is a plain file that is still wanted."""
    if entry.type not in PLAIN or entry.issparse() or entry.name not in left:
        raise _refused(archive, f"member {entry.name[:80]!r} is a link, a device, a copy of another one or not in the manifest")
    return entry.name


def _copy(source: BinaryIO, target: Path) -> str:
    digest = hashlib.sha256()
    with open(target, "xb") as out:
        for block in iter(lambda: source.read(BLOCK_BYTES), b""):
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def _loaded(archive: Path, body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _refused(archive, f"{name} is no JSON") from None


def _register(home: Home, archive: Path, staging: Path, manifest: Mapping[str, Any], group: str | None, by: str | None) -> Package:
    files = manifest["files"]
    package, traced, history = (_loaded(archive, (staging / str(files[name]["number"])).read_bytes(), name) for name in TEXTS)
    request = _request(archive, package, group)
    places = _places(archive, request, files)
    digest = _copy_digest(archive)
    origin: dict[str, Any] = {"archive": archive.name, "sha256": digest, "model_package_arn": str(package.get("ModelPackageArn"))[:2048]}
    origin["history"] = history if is_history(history) else []
    for name, uri in places.items():
        home.store.put_file(uri, staging / str(files[name]["number"]), move=True)
    moved = {files[name]["uri"]: uri for name, uri in places.items()}
    request = _renamed(request, _named(package, moved))
    token, beside = f"import/{uuid.uuid4().hex}", {"lineage": {**_traced(traced, moved), "imported": origin}}
    prefix = _arn_prefix(home, request["ModelPackageGroupName"], str(package.get("ModelPackageArn")))
    return home.registry.register(request, arn_prefix=prefix, token=token, by=by, reason=f"imported from {archive.name}, sha256 {digest}", beside=beside)


def _request(archive: Path, package: Any, group: str | None) -> dict[str, Any]:
    """Return the CreateModelPackage request that makes such a version, checked against botocore's model."""
    if not isinstance(package, dict):
        raise _refused(archive, f"{DESCRIPTION} is no description")
    known = shape("CreateModelPackageInput")["members"]
    request = {name: value for name, value in package.items() if name in known and name not in OWN and value is not None}
    request["ModelPackageGroupName"] = group or str(package.get("ModelPackageGroupName", ""))
    problems = list(check_request("CreateModelPackage", request, "$", frozenset()))
    if problems or not GROUP.fullmatch(request["ModelPackageGroupName"]):
        raise _refused(archive, f"{DESCRIPTION} is not what CreateModelPackage takes: {problems[0] if problems else 'no group'}")
    try:
        check_card(request.get("ModelCard"))
    except UsageError as error:
        raise _refused(archive, str(error)) from None
    return request


def _places(archive: Path, request: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return where each object goes: a key by content, so that the same object is there once and no other one is replaced."""
    wanted = named_uris(request)
    found = {}
    for name, each in files.items():
        if name in TEXTS:
            continue
        part = next((part for part in wanted if name.startswith(f"objects/{part}/")), None)
        relative = name.removeprefix(f"objects/{part}/")
        base = wanted.get(part or "", "").rstrip("/")
        if part is None or not (each["uri"] == base or each["uri"] == f"{base}/{relative}"):
            raise _refused(archive, f"object {name[:80]!r} is not one that the description names")
        found[name] = f"s3://{BUCKET}/imported/{_digest_of(files, f'objects/{part}/')}/{relative}"
    missing = [part for part in wanted if not any(name.startswith(f"objects/{part}/") for name in found)]
    if missing:
        raise _refused(archive, f"the object of {missing[0]!r} is missing")
    return found


def _digest_of(files: Mapping[str, Mapping[str, Any]], prefix: str) -> str:
    parts = sorted(f"{name.removeprefix(prefix)}\0{each['sha256']}\n" for name, each in files.items() if name.startswith(prefix))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:32]


def _named(package: Mapping[str, Any], moved: Mapping[str, str]) -> dict[str, str]:
    """Return new URIs by old ones as a description has them: of an object, or of the folder that it is in."""
    found = {}
    for uri in named_uris(package).values():
        if uri in moved:
            found[uri] = moved[uri]
            continue
        below = next(old for old in moved if old.startswith(f"{uri.rstrip('/')}/"))
        found[uri] = moved[below].removesuffix(below.removeprefix(uri.rstrip("/"))) + ("/" if uri.endswith("/") else "")
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _arn_prefix(home: Home, group: str, original: str) -> str:
    """Return the start of the ARNs of the group's versions; that of the original for a group that is new."""
    versions = home.registry.versions(group) if group in home.registry.groups() else []
    found = ARN.match(versions[0]["ModelPackageArn"] if versions else original)
    return found.group() if found else "arn:aws:sagemaker:us-east-1:000000000000:"


def _traced(traced: Any, moved: Mapping[str, str]) -> dict[str, Any]:
    """Return the lineage as it was made, or none when it is not of its form; `moved` says where its objects are now."""
    bare = {"format": 1, "model_package_arn": "", "execution": None, "git": None, "environment": {}, "parameters": {}, "models": [], "metrics": {}}
    lost = {**bare, "objects": {}, "steps": {}, "names": {}, "problem": "the archive's lineage could not be read"}
    return {**(traced if is_traced(traced) else lost), "moved": dict(moved)}


def _copy_digest(archive: Path) -> str:
    digest = hashlib.sha256()
    with open(archive, "rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()
