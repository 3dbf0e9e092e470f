"""Where the jobs' own code lies, and how a command borrows a module of it."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from types import ModuleType


@functools.cache
def jobs_root() -> Path:
    """Return the folder that holds processing/, training/, evaluation/ and jobkit/: inside the wheel, or the checkout's root."""
    package = Path(__file__).resolve().parent
    return package / "_jobs" if (package / "_jobs" / "jobkit").is_dir() else package.parent


def job_module(name: str) -> ModuleType:
    """Import a module of the jobs into this process, e.g. `jobkit.table`: the code that runs in the container, not a second version of it."""
    root = str(jobs_root())
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(name)
