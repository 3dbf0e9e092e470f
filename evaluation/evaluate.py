"""Score the held-out test split and write `evaluation.json` in the layout that the Model Registry renders."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from jobkit import failure
from jobkit.paths import processing

MODEL_FILE = "xgboost-model"
CURVE_POINTS = 200
NO_DEVIATION = "NaN"


def main(argv: Sequence[str]) -> int:
    """Read `model` and `test`, write `evaluation/evaluation.json` and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability from which a row counts as positive")
    threshold = parser.parse_args(list(argv)).threshold
    if not 0 < threshold < 1:
        raise failure.JobError("the threshold is {}; expected a probability between 0 and 1".format(threshold))
    target, scores = predict(processing("model"), processing("test"))
    report = {"version": 0.0, "dataset": {"item_count": len(target)}, "binary_classification_metrics": binary(target, scores, threshold)}
    folder = processing("evaluation")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report, sort_keys=True, indent=1) + "\n")
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        print("{}: {:.4f}".format(name, report["binary_classification_metrics"][name]["value"]))
    return 0


def predict(model: Path, test: Path) -> Tuple[np.ndarray, np.ndarray]:
    """Return the test split's labels and predicted probabilities, both float of shape (rows,).

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
    scores = booster.predict(xgboost.DMatrix(values[:, 1:], feature_names=names if booster.feature_names else None))
    return values[:, 0], scores


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


def _value(number: float) -> Dict[str, Any]:
    return {"value": float(number), "standard_deviation": NO_DEVIATION}


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def binary(target: np.ndarray, scores: np.ndarray, threshold: float) -> Dict[str, Any]:
    """Return the metrics of a binary classifier; a ratio without cases is 0.

    `target` is 0/1 and `scores` a probability, both of shape (rows,); a score at the threshold counts as positive.
    """
    predicted, actual = scores >= threshold, target > 0.5
    tp, fp = int(np.sum(predicted & actual)), int(np.sum(predicted & ~actual))
    fn, tn = int(np.sum(~predicted & actual)), int(np.sum(~predicted & ~actual))
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    rates = {
        "accuracy": _ratio(tp + tn, len(target)),
        "precision": precision,
        "recall": recall,
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(tn, tn + fp),
        "false_positive_rate": _ratio(fp, tn + fp),
        "false_negative_rate": _ratio(fn, tp + fn),
        **{name: _f_score(precision, recall, beta) for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))},
        "auc": auc(actual, scores),
    }
    matrix = {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}
    curves = {"receiver_operating_characteristic_curve": roc_curve(actual, scores), "precision_recall_curve": pr_curve(actual, scores)}
    return {"confusion_matrix": matrix, "decision_threshold": threshold, **{name: _value(rate) for name, rate in rates.items()}, **curves}


def _f_score(precision: float, recall: float, beta: float) -> float:
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def auc(actual: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counted half (the Mann-Whitney statistic); 0.5 when a class is absent."""
    positives, negatives = int(actual.sum()), int((~actual).sum())
    if not positives or not negatives:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[actual].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def _cumulative(actual: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return true and false positives at each distinct score, highest first (float64)."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(actual[order], dtype="float64")[last]
    return hits, last + 1 - hits


def _thin(*columns: np.ndarray) -> List[List[float]]:
    keep = np.unique(np.linspace(0, len(columns[0]) - 1, min(len(columns[0]), CURVE_POINTS)).round().astype(int))
    return [[float(value) for value in column[keep]] for column in columns]


def roc_curve(actual: np.ndarray, scores: np.ndarray) -> Dict[str, List[float]]:
    """Return false and true positive rates, at most 200 points from (0, 0) to (1, 1)."""
    hits, false = _cumulative(actual, scores)
    rates = [np.append(0.0, counts / max(1.0, counts[-1])) for counts in (false, hits)]
    return dict(zip(("false_positive_rates", "true_positive_rates"), _thin(*rates)))


def pr_curve(actual: np.ndarray, scores: np.ndarray) -> Dict[str, List[float]]:
    """Return precisions and recalls, at most 200 points by falling score."""
    hits, false = _cumulative(actual, scores)
    return dict(zip(("precisions", "recalls"), _thin(hits / (hits + false), hits / max(1.0, hits[-1]))))


if __name__ == "__main__":
    sys.exit(failure.run(main))
