"""What each step of a recipe computes, on values small enough to check by hand or against scikit-learn."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from jobkit import recipe
from jobkit.apply import apply
from jobkit.columns import Table, concat, from_frame, table, text, to_frame
from jobkit.failure import JobError
from jobkit.steps.base import Context
from jobkit.steps.rows import _exactly, _firsts, first_of_equals
from tests.unit.jobs.recipes import learn, step


def done(frame: pd.DataFrame, *steps: dict, label: str | None = None, target=None, others=None, training: bool = True) -> pd.DataFrame:
    context = Context(label=label, training=training, target=target, others={name: from_frame(other) for name, other in (others or {}).items()}, now=7.0)
    return to_frame(recipe.run(from_frame(frame), list(steps), context)[1])


def state(frame: pd.DataFrame, *steps: dict, **context) -> dict:
    return recipe.run(from_frame(frame), list(steps), Context(training=True, **context))[0][-1]


# Rows


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(2**63, 2**63 + 5), st.integers(0, 2**64 - 1)), max_size=60))
def test_the_first_of_equal_values_is_found_also_among_those_that_differ_in_their_lowest_bits_only(values):
    seen: dict[int, int] = {}
    assert _firsts(np.array(values, dtype=np.uint64)).tolist() == [seen.setdefault(value, place) for place, value in enumerate(values)]


def test_duplicates_keep_the_first_or_the_last_and_missing_equals_missing():
    frame = pd.DataFrame({"a": [1.0, math.nan, 1.0, math.nan, 2.0], "b": ["x", None, "x", None, "x"], "n": [0, 1, 2, 3, 4]})
    assert list(done(frame, step("drop_duplicates", columns=["a", "b"])).n) == [0, 1, 4]
    assert list(done(frame, step("drop_duplicates", columns=["a", "b"], keep="last")).n) == [2, 3, 4]
    assert len(done(frame, step("drop_duplicates"))) == 5


@given(st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.5, math.nan]), st.sampled_from(["a", "b", None])), min_size=1, max_size=30))
def test_equal_rows_are_found_as_pandas_finds_them(rows):
    frame = pd.DataFrame(rows, columns=["n", "t"])
    table_ = from_frame(frame)
    first = first_of_equals(table_, ["n", "t"])
    assert np.array_equal(first != np.arange(len(frame)), frame.duplicated().to_numpy())
    assert np.array_equal(_exactly(table_, ["n", "t"]), first)


def test_filter_keeps_rows_for_which_it_is_true_and_not_those_for_which_it_is_unknown():
    frame = pd.DataFrame({"adr": [10.0, -5.0, math.nan], "m": ["Direct", "Direct", "Groups"]})
    assert list(done(frame, step("filter_rows", where="adr > 0 and m != 'Groups'")).adr) == [10.0]


def test_rows_with_missing_values_are_dropped():
    frame = pd.DataFrame({"a": [1.0, math.nan, 3.0], "b": [None, "x", "y"]})
    assert list(done(frame, step("drop_missing")).a) == [3.0]
    assert len(done(frame, step("drop_missing", columns=["b"]))) == 2


def test_row_steps_never_remove_a_row_at_inference():
    frame = pd.DataFrame({"a": [1.0, 1.0, math.nan, 900.0] + [2.0] * 30})
    steps = [step("drop_duplicates"), step("drop_missing"), step("filter_rows", where="a > 100"), step("outliers", columns=["a"], threshold=1.0)]
    fitted, _ = learn(frame, steps)
    assert len(apply(frame, fitted)) == len(frame)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["left", "inner", "right", "outer"])
@given(
    left=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    right=st.lists(st.integers(0, 6), min_size=1, max_size=8),
)
def test_a_join_is_pandas_merge(how, left, right):
    one = pd.DataFrame({"k": [float(v) for v in left], "a": range(len(left))})
    two = pd.DataFrame({"k": [float(v) for v in right], "a": [f"r{i}" for i in range(len(right))]})
    ours = done(one, step("join", other="two", columns=["k"], how=how, suffix="_2"), others={"two": two})
    theirs = one.merge(two, on="k", how=how, suffixes=("", "_2"))
    key = ["k", "a", "a_2"]
    ours, theirs = (made[key].astype(object).where(made[key].notna(), "none").astype(str).sort_values(key, ignore_index=True) for made in (ours, theirs))
    numbers = {"0": "0.0", "1": "1.0", "2": "2.0", "3": "3.0", "4": "4.0", "5": "5.0", "6": "6.0", "7": "7.0"}
    pd.testing.assert_frame_equal(ours.replace(numbers), theirs.replace(numbers))


def test_concat_puts_rows_under_rows_and_text_wins_over_numbers():
    one, two = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), pd.DataFrame({"a": ["z"], "c": [5.0]})
    result = done(one, step("concat", other="two"), others={"two": two})
    assert list(result.a) == ["1", "2", "z"] and list(result.b.fillna("-")) == ["x", "y", "-"] and result.c.isna().tolist() == [True, True, False]


def test_an_input_that_is_not_there_is_named():
    with pytest.raises(JobError, match="no input 'two'; got none"):
        done(pd.DataFrame({"a": [1.0]}), step("concat", other="two"))


# Columns


def test_columns_are_kept_renamed_and_moved():
    frame = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0], "y": [0.0]})
    assert list(done(frame, step("keep_columns", columns=["c"]), label="y")) == ["c", "y"]
    assert done(frame, step("rename_columns", columns={"a": "b", "b": "a"})).iloc[0].to_dict() == {"b": 1.0, "a": 2.0, "c": 3.0, "y": 0.0}
    assert list(done(frame, step("move_columns", columns=["c", "a"]))) == ["c", "a", "b", "y"]
    assert list(done(frame, step("move_columns", columns=["a"], after="c"))) == ["b", "c", "a", "y"]


def test_ids_are_exported_and_are_no_features():
    frame = pd.DataFrame({"a": [5.0, 6.0]})
    steps = [step("row_number", column="record_id"), step("timestamp", column="event_time", position=1)]
    made = done(frame, *steps)
    assert list(made) == ["record_id", "event_time", "a"] and list(made.record_id) == [1, 2] and list(made.event_time) == [7.0, 7.0]
    assert learn(frame, steps)[0]["features"] == ["a"]


# Numbers


@pytest.mark.parametrize(("strategy", "value"), [("mean", 2.0), ("median", 2.0), ("approximate_median", 2.0), ("mode", 1.0), ("constant", 7.0)])
def test_each_strategy_fills_with_its_own_statistic(strategy, value):
    frame = pd.DataFrame({"a": [1.0, 1.0, 2.0, 2.5, 3.5, math.nan]})
    filled = done(frame, step("impute", columns=["a"], strategy=strategy, value=7.0 if strategy == "constant" else None, indicator=True))
    assert filled.a.iloc[-1] == value and list(filled.a_missing) == [0, 0, 0, 0, 0, 1]


def test_an_approximate_median_is_a_value_of_the_column():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 10.0, math.nan]})
    assert state(frame, step("impute", columns=["a"], strategy="approximate_median"))["values"] == {"a": 2.0}
    assert state(frame, step("impute", columns=["a"]))["values"] == {"a": 2.5}


def test_auto_imputes_what_misses_values_and_suits_the_strategy():
    frame = pd.DataFrame({"a": [1.0, math.nan], "b": [1.0, 2.0], "t": ["x", None], "y": [math.nan, 1.0]})
    assert list(state(frame, step("impute"), label="y")["values"]) == ["a"]
    assert state(frame, step("impute", strategy="mode"), label="y")["values"] == {"a": 1.0, "t": "x"}
    assert state(frame, step("impute", strategy="constant", value="?"), label="y")["values"] == {"t": "?"}


def test_what_was_fitted_elsewhere_is_taken_as_it_is():
    frame = pd.DataFrame({"a": [1.0, math.nan], "t": ["u", "v"]})
    assert state(frame, step("impute", columns=["a"], fitted={"a": 240}))["values"] == {"a": 240}
    assert state(frame, step("outliers", columns=["a"], fitted={"a": [-1.5, 2.5]}))["bounds"] == {"a": [-1.5, 2.5]}
    assert state(frame, step("one_hot", columns=["t"], fitted={"t": ["v", "w"]}))["names"] == {"t": ["t_v", "t_w"]}


@pytest.mark.parametrize(
    ("members", "bounds"),
    [
        ({}, [2.0 - 4 * math.sqrt(2.5 / 4 * 4 / 4 * 1.6), 0]),
        ({"method": "quantile", "threshold": 0.25}, [1.0, 3.0]),
        ({"method": "min_max", "low": 0.5}, [0.5, None]),
    ],
)
def test_bounds_of_outliers(members, bounds):
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 4.0]})
    low, high = state(frame, step("outliers", columns=["a"], **members))["bounds"]["a"]
    if members:
        assert [low, high] == bounds
    else:
        assert low == pytest.approx(2 - 4 * np.std([0, 1, 2, 3, 4], ddof=1)) and high == pytest.approx(2 + 4 * np.std([0, 1, 2, 3, 4], ddof=1))


@pytest.mark.parametrize(("action", "expected"), [("clip", 3.0), ("null", None)])
def test_outliers_can_be_clipped_or_emptied_everywhere(action, expected):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0] * 10})
    fitted, _ = learn(frame, [step("outliers", columns=["a"], method="quantile", threshold=0.1, action=action)])
    treated = apply(pd.DataFrame({"a": [100.0]}), fitted).a.iloc[0]
    assert np.isnan(treated) if expected is None else treated == expected


@pytest.mark.parametrize(("method", "peer"), [("standard", StandardScaler()), ("min_max", MinMaxScaler()), ("robust", RobustScaler())])
def test_scales_are_those_of_scikit_learn(method, peer):
    values = np.random.default_rng(0).normal(5, 3, (50, 1))
    assert np.allclose(done(pd.DataFrame(values, columns=["a"]), step("scale", method=method)).to_numpy(), peer.fit_transform(values))


def test_a_constant_column_can_be_scaled_and_binned():
    frame = pd.DataFrame({"a": [3.0, 3.0], "b": [math.nan, math.nan]})
    assert done(frame, step("scale", columns=["a", "b"])).a.tolist() == [0.0, 0.0]
    assert done(frame, step("bin", columns=["a", "b"])).a.tolist() == [0.0, 0.0]


def test_bins_count_from_zero_and_an_edge_belongs_to_the_upper_one():
    frame = pd.DataFrame({"a": [0.0, 1.0, 5.0, 9.0, math.nan]})
    assert done(frame, step("bin", columns=["a"], method="edges", edges=[1, 5.0])).a.fillna(-1).tolist() == [0, 1, 2, 2, -1]
    assert done(frame, step("bin", columns=["a"], method="uniform", bins=3)).a.fillna(-1).tolist() == [0, 0, 1, 2, -1]


# Levels


def test_levels_are_ordered_by_frequency_then_alphabet():
    frame = pd.DataFrame({"t": ["b", "a", "c", "c", None], "n": [1.0, 0.0, 0.0, 1.0, 0.0]})
    made = state(frame, step("one_hot", columns=["t", "n"]))
    assert made["levels"] == {"t": ["c", "a", "b"], "n": ["0", "1"]}


def test_other_and_missing_have_columns_of_their_own_when_asked():
    frame = pd.DataFrame({"t": ["a", "a", "b", "c", None]})
    made = done(frame, step("one_hot", max_levels=2, unknown="other", missing="level"))
    assert list(made) == ["t_a", "t_b", "t_other", "t_missing"] and made.sum(axis=1).tolist() == [1] * 5


@pytest.mark.parametrize(("policy", "row", "words"), [("unknown", "new", "level 'new', not seen"), ("missing", None, "a missing value")])
def test_a_level_may_be_declared_an_error(policy, row, words):
    fitted, _ = learn(pd.DataFrame({"t": ["a", "b"]}), [step("one_hot", **{policy: "fail"})])
    with pytest.raises(JobError, match=words):
        apply(pd.DataFrame({"t": [row]}), fitted)


def test_rare_levels_get_one_name():
    frame = pd.DataFrame({"t": ["a"] * 8 + ["b", None]})
    assert done(frame, step("replace_rare", columns=["t"], min_share=0.2)).t.fillna("-").tolist() == ["a"] * 8 + ["other", "-"]


@pytest.mark.parametrize(("unknown", "value"), [("last", 2.0), ("null", None)])
def test_ordinals_follow_the_given_order(unknown, value):
    fitted, _ = learn(pd.DataFrame({"t": ["low", "high"]}), [step("ordinal", columns=["t"], order={"t": ["low", "high"]}, unknown=unknown)])
    codes = apply(pd.DataFrame({"t": ["high", "low", "odd"]}), fitted).t.tolist()
    assert codes[:2] == [1.0, 0.0] and (codes[2] == value or (value is None and math.isnan(codes[2])))


def test_frequencies_are_shares_of_all_training_rows():
    fitted, _ = learn(pd.DataFrame({"t": ["a", "a", "b", None]}), [step("frequency_encode", columns=["t"])])
    assert apply(pd.DataFrame({"t": ["a", "b", None, "new"]}), fitted).t.tolist() == [0.5, 0.25, 0.25, 0.0]


def test_a_target_encoding_is_a_smoothed_mean():
    frame, target = pd.DataFrame({"t": ["a", "a", "a", "b"]}), np.array([1.0, 1.0, 0.0, 0.0])
    fitted, _ = learn(frame, [step("target_encode", columns=["t"], smoothing=2.0, folds=2)], target=target)
    assert fitted["steps"][0]["codes"]["t"] == {"a": (2 + 2 * 0.5) / 5, "b": (0 + 2 * 0.5) / 3}
    assert apply(pd.DataFrame({"t": ["new"]}), fitted).t.iloc[0] == 0.5


def test_a_training_row_is_not_encoded_by_its_own_label():
    """With a level for every row an encoding that saw the row's own label would tell it; a cross-fitted one knows nothing."""
    frame, target = pd.DataFrame({"t": [f"id{i}" for i in range(40)]}), (np.arange(40) % 2).astype(float)
    made = done(frame, step("target_encode", columns=["t"], smoothing=0.0), target=target)
    for value in (0.0, 1.0):
        other_folds = made.t[target == value]
        assert not (other_folds == value).any()


