from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from jobkit import recipe
from jobkit.apply import apply
from jobkit.columns import from_frame
from jobkit.failure import JobError
from jobkit.split import split
from processing import preprocess
from tests.unit.jobs.recipes import job, learn, step

STEPS = [
    step("drop_columns", columns=["id"]),
    step("drop_duplicates"),
    step("impute", columns=["age"], strategy="median"),
    step("outliers", columns=["age"], threshold=2.0),
    step("target_encode", columns=["city"]),
    step("one_hot", columns="auto", max_levels=10),
    step("scale", columns=["age"]),
]
JOB = job(STEPS)


def rows(count: int = 200, seed: int = 0) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    age = dice.normal(40, 10, count)
    age[::17] = np.nan
    age[5] = 999
    plans = ["Online TA", "Direct", "Offline TA/TO"]
    labels = dice.choice(["yes", "no"], count, p=[0.3, 0.7])
    return pd.DataFrame({"id": range(count), "age": age, "plan": dice.choice(plans, count), "city": dice.choice(list("ABCDE"), count), "y": labels})


def prepared(frame: pd.DataFrame, seed: int = 0) -> preprocess.Prepared:
    return preprocess.prepare(from_frame(frame), JOB, seed, {})


def held_out(frame: pd.DataFrame) -> np.ndarray:
    target = (frame.y == "yes").to_numpy(dtype="float64")
    parts = split(target, JOB["split"], 0)
    return np.concatenate([parts["validation"], parts["test"]])


def test_nothing_of_the_other_splits_reaches_the_recipe():
    frame = rows().drop_duplicates(["age", "plan", "city", "y"], ignore_index=True)
    changed = frame.copy()
    changed.loc[held_out(frame), "age"] = 1e6 + np.arange(len(held_out(frame)))
    changed.loc[held_out(frame), "plan"] = "never seen"
    changed.loc[held_out(frame), "city"] = None
    first, second = prepared(frame), prepared(changed)
    assert recipe.dumps(first.recipe) == recipe.dumps(second.recipe)
    assert all((first.features["train"][name] == second.features["train"][name]).all() for name in first.recipe["features"])


def test_outliers_leave_the_training_split_only():
    result = prepared(rows())
    counts = result.recipe["rows"]
    assert counts["train"] - counts["train_after"] > 0
    frame = rows().drop_duplicates(["age", "plan", "city", "y"])
    assert len(result.labels["train"]) == counts["train_after"]
    assert counts["train"] + len(result.labels["validation"]) + len(result.labels["test"]) == len(frame)
    assert len(apply(rows(), result.recipe)) == 200


def test_labels_stay_with_their_rows():
    frame = rows()
    frame["age"] = np.where(frame.y == "yes", 1.0, 0.0)
    result = preprocess.prepare(from_frame(frame), job([step("drop_columns", columns=["id", "plan", "city"])]), 0, {})
    for name in ("train", "validation", "test"):
        assert (result.features[name]["age"] == result.labels[name]).all()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_inference_gives_a_row_for_a_row_with_the_same_columns(count):
    fitted = prepared(rows()).recipe
    features = apply(rows().head(count), fitted)
    assert features.shape == (count, len(fitted["features"])) and list(features) == fitted["features"]
    assert set(features.dtypes.astype(str)) <= {"float32"}


def test_an_unseen_level_a_missing_value_and_a_missing_column_are_zeros_or_filled():
    fitted, _ = learn(rows().drop(columns=["id", "y", "city"]), [step("impute", columns=["age"]), step("one_hot")])
    hot = [name for name in fitted["features"] if name.startswith("plan_")]
    odd = apply(pd.DataFrame({"age": [np.nan, 1.0], "plan": ["new", None]}), fitted)
    assert (odd[hot].to_numpy() == 0).all() and odd.age.iloc[0] == pytest.approx(fitted["steps"][0]["values"]["age"])
    assert apply(pd.DataFrame({"age": [1.0]}), fitted)[hot].to_numpy().sum() == 0


@pytest.mark.parametrize(
    ("inference", "frame", "words"),
    [
        ({"missing_column": "fail"}, {"plan": ["Direct"]}, "column 'age' is missing"),
        ({"extra_column": "fail"}, {"age": [1.0], "plan": ["Direct"], "more": [1]}, "'more' was not in the training data"),
        ({"wrong_type": "fail"}, {"age": ["old"], "plan": ["Direct"]}, "'old' is not a number"),
    ],
)
def test_what_a_policy_forbids_is_an_error(inference, frame, words):
    fitted, _ = learn(rows().drop(columns=["id", "y", "city"]), [step("one_hot")], **inference)
    with pytest.raises(JobError, match=words):
        apply(pd.DataFrame(frame), fitted)


