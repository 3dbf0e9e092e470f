"""pyarrow that does not look for pandas: it would import it, 0.15 s, for the first array that it makes or hands to NumPy.

Once somebody imports pandas, or asks pyarrow for a DataFrame, pyarrow knows it as after a usual import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pipelines.local.import_hooks import hidden, spec_with

PANDAS = "pandas"


def begin() -> None:
    """Import pyarrow and have it look for pandas once, in vain, unless that is there already or this pyarrow is not as expected.

    Raises:
        ImportError: it cannot be imported.
    """
    library: Any = importlib.import_module("pyarrow.lib")
    known: Any = getattr(library, "_pandas_api", None)
    if PANDAS in sys.modules or not all(hasattr(type(known), name) for name in ("have_pandas", "pd")):
        return
    with hidden(PANDAS):
        found = known.have_pandas  # this is the look
    if not found:
        sys.meta_path.insert(0, _Watch(known))


class _Watch:
    def __init__(self, known: Any) -> None:
        self._known = known

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Let the usual finders find everything; after the import of pandas have pyarrow look again."""
        return spec_with(self, name, path, target, self._look) if name == PANDAS else None

    def _look(self, pandas: ModuleType) -> None:
        with suppress(Exception):  # what is imported as pandas may be a module of the job's own
            self._known.pd  # noqa: B018  this is the look
