"""Hide a package from an import, and act after one: what the light imports of the warm parent are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
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


def spec_with(finder: object, name: str, path: Sequence[str] | None, target: ModuleType | None, act: Callable[[ModuleType], object]) -> ModuleSpec | None:
    """Return the spec by which the other finders import a module, whose import also does `act` with it at its end; None when they do not find it.

    Nothing is done for a spec that nobody imports by, as `importlib.util.find_spec` hands it out.
    """
    others = [each for each in sys.meta_path if each is not finder and hasattr(each, "find_spec")]
    spec = next((spec for each in others if (spec := each.find_spec(name, path, target)) is not None), None)
    if spec is None or spec.loader is None:
        return spec
    loader = spec.loader

    def both(module: ModuleType) -> None:
        del loader.exec_module  # the loader's own is there again
        loader.exec_module(module)
        act(module)

    loader.exec_module = both  # type: ignore[method-assign]
    return spec
