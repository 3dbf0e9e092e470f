"""Measure Clarify's job against plain code, both sides in turns in one go, and print the median ratio of each part as one JSON line.

`metrics`: every bias metric before and after training except FT, of two facets and a group variable, on 2,000,000 rows in a Parquet file, reading included.
The plain side is what one writes with pandas: boolean masks, means, a group-by. FT is left out on both sides: five nearest neighbours of every row.

`shap`: exact Shapley values of a booster of 100 trees for 20,000 rows against the `shap` package. Both sides start with the loaded booster and give the same
quantity: interventional Shapley values of the margin against one baseline row, ours by `tree_shap.read` and `tree_shap.explain`, the other by
`TreeExplainer(booster, baseline, feature_perturbation="interventional")` and `shap_values`. `pred_contribs` of XGBoost is another quantity (its background is
the training data, as the trees' counts hold it); its time is told beside them.

    python benchmarks/bias.py [--pairs 5] [--rows 2000000] [--explained 20000] [--depth 6]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TREES, FEATURES = 100, 20
FACETS = {"gender": "f", "employed": 1}
WITHOUT_FT = ["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"]
CONFIG = {
    "dataset_type": "application/x-parquet",
    "label": "approved",
    "label_values_or_threshold": ["Y"],
    "facet": [{"name_or_index": name, "value_or_threshold": [value]} for name, value in FACETS.items()],
    "group_variable": "area",
    "predicted_label": "predicted",
    "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": WITHOUT_FT}},
}


def make(path: Path, rows: int) -> None:
    """Write the data: text and whole numbers as a loan table has them."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    dice = np.random.default_rng(0)
    columns = {
        "gender": np.array(["f", "m"])[dice.integers(0, 2, rows)],
        "employed": dice.integers(0, 2, rows),
        "area": np.array(["rural", "urban", "semiurban"])[dice.integers(0, 3, rows)],
        "income": dice.normal(5000, 900, rows),
        "approved": np.array(["N", "Y"])[dice.integers(0, 2, rows)],
        "predicted": np.array(["N", "Y"])[dice.integers(0, 2, rows)],
    }
    parquet.write_table(pa.table(columns), path)


def ours(path: Path) -> dict[str, Any]:
    """Return {facet: {metric: value}} as the job computes them."""
    from jobkit.clarify import config, dataset
    from jobkit.clarify.predictions import column, of_column
    from jobkit.clarify.study import study

    given = config.parse(CONFIG)
    rows = dataset.read(given, path)
    said = of_column(column(rows, "predicted"), column(rows, "approved"), given)
    found = study(given, rows, dataset.roles(given, rows), said, print)
    return {entry.facet: {m.name: m.value for part in (entry, after) for m in part.metrics} for entry, after in zip(found.pre, found.post, strict=True)}


def plain(path: Path) -> dict[str, Any]:
    """Return the same by pandas."""
    import pandas as pd

    frame = pd.read_parquet(path)
    label, predicted = frame["approved"] == "Y", frame["predicted"] == "Y"
    made = {}
    for name, value in FACETS.items():
        inside = frame[name] == value
        made[name] = {**_before(label[~inside], label[inside]), **_after(label, predicted, inside)}
        made[name]["CDDL"] = _disparity(frame["area"], inside, label)
        made[name]["CDDPL"] = _disparity(frame["area"], inside, predicted)
    return made


def _before(a: Any, d: Any) -> dict[str, float]:
    p, q = (side.value_counts(normalize=True).sort_index().to_numpy() for side in (a, d))
    middle = (p + q) / 2
    return {
        "CI": (len(a) - len(d)) / (len(a) + len(d)),
        "DPL": a.mean() - d.mean(),
        "KL": float(np.sum(p * np.log(p / q))),
        "JS": float(np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle))) / 2,
        "LP": float(np.linalg.norm(p - q)),
        "TVD": float(np.abs(p - q).sum() / 2),
        "KS": float(np.abs(p - q).max()),
    }


