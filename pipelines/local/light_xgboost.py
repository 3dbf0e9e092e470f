"""XGBoost imported without scikit-learn, which it would import first: 0.15 s in the place of 0.8 s, and half the memory to fork.

What of it builds on scikit-learn is left out until somebody asks for it; it is completed then, in place, and is what a usual import gives. Booster, DMatrix and
train are the same objects before and after.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
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
    """Withhold what needs scikit-learn, and put it back when the module that it is in has been imported, which asking for it does.

    The modules import each other in the order in which they always do, and nothing is imported by a finder or at the end of another import: threads that
    import some of them at once wait for each other as ever.
    """

    def __init__(self) -> None:
        self._package, self._reader = sys.modules[XGBOOST], sys.modules[READS_IT]
        self._compat = vars(sys.modules[COMPAT]).copy()
        self._cv = vars(self._reader)[READER]
        self._owners: dict[str, dict[str, str]] = {}

    def install(self) -> None:
        """Take the names away and watch for imports."""
        halves = {name: sys.modules.pop(name) for name in BUILT_ON_IT}
        made_in = {id(value): name for name, half in halves.items() for value in vars(half).values() if getattr(value, "__module__", None) == name}
        owners = {name: made_in[id(value)] for name, value in vars(self._package).items() if id(value) in made_in}
        self._withhold(self._package, {**owners, READER: COMPAT, **{name.partition(".")[2]: name for name in (COMPAT, *BUILT_ON_IT)}})
        self._withhold(self._reader, {READER: COMPAT})
        del sys.modules[COMPAT]
        sys.meta_path.insert(0, self)

    def _withhold(self, module: ModuleType, owners: dict[str, str]) -> None:
        self._owners[module.__name__] = owners
        names = vars(module)
        for name in owners:
            del names[name]
        names["__getattr__"] = lambda name: self._get(module, name)
        names["__dir__"] = lambda: sorted({*names, *owners} - {"__getattr__", "__dir__"})

    def _get(self, module: ModuleType, name: str) -> Any:
        owner = self._owners[module.__name__].get(name)
        if owner is None:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)
        importlib.import_module(owner)
        return vars(module)[name]

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Let the usual finders find everything, and put back what is in a module at the end of its import."""
        if name == COMPAT:
            return spec_with(self, name, path, target, self._renew)
        if name in BUILT_ON_IT:
            return spec_with(self, name, path, target, lambda module: self._put_back(self._package, module))
        return None

    def _renew(self, compat: ModuleType) -> None:
        """Put the new compat's values into what took the old one's."""
        fresh = vars(compat)
        for module in [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == XGBOOST]:
            for name in [name for name, value in vars(module).items() if name in fresh and value is self._compat.get(name, self) and not name.startswith("__")]:
                vars(module)[name] = fresh[name]
        for module in (self._reader, self._package):
            vars(module)[READER] = self._cv
            self._put_back(module, compat)

    def _put_back(self, module: ModuleType, owner: ModuleType) -> None:
        """Put into a module what it takes from another one, with that one's own name; after the last one nothing of ours is left in it."""
        names, owners = vars(module), self._owners[module.__name__]
        for name in [name for name, owned in owners.items() if owned == owner.__name__ and name != READER]:
            names[name] = vars(owner).get(name, owner)
        if names.keys() >= owners.keys():
            names.pop("__getattr__", None)
            names.pop("__dir__", None)