# Text and dates


def test_casts_read_numbers_dates_and_booleans():
    frame = pd.DataFrame({"n": ["1,234.5", " 7 ", "x"], "b": ["Yes", "no", "maybe"], "d": ["7/1/2015", "2015-07-02", ""]})
    made = done(frame, step("cast", columns={"n": "number", "b": "boolean", "d": "date"}, on_error="null", thousands=",", formats=["%m/%d/%Y", "%Y-%m-%d"]))
    assert made.n.fillna(-1).tolist() == [1234.5, 7.0, -1.0] and made.b.fillna(-1).tolist() == [1, 0, -1]
    assert made.d[:2].astype(str).tolist() == ["2015-07-01", "2015-07-02"] and pd.isna(made.d[2])


def test_a_cast_that_fails_names_value_and_row():
    with pytest.raises(JobError, match="1 values cannot be read as number; the first is 'x' in row 2"):
        done(pd.DataFrame({"n": ["1", "x"]}), step("cast", columns={"n": "number"}))
    assert len(done(pd.DataFrame({"n": ["1", "x"]}), step("cast", columns={"n": "integer"}, on_error="drop"))) == 1


def test_numbers_become_the_text_that_a_file_would_hold():
    made = done(pd.DataFrame({"n": [1.0, 2.5, math.nan]}), step("cast", columns={"n": "text"}))
    assert made.n[:2].tolist() == ["1", "2.5"] and pd.isna(made.n[2])


