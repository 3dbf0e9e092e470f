"""Prepare raw rows: drop duplicates, split, then fit on the training split only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
import pandas as pd

from jobkit import failure, recipe, table
from jobkit.paths import processing

SPLITS = ("train", "validation", "test")
ROWS_PER_CLASS = 3


def main(argv: Sequence[str]) -> int:
    """Read `input/raw`, write `train`, `validation`, `test` (Parquet: label first, then float32 features) and `recipe`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the split")
    seed = parser.parse_args(list(argv)).seed
    if seed < 0:
        raise failure.JobError("the seed is {}; expected a whole number from 0".format(seed))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    rows = table.read(processing("input/raw"), job["data"], job["label"]["column"])
    print("read {} rows, {} columns".format(*rows.shape))
    rows = recipe.prepare(rows, job["recipe"])
    print("kept {} rows, {} columns".format(*rows.shape))
    splits, fitted = prepare(rows, job, seed)
    for name, frame in splits.items():
        print("{}: {} rows, {} features, {:.1%} positive".format(name, len(frame), frame.shape[1] - 1, frame.iloc[:, 0].mean()))
        write_parquet(frame, processing(name) / (name + ".parquet"))
    (processing("recipe") / "recipe.json").write_text(recipe.dumps(fitted), encoding="utf-8")
    return 0


def prepare(rows: pd.DataFrame, job: Dict[str, Any], seed: int) -> Any:
    """Split the rows, fit the recipe on the training split and apply it to all; return {split: frame} and the fitted recipe.

    Raises:
        JobError: the label or a recipe step does not fit the rows.
    """
    label = job["label"]["column"]
    target, classes = table.positives(rows, label, job["label"]["positive"])
    features = rows.drop(columns=[label])
    parts = split(target.to_numpy(), job["split"], seed)
    fitted, train = recipe.fit(features.iloc[parts["train"]], job["recipe"])
    fitted.update(label={"column": label, "classes": classes}, seed=seed)
    frames = {"train": train, **{name: recipe.apply(features.iloc[parts[name]], fitted) for name in SPLITS[1:]}}
    return {name: _labelled(label, target, frame) for name, frame in frames.items()}, fitted


def _labelled(label: str, target: pd.Series, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([target.loc[frame.index].rename(label), frame], axis=1)


def split(target: np.ndarray, shares: Dict[str, Any], seed: int) -> Dict[str, np.ndarray]:
    """Return the row positions (int64, sorted) of each split; stratified, every class has its share in every split.

    `target` is float 0/1 of shape (rows,).

    Raises:
        JobError: a class has too few rows to be in every split.
    """
    generator = np.random.default_rng(seed)
    groups = [np.flatnonzero(target == value) for value in (0.0, 1.0)] if shares["method"] == "stratified" else [np.arange(len(target))]
    parts: Dict[str, List[np.ndarray]] = {name: [] for name in SPLITS}
    for group in groups:
        if len(group) < ROWS_PER_CLASS:
            raise failure.JobError("a class has {} rows; expected at least {}, one for each split".format(len(group), ROWS_PER_CLASS))
        order = group[np.argsort(generator.random(len(group)), kind="stable")]
        ends = np.round(np.cumsum([shares["train"], shares["validation"]]) * len(group)).astype(int)
        first = min(max(1, ends[0]), len(group) - 2)
        second = min(max(first + 1, ends[1]), len(group) - 1)
        for name, part in zip(SPLITS, np.split(order, [first, second])):
            parts[name].append(part)
    return {name: np.sort(np.concatenate(pieces)) for name, pieces in parts.items()}


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet with the same bytes for the same rows: no index, no pandas metadata."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [pa.array(frame[name].to_numpy(dtype="float32")) for name in frame]
    parquet.write_table(pa.Table.from_arrays(columns, names=[str(name) for name in frame]), str(path), compression="snappy")


if __name__ == "__main__":
    sys.exit(failure.run(main))
