"""Canary and skew check of a package: it must load in a process of its own and make of raw rows the very features and answers that the training made."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit import failure, package, skew
from jobkit.paths import processing
from jobkit.serving import child

MODEL_FILE, RECIPE_FILE, PACKAGE_FILE, CERTIFICATE = "xgboost-model", "recipe.json", "package.json", "skew.json"
VERSION, SHOWN, MESSAGE = 1, 3, 900
OURS = "jobkit"
# Who may answer the requests, as PackageModel writes it.
SERVES = (OURS, "own", "none")
# What answers raise in the code that reads them when they are not of the form that was asked for.
MISSHAPEN = (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)


class Report(NamedTuple):
    """Gather what is found: findings in words, the paths that were compared, the canary's times, and how far the worst number is off."""

    findings: List[str]
    paths: Dict[str, Any]
    canary: Dict[str, Any]
    differences: List[float]


def main(argv: Sequence[str]) -> int:
    """Read `package`, `recipe` and `sample`, write `certificate/skew.json` and print the verdict; a finding does not fail this job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200, help="rows of the sample to replay")
    parser.add_argument("--threshold", type=float, default=None, help="probability from which a row counts as positive, of two classes")
    given = parser.parse_args(list(argv))
    archive = package.find(processing("package"))
    report = Report([], {}, {}, [0.0])
    about = examine(archive, given.threshold, given.rows, report)
    told = certificate(report, about, _seal(archive))
    folder = processing("certificate")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CERTIFICATE).write_text(json.dumps(told, sort_keys=True, indent=1) + "\n", encoding="utf-8", errors="replace")
    print("skew: {}".format(told["verdict"]["message"]))
    for finding in report.findings[1:]:
        print("skew, also: {}".format(finding))
    return 0


def examine(archive: Path, threshold: Optional[float], rows: int, report: Report) -> Mapping[str, Any]:
    """Hold a package to what the pipeline wrote and return its package.json; a package that cannot even be read is a finding, not a failure of this job."""
    written = (processing("recipe") / RECIPE_FILE).read_bytes()
    fitted = json.loads(written)
    try:
        files = package.read(archive)
        about = described(files)
    except failure.JobError as error:
        report.findings.append(str(error))
        return {}
    check_files(files, about, written, report)
    check_description(about, fitted, threshold, report)
    if about.get("serves") == OURS:
        with tempfile.TemporaryDirectory() as place:
            _replay_unpacked(Path(place), files, about, rows, report)
    return about


def _replay_unpacked(place: Path, files: Mapping[str, bytes], about: Mapping[str, Any], rows: int, report: Report) -> None:
    try:
        package.unpack(files, place)
    except OSError as error:
        report.findings.append("the package cannot be unpacked: {}".format(error))
        return
    replay(place, files, about, rows, report)


def described(files: Mapping[str, bytes]) -> Dict[str, Any]:
    """Return package.json of a package.

    Raises:
        JobError: it is missing or is none.
    """
    try:
        about = json.loads(files[PACKAGE_FILE])
        return dict(about, files=dict(about["files"]))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise failure.JobError("the package has no {} that can be read; it was not made by PackageModel".format(PACKAGE_FILE)) from None


def check_files(files: Mapping[str, bytes], about: Mapping[str, Any], recipe: bytes, report: Report) -> None:
    """Add a finding when a file is not what package.json says, or the recipe not the one that Preprocess wrote."""
    changed = package.changed({name: body for name, body in files.items() if name != PACKAGE_FILE}, about["files"])
    if changed:
        report.findings.append(changed)
    if files.get(RECIPE_FILE) != recipe:
        report.findings.append("the recipe in the package is not the one that Preprocess wrote: {}".format(_first_line(files.get(RECIPE_FILE, b""), recipe)))


def check_description(about: Mapping[str, Any], fitted: Mapping[str, Any], threshold: Optional[float], report: Report) -> None:
    """Add a finding for each member of package.json that is not what the recipe and the pipeline say: what the label is, its classes, the threshold."""
    label = fitted["label"]
    expected = {"problem": label["problem"], "label": label["column"], "classes": label["classes"]}
    expected.update(columns=[entry["name"] for entry in fitted["schema"]], features=fitted["features"])
    if label["problem"] == "binary_classification" and threshold is not None:
        expected["threshold"] = threshold
    if about.get("serves") not in SERVES:
        report.findings.append("package.json says serves {!r}; expected one of {}".format(str(about.get("serves"))[:80], ", ".join(SERVES)))
    for name, wanted in expected.items():
        if about.get(name) != wanted:
            told = "package.json says {} {!r}, the pipeline {!r}"
            report.findings.append(told.format(name, str(about.get(name))[:80], str(wanted)[:80]))


def _first_line(packed: bytes, written: bytes) -> str:
    """Return the first line that differs."""
    ours, theirs = packed.decode("utf-8", "replace").split("\n"), written.decode("utf-8", "replace").split("\n")
    for place, (one, other) in enumerate(zip(ours, theirs)):
        if one != other:
            return "line {} is {!r}, Preprocess wrote {!r}".format(place + 1, one.strip()[:80], other.strip()[:80])
    return "it has {} lines, Preprocess wrote {}".format(len(ours), len(theirs))


def replay(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any], rows: int, report: Report) -> None:
    """Serve the package twice, as batch transform and as an endpoint does, and compare both with the training; what fails is a finding."""
    with ExitStack() as servers:
        start = time.perf_counter()
        # Both are forked before anything here runs Arrow or XGBoost.
        batch = servers.enter_context(child.running(folder, package.INFERENCE, {"SAGEMAKER_BATCH": "true"}))
        endpoint = servers.enter_context(child.running(folder, package.INFERENCE, {"SAGEMAKER_BATCH": ""}))
        try:
            recipe = json.loads((processing("recipe") / RECIPE_FILE).read_bytes())
            strict = recipe["inference"]["extra_column"] == "fail"
            sample = skew.read(processing("sample"), rows, [entry["name"] for entry in recipe["schema"]] if strict else None)
            expected = bare(files[MODEL_FILE], sample.features)
            report.paths["training"] = {"rows": len(sample.lines)}
            for client in (endpoint, batch):
                client.healthy()
            report.canary["healthy_s"] = round(time.perf_counter() - start, 4)
            _compare(batch, endpoint, sample, expected, (recipe, about), report)
        except failure.JobError as error:
            report.findings.append("the canary failed: {}".format(error))
        except MISSHAPEN as error:
            traceback.print_exc()
            report.findings.append("the package's answers cannot be compared with the training: {}: {}".format(type(error).__name__, error))


def _compare(batch: Any, endpoint: Any, sample: skew.Sample, expected: np.ndarray, known: Any, report: Report) -> None:
    recipe, about = known
    delimiter = json.loads((processing("sample") / "sample.json").read_bytes())["delimiter"]
    seconds: List[float] = []
    found = {
        "batch": skew.batch(batch, sample, delimiter, about),
        "endpoint": skew.one_by_one(endpoint, sample, delimiter, recipe, about, seconds),
    }
    for name, answers in found.items():
        away = skew.compare(name, sample, expected, answers)
        report.paths[name] = {"rows": len(sample.lines), "differing_values": away.values, "largest_difference": _number(away.largest)}
        report.differences.append(away.largest)
        report.findings.extend([away.message] if away.message else [])
    report.canary["median_ms"] = round(float(np.median(seconds)) * 1e3, 4)
    report.canary["p95_ms"] = round(float(np.quantile(seconds, 0.95)) * 1e3, 4)


def bare(model: bytes, features: np.ndarray) -> np.ndarray:
    """Return what XGBoost itself answers to the training's features, float32 of shape (rows, numbers)."""
    import xgboost

    booster = xgboost.Booster({"nthread": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)})
    try:
        booster.load_model(bytearray(model))
    except xgboost.core.XGBoostError as error:
        raise failure.JobError("{} cannot be loaded: {}".format(MODEL_FILE, str(error).strip().split("\n")[0])) from None
    answers = booster.predict(xgboost.DMatrix(features), validate_features=False)
    return answers.reshape(len(features), -1)


