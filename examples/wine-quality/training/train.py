"""Train a random forest on the prepared splits and save it with the code that serves it."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import inference
import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_squared_error, r2_score

from jobkit import Run


def main() -> None:
    """Read the channels, fit, print the metrics of the validation split, and write model and inference code to SM_MODEL_DIR."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n_estimators", type=int, default=100)
    parser.add_argument("--max_depth", type=int, default=None)
    parser.add_argument("--min_samples_leaf", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    features, quality = load("train")
    forest = RandomForestRegressor(
        n_estimators=given.n_estimators,
        max_depth=given.max_depth,
        min_samples_leaf=given.min_samples_leaf,
        random_state=given.seed,
        n_jobs=int(os.environ["SM_NUM_CPUS"]),
    )
    forest.fit(features, quality)
    with Run() as run:
        run.log_parameter("trees", given.n_estimators)
        others, truth = load("validation")
        predicted = forest.predict(others)
        run.log_metric("validation_rmse", float(np.sqrt(mean_squared_error(truth, predicted))))
        run.log_metric("validation_r2", float(r2_score(truth, predicted)))
    save(forest, Path(os.environ["SM_MODEL_DIR"]))


def load(channel: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return the features and the label of a channel's Parquet files; the label is the first column."""
    folder = Path(os.environ["SM_CHANNEL_" + channel.upper()])
    table = pd.concat([pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))])
    return table.iloc[:, 1:], table.iloc[:, 0]


def save(forest: RandomForestRegressor, folder: Path) -> None:
    """Write the model, and `code/inference.py` beside it, where the image looks for it."""
    joblib.dump(forest, folder / inference.MODEL_FILE)
    (folder / "code").mkdir(exist_ok=True)
    shutil.copy(inference.__file__, folder / "code" / "inference.py")


if __name__ == "__main__":
    main()
