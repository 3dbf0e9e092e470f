"""Pack the trained model, the recipe and the code that serves them into one model.tar.gz, which takes raw rows."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from jobkit import failure, package
from jobkit.paths import processing

MODEL_FILE, RECIPE_FILE, PACKAGE_FILE = "xgboost-model", "recipe.json", "package.json"
VERSION = 1
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "xgboost", "xgboost-cpu")
# What serving never needs of jobkit.
LEFT_OUT = ("card/", "clarify/", "drift/", "evaluation/", "leakage/", "monitor/", "page/", "privacy/", "profile/")
LEFT_OUT += ("package.py", "raw_rows.py", "sample.py", "scores.py", "seals.py", "skew.py", "split.py", "write.py")
# Who answers requests: our code, the model's own, or nobody.
OURS, OWN, NOBODY = "jobkit", "own", "none"


def main(argv: Sequence[str]) -> int:
    """Read `model` and `recipe`, write `package/model.tar.gz`, and print what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability from which a row counts as positive, of two classes")
    threshold = parser.parse_args(list(argv)).threshold
    if not 0 < threshold < 1:
        raise failure.JobError("the threshold is {}; expected a probability between 0 and 1".format(threshold))
    here = Path(__file__).resolve().parent
    text = (processing("recipe") / RECIPE_FILE).read_bytes()
    model = package.read(package.find(processing("model")))
    files = contents(model, text, here, threshold)
    packed = package.pack(files)
    folder = processing("package")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / package.ARCHIVE).write_bytes(packed)
    served = json.loads(files[PACKAGE_FILE])["serves"]
    print("package: {} files, {} bytes, sha256 {}".format(len(files), len(packed), package.sha256(packed)))
    print(TOLD[served])
    return 0


TOLD = {
    OURS: "it takes raw rows: code/inference.py applies recipe.json and asks the model",
    OWN: "the model brings code/inference.py of its own, which stays as it is and takes what it takes; recipe.json and package.json lie beside it",
    NOBODY: "there is no {} and no {} in the model, so recipe.json and package.json are all that is added".format(MODEL_FILE, package.INFERENCE),
}


def contents(model: Mapping[str, bytes], recipe: bytes, here: Path, threshold: float) -> Dict[str, bytes]:
    """Return the files of the package; `here` is the folder of inference.py, jobkit and the user's functions.

    Raises:
        JobError: the model holds a file of a name that is ours, or the recipe cannot be read.
    """
    fitted = _recipe(recipe)
    taken = sorted({RECIPE_FILE, PACKAGE_FILE} & set(model))
    if taken:
        raise failure.JobError("the model holds a file {!r}, which is the name of one that is added; let the training name it otherwise".format(taken[0]))
    serves = OWN if package.INFERENCE in model else OURS if MODEL_FILE in model else NOBODY
    files = {**model, RECIPE_FILE: recipe, **(code(here, fitted) if serves == OURS else {})}
    return {**files, PACKAGE_FILE: _json(about(fitted, threshold, serves, files))}


def _recipe(text: bytes) -> Dict[str, Any]:
    """Return what packing needs of a recipe, read without the code that applies it, whose import would take longer than the whole job."""
    try:
        fitted = json.loads(text)
        return {name: fitted[name] for name in ("schema", "steps", "features", "label")}
    except (ValueError, KeyError, TypeError) as error:
        raise failure.JobError("{}: this is no recipe of Preprocess: {}: {}".format(RECIPE_FILE, type(error).__name__, error)) from None


def code(here: Path, fitted: Mapping[str, Any]) -> Dict[str, bytes]:
    """Return what serves the model, below `code/`: the entry, jobkit and the files of functions that the recipe calls."""
    entry = here / "inference.py"
    files = {package.INFERENCE: (entry if entry.is_file() else here.parent / "training" / "inference.py").read_bytes()}
    root = Path(package.__file__).resolve().parent
    functions = [state["function"].rpartition(":")[0] for state in fitted["steps"] if state["step"] == "python"]
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if functions or not name.startswith(LEFT_OUT):  # a function of the user's may import any of it, as it could in Preprocess
            files["code/jobkit/" + name] = path.read_bytes()
    files.update({"code/" + name: (root.parent / name).read_bytes() for name in functions})
    return files


def about(fitted: Mapping[str, Any], threshold: float, serves: str, files: Mapping[str, bytes]) -> Dict[str, Any]:
    """Return package.json: what the model tells, from which features, on which versions, and the sha256 of every other file."""
    label = fitted["label"]
    binary = {"threshold": threshold} if label["problem"] == "binary_classification" else {}
    return {
        "format": "sagewright.package",
        "version": VERSION,
        "serves": serves,
        "problem": label["problem"],
        "label": label["column"],
        "classes": label["classes"],
        "columns": [entry["name"] for entry in fitted["schema"]],
        "features": fitted["features"],
        "versions": {"python": platform.python_version(), **versions(LIBRARIES)},
        "files": package.digests(files),
        **binary,
    }


def versions(names: Sequence[str]) -> Dict[str, str]:
    """Return the versions of the distributions that are installed, without importing any."""
    from importlib import metadata

    found: List[Any] = []
    for name in names:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return dict(found)


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


if __name__ == "__main__":
    sys.exit(failure.run(main))
