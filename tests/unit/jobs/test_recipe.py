from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from jobkit import recipe
from jobkit.failure import JobError
from processing import preprocess

STEPS = [
    {"step": "drop_columns", "columns": ["id"]},
    {"step": "drop_duplicates"},
    {"step": "impute", "columns": ["age"], "strategy": "median"},
    {"step": "outliers", "columns": ["age"], "method": "standard_deviation", "threshold": 2.0, "action": "remove"},
    {"step": "one_hot", "columns": "auto", "max_levels": 10},
]
JOB = {"data": {}, "label": {"column": "y", "positive": "yes"}, "recipe": STEPS, "split": {"train": 0.6, "validation": 0.2, "method": "stratified"}}


def rows(count: int = 200, seed: int = 0) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    age = dice.normal(40, 10, count)
    age[::17] = np.nan
    age[5] = 999
    return pd.DataFrame(
        {
            "id": range(count),
            "age": age,
            "plan": dice.choice(["Online TA", "Direct", "Offline TA/TO"], count),
            "y": dice.choice(["yes", "no"], count, p=[0.3, 0.7]),
        }
    )


def fitted(frame: pd.DataFrame, seed: int = 0):
    return preprocess.prepare(recipe.prepare(frame, STEPS), JOB, seed)


def test_nothing_of_the_test_split_reaches_the_recipe():
    frame = recipe.prepare(rows(), STEPS)
    target = (frame.y == "yes").to_numpy(dtype="float32")
    parts = preprocess.split(target, JOB["split"], 0)
    changed = frame.copy()
    held_out = np.concatenate([parts["validation"], parts["test"]])
    changed.loc[held_out, "age"] = 1e6
    changed.loc[held_out, "plan"] = "never seen"
    first, second = preprocess.prepare(frame, JOB, 0)[1], preprocess.prepare(changed, JOB, 0)[1]
    assert recipe.dumps(first) == recipe.dumps(second)


def test_no_row_is_in_two_splits_and_none_is_lost():
    for seed in range(5):
        target = (np.random.default_rng(seed).random(97) < 0.3).astype("float32")
        parts = preprocess.split(target, JOB["split"], seed)
        everything = np.concatenate(list(parts.values()))
        assert len(everything) == 97 and set(everything) == set(range(97))


def test_a_stratified_split_keeps_the_share_of_each_class():
    target = (np.arange(1000) % 4 == 0).astype("float32")
    parts = preprocess.split(target, JOB["split"], 0)
    assert all(abs(target[part].mean() - 0.25) < 0.005 for part in parts.values())
    assert [len(parts[name]) for name in preprocess.SPLITS] == [600, 200, 200]


def test_the_seed_decides_the_split():
    target = (np.arange(100) % 2).astype("float32")
    one, same, other = (preprocess.split(target, JOB["split"], seed)["test"] for seed in (1, 1, 2))
    assert (one == same).all() and not (one == other).all()


def test_a_class_that_is_too_small_is_refused():
    with pytest.raises(JobError, match="has 2 rows"):
        preprocess.split(np.array([1, 1, 0, 0, 0, 0, 0], dtype="float32"), JOB["split"], 0)


def test_outliers_leave_the_training_split_only():
    frames, state = fitted(rows())
    low, high = state["steps"][1]["bounds"]["age"]
    frame = rows().drop(columns=["id", "y"])
    assert frames["train"].age.between(low, high).all()
    assert len(recipe.apply(frame, state)) == len(frame)
    assert state["rows"][1] > state["rows"][2] if len(state["rows"]) > 2 else True


@pytest.mark.parametrize("count", [0, 1, 3])
def test_inference_gives_a_row_for_a_row_with_the_same_columns(count):
    _, state = fitted(rows())
    features = recipe.apply(rows().head(count), state)
    assert features.shape == (count, len(state["features"])) and list(features) == state["features"]
    assert set(features.dtypes.astype(str)) <= {"float32"}


def test_an_unseen_level_a_missing_value_and_a_missing_column_are_zeros_or_filled():
    _, state = fitted(rows())
    hot = [name for name in state["features"] if name.startswith("plan_")]
    odd = recipe.apply(pd.DataFrame({"age": [np.nan, 1.0], "plan": ["new", None]}), state)
    assert (odd[hot].to_numpy() == 0).all() and odd.age.iloc[0] == pytest.approx(state["steps"][0]["values"]["age"])
    assert recipe.apply(pd.DataFrame({"age": [1.0]}), state)[hot].to_numpy().sum() == 0


def test_names_are_safe_for_csv_and_xgboost_and_unique():
    frame = pd.DataFrame({"market segment": ["Offline TA/TO", "Offline TA TO", "[x]<1>"] * 20, "n": range(60)})
    state, features = recipe.fit(frame, [{"step": "one_hot", "columns": "auto", "max_levels": 5}])
    assert len(set(features)) == len(list(features)) == 4
    assert {"market_segment_Offline_TA_TO", "market_segment_Offline_TA_TO_2", "market_segment_x_1"} <= set(features)


def test_names_of_number_columns_are_made_safe_too():
    frame = pd.DataFrame({"a[1]": [1.0], "a 1": [2.0], "a_1": [3.0], "größe <cm>": [4.0]})
    state, features = recipe.fit(frame, [])
    assert list(features) == state["features"] == ["a_1_2", "a_1_3", "a_1", "gr_e_cm"]
    assert list(recipe.apply(frame, state)) == state["features"]


def test_the_recipe_is_readable_json_without_a_clock():
    _, state = fitted(rows())
    assert recipe.dumps(state) == recipe.dumps(fitted(rows())[1])
    assert json.loads(recipe.dumps(state))["version"] == 1


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"step": "impute", "columns": ["none"], "strategy": "mean"}], "no column 'none'"),
        ([{"step": "impute", "columns": ["plan"], "strategy": "mean"}], "holds text"),
        ([{"step": "outliers", "columns": ["plan"], "method": "quantile", "threshold": 0.1, "action": "clip"}], "holds text"),
        ([], "still hold text"),
    ],
)
def test_a_step_that_does_not_fit_the_rows_says_so(steps, words):
    with pytest.raises(JobError, match=words):
        recipe.fit(rows().drop(columns=["id", "y"]), steps)


@pytest.mark.parametrize(("strategy", "value"), [("mean", 2.0), ("median", 2.0), ("mode", 1.0), ("constant", 7.0)])
def test_each_strategy_fills_with_its_own_statistic(strategy, value):
    frame = pd.DataFrame({"a": [1.0, 1.0, 2.0, 2.5, 3.5, np.nan]})
    state, filled = recipe.fit(frame, [{"step": "impute", "columns": ["a"], "strategy": strategy, "value": 7.0}])
    assert filled.a.iloc[-1] == value


@pytest.mark.parametrize(("action", "expected"), [("clip", 3.0), ("null", None)])
def test_outliers_can_be_clipped_or_emptied_everywhere(action, expected):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0] * 10})
    state, _ = recipe.fit(frame, [{"step": "outliers", "columns": ["a"], "method": "quantile", "threshold": 0.1, "action": action}])
    treated = recipe.apply(pd.DataFrame({"a": [100.0]}), state).a.iloc[0]
    assert np.isnan(treated) if expected is None else treated == expected
