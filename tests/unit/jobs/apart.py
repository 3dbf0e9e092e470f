"""Run a job in a process of its own that has its libraries already: a fork of one that has imported them and done nothing else."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = ("numpy", "pandas", "xgboost")
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([*LIBRARIES, __name__])


def run(module: str, arguments: Sequence[str], environment: Mapping[str, str], place: Path, timeout_s: float = 120.0) -> tuple[int, str]:
    """Run `main(arguments)` of a job's module and return its exit code, a negative one when it was killed since it took too long, and what it printed."""
    said = place / "said.txt"
    process = _forks.Process(target=_be, args=(module, list(arguments), dict(environment), str(said)))
    process.start()
    process.join(timeout_s)
    process.kill()
    process.join()
    return int(process.exitcode or 0), said.read_text(errors="replace")


def _be(module: str, arguments: Sequence[str], environment: Mapping[str, str], said: str) -> None:
    with open(said, "wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    job = importlib.import_module(module)
    sys.exit(importlib.import_module("jobkit.failure").run(job.main))
