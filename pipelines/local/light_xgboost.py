"""XGBoost imported without scikit-learn, which it would import first: 0.15 s in the place of 0.8 s, and half the memory to fork.

What of it builds on scikit-learn is left out until somebody asks for it, or imports scikit-learn; it is completed then, in place, and is what a usual import
gives. Booster, DMatrix and train are the same objects before and after.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pipelines.local.import_hooks import hidden, spec_with

SCIKIT_LEARN, XGBOOST, COMPAT = "sklearn", "xgboost", "xgboost.compat"
# Modules that take classes from xgboost.compat when they are imported; they are imported anew.
BUILT_ON_IT = ("xgboost.sklearn", "xgboost.plotting")
# The function that reads what xgboost.compat found, and where it is.
READS_IT, READER = "xgboost.training", "cv"


def begin() -> None:
    """Import XGBoost; without scikit-learn unless that is there already, or this XGBoost is not as expected.

    Raises:
        ImportError: it cannot be imported.
    """
    if XGBOOST in sys.modules or SCIKIT_LEARN in sys.modules:
        importlib.import_module(XGBOOST)
        return
    with hidden(SCIKIT_LEARN):
        importlib.import_module(XGBOOST)
    if _is_as_expected():
        _Completion().install()
    else:
        forget()
        importlib.import_module(XGBOOST)


def _is_as_expected() -> bool:
    """Tell whether nothing but the modules that are imported anew, and the package itself, holds what they define."""
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == XGBOOST}
    if not {COMPAT, READS_IT, *BUILT_ON_IT} <= set(loaded) or getattr(loaded[COMPAT], "SKLEARN_INSTALLED", None) is not False:
        return False
    others = [module for name, module in loaded.items() if name not in (XGBOOST, *BUILT_ON_IT)]
    return not any(getattr(value, "__module__", None) in BUILT_ON_IT for module in others for value in vars(module).values())


def forget() -> None:
    """Take XGBoost back out of what is imported, so that the next import is a usual one."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Completion)]
    for name in [name for name in sys.modules if name.partition(".")[0] == XGBOOST]:
        del sys.modules[name]


class _Completion:
    """Withhold what needs scikit-learn; put it back when it, or scikit-learn, is asked for."""

    def __init__(self) -> None:
        self._package, self._reader = sys.modules[XGBOOST], sys.modules[READS_IT]
        self._compat = vars(sys.modules[COMPAT]).copy()
        self._withheld: dict[str, dict[str, Any]] = {}

    def install(self) -> None:
        """Take the names away and watch for imports."""
        halves = {name: sys.modules.pop(name) for name in BUILT_ON_IT}
        made_there = {id(value) for half in halves.values() for value in vars(half).values() if getattr(value, "__module__", None) == half.__name__}
        names = [name for name, value in vars(self._package).items() if id(value) in made_there]
        self._withhold(self._package, [*names, READER, *(name.partition(".")[2] for name in (COMPAT, *BUILT_ON_IT))])
        self._withhold(self._reader, [READER])
        del sys.modules[COMPAT]
        sys.meta_path.insert(0, self)

    def _withhold(self, module: ModuleType, names: Sequence[str]) -> None:
        self._withheld[module.__name__] = {name: vars(module).pop(name) for name in names}
        vars(module)["__getattr__"] = lambda name: self._get(module, name)

    def _get(self, module: ModuleType, name: str) -> Any:
        if name not in self._withheld[module.__name__]:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        importlib.import_module(COMPAT)
        return getattr(module, name)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Let the usual finders find everything, and complete XGBoost after the import of scikit-learn or before that of a module that builds on it."""
        if name == SCIKIT_LEARN:
            return spec_with(name, path, target, lambda: importlib.import_module(COMPAT))
        if name == COMPAT:
            return spec_with(name, path, target, self._complete)
        if name in BUILT_ON_IT:
            importlib.import_module(COMPAT)
            return ModuleSpec(name, _Imported(sys.modules.pop(name)))
        return None

    def _complete(self) -> None:
        """Put the new compat's values into what took the old one's, and back what was withheld."""
        sys.meta_path.remove(self)
        fresh = vars(sys.modules[COMPAT])
        for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == XGBOOST]:
            for name in [name for name, value in vars(module).items() if name in fresh and value is self._compat.get(name, self) and not name.startswith("__")]:
                vars(module)[name] = fresh[name]
        for module in (self._reader, self._package):
            del vars(module)["__getattr__"]
        halves = [importlib.import_module(name) for name in BUILT_ON_IT]
        vars(self._reader)[READER] = self._withheld[READS_IT][READER]
        for name, old in self._withheld[XGBOOST].items():
            owner = next((half for half in halves if half.__name__ == getattr(old, "__module__", None)), None)
            vars(self._package)[name] = getattr(owner, name) if owner else sys.modules.get(f"{XGBOOST}.{name}", old)


class _Imported(Loader):
    """Give an import that has begun the module that it was to make, which is there by now."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""
        module.__spec__ = self._spec
