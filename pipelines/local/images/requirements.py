"""A script's own requirements: an environment beside the image's libraries, made once for the same requirements and kept.

On AWS the toolkit installs `requirements.txt`, or the package whose `setup.py` lies with the script, into the container that the job has to itself. Here the
interpreter is shared, so what is missing goes into an environment of its own that sees the image's libraries too; what they satisfy is not installed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from pipelines.local.images import environments
from pipelines.local.images.script_mode import extract, failure

REQUIREMENTS, PACKAGE = "requirements.txt", "setup.py"
SHOWN = 60
ELSEWHERE = re.compile(r"(-r|-c|-e|--requirement|--constraint|--editable)\b|[./]")
LISTING = "import importlib.metadata as m, json, site, sysconfig; print(json.dumps([{d.metadata['Name'].lower().replace('_', '-'): d.version \
for d in m.distributions() if d.metadata['Name']}, [sysconfig.get_path('purelib'), sysconfig.get_path('platlib')]]))"


class InstallError(Exception):
    """Carry the text of the toolkit's failure file."""


@dataclass(frozen=True)
class Wanted:
    """Hold what a code archive wants installed: the lines of its requirements.txt, and its own files when it is a package."""

    lines: tuple[str, ...] = ()
    archive: bytes | None = None

    @staticmethod
    def of(archive: bytes, program: str) -> Wanted:
        """Return what an archive wants for this program, as the toolkit decides it: a package's setup.py, else the requirements of a Python script.

        An archive that cannot be read wants nothing; the program that unpacks it says why it cannot.
        """
        if program.endswith(".sh"):
            return Wanted()
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
                names = {name.removeprefix("./"): name for name in packed.getnames()}
                if PACKAGE in names:
                    return Wanted(archive=archive)
                if REQUIREMENTS not in names or not program.endswith(".py"):
                    return Wanted()
                handle = packed.extractfile(names[REQUIREMENTS])
                text = handle.read().decode("utf-8", "replace") if handle else ""
        except (tarfile.TarError, OSError, EOFError, KeyError):
            return Wanted()
        return Wanted.of_text(text)

    @staticmethod
    def of_text(text: str) -> Wanted:
        """Return what a requirements.txt wants."""
        lines = (line.split(" #")[0].strip() for line in text.splitlines())
        return Wanted(tuple(line for line in lines if line and not line.startswith("#")))

    def missing(self, installed: Mapping[str, str]) -> tuple[str, ...]:
        """Return the requirements that these distributions (name in lower case to version) do not satisfy."""
        return tuple(line for line in self.lines if not _is_satisfied(line, installed))


def _is_satisfied(line: str, installed: Mapping[str, str]) -> bool:
    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return False
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    version = installed.get(wanted.name.lower().replace("_", "-"))
    return version is not None and not wanted.extras and wanted.url is None and wanted.specifier.contains(version, prereleases=True)


def environment(wanted: Wanted, python: str | None, *, network: bool, tell: Callable[[str], None]) -> str | None:
    """Return the interpreter of an environment that has what is wanted beside the libraries of `python`; `python` itself where nothing is missing.

    Raises:
        InstallError: it cannot be installed; the text is that of the failure file.
        StepFault: no environment can be made.
    """
    if not wanted.lines and wanted.archive is None:
        return python
    base = python or sys.executable
    installed, folders = _libraries(base)
    missing = wanted.missing(installed)
    if not missing and wanted.archive is None:
        return python
    elsewhere = next((line for line in missing if ELSEWHERE.match(line)), None)
    if elsewhere is not None:
        where = f"{REQUIREMENTS}: {elsewhere!r} leads to another file, which is not followed here; write the requirements into {REQUIREMENTS} itself"
        raise InstallError(failure(_kind(wanted), 1, where, [base, "-m", "pip", "install", "-r", REQUIREMENTS]))
    key = hashlib.sha256(json.dumps([wanted.lines, base, sorted(installed.items())]).encode() + (wanted.archive or b"")).hexdigest()[:12]
    title = ", ".join(missing)[:SHOWN] or "the package of the script"
    command = [base, "-m", "pip", "install", *(["-r", REQUIREMENTS] if wanted.lines else ["."])]
    if not network:
        raise InstallError(failure(_kind(wanted), 1, f"{title}: the job has no network (EnableNetworkIsolation)", command))

    def fill(folder: Path) -> str | None:
        tell(f"installing {title} for the script (once)")
        (environments.site_packages(folder) / environments.BUILT_ON).write_text("".join(f"{each}\n" for each in dict.fromkeys(folders)))
        return _install(folder, wanted, missing, installed)

    made = environments.make(f"requirements-{key}", f"requirements: {title}", base, fill)
    if isinstance(made, str):
        raise InstallError(failure(_kind(wanted), 1, made, command))
    return made.python


def _kind(wanted: Wanted) -> str:
    return "InstallRequirementsError" if wanted.lines else "InstallModuleError"


def _libraries(python: str) -> tuple[dict[str, str], list[str]]:
    """Return an interpreter's distributions by name (lower case) and the folders that hold them."""
    done = subprocess.run([python, "-c", LISTING], capture_output=True, text=True, check=True)
    found, folders = json.loads(done.stdout)
    return found, folders


def _install(folder: Path, wanted: Wanted, missing: Sequence[str], installed: Mapping[str, str]) -> str | None:
    """Install what is missing, at first with the versions that are there held, as pip would keep them; return why it cannot, None when it could."""
    with tempfile.TemporaryDirectory() as place:
        constraints, listed = Path(place, "constraints.txt"), Path(place, REQUIREMENTS)
        named = {name for name in map(_name, missing) if name}
        constraints.write_text("\n".join(f"{name}=={version}" for name, version in installed.items() if name not in named))
        listed.write_text("\n".join(missing))
        what = ["-r", str(listed)]
        if wanted.archive is not None:
            what = [str(_unpacked(wanted.archive, Path(place, "package")))]
        why = environments.install(folder, ["-c", str(constraints), *what], binary_only=False)
        why = why if why is None else environments.install(folder, what, binary_only=False)
    return why and why.replace(f"{place}/", "")


def _name(line: str) -> str | None:
    try:
        return Requirement(line).name.lower()
    except InvalidRequirement:
        return None


def _unpacked(archive: bytes, folder: Path) -> Path:
    """Unpack the files of an archive, as the job itself does."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        extract(packed, folder)
    return folder
