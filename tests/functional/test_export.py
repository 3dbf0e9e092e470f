"""Exports of a real run: the plain file gives the model's features, the data is that of the job."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd

from pipelines.jobs import job_module


def test_a_run_is_exported_as_file_notebook_and_data(bookings):
    nothing = bookings("export", "python")
    assert nothing.code == 2 and "there is no run yet" in nothing.err
    assert bookings("run", "bookings.json", "--until", "Preprocess", "--quiet").code == 0
    assert bookings("export", "python", "--file", "my prepare.py").code == 0
    rows = next(bookings.folder.glob("data/*.csv"))
    done = subprocess.run([sys.executable, "-I", "my prepare.py", rows, "features.parquet"], cwd=bookings.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert bookings("export", "data", "--to", "out").code == 0
    recipe = json.loads((bookings.folder / "out/recipe.json").read_text())
    raw = pd.read_csv(rows, keep_default_na=False, na_values=recipe["null_values"])
    expected = job_module("jobkit.apply").apply(raw, recipe)
    made = pd.read_parquet(bookings.folder / "features.parquet")
    assert list(made) == recipe["features"] == list(expected)
    np.testing.assert_array_equal(made.to_numpy(), expected.to_numpy())
    assert (
        len(pd.read_parquet(bookings.folder / "out/test.parquet"))
        == json.loads((bookings.folder / "out/manifest.json").read_text())["files"]["test.parquet"]["rows"]
    )
    assert bookings("export", "notebook", "--output", "json").json["written"] == ["prepare.ipynb"]
    again = bookings("export", "data", "--to", "out")
    assert again.code == 2 and "new or empty" in again.err