def _after(label: Any, predicted: Any, inside: Any) -> dict[str, float]:
    sides = []
    for side in (~inside, inside):
        y, said = label[side], predicted[side]
        sides.append([(y & said).sum(), (~y & said).sum(), (y & ~said).sum(), (~y & ~said).sum(), said.mean(), (y == said).mean()])
    (tp, fp, fn, tn, rate, right), (tp_d, fp_d, fn_d, tn_d, rate_d, right_d) = sides
    benefit = predicted.astype(int) - label.astype(int) + 1
    return {
        "AD": right - right_d,
        "DAR": tp / (tp + fp) - tp_d / (tp_d + fp_d),
        "DCA": (tp + fn) / (tp + fp) - (tp_d + fn_d) / (tp_d + fp_d),
        "DCR": (fp_d + tn_d) / (fn_d + tn_d) - (fp + tn) / (fn + tn),
        "DI": rate_d / rate,
        "DPPL": rate - rate_d,
        "DRR": tn_d / (tn_d + fn_d) - tn / (tn + fn),
        "GE": float(((benefit / benefit.mean()) ** 2 - 1).mean() / 2),
        "RD": tp / (tp + fn) - tp_d / (tp_d + fn_d),
        "SD": tn_d / (tn_d + fp_d) - tn / (tn + fp),
        "TE": fn_d / fp_d - fn / fp,
    }


def _disparity(group: Any, inside: Any, label: Any) -> float:
    import pandas as pd

    counts = pd.DataFrame({"group": group, "d": inside, "y": label}).groupby(["group", "y"])["d"].agg(["mean", "size"]).unstack("y")
    rows = counts["size"].sum(axis=1)
    return float((rows * (counts["mean"][False] - counts["mean"][True])).sum() / rows.sum())


def metrics(folder: Path, pairs: int, rows: int) -> dict[str, float]:
    """Return the median ratio of all bias metrics on these rows, and the seconds of both sides, after checking that the numbers are equal."""
    path = folder / "rows.parquet"
    make(path, rows)
    runs = [(_seconds(ours, path), _seconds(plain, path)) for _ in range(pairs + 1)][1:]  # the first pair imports the libraries
    for facet, expected in runs[0][1][1].items():
        for name, value in expected.items():
            assert abs(runs[0][0][1][facet][name] - value) < 1e-9, (facet, name)
    medians = [statistics.median(run[side][0] for run in runs) for side in (0, 1)]
    ratio = statistics.median(mine[0] / theirs[0] for mine, theirs in runs)
    return {"metrics_median_ratio": round(ratio, 2), "metrics_s": round(medians[0], 2), "pandas_s": round(medians[1], 2), "rows": rows}


def _seconds(work: Callable[[Path], dict[str, Any]], path: Path) -> tuple[float, dict[str, Any]]:
    started = time.perf_counter()
    found = work(path)
    return time.perf_counter() - started, found


def trained(rows: int, depth: int) -> tuple[Any, np.ndarray]:
    """Return a booster and the rows to explain."""
    import xgboost

    dice = np.random.default_rng(0)
    inputs = dice.normal(size=(rows, FEATURES)).astype(np.float32)
    score = inputs[:, 0] * inputs[:, 1] + inputs[:, 2] + np.sin(2 * inputs[:, 3]) + 0.5 * dice.normal(size=rows)
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    parameters = {"objective": "binary:logistic", "max_depth": depth, "nthread": threads, "verbosity": 0}
    return xgboost.train(parameters, xgboost.DMatrix(inputs, (score > 0).astype(int)), TREES), inputs


def tree_values(booster: Any, inputs: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the values as the job computes them."""
    from jobkit.clarify import tree_shap

    return tree_shap.explain(tree_shap.read(booster), inputs, baseline)[:, :, 0]


def shap_values(booster: Any, inputs: np.ndarray, baseline: np.ndarray) -> np.ndarray:
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
    away = np.abs(tree_values(booster, inputs, baseline) - shap_values(booster, inputs, baseline)).max()  # imports, too
    assert away < 1e-5, away
    runs = [[_took(side, booster, inputs, baseline) for side in (tree_values, shap_values)] for _ in range(pairs)]
    mine, other = (statistics.median(run[side] for run in runs) for side in (0, 1))
    return {
        "shap_median_ratio": round(statistics.median(run[0] / run[1] for run in runs), 2),
        "trees_s": round(mine, 2),
        "shap_s": round(other, 2),
        "pred_contribs_s": round(_took(contributions, booster, inputs, baseline), 2),
        "largest_difference": float(away),
        "explained_rows": rows,
        "depth": depth,
    }


def _took(work: Any, *given: Any) -> float:
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def main() -> int:
    """Run every part and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--explained", type=int, default=20_000)
    parser.add_argument("--depth", type=int, default=6)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as made:
        result = metrics(Path(made), arguments.pairs, arguments.rows)
    explained = shapley(arguments.pairs, arguments.explained, arguments.depth)
    print(json.dumps({"benchmark": "bias", **result, **explained}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
