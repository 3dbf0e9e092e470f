"""Train XGBoost in script mode: the same data and model file as the built-in algorithm, in a script that is yours to change."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import numpy as np

from jobkit import failure
from jobkit.paths import channel, model_dir


def main(argv: Sequence[str]) -> int:
    """Read the channels `train` and `validation`, print the metrics of each round, write `xgboost-model`."""
    import xgboost

    known, other = parse(argv)
    data = [(load(channel(name)), name) for name in ("train", "validation") if channel(name).is_dir()]
    params = {**other, "objective": known.objective, "eval_metric": known.eval_metric.split(","), "seed": known.seed, "nthread": threads()}
    booster = xgboost.train(params, data[0][0], known.num_round, evals=data, verbose_eval=True)
    model_dir().mkdir(parents=True, exist_ok=True)
    (model_dir() / "xgboost-model").write_bytes(bytes(booster.save_raw("ubj")))
    return 0


def parse(argv: Sequence[str]) -> Tuple[argparse.Namespace, dict]:
    """Return the hyperparameters this script knows, and all others as XGBoost parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_round", type=int, default=100)
    parser.add_argument("--objective", default="binary:logistic")
    parser.add_argument("--eval_metric", default="auc")
    parser.add_argument("--seed", type=int, default=0)
    known, rest = parser.parse_known_args(list(argv))
    return known, dict(zip([name.lstrip("-") for name in rest[0::2]], rest[1::2]))


def load(folder: Path) -> Any:
    """Return a channel's Parquet or CSV files (label first) as a DMatrix.

    Raises:
        JobError: the channel is empty.
    """
    import pandas as pd
    import xgboost

    files: List[Path] = sorted(path for path in folder.rglob("*") if path.suffix in (".parquet", ".csv"))
    if not files:
        raise failure.JobError("the channel {} has no Parquet or CSV file".format(folder.name))
    frames = [pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, header=None) for path in files]
    names = [str(name) for name in frames[0].columns[1:]] if files[0].suffix == ".parquet" else None
    values = np.concatenate([frame.to_numpy(dtype="float32") for frame in frames])
    return xgboost.DMatrix(values[:, 1:], values[:, 0], feature_names=names, nthread=threads())


def threads() -> int:
    """Return how many threads this job may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(failure.run(main, file="failure"))