@given(st.datetimes(min_value=pd.Timestamp("1600-01-01").to_pydatetime(), max_value=pd.Timestamp("2250-01-01").to_pydatetime()))
def test_parts_of_dates_are_those_of_pandas(moment):
    moment = moment.replace(microsecond=0)
    parts = ["year", "quarter", "month", "week", "day", "day_of_year", "day_of_week", "hour", "minute", "second", "is_month_start", "is_month_end"]
    made = done(pd.DataFrame({"d": [moment.isoformat()]}), step("dates", columns=["d"], parts=parts, since="2000-01-01")).iloc[0]
    stamp = pd.Timestamp(moment)
    theirs = {part: getattr(stamp, part) for part in parts}
    assert {part: made[f"d_{part}"] for part in parts} == {part: float(value) for part, value in theirs.items()}
    assert made.d_elapsed == pytest.approx((stamp.to_pydatetime() - datetime(2000, 1, 1)).total_seconds() / 86400, abs=1e-9)


def test_text_is_measured_and_searched():
    made = done(
        pd.DataFrame({"t": [" Room 12b ", None]}), step("text", columns=["t"], measures=["length", "words", "digits"], extract={"no": r"(\d+)"}, strip=True)
    )
    assert made.iloc[0].to_dict() == {"t": "Room 12b", "t_length": 10, "t_words": 2, "t_digits": 2, "t_no": "12"}
    assert made.iloc[1].isna().all()


