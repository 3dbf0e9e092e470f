"""What the deployed package says of its rows and answers, so that captured ones without names can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from jobkit import package
from jobkit.failure import JobError
from jobkit.serving import columns_given
from jobkit.serving.columns_given import Known

BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
# How Model Monitor calls the problems.
PROBLEMS: Mapping[str, str] = {BINARY: "BinaryClassification", MULTICLASS: "MulticlassClassification", REGRESSION: "Regression"}


class Model(NamedTuple):
    """Hold what is known of a model: its problem, classes (of two the negative first), label column, the columns of its rows, and its threshold (0 to 1).

    A model that is no package of ours has no `known` columns; `fallback` are those of the baseline then.
    """

    problem: str = BINARY
    classes: Tuple[str, ...] = ()
    label: Optional[str] = None
    known: Optional[Known] = None
    threshold: float = 0.5
    fallback: Tuple[str, ...] = ()

    def names(self, count: int) -> Tuple[str, ...]:
        """Return the names of a row of so many values without names; `_c0`, `_c1` … where nothing fits."""
        found = self.known.layouts.get(count) if self.known else None
        if found is None and count == len(self.fallback):
            found = self.fallback
        return found or tuple("_c{}".format(place) for place in range(count))

    def columns(self) -> Tuple[str, ...]:
        """Return every name that a header may hold."""
        return tuple(sorted(name for name in self.known.names if name)) if self.known else self.fallback

    def needed(self) -> Tuple[str, ...]:
        """Return the columns that the model reads, none when nobody says."""
        return self.known.schema if self.known else ()

    def code(self, label: Optional[str]) -> Optional[str]:
        """Return a label of two classes as 1 or 0; others as they are."""
        plain = _plain(label)
        if plain is None or self.problem != BINARY or plain not in self.classes:
            return plain
        return str(self.classes.index(plain))

    def name(self, label: Optional[str]) -> Optional[str]:
        """Return the class that an answer means: its name, or of two classes 0 or 1 the name of that place."""
        plain = _plain(label)
        places = {str(place): name for place, name in enumerate(self.classes)} if self.problem == BINARY else {}
        return plain if plain is None or plain in self.classes else places.get(plain, plain)


def _plain(label: Optional[str]) -> Optional[str]:
    """Return a label without the `.0` that whole numbers get on their way."""
    return label[:-2] if label is not None and label.endswith(".0") and label[:-2].lstrip("-").isdigit() else label


def of_folder(folder: Path, problem: Optional[str], fallback: Tuple[str, ...]) -> Model:
    """Return what the package in a folder says; `problem`, in our words or the service's, counts where there is none that does.

    Raises:
        JobError: the package cannot be read, or nothing says what the problem is.
    """
    files = package.read(package.find(folder)) if folder.is_dir() and list(folder.rglob("*.tar.gz")) else {}
    about, recipe = (_document(files, name) for name in ("package.json", "recipe.json"))
    ours = {service: name for name, service in PROBLEMS.items()}
    told = str(about.get("problem") or ours.get(problem or "", problem or BINARY))
    if told not in PROBLEMS:
        raise JobError("--problem-type: got {!r}; expected one of {}".format(told, ", ".join([*PROBLEMS, *ours])))
    label = (recipe.get("label") or {}).get("column")
    known = columns_given.known(recipe) if recipe.get("schema") else None
    return Model(told, tuple(map(str, about.get("classes") or ())), label, known, float(about.get("threshold") or 0.5), fallback)


def _document(files: Mapping[str, bytes], name: str) -> Dict[str, Any]:
    try:
        found = json.loads(files.get(name, b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
