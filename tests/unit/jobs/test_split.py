from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobkit.columns import number, text
from jobkit.failure import JobError
from jobkit.split import SPLITS, split
from pipelines.config.split import Split

METHODS = ("random", "stratified", "group", "time")


def settings(method: str = "stratified", **members) -> dict:
    column = {"column": "by"} if method in ("group", "time") else {}
    return Split(method=method, train=0.6, validation=0.2, **column, **members).model_dump(mode="json")


@given(st.integers(6, 200), st.integers(0, 2**31 - 1), st.sampled_from(METHODS))
def test_every_row_is_in_exactly_one_split(count, seed, method):
    dice = np.random.default_rng(seed)
    target = (np.arange(count) % 2).astype(float)
    by = number(np.concatenate([[0.0, 1.0, 2.0], dice.integers(0, 20, count - 3)]))
    parts = split(target, settings(method), seed, by)
    everything = np.concatenate([parts[name] for name in SPLITS])
    assert sorted(everything) == list(range(count)) and all(len(parts[name]) for name in SPLITS)


@given(st.integers(0, 1000), st.integers(3, 40))
def test_no_group_is_in_two_splits(seed, groups):
    labels = np.random.default_rng(seed).permutation(np.arange(groups * 5) % groups)
    parts = split(np.zeros(groups * 5), settings("group"), seed, text([f"g{label}" for label in labels]))
    held = [set(labels[parts[name]]) for name in SPLITS]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]


@given(st.integers(0, 1000), st.integers(3, 60))
def test_no_training_row_is_as_late_as_a_test_row(seed, times):
    dice = np.random.default_rng(seed)
    moments = np.concatenate([np.arange(times), dice.integers(0, times, 100)]).astype(float)
    parts = split(np.zeros(len(moments)), settings("time"), seed, number(moments))
    assert moments[parts["train"]].max() < moments[parts["validation"]].min()
    assert moments[parts["validation"]].max() < moments[parts["test"]].min()


def test_a_stratified_split_keeps_the_share_of_each_class():
    target = (np.arange(1000) % 4 == 0).astype(float)
    parts = split(target, settings(), 0)
    assert all(abs(target[part].mean() - 0.25) < 0.005 for part in parts.values())
    assert [len(parts[name]) for name in SPLITS] == [600, 200, 200]


@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_the_seed_decides_the_split(method):
    target = (np.arange(100) % 2).astype(float)
    by = number(np.arange(100.0) // 2)
    one, same, other = (split(target, settings(method), seed, by)["test"] for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("method", "by", "words"),
    [
        ("stratified", None, "has 2 rows"),
        ("group", text(["a", "b", "a", "b", "a", "b", "a"]), "holds 2 groups"),
        ("group", text(["a", "b", "c", None, "a", "b", "a"]), "1 rows have no group"),
        ("time", text(["2020-01-01", "today", "c", "a", "a", "b", "a"]), "'today' is not a time"),
        ("time", number(np.ones(7)), "holds 1 times"),
    ],
)
def test_what_cannot_be_divided_is_refused(method, by, words):
    with pytest.raises(JobError, match=words):
        split(np.array([1, 1, 0, 0, 0, 0, 0.0]), settings(method), 0, by)


def test_three_rows_are_the_least():
    with pytest.raises(JobError, match="there are 2 rows"):
        split(np.zeros(2), settings("random"), 0)


def test_times_in_text_are_read_by_the_given_formats():
    by = text(["7/1/2015", "12/31/2014", "1/2/2016", "2/3/2016"])
    parts = split(np.zeros(4), settings("time", formats=["%m/%d/%Y"]), 0, by)
    assert [list(parts[name]) for name in SPLITS] == [[1, 0], [2], [3]] or list(parts["test"]) == [3]
