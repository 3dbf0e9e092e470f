"""Judge the model by the held-out test split: `evaluation.json` in the layout that the Model Registry renders, more numbers, a page, and every prediction."""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from jobkit import failure, raw_rows
from jobkit.arrow import matrix_of
from jobkit.evaluation import approved, details, judged, page, thresholds
from jobkit.evaluation.measures import BINARY, Case
from jobkit.paths import processing

MODEL_FILE = "xgboost-model"
INFERENCE = "code/inference.py"


def main(argv: Sequence[str]) -> int:
    """Read `model` and `test` (`validation`, `raw_test` and `approved` where they are), write `evaluation/` and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability from which a row counts as positive, of two classes")
    threshold = parser.parse_args(list(argv)).threshold
    if not 0 < threshold < 1:
        raise failure.JobError("the threshold is {}; expected a probability between 0 and 1".format(threshold))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    wanted = details.settings(job)
    # The approved model is served by a fork, which must be made before this process runs Arrow or XGBoost.
    with approved.served(processing("approved"), job["problem"], job["label"].get("classes") or ()) as rival:
        found = judge(job, wanted["costs"], threshold)
        told = details.details(found, wanted, rival)
    used = found.chosen.threshold if found.chosen else threshold
    quality = judged.quality(found.case, used)
    write(processing("evaluation"), found.case, quality, told, job["label"])
    metrics = quality[judged.GROUPS[found.case.problem]]
    if used != threshold:
        print("threshold: {:.4f}, chosen on the validation split by its costs".format(used))
    for name in judged.SHOWN[found.case.problem]:
        print("{}: {:.4f}".format(name, metrics[name]["value"]))
    return 0


def judge(job: Mapping[str, Any], costs: Optional[Mapping[str, float]], given: float) -> details.Judged:
    """Return the test split as the model decides it; with costs, from the threshold that is cheapest on the validation split.

    Raises:
        JobError: the model cannot be asked, or there are costs and no validation split of two classes.
    """
    problem, classes = job["problem"], job["label"].get("classes") or ()
    case = judged.case_of(problem, *predict(processing("model"), processing("test")), classes)
    chosen = None
    if costs is not None:
        chosen = thresholds.choose(_validation(problem, classes), costs, given)
    elif problem == BINARY:
        chosen = thresholds.as_given(case, given)
    return details.Judged(judged.decided(case, chosen.threshold if chosen else given), given, chosen, processing("raw_test") / raw_rows.FILE)


def _validation(problem: str, classes: Sequence[str]) -> Case:
    if problem != BINARY:
        raise failure.JobError("evaluation.costs choose a threshold, which {} does not have; leave them out".format(problem.replace("_", " ")))
    if not processing("validation").is_dir():
        raise failure.JobError("evaluation.costs choose the threshold on the validation split; the job has no input `validation`")
    return judged.case_of(problem, *predict(processing("model"), processing("validation")), classes)


def write(folder: Path, case: Case, quality: Mapping[str, Any], told: Mapping[str, Any], label: Mapping[str, Any]) -> None:
    """Write evaluation.json (keys in Model Monitor's order), evaluation_details.json, evaluation.html and predictions.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("evaluation.json", quality), ("evaluation_details.json", told)):
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text + "\n", encoding="utf-8", errors="replace")
    (folder / "evaluation.html").write_text(page.page(case, quality, told, label.get("column", "")), encoding="utf-8", errors="replace")
    judged.write_predictions(case, folder / "predictions.csv")


def predict(model: Path, test: Path) -> Tuple[np.ndarray, np.ndarray]:
    """Return the test split's labels (float32, shape (rows,)) and what the model answers: shape (rows,), or (rows, classes) for probabilities of classes.

    A model that comes with `code/inference.py` is asked through its `model_fn` and `predict_fn`, as an endpoint asks it; one without is XGBoost's.

    Raises:
        JobError: the model archive or the test split cannot be read, or the model's answers do not fit the rows.
    """
    import pyarrow.parquet as parquet

    files = sorted(test.rglob("*.parquet"))
    if not files:
        raise failure.JobError("there is no Parquet file in {}".format(test))
    split = parquet.ParquetFile(str(files[0])).read(use_threads=False)
    values = matrix_of(split)
    ask = by_script if INFERENCE in members_of(model) else by_xgboost
    answers = np.asarray(ask(model, values[:, 1:], split.column_names[1:]), dtype=np.float64)
    if answers.ndim not in (1, 2) or len(answers) != len(values):
        raise failure.JobError("the model answered {} rows with an array of shape {}".format(len(values), answers.shape))
    return values[:, 0], answers


def by_xgboost(model: Path, features: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the answers of the model file that XGBoost's container writes."""
    import xgboost

    booster = xgboost.Booster({"nthread": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)})
    booster.load_model(bytearray(read_member(model, MODEL_FILE)))
    return booster.predict(xgboost.DMatrix(features, feature_names=list(names) if booster.feature_names else None))


def by_script(model: Path, features: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the answers of a model through its own `model_fn(folder)` and, where there is one, `predict_fn(DataFrame, model)`.

    Raises:
        JobError: the code has no `model_fn`.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory() as place:
        for name in members_of(model):
            file = Path(place, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(read_member(model, name))
        sys.path.insert(0, str(Path(place, INFERENCE).parent))
        code = runpy.run_path(str(Path(place, INFERENCE)), run_name="inference")
        if "model_fn" not in code:
            raise failure.JobError("{} of the model has no function model_fn(model_dir)".format(INFERENCE))
        loaded = code["model_fn"](place)
        rows = pd.DataFrame(features, columns=list(names))
        return np.asarray(code["predict_fn"](rows, loaded) if "predict_fn" in code else loaded.predict(rows))


def members_of(folder: Path) -> List[str]:
    """Return the names of the files in the model archive of a folder.

    Raises:
        JobError: there is no archive, it is damaged, or names a path outside of it.
    """
    with _opened(folder) as packed:
        members = {os.path.normpath(member.name): member for member in packed.getmembers()}
        _refuse_strays(members, _archive(folder).name)
        return sorted(name for name, member in members.items() if member.isfile())


def read_member(folder: Path, name: str) -> bytes:
    """Return one file of the model archive in a folder, without unpacking anything to disk.

    Raises:
        JobError: there is no archive, it is damaged, or holds no such file.
    """
    with _opened(folder) as packed:
        members = {os.path.normpath(member.name): member for member in packed.getmembers()}
        _refuse_strays(members, _archive(folder).name)
        content = packed.extractfile(members[name]) if name in members else None
        if content is None:
            held = ", ".join(sorted(members))[:200]
            raise failure.JobError("{} holds no file {!r} and no {}; got {}".format(_archive(folder).name, name, INFERENCE, held))
        return content.read()


def _archive(folder: Path) -> Path:
    archives = sorted(folder.rglob("*.tar.gz"))
    if not archives:
        raise failure.JobError("there is no model.tar.gz in {}".format(folder))
    return archives[0]


@contextmanager
def _opened(folder: Path) -> Iterator[tarfile.TarFile]:
    archive = _archive(folder)
    try:
        with tarfile.open(str(archive)) as packed:
            yield packed
    except (tarfile.TarError, EOFError, OSError) as error:
        raise failure.JobError("{} cannot be read: {}".format(archive.name, error)) from None


def _refuse_strays(members: Dict[str, Any], archive: str) -> None:
    for name in members:
        if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
            raise failure.JobError("{} holds {!r}, a path outside the archive; it was not made by a training job".format(archive, name))


if __name__ == "__main__":
    sys.exit(failure.run(main))
