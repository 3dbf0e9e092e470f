"""Small packages for tests: a table of mixed columns, a recipe, a booster, and all of it as PackageModel writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from jobkit import recipe as recipes
from jobkit.apply import apply
from processing import package_model
from tests.unit.jobs.recipes import learn, step

ROOT = Path(__file__).parents[3]
PROBLEMS = {
    "binary_classification": ({"objective": "binary:logistic"}, ["no, never", 'yes "sure"']),
    "multiclass_classification": ({"objective": "multi:softprob", "num_class": 3}, ["low", "mid, say", "high"]),
    "regression": ({"objective": "reg:squarederror"}, []),
}
STEPS = [
    step("impute", columns=["nights"], strategy="median"),
    step("one_hot", columns=["room", "agent"]),
    step("dates", columns=["arrival"], parts=["month", "day_of_week"]),
]


def rows(count: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return raw rows with missing values, numbers in text, quoted commas and dates."""
    dice = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "nights": np.where(dice.random(count) < 0.1, np.nan, dice.integers(0, 20, count)),
            "room": dice.choice(["A", "B, large", 'C "sea"', None], count),
            "y": dice.integers(0, 2, count),
            "agent": dice.choice(["007", "12", "x"], count),
            "price": np.round(dice.normal(100, 30, count), 2),
            "arrival": pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(dice.integers(0, 700, count), unit="D")).dt.strftime("%Y-%m-%d"),
        }
    )


def package(problem: str = "binary_classification", booster: dict[str, Any] | None = None, **inference: str) -> dict[str, bytes]:
    """Return the files of a package trained on `rows()`."""
    frame, (objective, classes) = rows(), PROBLEMS[problem]
    typed = frame.assign(arrival=pd.to_datetime(frame["arrival"]))
    fitted, _ = learn(typed, STEPS, label="y", target=frame["y"].to_numpy(), **inference)
    fitted["label"] = {"column": "y", "problem": problem, "classes": classes}
    fitted["source"] = {"columns": [*frame.columns, "unread"], "delimiter": ",", "quote": '"'}
    features = apply(typed.drop(columns="y"), recipes.loads(recipes.dumps({**fitted, "inference": {**fitted["inference"], "missing_column": "null"}})))
    target = np.random.default_rng(1).integers(0, 3 if len(classes) == 3 else 2, len(frame)) + (features.iloc[:, 0].to_numpy() > 9) * (len(classes) != 3) * 0.0
    made = xgboost.train({"nthread": 1, "verbosity": 0, **objective, **(booster or {"max_depth": 3})}, xgboost.DMatrix(features.to_numpy(), target), 12)
    model = {"xgboost-model": bytes(made.save_raw("ubj"))}
    return package_model.contents(model, recipes.dumps(fitted).encode(), ROOT / "processing", 0.4)


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files of a package as the container finds them."""
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def about(files: dict[str, bytes]) -> dict[str, Any]:
    """Return package.json."""
    return json.loads(files["package.json"])
