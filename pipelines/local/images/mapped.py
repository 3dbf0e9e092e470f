"""What the user says an image stands for on this machine: an interpreter that has a framework's libraries, or a container's commands."""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.images.uri import parse_image

COMMANDS = ("train", "process", "serve")
KEYS = ("python", *COMMANDS, "environment", "workdir")


@dataclass(frozen=True)
class Mapped:
    """Hold one entry of `images.map`.

    `pattern` is an image's name with `*` and `?`. `python` runs scripts; `train`, `process` and `serve` are what the container runs when a job names no
    entrypoint; `environment` is what its image sets; `workdir` is the folder that they start in.
    """

    pattern: str
    python: str | None = None
    train: tuple[str, ...] = ()
    process: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/opt/ml"

    def matches(self, image_uri: str) -> bool:
        """Tell whether an image is meant: by its whole URI, by its repository, or by the last part of that, each with or without the tag."""
        image = parse_image(image_uri)
        short = image.repository.rpartition("/")[2]
        names = (image_uri, image.repository, f"{image.repository}:{image.tag}", short, f"{short}:{image.tag}")
        return any(fnmatch.fnmatchcase(name, self.pattern) for name in names)


@dataclass(frozen=True)
class ImageMap:
    """Hold the entries of `images.map`, of which the first that matches counts."""

    entries: tuple[Mapped, ...] = ()

    def find(self, image_uri: str) -> Mapped | None:
        """Return the entry of an image, None without one."""
        return next((entry for entry in self.entries if entry.matches(image_uri)), None)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready members, for the journal."""
        return {entry.pattern: {key: value for key, value in asdict(entry).items() if key != "pattern"} for entry in self.entries}


@dataclass(frozen=True)
class Images:
    """Say what stands for images on this machine: the user's map, else `libraries`, which returns an image's interpreter, None for that of this process.

    `tell` tells people what takes a while.
    """

    libraries: Callable[[str], str | None] = lambda image_uri: None
    map: ImageMap = field(default_factory=ImageMap)
    tell: Callable[[str], None] = lambda text: None

    def mapped(self, image_uri: str) -> Mapped | None:
        """Return the user's entry for an image."""
        return self.map.find(image_uri)

    def python(self, image_uri: str) -> str | None:
        """Return the interpreter for jobs of an image, None for that of this process.

        Raises:
            ClientFault: the image's own libraries cannot be installed here.
        """
        found = self.mapped(image_uri)
        return found.python if found else self.libraries(image_uri)


def read(given: Mapping[str, Any], root: Path, where: str) -> ImageMap:
    """Return the map that a mapping from image patterns to entries means; relative paths lie below `root`.

    Raises:
        UsageError: an entry has an unknown key or the wrong type, names no program that is here, or none at all.
    """
    return ImageMap(tuple(_entry(pattern, entry, root, f"{where}.{pattern}") for pattern, entry in given.items()))


def _entry(pattern: str, given: Any, root: Path, where: str) -> Mapped:
    if not isinstance(given, Mapping) or not set(given) <= set(KEYS):
        raise UsageError("this says nothing of an image", where=where, got=str(given)[:200], expected=f"a mapping with some of {', '.join(KEYS)}")
    commands = {name: _command(given.get(name) or (), root, f"{where}.{name}") for name in COMMANDS}
    python = given.get("python")
    if python is None and not any(commands.values()):
        raise UsageError("the image has no program", where=where, expected="`python`, or a command for `train`, `process` or `serve`")
    workdir = str(given.get("workdir") or "/opt/ml")
    environment = {str(name): str(value) for name, value in (given.get("environment") or {}).items()}
    folder = workdir if workdir.startswith("/opt/ml") else str(_below(root, workdir))
    return Mapped(pattern, _program(str(python), root, f"{where}.python") if python else None, **commands, environment=environment, workdir=folder)


def _command(given: Any, root: Path, where: str) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(part, str) for part in given):
        raise UsageError("this is no command", where=where, got=repr(given), expected="a list of texts such as [python3, train.py]")
    return (_program(given[0], root, where), *given[1:]) if given else ()


def _program(name: str, root: Path, where: str) -> str:
    """Return where a program lies; `python3` stays what it is, the interpreter of the job."""
    if os.sep not in name and not name.startswith("~"):
        found: str | None = name if name in ("python", "python3") else shutil.which(name)
    else:
        path = _below(root, name)
        found = str(path) if os.access(path, os.X_OK) and path.is_file() else None
    if found is None:
        raise UsageError("there is no such program on this machine", where=where, got=name, expected="an executable file, or a name that PATH has")
    return found


def _below(root: Path, path: str) -> Path:
    return Path(os.path.normpath(root / Path(path).expanduser()))
