"""Which captured files may hold records of a span of time: by their folders yyyy/mm/dd/hh, which are hours in UTC."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.store import Store

HOUR = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})/[^/]+$")
# Of a transform job's files so many rows make one record.
ROWS = 500
KINDS = {"CSV": "text/csv", "JSON": "application/jsonlines"}


def folder_of(store: Store, place: str) -> Path:
    """Return the file or folder that holds captured data: an S3 URI in the local S3, or a path.

    Raises:
        UsageError: there is none.
    """
    path = store.path(place) if place.startswith("s3://") else Path(place).expanduser()
    if not path.exists():
        raise UsageError("there is no captured data", where=place, hint="Deploy with --capture and send requests; the server writes every five seconds.")
    return path


def gather(store: Store, places: Sequence[str], start: datetime | None, end: datetime | None, target: Path) -> int:
    """Put the files that may hold records of a span into a folder, by links where the file system has them; return how many.

    A manifest of a transform job is followed: its files become records.

    Raises:
        UsageError: a place is not there, or a manifest names an object that is not.
    """
    count = 0
    for number, place in enumerate(places):
        source = folder_of(store, place)
        root = source if source.is_dir() else source.parent
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            name = file.relative_to(root).as_posix()
            if file.is_file() and not file.name.startswith((".", "_")) and _may_hold(name, start, end):
                count += _put(store, file, target / str(number) / name, root)
    return count


def _may_hold(name: str, start: datetime | None, end: datetime | None) -> bool:
    """Tell whether a file may hold records of a span; records are written up to an hour after they came about."""
    found = HOUR.search(name)
    if found is None:
        return True
    try:
        year, month, day, at = map(int, found.groups())
        hour = datetime(year, month, day, at, tzinfo=timezone.utc)
    except ValueError:
        return True
    return (start is None or hour + timedelta(hours=1) > start) and (end is None or hour < end + timedelta(hours=1))


def _put(store: Store, file: Path, target: Path, root: Path) -> int:
    manifest = _manifest(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    if manifest is None:
        try:
            os.link(file, target)
        except OSError:
            shutil.copyfile(file, target)
        return 1
    if not _is_input(file, root):
        return 0
    answers = _manifest(_other_side(file, root))
    with open(target, "w", encoding="utf-8") as stream:
        stream.writelines(_records(store, manifest, answers or [], _hour(file)))
    return 1


# Batch transform


def _manifest(file: Path) -> list[str] | None:
    """Return the URIs that a manifest lists, None when a file is none."""
    if not file.is_file():
        return None
    with open(file, "rb") as stream:
        if stream.read(1) != b"[":
            return None
        stream.seek(0)
        try:
            listed: Any = json.loads(stream.read())
        except ValueError:
            return None
    if not listed or not isinstance(listed[0], dict) or "prefix" not in listed[0]:
        return None
    return [f"{listed[0]['prefix']}{name}" for name in listed[1:]]


def _is_input(file: Path, root: Path) -> bool:
    return "input" in file.relative_to(root).parts[:1]


def _other_side(file: Path, root: Path) -> Path:
    return root / "output" / Path(*file.relative_to(root).parts[1:])


def _hour(file: Path) -> str:
    found = HOUR.search(file.as_posix())
    return "{}-{}-{}T{}:00:00Z".format(*found.groups()) if found else ""


def _records(store: Store, inputs: Sequence[str], outputs: Sequence[str], hour: str) -> Iterator[str]:
    """Yield records of the files of a transform job, as an endpoint would have captured them: so many rows in each."""
    for number, uri in enumerate(inputs):
        answer = outputs[number] if number < len(outputs) else ""
        given, made = (store.path(each) if each else None for each in (uri, answer))
        if given is None or made is None or not given.is_file() or not made.is_file():
            raise UsageError("a manifest of captured data names a file that is not there", where=uri, expected=f"it and {answer or 'its answer'}")
        yield from _paired(given, made, uri.rpartition("/")[2], hour)


def _paired(source: Path, answers: Path, name: str, hour: str) -> Iterator[str]:
    """Yield records of the lines of an input and its answers; the first line of an input that has one line more is its header."""
    has_header = _count(source) == _count(answers) + 1
    with open(source, encoding="utf-8") as left, open(answers, encoding="utf-8") as right:
        given, made = _lines(left), _lines(right)
        header, first = next(given, "") if has_header else "", 0
        while rows := list(islice(given, ROWS)):
            yield _record(header + "".join(rows), "".join(islice(made, ROWS)), bool(header), f"{name}:{first}", hour)
            first += len(rows)


def _lines(stream: Iterable[str]) -> Iterator[str]:
    return (line for line in stream if line.strip())


def _count(path: Path) -> int:
    with open(path, encoding="utf-8") as stream:
        return sum(1 for _ in _lines(stream))


def _record(given: str, made: str, header: bool, key: str, hour: str) -> str:
    kind = "JSON" if given.lstrip().startswith(("{", "[")) else "CSV"
    content_type = KINDS[kind] + ("; header=present" if header and kind == "CSV" else "")
    answered = "JSON" if made.lstrip().startswith(("{", "[")) else "CSV"
    sides = {
        "endpointInput": {"observedContentType": content_type, "mode": "INPUT", "data": given, "encoding": kind},
        "endpointOutput": {"observedContentType": KINDS[answered], "mode": "OUTPUT", "data": made, "encoding": answered},
    }
    told = {"eventId": key, **({"inferenceTime": hour} if hour else {})}
    return json.dumps({"captureData": sides, "eventMetadata": told, "eventVersion": "0"}, separators=(",", ":")) + "\n"
