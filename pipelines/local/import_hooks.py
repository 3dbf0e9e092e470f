"""Hide a package from an import, and act after one: what the light imports of the warm parent are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


@dataclass(frozen=True)
class _Hidden:
    name: str

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Say of the package that there is none.

        Raises:
            ModuleNotFoundError: it is asked for.
        """
        if name == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Have a package that is not imported yet look as if it were not installed."""
    finder = _Hidden(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def spec_with(name: str, path: Sequence[str] | None, target: ModuleType | None, act: Callable[[], object]) -> ModuleSpec | None:
    """Return the spec by which the usual finders import a module, whose import also does `act` at its end; None when they do not find it."""
    spec = PathFinder.find_spec(name, path, target)
    if spec is None or spec.loader is None:
        return spec
    execute = spec.loader.exec_module

    def both(module: ModuleType) -> None:
        execute(module)
        act()

    spec.loader.exec_module = both  # type: ignore[method-assign]
    return spec