def certificate(report: Report, about: Mapping[str, Any], seal: str) -> Dict[str, Any]:
    """Return skew.json; the member `registry` holds texts, since the Model Registry takes no other metadata."""
    largest = max(report.differences)
    rows = report.paths.get("endpoint", {}).get("rows", 0)
    good = "{} rows through three paths, the same to the last bit".format(rows) if rows else UNSERVED
    text = "; ".join(report.findings[:SHOWN]) or good
    return {
        "format": "sagewright.skew",
        "version": VERSION,
        "rows": rows,
        "sha256": seal,
        "largest_difference": _number(largest),
        "paths": report.paths,
        "canary": report.canary,
        "serves": about.get("serves"),
        "verdict": {"findings": len(report.findings), "message": text[:MESSAGE]},
        "registry": {"rows": str(rows), "sha256": seal, "largest_difference": repr(largest)},
    }


UNSERVED = "the files are those that were packed; the model is served by code of its own, so no rows were compared"


def _number(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


def _seal(archive: Path) -> str:
    """Return the sha256 of sample and package together."""
    parts = [*sorted(path for path in processing("sample").rglob("*") if path.is_file()), archive]
    return package.sha256(b"".join(path.read_bytes() for path in parts))


if __name__ == "__main__":
    sys.exit(failure.run(main))
