"""What inference rests on: a row by itself, a row in a frame and a row in a frame of one give the same bits, for every step and any input."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobkit.apply import apply, compile_row
from tests.unit.jobs.recipes import learn, step

pytestmark = pytest.mark.slow

NUMBERS = st.one_of(st.none(), st.floats(width=64), st.integers(-(10**6), 10**6).map(float), st.sampled_from([0.0, -0.0, 1e300, -1e300, 0.5, 1.0]))
TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "NULL", "a", "A", "ä b", "Online TA", "12", "1.5", "2015-07-01", "7/1/2015", "nan", "x" * 50]), st.text(max_size=8)
)
DATES = st.one_of(
    st.none(), st.sampled_from(["2015-07-01", "2016-02-29T23:59:59", "0001-01-01", "9999-12-31", "2015-13-01", "yesterday", "2020-05-05T01:02:03.25+02:00"])
)
ENCODE = [step("one_hot", columns=["t", "d"])]

STEPS = {
    "cast": [step("cast", columns={"t": "number", "d": "date", "n": "text"}, on_error="null"), step("dates", columns=["d"]), step("one_hot")],
    "cast integers": [step("cast", columns={"t": "integer", "n": "boolean"}, on_error="drop", thousands=","), step("one_hot")],
    "columns": [
        step("rename_columns", columns={"n": "m", "m": "n"}),
        step("move_columns", columns=["m"]),
        step("drop_columns", columns=["d"]),
        step("one_hot"),
    ],
    "keep": [step("keep_columns", columns=["m", "n"])],
    "impute": [step("impute", strategy="mean", indicator=True), step("impute", columns=["t"], strategy="mode", indicator=True), *ENCODE],
    "impute constant": [
        step("impute", columns=["t", "d"], strategy="constant", value="none"),
        step("impute", columns=["n"], strategy="approximate_median"),
        *ENCODE,
    ],
    "outliers clip": [step("outliers", columns=["n", "m"], action="clip", threshold=1.0), *ENCODE],
    "outliers null": [
        step("outliers", columns=["n"], method="robust", action="null"),
        step("outliers", columns=["m"], method="quantile", threshold=0.2),
        *ENCODE,
    ],
    "outliers limits": [step("outliers", columns=["n"], method="min_max", low=-1.0, high=100.0, action="clip"), *ENCODE],
    "rare": [step("replace_rare", columns=["t", "n"], min_share=0.2), step("one_hot")],
    "one_hot": [step("one_hot", columns=["t", "n"], unknown="other", missing="level", max_levels=3, drop_last=True), step("one_hot", names="raw")],
    "ordinal": [step("ordinal", columns=["t", "n"], unknown="null"), step("ordinal", columns=["d"], order={"d": ["2015-07-01"]})],
    "frequency": [step("frequency_encode", columns=["t", "n", "d"])],
    "target": [step("target_encode", columns=["t", "d"], folds=2)],
    "scale": [step("scale", columns=["n"]), step("scale", columns=["m"], method="robust"), *ENCODE],
    "scale more": [step("scale", columns=["n"], method="min_max"), step("scale", columns=["m"], method="max_abs"), *ENCODE],
    "dates": [
        step("dates", columns=["d"], parts=["year", "quarter", "month", "week", "day", "day_of_year", "day_of_week"], since="2015-01-01"),
        step("one_hot"),
    ],
    "date clock": [
        step("dates", columns=["d"], parts=["hour", "minute", "second", "is_weekend", "is_month_start", "is_month_end"], since="t", unit="hours"),
        step("one_hot"),
    ],
    "date formats": [step("dates", columns=["t"], formats=["%m/%d/%Y", "%Y-%m-%d"], keep=True), step("one_hot")],
    "text": [
        step("text", columns=["t"], measures=["length", "words", "digits"], extract={"first": r"(\w)", "all": r"\d+"}, case="lower", strip=True),
        step("one_hot"),
    ],
    "text dropped": [step("text", columns=["t"], measures=["length"], keep=False), step("one_hot")],
    "bin": [step("bin", columns=["n"], bins=4), step("bin", columns=["m"], method="uniform", bins=3), *ENCODE],
    "bin edges": [step("bin", columns=["n"], method="edges", edges=[0.0, 1.0, 5.0]), *ENCODE],
    "derive": [
        step(
            "derive",
            columns={
                "a": "n * m - n / m + n ** 2 % 7 // 3",
                "b": "log1p(abs(n)) + exp(-abs(m)) + sqrt(n) + round(m, 2) + max(n, m, 1)",
                "c": "n > 0 and (t == 'a' or not m <= 3) if n != m else -1",
                "e": "coalesce(n, m, 0) * is_missing(t) + (t in ['a', 'A']) + (t != d) + contains(t, 'T')",
                "f": "upper(strip(t))",
                "g": "1 < n <= 12 or n in [3, 4]",
                "h": "length(f)",
            },
        ),
        step("one_hot"),
    ],
}


@st.composite
def frames(draw, least: int = 1):
    count = draw(st.integers(least, 12))
    column = {"n": NUMBERS, "m": NUMBERS, "t": TEXTS, "d": st.one_of(DATES, TEXTS)}
    return pd.DataFrame(
        {
            name: pd.Series(draw(st.lists(values, min_size=count, max_size=count)), dtype="float64" if name in "nm" else "object")
            for name, values in column.items()
        }
    )


def raw_rows(frame: pd.DataFrame) -> list[dict]:
    return [{name: frame[name].iloc[place] for name in frame} for place in range(len(frame))]


def same(left: np.ndarray, right: np.ndarray) -> bool:
    left, right = np.ascontiguousarray(left, dtype=np.float32), np.ascontiguousarray(right, dtype=np.float32)
    nothing = np.isnan(left) & np.isnan(right)
    return left.shape == right.shape and bool(((left.view(np.uint32) == right.view(np.uint32)) | nothing).all())


@pytest.mark.parametrize("name", STEPS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_row_alone_is_the_row_in_a_frame(name, data):
    training, later = data.draw(frames(3)), data.draw(frames())
    training["t"] = training["t"].astype(object).where(training.index > 0, "text")  # so that it is a column of text
    training["d"] = training["d"].astype(object).where(training.index > 0, "2015-07-01")
    target = (np.arange(len(training)) % 2).astype(float)
    recipe, _ = learn(training, STEPS[name], target=target)
    whole = apply(later, recipe).to_numpy()
    one = compile_row(recipe)
    for place, raw in enumerate(raw_rows(later)):
        assert same(one(raw), whole[place]), raw
        assert same(apply(later.iloc[[place]], recipe).to_numpy()[0], whole[place]), raw


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=6), st.sampled_from(["1", " 2 ", "true", "1e5", "1_0", "NULL", "inf"])
)


@given(values=st.lists(VALUES, min_size=1, max_size=6), kind=st.sampled_from(["n", "t"]))
def test_values_of_any_type_are_taken_in_alike(values, kind):
    training = pd.DataFrame({"n": [1.0, 2.0, math.nan], "t": ["a", "1", None]})
    recipe, _ = learn(training, [step("one_hot")])
    one = compile_row(recipe)
    for value in values:
        frame = pd.DataFrame({kind: pd.Series([value], dtype=object)})
        assert same(one({kind: value}), apply(frame, recipe).to_numpy()[0]), value


@pytest.mark.parametrize("name", ["missing_column", "extra_column", "wrong_type"])
def test_policies_hold_for_rows_too(name):
    from jobkit.failure import JobError

    recipe, _ = learn(pd.DataFrame({"n": [1.0, 2.0], "m": [1.0, 2.0]}), [], **{name: "fail"})
    row = {"missing_column": {"n": 1}, "extra_column": {"n": 1, "m": 2, "o": 3}, "wrong_type": {"n": "one", "m": 2}}[name]
    with pytest.raises(JobError):
        compile_row(recipe)(row)
