"""The exported file gives the bits that the job gives: for every step, with odd values, for all three splits and at inference."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from jobkit.apply import apply
from jobkit.failure import JobError
from pipelines.config.recipe import STEPS as KINDS
from tests.unit.export.exported import as_read, assert_splits_equal, export, prepared, same_bits, source
from tests.unit.jobs.test_rows_and_frames import DATES, NUMBERS, TEXTS
from tests.unit.jobs.test_rows_and_frames import STEPS as SHARED

pytestmark = pytest.mark.slow

OWN = '''
"""Functions of a user."""
import numpy as np


def add_ratio(frame):
    frame = frame.copy()
    frame["ratio"] = frame["n"] / frame["m"]
    frame["initial"] = frame["t"].map(lambda text: text[:1], na_action="ignore")
    return frame[["ratio", *[name for name in frame if name != "ratio"]]]


def middle(frame):
    return {"middle": float(np.nan_to_num(frame["n"].median())), "levels": sorted(frame["t"].dropna().unique())}


def centred(frame, learned):
    return frame.assign(n=frame["n"] - learned["middle"], known=frame["t"].isin(learned["levels"]))
'''
HOT = {"step": "one_hot"}
ENCODED = {"step": "one_hot", "columns": ["t", "d"]}
MORE = {
    "filter": [{"step": "filter_rows", "where": "n > 0 or t in ['a', 'A'] or is_missing(m)"}, HOT],
    "filter dates": [
        {"step": "cast", "columns": {"d": "date"}, "on_error": "null"},
        {"step": "filter_rows", "where": "not d > 1440000000"},
        {"step": "dates", "columns": ["d"]},
        HOT,
    ],
    "duplicates": [{"step": "drop_duplicates"}, HOT],
    "duplicates by columns": [{"step": "drop_duplicates", "columns": ["t", "n"], "keep": "last"}, HOT],
    "missing": [{"step": "drop_missing", "columns": ["n", "t"]}, HOT],
    "missing anywhere": [{"step": "drop_missing"}, HOT],
    "join": [{"step": "join", "other": "more", "columns": ["t", "d"], "how": "left"}, HOT],
    "join inner": [{"step": "join", "other": "more", "columns": ["n"], "how": "inner", "suffix": "_2"}, HOT],
    "concat": [{"step": "concat", "other": "more"}, {"step": "drop_missing", "columns": ["y"]}, HOT],
    "ids": [
        {"step": "row_number", "column": "row", "start": 5, "position": 1},
        {"step": "timestamp", "column": "at", "position": 0},
        {"step": "scale"},
        {"step": "move_columns", "columns": ["m"], "after": "n"},
        HOT,
    ],
    "removed": [
        {"step": "outliers", "columns": ["n", "m"], "threshold": 1.0},
        {"step": "scale", "columns": ["n"]},
        {"step": "target_encode", "columns": ["t"]},
        HOT,
    ],
    "min and max": [
        {"step": "outliers", "columns": ["n"], "method": "min_max", "low": -5, "action": "null"},
        {"step": "impute", "strategy": "constant", "value": 7},
        HOT,
    ],
    "cast drops late": [{"step": "scale", "columns": ["n"]}, {"step": "cast", "columns": {"t": "number", "m": "integer"}, "on_error": "drop"}, HOT],
    "cast in words": [
        {"step": "cast", "columns": {"t": "number", "d": "date", "m": "boolean"}, "on_error": "null", "decimal": ",", "formats": ["%Y-%m-%d", "%m/%d/%Y"]},
        {"step": "impute", "columns": ["d"], "strategy": "mean", "indicator": True},
        {"step": "dates", "columns": ["d"], "since": "2015-01-01", "unit": "seconds", "keep": True},
        {"step": "bin", "columns": ["d"], "bins": 3},
    ],
    "dates as text": [{"step": "cast", "columns": {"d": "date"}, "on_error": "null"}, {"step": "cast", "columns": {"d": "text", "n": "text"}}, HOT],
    "fitted elsewhere": [
        {"step": "impute", "columns": ["n"], "fitted": {"n": 1.25}},
        {"step": "outliers", "columns": ["m"], "fitted": {"m": [-1, 1]}, "action": "clip"},
        {"step": "one_hot", "columns": ["t"], "fitted": {"t": ["b", "a"]}, "unknown": "other"},
        HOT,
    ],
    "own function": [{"step": "python", "function": "own.py:add_ratio"}, HOT],
    "own function that learns": [HOT | {"columns": ["d"]}, {"step": "python", "function": "own.py:centred", "fit": "own.py:middle"}, HOT],
    "odd names": [
        {"step": "rename_columns", "columns": {"n": 'n & "m"', "m": "a-b"}},
        {"step": "derive", "columns": {"sum it": '`n & "m"` + `a-b`', "rows": "1 / 0 + 2 ** 0.5"}},
        HOT,
    ],
}
ALL = {**SHARED, **MORE}
# Steps that the tests above cover with nothing left out.
COVERED = {step["step"] for steps in ALL.values() for step in steps}


def pipeline(name, **members):
    steps = [{key: value for key, value in step.items() if value is not None} for step in ALL[name]]
    data = {"input": "x", "others": {"more": {"input": "z"}}}
    own = {"own.py": OWN} if any(step["step"] == "python" for step in steps) else {}
    return source(steps, data=data, files=own, **members)


@st.composite
def frames(draw, least=6, most=14, label=True):
    count = draw(st.integers(least, most))
    column = {"n": NUMBERS, "m": NUMBERS, "t": TEXTS, "d": st.one_of(DATES, TEXTS)}
    made = {
        name: pd.Series(draw(st.lists(values, min_size=count, max_size=count)), dtype="float64" if name in "nm" else "object")
        for name, values in column.items()
    }
    if label:
        labels = draw(st.lists(st.sampled_from(["yes", "no"]), min_size=count, max_size=count))
        made["y"] = pd.Series(["yes", "no", *labels][:count], dtype="object")
    frame = pd.DataFrame(made)
    if label:  # so that they are columns of text
        frame["t"] = frame["t"].where(frame.index > 3, "12")
        frame["d"] = frame["d"].where(frame.index > 2, "2015-07-01")
    return frame


@pytest.fixture(autouse=True)
def own_functions(tmp_path_factory, monkeypatch):
    from jobkit.steps import custom

    folder = tmp_path_factory.mktemp("own")
    (folder / "own.py").write_text(OWN)
    monkeypatch.setattr(custom, "CODE_ROOT", folder)


def test_every_kind_of_step_is_covered():
    assert set(KINDS) == COVERED


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_the_exported_file_gives_the_bits_of_the_job(name, data):
    training, more, later = data.draw(frames()), data.draw(frames(1, 4)), data.draw(frames(1, 6, label=False))
    others = {"more": more if name == "concat" else more.drop(columns="y")}
    plan = pipeline(name)
    try:
        theirs = prepared(training, plan, others)
    except JobError:
        assume(False)
    fitted = as_read(theirs.recipe)
    names = export(pipeline(name, fitted=fitted))
    mine, state = names["prepare_and_fit"](training, others)
    assert_splits_equal(mine, theirs)
    assert json.loads(json.dumps(state)) == json.loads(json.dumps(names["STATE"]))
    wanted, found = apply(later, fitted), names["transform"](later)
    assert list(wanted) == list(found)
    for column in wanted:
        assert same_bits(found[column].to_numpy(), wanted[column].to_numpy()), (column, later)


PROBLEMS = {
    "amounts": ([3.5, -1, 2e6, 0, 7, 8, 9, 10.25, 11, 12, 13, 14], {"problem": "regression", "label": {"column": "y"}}),
    "classes": (
        ["low", "high", "mid", " low", "low", "high", "mid", "low", "high", "mid", "low", "high"],
        {"problem": "multiclass_classification", "label": {"column": "y", "classes": ["low", "mid", "high"]}},
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("method", ["random", "stratified"])
def test_amounts_and_classes_are_split_and_numbered_as_the_job_does(name, method):
    labels, members = PROBLEMS[name]
    members = {**members, "split": {"method": method, "train": 0.6, "validation": 0.2}}
    frame = pd.DataFrame({"n": [1.5 * row for row in range(36)], "t": list("abc") * 12, "y": labels * 3})
    steps = [{"step": "scale", "columns": ["n"]}, HOT]
    theirs = prepared(frame, source(steps, **members))
    names = export(source(steps, fitted=as_read(theirs.recipe), **members))
    mine, state = names["prepare_and_fit"](frame)
    assert_splits_equal(mine, theirs)
    assert json.loads(json.dumps(state)) == json.loads(json.dumps(names["STATE"]))


def test_strange_labels_are_refused_by_name():
    frame = pd.DataFrame({"n": range(12), "y": ["low", "high", "mid", "odd"] * 3})
    names = export(source([HOT], **PROBLEMS["classes"][1]))
    with pytest.raises(ValueError, match="odd"):
        names["prepare"](frame)
    names = export(source([HOT], **PROBLEMS["amounts"][1]))
    with pytest.raises(ValueError, match="no numbers"):
        names["prepare"](frame)
