"""Measure exact Shapley values of trees against `shap`, both sides in turns in one go, and print the median ratio as one JSON line.

Both sides start with a loaded booster of 100 trees and get the same quantity for 20,000 rows: interventional Shapley values of the margin against one baseline
row, ours by `tree_shap.read` and `tree_shap.explain`, shap's by `TreeExplainer(booster, baseline, feature_perturbation="interventional")` and `shap_values`.
`pred_contribs` of XGBoost is another quantity (its background is the training data as the trees' counts hold it); its time is told beside them.

    python benchmarks/explain.py [--pairs 5] [--rows 20000] [--depth 6]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TREES, FEATURES = 100, 20


def trained(rows: int, depth: int) -> tuple[Any, np.ndarray]:
    """Return a booster and the rows to explain."""
    import xgboost

    dice = np.random.default_rng(0)
    inputs = dice.normal(size=(rows, FEATURES)).astype(np.float32)
    score = inputs[:, 0] * inputs[:, 1] + inputs[:, 2] + np.sin(2 * inputs[:, 3]) + 0.5 * dice.normal(size=rows)
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    parameters = {"objective": "binary:logistic", "max_depth": depth, "nthread": threads, "verbosity": 0}
    return xgboost.train(parameters, xgboost.DMatrix(inputs, (score > 0).astype(int)), TREES), inputs


def ours(booster: Any, inputs: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the values as the job computes them."""
    from jobkit.clarify import tree_shap

    return tree_shap.explain(tree_shap.read(booster), inputs, baseline)[:, :, 0]


def theirs(booster: Any, inputs: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the values of shap."""
    import shap

    explainer = shap.TreeExplainer(booster, baseline, feature_perturbation="interventional", model_output="raw")
    return explainer.shap_values(inputs, check_additivity=False)


def contributions(booster: Any, inputs: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return XGBoost's own contributions, another quantity."""
    import xgboost

    return booster.predict(xgboost.DMatrix(inputs), pred_contribs=True)


def shapley(pairs: int, rows: int, depth: int) -> dict[str, float]:
    """Return the median ratio of ours to shap's and the seconds, after checking that the values are equal."""
    booster, inputs = trained(rows, depth)
    baseline = inputs.mean(axis=0, keepdims=True)
    away = np.abs(ours(booster, inputs, baseline) - theirs(booster, inputs, baseline)).max()  # imports, too
    assert away < 1e-5, away
    runs = [[_seconds(side, booster, inputs, baseline) for side in (ours, theirs)] for _ in range(pairs)]
    mine, other = (statistics.median(run[side] for run in runs) for side in (0, 1))
    return {
        "shap_median_ratio": round(statistics.median(run[0] / run[1] for run in runs), 2),
        "trees_s": round(mine, 2),
        "shap_s": round(other, 2),
        "pred_contribs_s": round(_seconds(contributions, booster, inputs, baseline), 2),
        "largest_difference": float(away),
        "explained_rows": rows,
        "depth": depth,
    }


def _seconds(work: Any, *given: Any) -> float:
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def main() -> int:
    """Run both sides and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--depth", type=int, default=6)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    print(json.dumps({"benchmark": "explain", **shapley(arguments.pairs, arguments.rows, arguments.depth)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
