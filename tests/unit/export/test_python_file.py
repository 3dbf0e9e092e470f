"""The exported file gives the features of the job, to the bit, for every step and any rows, and needs nothing of ours."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobkit.apply import apply
from jobkit.steps import custom
from pipelines.config.recipe import STEPS as KNOWN
from pipelines.export.calls import CALLS
from pipelines.export.python_file import python_file
from tests.unit.jobs.recipes import learn, step
from tests.unit.jobs.test_rows_and_frames import STEPS, frames, same

# Steps on the set of rows, and ids of exported data, are in no recipe that a row is prepared with.
NEVER_APPLIED = {"join", "concat", "filter_rows", "drop_duplicates", "drop_missing", "keep_columns", "row_number", "timestamp"}


def exported(recipe: dict, file: str = "prepare.py") -> dict:
    space: dict = {"__name__": "exported", "__file__": file}
    exec(compile(python_file(json.loads(json.dumps(recipe)), "test", "prepare.py", {}), file, "exec"), space)  # noqa: S102
    return space


def test_every_step_can_be_written():
    assert set(CALLS) == set(KNOWN) - NEVER_APPLIED


@pytest.mark.parametrize("name", STEPS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_features_are_those_of_the_job(name, data):
    training, later = data.draw(frames(3)), data.draw(frames())
    training["t"] = training["t"].astype(object).where(training.index > 0, "text")
    training["d"] = training["d"].astype(object).where(training.index > 0, "2015-07-01")
    recipe, _ = learn(training, STEPS[name], target=(np.arange(len(training)) % 2).astype(float))
    ours, theirs = apply(later, recipe), exported(recipe)["transform"](later)
    assert list(ours) == list(theirs) and set(theirs.dtypes) <= {np.dtype("float32")}
    assert same(ours.to_numpy(), theirs.to_numpy())


def test_dates_booleans_categories_and_wrong_types_are_taken_in_alike():
    training = pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2020-02-03"]), "b": [True, False], "n": [1.0, 2.0], "t": ["a", "b"]})
    recipe, _ = learn(training, [step("dates", columns=["d"], parts=["month", "day"]), step("one_hot")])
    later = pd.DataFrame(
        {
            "d": pd.Series(["2020-05-06", None, "soon"], dtype=object),
            "b": ["yes", "no", "?"],
            "n": pd.Categorical(["1", "x", "3"]),
            "t": pd.Series([1, 2.5, None], dtype=object),
        }
    )
    assert same(apply(later, recipe).to_numpy(), exported(recipe)["transform"](later).to_numpy())
    zoned = training.assign(d=training.d.dt.tz_localize("Europe/Berlin"))[["n", "d"]]
    assert same(apply(zoned, recipe).to_numpy(), exported(recipe)["transform"](zoned).to_numpy())


def test_a_function_of_ones_own_is_called_from_its_file(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(
        "def learn(frame):\n    return {'mean': float(frame['n'].mean())}\n\n\n"
        "def make(frame, fitted):\n    return frame.assign(m=frame['n'] - fitted['mean'], y=frame['d'].dt.year)\n"
    )
    monkeypatch.setattr(custom, "CODE_ROOT", tmp_path)
    training = pd.DataFrame({"n": [1.0, 2.0, 6.0], "d": pd.to_datetime(["2020-01-01", None, "2022-02-03"])})
    recipe, _ = learn(training, [step("python", function="own.py:make", fit="own.py:learn"), step("drop_columns", columns=["d"])])
    assert same(apply(training, recipe).to_numpy(), exported(recipe, str(tmp_path / "prepare.py"))["transform"](training).to_numpy())


def test_the_file_imports_pandas_numpy_and_the_standard_library_only_and_runs(tmp_path):
    frame = pd.DataFrame({"n": [1.0, None, 3.0, 4.0], "t": ["a", "b", "a", None]})
    recipe, _ = learn(frame, [step("impute"), step("one_hot"), step("derive", columns={"twice": "n * 2 if n > 1 else 0"})])
    source = python_file(recipe, "test", "prepare.py", {})
    modules = {alias.name.split(".")[0] for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {(node.module or "").split(".")[0] for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert modules - {"numpy", "pandas"} <= set(sys.stdlib_module_names)
    (tmp_path / "prepare.py").write_text(source)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    done = subprocess.run([sys.executable, "-I", "prepare.py", "rows.csv", "out.csv"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "4 rows" in done.stdout, done.stderr
    assert same(pd.read_csv(tmp_path / "out.csv").to_numpy(), apply(frame, recipe).to_numpy())


def test_what_a_recipe_does_not_need_is_left_out():
    recipe, _ = learn(pd.DataFrame({"n": [1.0, None]}), [step("impute")])
    source = python_file(recipe, "test", "prepare.py", {})
    assert "def impute" in source and "def one_hot" not in source and "def both" not in source


def test_the_same_recipe_gives_the_same_file():
    frame = pd.DataFrame({"n": [1.0, None], "t": ["b", "a"]})
    texts = {python_file(learn(frame, [step("impute"), step("one_hot")])[0], "test", "prepare.py", {}) for _ in range(3)}
    assert len(texts) == 1