# Own functions


def test_a_function_of_ones_own_is_checked(tmp_path, monkeypatch):
    from jobkit.steps import custom

    monkeypatch.setattr(custom, "CODE_ROOT", tmp_path)
    (tmp_path / "own.py").write_text(
        "def double(frame):\n    return frame.assign(a=frame.a * 2)\n"
        "def learn(frame):\n    return {'top': float(frame.a.max())}\n"
        "def share(frame, state):\n    return frame.assign(a=frame.a / state['top'])\n"
        "def fewer(frame):\n    return frame.head(1)\n"
    )
    frame = pd.DataFrame({"a": [1.0, 4.0]})
    assert done(frame, step("python", function="own.py:double")).a.tolist() == [2.0, 8.0]
    fitted, _ = learn(frame, [step("python", function="own.py:share", fit="own.py:learn")])
    assert apply(pd.DataFrame({"a": [8.0]}), fitted).a.tolist() == [2.0]
    for function, words in (("own.py:fewer", "got 1 rows"), ("own.py:none", "no function 'none'"), ("other.py:x", "no file 'other.py'")):
        with pytest.raises(JobError, match=words):
            done(frame, step("python", function=function))


def test_levels_that_become_one_are_one():
    column = text(["a", "A", "b", None]).relabel(str.lower)
    assert list(column.levels) == ["a", "b"] and column.values.tolist() == [0, 0, 1, -1]


def test_tables_of_no_rows_can_be_appended():
    empty = table({"a": text([])})
    assert isinstance(concat([empty, table({"a": text(["x"])})]), Table)
