"""Seals: the sha256 of files that one job leaves and later ones read, so that what was changed in between shows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping

from jobkit.failure import JobError

# Beside recipe.json, in the output `recipe` of Preprocess.
FILE = "splits.json"
FORMAT, VERSION = "sagewright.seals", 1
BLOCK_BYTES = 1 << 20


def seal(folder: Path) -> Dict[str, Any]:
    """Return {"files": {name: {"sha256", "size"}}} of the files below a folder; `size` is in bytes, names are relative with slashes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {"files": {path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "size": path.stat().st_size} for path in paths}}


def write(folder: Path, sealed: Mapping[str, Path]) -> None:
    """Write `splits.json` into a folder: the seals of the folders in `sealed`, by name."""
    document = {"format": FORMAT, "version": VERSION, "splits": {name: seal(place) for name, place in sealed.items()}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(document, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Dict[str, Dict[str, Any]]:
    """Return the seals in a folder's `splits.json`, by the name of the split.

    Raises:
        JobError: there is none, or it is not one that Preprocess wrote.
    """
    path = folder / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise ValueError("format {} {}, expected {} {}".format(document["format"], document["version"], FORMAT, VERSION))
        return {name: {"files": {file: dict(entry) for file, entry in own["files"].items()}} for name, own in document["splits"].items()}
    except FileNotFoundError:
        raise JobError("{}: there is no such file in {}; it is written by Preprocess. Run Preprocess again".format(FILE, folder.name)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError("{}: this is no list of seals: {}: {}".format(FILE, type(error).__name__, error)) from None


def check(name: str, folder: Path, sealed: Mapping[str, Any]) -> List[str]:
    """Return what differs between a folder and its seal, one sentence a file; nothing when all is as it was left.

    A file that was added counts, too: a training reads every file of its channel.
    """
    found, expected = seal(folder)["files"], sealed["files"]
    return [told for file in sorted({*found, *expected}) for told in _differs("{}/{}".format(name, file), found.get(file), expected.get(file))]


def _differs(file: str, found: Any, expected: Any) -> List[str]:
    if expected is None:
        return ["{}: this file is not one that Preprocess wrote; got sha256 {}, expected no such file".format(file, found["sha256"])]
    if found is None:
        return ["{}: this file is missing; got nothing, expected sha256 {}, {} bytes".format(file, expected.get("sha256"), expected.get("size"))]
    if found == expected:
        return []
    told = "{}: this file is not what Preprocess wrote; got sha256 {}, {} bytes, expected sha256 {}, {} bytes"
    return [told.format(file, found["sha256"], found["size"], expected.get("sha256"), expected.get("size"))]


def demand(folders: Mapping[str, Path], seals: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    """Return what was checked, {"files", "size", "sha256"}, when every folder is as its seal says; `sha256` stands for all of the files, `size` is in bytes.

    Raises:
        JobError: a file was changed, added or removed, or there is no seal for a folder.
    """
    unsealed = sorted(set(folders) - set(seals))
    if unsealed:
        raise JobError("{}: there is no seal of the split {!r}; got {}, expected it among them".format(FILE, unsealed[0], ", ".join(sorted(seals)) or "none"))
    wrong = [told for name in sorted(folders) for told in check(name, folders[name], seals[name])]
    if wrong:
        more = " (and {} more)".format(len(wrong) - 1) if len(wrong) > 1 else ""
        raise JobError("{}{}. Run Preprocess again, and find out who writes there".format(wrong[0], more))
    entries = [(name, file, entry) for name in sorted(folders) for file, entry in sorted(seals[name]["files"].items())]
    lines = "".join("{}/{} {}\n".format(name, file, entry["sha256"]) for name, file, entry in entries)
    return {"files": len(entries), "size": sum(entry["size"] for _, _, entry in entries), "sha256": hashlib.sha256(lines.encode("utf-8")).hexdigest()}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(str(path), "rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()
