"""Environments with an image's own versions: which they are, and how one is made, once, with what can be installed here."""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.local.faults import ClientFault
from pipelines.local.images import environments
from pipelines.local.images.environments import Environment
from pipelines.local.images.uri import parse_image

# The image's library that has to be exact, the versions of the rest, and what an old library needs to work at all. Sources: the tags of the containers' public
# repositories, and AWS's deep learning container definitions; of 1.5-1 and sklearn 1.2-1 to 1.4-2 not everything is known.
# pyarrow 22 and later import with NumPy 2 only, which their metadata do not say.
NEEDS_OLD = ("numpy<2", "pyarrow<22", "pandas<2.3", "setuptools<81")


@dataclass(frozen=True)
class Versions:
    """Hold an image's versions: `exact` must be had, `rest` as near as installs, `needs` is what these need here."""

    exact: Mapping[str, str]
    rest: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


IMAGES: Mapping[str, Mapping[str, Versions]] = {
    "sagemaker-xgboost": {
        "1.5-1": Versions({"xgboost": "1.5.1"}, {}, NEEDS_OLD),
        "1.7-1": Versions({"xgboost": "1.7.4"}, {"scikit-learn": "0.24.1", "numpy": "1.19.2", "pandas": "1.2.4"}, NEEDS_OLD),
        "3.0-5": Versions({"xgboost": "3.0.5"}, {"scikit-learn": "1.5.2", "numpy": "2.1.0", "pandas": "2.2.3"}),
        "3.2-0": Versions({"xgboost": "3.2.0"}, {"scikit-learn": "1.8.0", "numpy": "2.1.0", "pandas": "2.2.3"}),
    },
    "sagemaker-scikit-learn": {
        "1.2-1": Versions({"scikit-learn": "1.2.1"}, {"pandas": "1.1.3"}, NEEDS_OLD),
        "1.4-2": Versions({"scikit-learn": "1.4.2"}, {"numpy": "2.1.0"}),
        "1.9-0": Versions({"scikit-learn": "1.9.0"}, {"numpy": "2.5.1", "scipy": "1.18.0", "pandas": "2.2.3"}),
    },
}
# What every environment holds beside: the job code and users' scripts read Parquet and make tables.
BESIDE = ("pandas", "scikit-learn", "scipy", "numpy", "pyarrow")
Tell = Callable[[str], None]


def versions_of(image_uri: str) -> Versions | None:
    """Return the versions of an image, None for one that is not known here."""
    image = parse_image(image_uri)
    tags = IMAGES.get(image.repository.rpartition("/")[2], {})
    return next((found for tag, found in tags.items() if image.tag == tag or image.tag.startswith(f"{tag}-")), None)


def differences(image_uri: str, installed: Callable[[str], str | None]) -> list[str]:
    """Return in words where other versions are installed than the image has, e.g. `xgboost 3.2.0, the image has 1.5.1`."""
    wanted = versions_of(image_uri)
    if wanted is None:
        return []
    found = {name: installed(name) for name in {**wanted.exact, **wanted.rest}}
    return [f"{name} {have or 'missing'}, the image has {want}" for name, want in {**wanted.exact, **wanted.rest}.items() if (have := found[name]) != want]


def host_version(name: str) -> str | None:
    """Return the version of a distribution that this interpreter has, None without one; builds of one library count as the same."""
    for candidate in (name, f"{name}-cpu"):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


class Host:
    """Let jobs run on the libraries of this machine, and tell once for each image where its main one differs."""

    def __init__(self, tell: Tell) -> None:
        """Take what tells people."""
        self._tell, self._told = tell, set[str]()
        self._lock = threading.Lock()

    def __call__(self, image_uri: str) -> None:
        """Return nothing: the interpreter that runs Sagewright."""
        wanted = versions_of(image_uri)
        with self._lock:
            if wanted is None or image_uri in self._told:
                return
            self._told.add(image_uri)
        for name, version in wanted.exact.items():
            have = host_version(name)
            if have != version:
                self._tell(f"{name_of(image_uri)} has {name} {version}, this machine {have}; --images pinned takes the image's own")


class Pinned:
    """Find or make the environment of an image; one thread at a time makes one."""

    def __init__(self, tell: Tell) -> None:
        """Take what tells people that an environment is being made, and what differs."""
        self._tell, self._lock = tell, threading.Lock()
        self._ready: dict[str, Environment | None] = {}

    def __call__(self, image_uri: str) -> str | None:
        """Return the interpreter of the image's environment, None when its versions are not known here.

        Raises:
            ClientFault: the image's own version cannot be installed here.
        """
        with self._lock:
            if image_uri not in self._ready:
                self._ready[image_uri] = self._made(image_uri)
            found = self._ready[image_uri]
            return found.python if found is not None else None

    def _made(self, image_uri: str) -> Environment | None:
        wanted = versions_of(image_uri)
        if wanted is None:
            self._tell(f"{image_uri}: its versions are not known here; its jobs run on the libraries of this machine")
            return None
        found = make(image_uri, wanted, self._tell)
        told = differences(image_uri, found.installed.get)
        self._tell(f"{name_of(image_uri)}: {found.python}" + (f" ({'; '.join(told)})" if told else ""))
        return found


def name_of(image_uri: str) -> str:
    """Return an image as people call it: `sagemaker-xgboost-1.5-1`."""
    image = parse_image(image_uri)
    repository = image.repository.rpartition("/")[2]
    return next(f"{repository}-{tag}" for tag in IMAGES[repository] if image.tag == tag or image.tag.startswith(f"{tag}-"))


def make(image_uri: str, wanted: Versions, tell: Tell) -> Environment:
    """Return the environment of an image, made if it is not there; it appears whole or not at all.

    Raises:
        ClientFault: no package index has the image's version for this Python.
        StepFault: no environment can be made.
    """
    exact = ", ".join(f"{name} {version}" for name, version in wanted.exact.items())

    def fill(folder: Path) -> str | None:
        tell(f"{name_of(image_uri)}: installing {exact} (once)")
        for requirements in _attempts(wanted):
            why = environments.install(folder, requirements)
            if why is None:
                return None
        return why

    folder = f"{name_of(image_uri)}-py{sys.version_info[0]}{sys.version_info[1]}"
    made = environments.make(folder, image_uri, sys.executable, fill, recipe=repr(list(_attempts(wanted))))
    if isinstance(made, str):
        raise ClientFault(f"{exact.replace(' ', '==')} cannot be installed for Python {sys.version_info[0]}.{sys.version_info[1]} here: {made}")
    return made


def _attempts(wanted: Versions) -> Iterator[list[str]]:
    """Yield requirements from the nearest to the image to what merely works: all of its versions; as many of the rest as go together; none of them."""
    exact = [f"{name}=={version}" for name, version in wanted.exact.items()]
    for count in range(len(wanted.rest), -1, -1):
        for held in itertools.combinations(wanted.rest, count):
            beside = [each for each in BESIDE if each not in held and each not in wanted.exact]
            yield [*exact, *(f"{name}=={wanted.rest[name]}" for name in held), *beside, *wanted.needs]
