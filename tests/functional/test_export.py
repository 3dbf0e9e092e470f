"""Exports of a real run: the plain file gives the model's features, the notebook runs, the data is that of the job."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest

from pipelines.jobs import job_module

# Run a notebook's code cells in their order, without a Jupyter server: display nothing, but draw.
PLAY = """
import json, sys
cells = json.load(open(sys.argv[1]))["cells"]
names = {"__name__": "__main__", "__doc__": "A notebook."}
for cell in cells:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
assert names["LEARNED_BY_THE_RUN"] == json.loads(json.dumps(names["state"])), "the notebook learned something else than the run"
for split, frame in names["prepared"].items():
    frame.to_parquet(split + "-of-notebook.parquet", index=False)
print(len(names["plt"].get_fignums()))
"""


@pytest.fixture
def ran(bookings):
    """Return the command in a folder where Preprocess was run on the bookings."""
    done = bookings("run", "--until", "Preprocess", "--quiet", "--output", "json")
    assert done.code == 0, done.err
    return bookings


def python(folder, *arguments):
    done = subprocess.run([sys.executable, "-I", *map(str, arguments)], cwd=folder, env={"MPLBACKEND": "agg"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_file_alone_gives_the_features_and_splits_of_the_job(ran):
    assert ran("export", "python", "--run", "latest", "--file", "my prepare.py").code == 0
    assert ran("export", "data", "--to", "out", "--quiet").code == 0
    rows = next(ran.folder.glob("data/*.csv"))
    python(ran.folder, "my prepare.py", rows, "features.parquet")
    python(ran.folder, "my prepare.py", "--split", rows, "split.parquet")
    recipe = json.loads((ran.folder / "out/recipe.json").read_text())
    raw = pd.read_csv(rows, keep_default_na=False, na_values=recipe["null_values"])
    expected = job_module("jobkit.apply").apply(raw, recipe)
    made = pd.read_parquet(ran.folder / "features.parquet")
    assert list(made) == recipe["features"] == list(expected)
    np.testing.assert_array_equal(made.to_numpy(), expected.to_numpy())
    for split in ("train", "validation", "test"):
        pd.testing.assert_frame_equal(pd.read_parquet(ran.folder / f"split-{split}.parquet"), pd.read_parquet(ran.folder / f"out/{split}.parquet"))


def test_the_notebook_runs_draws_and_learns_what_the_run_learned(ran):
    done = ran("export", "notebook", "--run", "latest", "--output", "json")
    assert done.json == {"written": ["prepare.ipynb"]}
    (ran.folder / "play.py").write_text(PLAY)
    assert int(python(ran.folder, "play.py", "prepare.ipynb").split()[-1]) >= 2
    assert ran("export", "data", "--to", "out", "--quiet").code == 0
    for split in ("train", "validation", "test"):
        pd.testing.assert_frame_equal(pd.read_parquet(ran.folder / f"{split}-of-notebook.parquet"), pd.read_parquet(ran.folder / f"out/{split}.parquet"))


def test_data_goes_to_a_folder_whole_and_once(ran):
    first = ran("export", "data", "--to", "out", "--output", "json", "--quiet").json
    manifest = json.loads((ran.folder / "out/manifest.json").read_text())
    assert first["copied"] == first["files"] and first["files"][-1] == "manifest.json"
    for split in ("train", "validation", "test"):
        assert parquet.read_metadata(ran.folder / f"out/{split}.parquet").num_rows == manifest["files"][f"{split}.parquet"]["rows"]
    assert ran("export", "data", "--to", "out", "--output", "json", "--quiet").json["copied"] == []
    every = ran("export", "data", "--all-rows", "--to", "every", "--format", "csv", "--quiet")
    assert every.code == 0, every.err
    splits = [manifest["files"][f"{split}.parquet"]["rows"] for split in ("train", "validation", "test")]
    # Outliers are removed from all rows here, from the training rows only in the splits.
    assert 0.9 * sum(splits) < len(pd.read_csv(ran.folder / "every/all_rows.csv")) <= sum(splits)


def test_what_cannot_be_exported_is_said(ran):
    assert "no runs are called" in ran("export", "python", "--run", "nope").err
    assert "recipe.json" in ran("export", "python", "--recipe", "data/hotel_bookings.csv").err
    assert "--to FOLDER" in ran("export", "data").err
    assert "parquet or csv" in ran("export", "data", "--to", "x", "--format", "xls").err
    blocked = ran("export", "data", "--to", "bookings.json", "--quiet")
    assert blocked.code == 2 and "bookings.json" in blocked.err
    assert "a folder" in blocked.err and not (ran.folder / "x").exists()
