"""Probe whether the trained model gives away which rows it was trained on, and write `privacy/privacy.json` and `privacy/privacy.html`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from jobkit import failure, package, seals
from jobkit.arrow import matrix_of
from jobkit.paths import processing
from jobkit.privacy import page, probe, target


def main(argv: Sequence[str]) -> int:
    """Read `model` or `package`, `train` and `test`, and `recipe` where it is there to check them; a finding does not fail this job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of what is drawn")
    seed = parser.parse_args(list(argv)).seed
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    found = run(job, seed)
    folder = processing("privacy")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, sort_keys=True, indent=1, allow_nan=False)
    (folder / "privacy.json").write_text(text + "\n", encoding="utf-8")
    (folder / "privacy.html").write_text(page.page(found), encoding="utf-8")
    print("privacy: {}".format(found["verdict"]["message"]))
    for warning in found["warnings"]:
        print("privacy, also: {}".format(warning))
    return 0


def run(job: Dict[str, Any], seed: int) -> Dict[str, Any]:
    """Return the document of privacy.json for the inputs of this job.

    Raises:
        JobError: an input is missing, was changed since Preprocess, or is not what the probe takes.
    """
    how = probe.settings(job.get("privacy") or {}, seed)
    if (processing("recipe") / seals.FILE).is_file():
        seals.demand({name: processing(name) for name in ("train", "test")}, seals.read(processing("recipe")))
    members, names = read(processing("train"), how.rows, seed)
    others, same = read(processing("test"), how.rows, seed + 1)
    if names != same:
        raise failure.JobError("train and test have other columns; got {} and {}. Give the splits of one run".format(names[:5], same[:5]))
    booster = target.load(model(), names[1:])
    return probe.probe(booster, members, others, job["problem"], how, job.get("hyperparameters") or {})


def model() -> bytes:
    """Return the model file of XGBoost in the input `model`, else in `package`.

    Raises:
        JobError: there is neither, or it holds no model of XGBoost.
    """
    folder = next((processing(name) for name in ("model", "package") if processing(name).is_dir()), processing("model"))
    files = package.read(package.find(folder))
    if target.MODEL_FILE not in files:
        told = "{}: there is no file {!r} in the model; got {}. The probe takes models of XGBoost only: switch it off for others"
        raise failure.JobError(told.format(folder.name, target.MODEL_FILE, ", ".join(sorted(files))[:200] or "no files"))
    return files[target.MODEL_FILE]


def read(folder: Path, most: int, seed: int) -> Tuple[target.Rows, List[str]]:
    """Return at most so many rows of a prepared split, drawn from all of its parts, and the names of its columns, label first.

    Raises:
        JobError: there is no Parquet file, or it has no feature.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise failure.JobError("there is no Parquet file in {}; the probe reads splits that Preprocess wrote as Parquet".format(folder))
    whole = pa.concat_tables([parquet.ParquetFile(str(file)).read(use_threads=False) for file in files])
    names = list(whole.column_names)
    if len(names) < 2:
        raise failure.JobError("{}: there is no feature beside the label; got columns {}".format(folder.name, names))
    kept = whole.take(pa.array(probe.drawn(whole.num_rows, most, seed))) if whole.num_rows > most else whole
    values = matrix_of(kept)
    return target.Rows(values[:, 0].astype(np.float64), values[:, 1:]), names


if __name__ == "__main__":
    sys.exit(failure.run(main))
