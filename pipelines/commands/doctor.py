"""sagewright doctor"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags

PACKAGES = ("sagewright", "sagemaker", "boto3", "pandas", "numpy", "scikit-learn", "pyarrow", "pydantic")
Finding = tuple[str, bool, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    home: flags.HomeFlag,
    aws: Annotated[bool, typer.Option("--aws", help="Ask the account, too, which of Clarify, Model Monitor and Scheduler it can use.")] = False,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Look at this machine: Python, libraries, how jobs can be isolated, disk, AWS credentials. Exit code 2 when something needed is missing.

    Examples: sagewright doctor | sagewright doctor --aws
    """
    from pipelines.commands.printing import print_json

    findings = [finding for probe in (_python, _packages, _isolation, _cores, _home, _credentials) for finding in probe(home)]
    asked = _account(region) if aws else []
    if output is flags.Output.json:
        print_json([{"what": what, "ok": ok, "found": found} for what, ok, found in [*findings, *asked]])
    else:
        lines = [f"{'ok     ' if ok else 'MISSING'}  {what + ':':<16} {found}" for what, ok, found in findings]
        print("\n".join([*lines, *(f"{'ok     ' if ok else 'refused'}  {what + ':':<16} {found}" for what, ok, found in asked)]))
    return 0 if all(ok for _, ok, _ in findings) else 2


Probe = Callable[[Path], Iterator[Finding]]


def _account(region: str | None) -> list[Finding]:
    """Return what the account can use; what it cannot is no fault of this machine, and there is a way without it."""
    from pipelines.aws.monitoring import availability

    hint = " `runner: processing` and `monitor schedule --service pipeline` need neither Clarify nor Model Monitor."
    return [(name, ok, found if ok or name == "Scheduler" else found + hint) for name, ok, found in availability(region)]


def _python(home: Path) -> Iterator[Finding]:
    yield "python", sys.version_info >= (3, 10), f"{platform.python_version()} at {sys.executable} on {platform.system()} {platform.machine()}"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _packages(home: Path) -> Iterator[Finding]:
    for name in PACKAGES:
        found = _installed(name)
        yield name, found is not None, found or "not installed; run `make setup` or `pip install .`"
    xgboost = _installed("xgboost") or _installed("xgboost-cpu")
    yield "xgboost", xgboost is not None, f"{xgboost}; the image sagemaker-xgboost:3.2-0 has 3.2.0" if xgboost else "not installed"


def _isolation(home: Path) -> Iterator[Finding]:
    from pipelines.local.isolation import probe

    found = probe()
    yield "isolation", True, f"{found.kind}: {found.reason}"


def _cores(home: Path) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield "cores", True, str(cores)


def _home(home: Path) -> Iterator[Finding]:
    existing = next(path for path in (home, *home.parents) if path.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    writable = os.access(existing, os.W_OK)
    yield "local state", writable and free_gb > 0.5, f"{home}, {free_gb:.1f} GB free{'' if writable else ', not writable'}"


def _credentials(home: Path) -> Iterator[Finding]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    found = [name for name in names if os.environ.get(name)]
    files = [path for path in (Path.home() / ".aws" / "credentials", Path.home() / ".aws" / "config") if path.is_file()]
    told = ", ".join([*found, *map(str, files)])
    yield "AWS credentials", True, told or "none seen; only `upsert` needs them"
