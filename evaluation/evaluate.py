"""Score the held-out test split and write `evaluation.json` in the layout that the Model Registry renders."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import numpy as np

from jobkit import failure, scores
from jobkit.paths import processing

MODEL_FILE = "xgboost-model"


def main(argv: Sequence[str]) -> int:
    """Read `model` and `test`, write `evaluation/evaluation.json` and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability from which a row counts as positive, of two classes")
    threshold = parser.parse_args(list(argv)).threshold
    if not 0 < threshold < 1:
        raise failure.JobError("the threshold is {}; expected a probability between 0 and 1".format(threshold))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    target, answers = predict(processing("model"), processing("test"))
    group, judge, shown = JUDGES[job["problem"]]
    metrics = judge(target, answers, threshold, job["label"])
    report = {"version": 0.0, "dataset": {"item_count": len(target)}, group: metrics}
    folder = processing("evaluation")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report, sort_keys=True, indent=1) + "\n")
    for name in shown:
        print("{}: {:.4f}".format(name, metrics[name]["value"]))
    return 0


def _binary(target: np.ndarray, answers: np.ndarray, threshold: float, label: Mapping[str, Any]) -> Dict[str, Any]:
    return scores.binary(target, answers, threshold)


def _multiclass(target: np.ndarray, answers: np.ndarray, threshold: float, label: Mapping[str, Any]) -> Dict[str, Any]:
    chosen = answers.argmax(axis=1) if answers.ndim == 2 else answers.astype(np.int64)
    return scores.multiclass(target.astype(np.int64), chosen, label["classes"])


def _regression(target: np.ndarray, answers: np.ndarray, threshold: float, label: Mapping[str, Any]) -> Dict[str, Any]:
    return scores.regression(target.astype(np.float64), answers.astype(np.float64))


# The group of each problem's metrics in evaluation.json, what makes them, and which are printed.
Judge = Callable[[np.ndarray, np.ndarray, float, Mapping[str, Any]], Dict[str, Any]]
JUDGES: Dict[str, Tuple[str, Judge, Sequence[str]]] = {
    "binary_classification": ("binary_classification_metrics", _binary, ("accuracy", "precision", "recall", "f1", "auc")),
    "multiclass_classification": (
        "multiclass_classification_metrics",
        _multiclass,
        ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1"),
    ),
    "regression": ("regression_metrics", _regression, ("mae", "rmse", "r2")),
}


def predict(model: Path, test: Path) -> Tuple[np.ndarray, np.ndarray]:
    """Return the test split's labels (float32, shape (rows,)) and what the model answers: shape (rows,), or (rows, classes) for probabilities of classes.

    Raises:
        JobError: the model archive or the test split cannot be read.
    """
    import pyarrow.parquet as parquet
    import xgboost

    files = sorted(test.rglob("*.parquet"))
    if not files:
        raise failure.JobError("there is no Parquet file in {}".format(test))
    booster = xgboost.Booster({"nthread": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)})
    booster.load_model(bytearray(read_member(model, MODEL_FILE)))
    split = parquet.read_table(str(files[0]), use_threads=False)
    values = np.column_stack([column.to_numpy() for column in split.columns]).astype("float32", copy=False)
    names = split.column_names[1:]
    return values[:, 0], booster.predict(xgboost.DMatrix(values[:, 1:], feature_names=names if booster.feature_names else None))


def read_member(folder: Path, name: str) -> bytes:
    """Return one file of the model archive in a folder, without unpacking anything to disk.

    Raises:
        JobError: there is no archive, it is damaged, or holds no such file.
    """
    archives = sorted(folder.rglob("*.tar.gz"))
    if not archives:
        raise failure.JobError("there is no model.tar.gz in {}".format(folder))
    try:
        with tarfile.open(str(archives[0])) as packed:
            members = {os.path.normpath(member.name): member for member in packed.getmembers()}
            _refuse_strays(members, archives[0].name)
            content = packed.extractfile(members[name]) if name in members else None
            if content is None:
                raise failure.JobError("{} holds no file {!r}; got {}".format(archives[0].name, name, ", ".join(sorted(members))[:200]))
            return content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise failure.JobError("{} cannot be read: {}".format(archives[0].name, error)) from None


def _refuse_strays(members: Dict[str, Any], archive: str) -> None:
    for name in members:
        if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
            raise failure.JobError("{} holds {!r}, a path outside the archive; it was not made by a training job".format(archive, name))


if __name__ == "__main__":
    sys.exit(failure.run(main))
