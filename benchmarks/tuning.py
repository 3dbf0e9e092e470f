"""Measure a search of 40 trainings against a hand-written Optuna loop and scikit-learn's RandomizedSearchCV, in turns, two trainings side by side each.

All three search the same ranges with the same number of rounds on the same prepared bookings, validate on the same split and end with the best AUC. Ours is
a Tuning step: every training is a job in an /opt/ml of its own. The hand-written sides read the rows once and train in one process.

    python benchmarks/tuning.py [CSV] [--pairs 3] [--trials 40]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing import timed

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared/data/hotel/hotel_bookings.csv"
SAGEWRIGHT = (sys.executable, "-m", "pipelines")
ROUNDS = 100
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
COMMON = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd, xgboost as xgb
from sklearn.metrics import roc_auc_score
folder, trials, workers, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
train, valid = (pd.read_parquet(f"{folder}/{part}.parquet") for part in ("train", "validation"))
y_train, y_valid = train.pop(train.columns[0]), valid.pop(valid.columns[0])
"""
OPTUNA = (
    COMMON
    + """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
d_train, d_valid = xgb.DMatrix(train, y_train, nthread=1), xgb.DMatrix(valid, y_valid, nthread=1)
def objective(trial):
    params = dict(max_depth=trial.suggest_int("max_depth", 3, 9), eta=trial.suggest_float("eta", 0.05, 0.4, log=True),
                  subsample=trial.suggest_float("subsample", 0.5, 1.0), gamma=1, min_child_weight=2, objective="binary:logistic", eval_metric="auc", nthread=1)
    booster = xgb.train(params, d_train, rounds, evals=[(d_valid, "validation")], verbose_eval=False)
    return roc_auc_score(y_valid, booster.predict(d_valid))
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=trials, n_jobs=workers)
print(json.dumps({"auc": study.best_value}))
"""
)
SKLEARN = (
    COMMON
    + """
import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV
model = xgb.XGBClassifier(n_estimators=rounds, gamma=1, min_child_weight=2, n_jobs=1, eval_metric="auc")
space = {"max_depth": randint(3, 10), "learning_rate": loguniform(0.05, 0.4), "subsample": uniform(0.5, 0.5)}
fold = PredefinedSplit(np.r_[np.full(len(train), -1), np.zeros(len(valid))])
search = RandomizedSearchCV(model, space, n_iter=trials, scoring="roc_auc", n_jobs=workers, cv=fold, refit=False, random_state=0)
search.fit(pd.concat([train, valid]), pd.concat([y_train, y_valid]))
print(json.dumps({"auc": float(search.best_score_)}))
"""
)


def definition(prepared: str, trials: int, workers: int) -> dict[str, Any]:
    """Return a definition of one Tuning step on prepared rows."""

    def channel(name: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"{prepared}/{name}", "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "ContentType": "application/x-parquet", "DataSource": {"S3DataSource": source}}

    arguments = {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": workers},
            "RandomSeed": 0,
            "ParameterRanges": {
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "3", "MaxValue": "9"}],
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0.05", "MaxValue": "0.4", "ScalingType": "Logarithmic"},
                    {"Name": "subsample", "MinValue": "0.5", "MaxValue": "1"},
                ],
            },
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "StaticHyperParameters": {
                "objective": "binary:logistic",
                "eval_metric": "auc",
                "num_round": str(ROUNDS),
                "gamma": "1",
                "min_child_weight": "2",
                "nthread": "1",
            },
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": "s3://bench-bucket/tuning"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "RoleArn": "arn:aws:iam::123456789012:role/bench",
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    }
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [{"Name": "Tune", "Type": "Tuning", "Arguments": arguments}]}


def prepare(csv: Path, home: Path) -> tuple[str, Path]:
    """Prepare the bookings once; return where the splits are in the local S3, and as a folder of files."""
    source = ROOT / "examples/hotel-bookings/pipeline.yaml"
    prepared = [*SAGEWRIGHT, "run", str(source), "--set", f"data.input={csv}", "--until", "Preprocess", "--quiet", "--output", "json"]
    _, told = timed(prepared, home)
    outputs = json.loads(told)["outputs"]
    train = Path(outputs["Preprocess.train"])
    folder = home / "rows"
    folder.mkdir()
    for part in ("train", "validation"):
        os.link(Path(outputs[f"Preprocess.{part}"]) / f"{part}.parquet", folder / f"{part}.parquet")
    return "s3://" + train.parent.relative_to(home / ".sagewright/s3").as_posix(), folder


def main() -> int:
    """Run all sides in turns and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?", type=Path, default=REAL)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    arguments = parser.parse_args()
    if not arguments.csv.is_file():
        print(f"needs {arguments.csv}; not measured", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as name:
        home = Path(name)
        prepared, rows = prepare(arguments.csv, home)
        for workers in (1, 2):
            (home / f"tune{workers}.json").write_text(json.dumps(definition(prepared, arguments.trials, workers)))
        found = [_turn(home, rows, arguments.trials, pair == 0) for pair in range(arguments.pairs)]
    told = {key: round(statistics.median(turn[key] for turn in found if key in turn), 4 if key.endswith("auc") else 2) for key in found[0]}
    print(json.dumps({"benchmark": "tuning", **told}))
    return 0


def _turn(home: Path, rows: Path, trials: int, alone: bool) -> dict[str, float]:
    """Run each side once; `alone` also runs ours with one training at a time and one core."""
    ours, told = timed(_ours(2), home)
    optuna, by_optuna = timed([sys.executable, "-c", OPTUNA, str(rows), str(trials), "2", str(ROUNDS)], home)
    sklearn, by_sklearn = timed([sys.executable, "-c", SKLEARN, str(rows), str(trials), "2", str(ROUNDS)], home)
    turn = {
        "median_ratio": ours / min(optuna, sklearn),
        "sagewright_s": ours,
        "optuna_s": optuna,
        "sklearn_s": sklearn,
        "sagewright_auc": json.loads(told)["metrics"]["Tune.validation:auc"],
        "optuna_auc": json.loads(by_optuna)["auc"],
        "sklearn_auc": json.loads(by_sklearn)["auc"],
    }
    if alone:
        one, _ = timed(_ours(1), home)
        turn["two_cores_faster"] = one / ours
    print({key: round(value, 4) for key, value in turn.items()}, file=sys.stderr)
    return turn


def _ours(workers: int) -> list[str]:
    return [*SAGEWRIGHT, "run", f"tune{workers}.json", "--no-cache", "--quiet", "--output", "json"]


if __name__ == "__main__":
    raise SystemExit(main())
