"""What a run is made with: the commit of the project, the versions of the libraries. Nothing here ever stops a run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

GIT_TIMEOUT_S = 5.0
# The libraries that the shipped jobs and their images work with, and our own; a script's others are told by its code's hash alone.
LIBRARIES = ("sagewright", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "xgboost", "xgboost-cpu", "duckdb", "optuna")


def environment() -> dict[str, Any]:
    """Return Python's version, the platform and the versions of `LIBRARIES` that are installed here."""
    found = {name: _version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "platform": sys.platform, "libraries": {name: value for name, value in found.items() if value}}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_state(folder: Path | None) -> dict[str, Any] | None:
    """Return commit, branch and whether tracked files differ from the commit, of the repository that a folder lies in; None without git or repository."""
    if folder is None or not folder.is_dir():
        return None
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(
            command,
            env={**variables, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _read_status(done.stdout) if done.returncode == 0 else None


def _read_status(text: str) -> dict[str, Any] | None:
    """Return what `git status --porcelain=v2 --branch` says."""
    lines = text.splitlines()
    heads: Mapping[str, str] = {key: value for line in lines if line.startswith("# branch.") for _, key, value in [line.split(" ", 2)]}
    commit = heads.get("branch.oid", "")
    if not commit or commit == "(initial)":
        return None
    return {"commit": commit, "branch": heads.get("branch.head", ""), "dirty": any(line[:1] in "12u" for line in lines)}
