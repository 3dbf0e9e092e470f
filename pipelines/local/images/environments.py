"""Environments of jobs: made once, kept in the user's cache, listed and removed by `sagewright images`."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.local.faults import StepFault

READY = "sagewright-image.json"
# Of an environment on top of another: the file with the folders of the other's packages.
BUILT_ON = "sagewright-image.pth"


def cache_root() -> Path:
    """Return the folder of all environments: $SAGEWRIGHT_CACHE, else the user's cache folder."""
    base = os.environ.get("SAGEWRIGHT_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sagewright")
    return Path(base) / "images"


@dataclass(frozen=True)
class Environment:
    """Hold an environment that is ready: the image, or in words what it is for, its interpreter and what is installed in it."""

    image: str
    python: str
    installed: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Return its folder."""
        return Path(self.python).parents[1]


def environments() -> Iterator[Environment]:
    """Yield every environment that is ready, sorted; one whose file is damaged or whose interpreter is gone is not."""
    for file in sorted(cache_root().glob(f"*/{READY}")):
        found = _read(file.parent)
        if found is not None:
            yield found[0]


def _read(folder: Path) -> tuple[Environment, str] | None:
    """Return the environment of a folder, and by which recipe it was made."""
    python = folder / "bin" / "python"
    try:
        kept = json.loads((folder / READY).read_text())
        found = Environment(kept["image"], str(python), kept["installed"]), str(kept.get("recipe", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if os.access(python, os.X_OK) else None


def remove(name: str) -> bool:
    """Remove the environments of a name, e.g. `sagemaker-xgboost-1.5-1` or `requirements-0123456789ab`; tell whether there was one."""
    folders = [path for path in cache_root().glob("*") if path.is_dir()]
    found = [path for path in folders if path.name == name or path.name.startswith(f"{name}-py")]
    for folder in found:
        with _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return bool(found)


def make(name: str, image: str, python: str, fill: Callable[[Path], str | None], recipe: str = "") -> Environment | str:
    """Return the environment of a name, made if it is not there or was made by another `recipe`; it appears whole or not at all.

    `python` is the interpreter to build on; `fill` installs what it needs and returns why it could not, which then is what this returns too.

    Raises:
        StepFault: no environment can be made.
    """
    folder = cache_root() / name
    with _locked(folder):
        found = _read(folder)
        if found is None or found[1] != recipe:
            why = _make(folder, {"image": image, "recipe": recipe}, python, fill)
            if why is not None:
                shutil.rmtree(folder, ignore_errors=True)
                return why
        found = _read(folder)
    assert found is not None
    return found[0]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{folder.name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(folder: Path, kept: Mapping[str, str], python: str, fill: Callable[[Path], str | None]) -> str | None:
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFault("SageMaker.JOB_INTERNAL_ERROR", f"no environment can be made in {folder}: {_last_lines(done)}")
    why = fill(folder)
    if why is None:
        partial = folder / f"{READY}.partial"
        partial.write_text(json.dumps({**kept, "installed": _installed(folder)}, sort_keys=True, indent=1))
        os.replace(partial, folder / READY)
    return why


def site_packages(folder: Path) -> Path:
    """Return the folder of an environment that holds its packages."""
    return next((folder / "lib").glob("python*/site-packages"))


def install(folder: Path, requirements: Sequence[str], *, binary_only: bool = True) -> str | None:
    """Install into an environment, by uv where there is one, else by pip; return why it could not, None when it could."""
    python = str(folder / "bin/python")
    uv = [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else [found] if (found := shutil.which("uv")) else None
    command = [*uv, "pip", "install", "--python", python] if uv else [sys.executable, "-m", "pip", "--python", python, "install"]
    wheels = ["--only-binary", ":all:"] if binary_only else []
    done = subprocess.run([*command, "--quiet", *wheels, *requirements], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else _last_lines(done)


def _installed(folder: Path) -> dict[str, str]:
    code = "import importlib.metadata as m, json; print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions() if d.metadata['Name']}))"
    done = subprocess.run([str(folder / "bin/python"), "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: str(version) for name, version in sorted(found.items())}


def _last_lines(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-3:])[:500] if lines else f"it ended with {done.returncode}"