def test_names_are_safe_for_csv_and_xgboost_and_unique():
    frame = pd.DataFrame({"market segment": ["Offline TA/TO", "Offline TA TO", "[x]<1>"] * 20, "n": range(60)})
    fitted, _ = learn(frame, [step("one_hot", max_levels=5)])
    assert len(set(fitted["features"])) == 4
    assert {"market_segment_Offline_TA_TO", "market_segment_Offline_TA_TO_2", "market_segment_x_1"} <= set(fitted["features"])


def test_names_of_number_columns_are_made_safe_too():
    frame = pd.DataFrame({"a[1]": [1.0], "a 1": [2.0], "a_1": [3.0], "größe <cm>": [4.0]})
    fitted, _ = learn(frame, [])
    assert fitted["features"] == ["a_1_2", "a_1_3", "a_1", "gr_e_cm"]
    assert list(apply(frame, fitted)) == fitted["features"]


def test_the_recipe_is_readable_json_that_comes_back_the_same():
    fitted = prepared(rows()).recipe
    text = recipe.dumps(fitted)
    assert text == recipe.dumps(prepared(rows()).recipe)
    assert recipe.dumps(recipe.loads(text)) == text and json.loads(text)["version"] == recipe.VERSION


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("[]", "got version 'list'"), ('{"version": 1}', "got version 1, expected 2")])
def test_what_is_no_recipe_is_refused(text, words):
    with pytest.raises(JobError, match=words):
        recipe.loads(text)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("impute", columns=["none"], strategy="mean")], "no column 'none'"),
        ([step("impute", columns=["plan"], strategy="mean")], "holds text"),
        ([step("outliers", columns=["plan"], method="quantile", threshold=0.1, action="clip")], "holds text"),
        ([step("derive", columns={"age": "plan * 2"})], "column 'plan' holds text"),
        ([step("dates", columns=["plan"], since="yesterday")], "neither a column nor a date"),
        ([step("rename_columns", columns={"age": "plan"})], "two columns would be named 'plan'"),
        ([step("filter_rows", where="old > 3")], "no column 'old'"),
        ([], "still hold text"),
        ([step("drop_columns", columns=["plan", "age", "city"])], "leaves no feature"),
    ],
)
def test_a_step_that_does_not_fit_the_rows_says_so(steps, words):
    with pytest.raises(JobError, match=words):
        learn(rows().drop(columns=["id", "y"]), steps)


@pytest.mark.parametrize("late", ["drop_duplicates", "drop_missing"])
def test_steps_on_the_set_of_rows_come_before_fitted_ones(late):
    with pytest.raises(JobError, match="must come before"):
        recipe.divide([step("scale"), step(late)])


def test_columns_that_nothing_looks_at_are_not_read():
    names = ["a", "b", "c", "y"]
    drop = step("drop_columns", columns=["b", "c"])
    assert recipe.unused([drop, step("drop_duplicates")], names) == ["b", "c"]
    assert recipe.unused([step("drop_duplicates"), drop], names) == []
    assert recipe.unused([step("derive", columns={"d": "c + 1"}), drop], names) == ["b"]
    assert recipe.unused([step("dates", columns=["a"], since="b"), drop], names) == ["c"]


def test_a_label_may_not_become_a_feature():
    with pytest.raises(JobError, match="made from the label"):
        learn(rows(), [step("derive", columns={"cheat": "length(y)"})], label="y")


def test_a_moment_is_the_same_number_from_text_and_from_a_timestamp():
    from jobkit.columns import from_series
    from jobkit.dates import parse

    for moment in ("2020-05-05T01:02:03.250001", "1969-12-31T23:59:59.999999", "0001-01-01T00:00:00.100003", "9999-12-31T23:59:59.300007"):
        series = pd.Series(np.array([moment], dtype="datetime64[us]"))
        assert from_series(series).values[0] == parse(moment, ())


def test_a_category_of_whole_numbers_may_miss_values():
    assert list(from_frame(pd.DataFrame({"c": pd.Categorical([2, None, 1])}))["c"].numbers()[[0, 2]]) == [2.0, 1.0]


def test_ids_too_wide_for_a_float_stay_exact_in_a_frame_as_in_a_row():
    frame = pd.DataFrame({"i": [9007199254740993, 9007199254740995], "y": ["a", "b"]})
    assert list(from_frame(frame)["i"].levels) == ["9007199254740993", "9007199254740995"]


def test_row_numbers_are_no_features_for_any_step_and_are_not_needed_at_inference():
    frame = pd.DataFrame({"n": [1.0, 2.0, 3.0, 5.0]})
    fitted, _ = learn(frame, [step("row_number", column="row"), step("timestamp", column="at"), step("scale")])
    assert list(apply(frame, fitted)) == ["n"]


def test_columns_may_move_behind_the_label():
    frame = pd.DataFrame({"n": [1.0, 2.0], "y": [0.0, 1.0], "m": [1.0, 2.0], "z": [3.0, 4.0]})
    fitted, _ = learn(frame, [step("move_columns", columns=["z"], after="y")], label="y")
    assert list(apply(frame.drop(columns="y"), fitted)) == ["n", "z", "m"]
