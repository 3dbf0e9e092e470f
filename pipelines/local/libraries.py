"""The libraries that the warm parent imports for jobs: a few at once, most only when a job asks for them.

What a job asks for is guessed from the text of its program. A wrong guess costs time only: whatever is not there yet the job imports itself.
"""

from __future__ import annotations

import importlib
import itertools
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.local import interpreter, light_pyarrow, light_xgboost
from pipelines.local.carried_code import CARRIED
from pipelines.local.images.xgboost_metrics import OF_AMOUNTS, OF_CLASSES

# What is there before any job starts.
FIRST = ("numpy", "pyarrow.lib", "pyarrow.parquet", "pyarrow.csv", "pyarrow.compute", "threadpoolctl", "runpy", "argparse", "tarfile", "hashlib")
# What follows while jobs may start that do not ask for it: XGBoost, and our own programs that many jobs run; all else of ours is forgotten in a job.
XGBOOST = ("scipy.sparse", "xgboost", "pipelines.local.images.xgboost_algorithm")
# What the first job that asks for it waits for. In small parts, since a job that comes during an import waits for its end.
ALL = ("pandas", "scipy.linalg", "scipy.special", "scipy.optimize", "scipy.stats.distributions", "scipy.stats") + (
    "sklearn.utils",
    "sklearn.metrics",
    "sklearn.model_selection",
    "xgboost.sklearn",
    "xgboost.plotting",
)
# Not imported as usual, since the usual import brings more along.
LIGHT: Mapping[str, Callable[[str], object]] = {"pyarrow.lib": lambda name: light_pyarrow.begin(), "xgboost": lambda name: light_xgboost.begin()}
ASKS_FOR_XGBOOST = re.compile(rb"xgboost")
# Imports of a module, not those of a function, which may not be called; and the classes of XGBoost that build on scikit-learn.
ASKS_FOR_ALL = re.compile(rb"^(?:import|from)[ \t]+(?:[\w.]+[ \t]*,[ \t]*)*(?:pandas|sklearn|scipy|joblib|imblearn|shap)\b|\bXGB[A-Z]", re.MULTILINE)
# Our own program -> what it asks for; a server's handler says it, or the code that it serves.
PROGRAMS: Mapping[str, tuple[str, ...]] = {"pipelines.local.images.script_mode": (), "pipelines.local.images.algorithms.train": ALL}
HANDLERS: Mapping[str, tuple[str, ...]] = {"scikit-learn": ALL, "algorithm": ALL, "xgboost": XGBOOST}
TRAIN, SERVE = "pipelines.local.images.xgboost_algorithm", "pipelines.local.images.serving.serve"
# What the built-in algorithm has scikit-learn do.
SPLIT_OR_MEASURED = re.compile(rf"\b(?:_kfold|{'|'.join((*OF_CLASSES, *OF_AMOUNTS))})\b".encode())
FILE_BYTES, FILES = 1 << 20, 200


def load(names: Iterable[str]) -> None:
    """Import what is there; a library that is absent, or broken on this machine, is left to the jobs that want it.

    The folder of Sagewright itself is on the search path for modules of ours only.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            ours = [interpreter.ROOT] if interpreter.is_ours((name,)) else []
            sys.path += ours
            try:
                LIGHT.get(name, importlib.import_module)(name)
            except Exception as error:  # noqa: BLE001  the job boundary: an import may raise anything
                sys.stderr.write(f"{name} is not imported: {type(error).__name__}: {error}\n")
            finally:
                del sys.path[len(sys.path) - len(ours) :]


def wanted(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which of the lists a job asks for, an empty one for neither; a program that cannot be read here is taken to ask for all."""
    try:
        return _wanted(spec)
    except (OSError, ValueError, LookupError):  # a command that no job can run is the job's failure, not that of the warm parent and of all other jobs
        return ALL


def _wanted(spec: Mapping[str, Any]) -> tuple[str, ...]:
    command, ml = tuple(spec["command"]), Path(spec["job_dir"], "opt", "ml")
    if command[1] != "-m":
        program = command[1]
        return _of_code(ml / PurePosixPath(program).relative_to("/opt/ml") if program.startswith("/opt/ml/") else Path(program))
    if command[2] == TRAIN:
        return ALL if SPLIT_OR_MEASURED.search(_text(ml / "input/config/hyperparameters.json")) else XGBOOST
    if command[2] == SERVE:
        return HANDLERS.get(command[3]) or _of_code(ml / "model/code/inference.py") or XGBOOST
    return PROGRAMS.get(command[2], ALL)


def _of_code(program: Path) -> tuple[str, ...]:
    """Return what the code in a program's folder asks for; `jobkit` imports what takes long only where it is used."""
    asks: tuple[str, ...] = ()
    for file in (program, *_beside(program)):
        text = _text(file)
        if ASKS_FOR_ALL.search(text):
            return ALL
        asks = XGBOOST if ASKS_FOR_XGBOOST.search(text) else asks
    return asks


def _beside(program: Path) -> Iterator[Path]:
    """Yield the modules that lie beside a program, and those of its packages; not of folders of the machine, and not too many."""
    inside = (Path(folder) / name for folder, folders, names in _walk(program.parent) for name in names if name.endswith(".py"))
    yield from itertools.islice((file for file in inside if file != program), FILES)


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != CARRIED and os.path.isfile(os.path.join(place, name, "__init__.py"))]
        yield place, folders, names


def _text(file: Path) -> bytes:
    if not file.is_file():  # to read from a pipe or a terminal would hold up every job
        raise FileNotFoundError(file)
    with open(file, "rb") as handle:
        return handle.read(FILE_BYTES)
