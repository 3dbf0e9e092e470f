"""The notebook runs from top to bottom and ends with the job's features; data is laid out whole or not at all."""

from __future__ import annotations

import json
import os
import types

import pandas as pd
import pytest

from jobkit.apply import apply
from pipelines.errors import UsageError
from pipelines.export.data import lay_out, objects
from pipelines.export.notebook import notebook
from tests.unit.jobs.recipes import learn, step
from tests.unit.jobs.test_rows_and_frames import same

FRAME = pd.DataFrame({"n": [1.0, None, 3.0, 4.0] * 5, "t": ["a", "b", "a", None] * 5, "y": [0, 1, 0, 1] * 5})


class Canvas:
    """Stand for a figure of matplotlib: take any call and remember the charts' headings."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __getattr__(self, name: str):
        return lambda *args, **options: self.drawn.append(options.get("title", name))

    def subplots(self, rows: int = 1, columns: int = 1, **options):
        return (self, [[self] * columns]) if "squeeze" in options else (self, self)


def recipe_of(frame: pd.DataFrame):
    steps = [step("impute", indicator=True), step("one_hot"), step("derive", columns={"twice": "n * 2"}), step("outliers", columns=["n"])]
    recipe, _ = learn(frame.drop(columns="y"), steps)
    return {**recipe, "label": {"column": "y", "problem": "binary_classification", "classes": ["0", "1"]}}


@pytest.mark.parametrize(
    "charts", [{}, {"histograms": [{"column": "t", "color_by": "y", "name": "Texts"}], "scatters": [{"x": "n", "y": "y", "color_by": "t", "facet_by": "y"}]}]
)
def test_the_notebook_runs_and_ends_with_the_features_of_the_job(tmp_path, monkeypatch, charts):
    import sys

    canvas = Canvas()
    pyplot = types.ModuleType("matplotlib.pyplot")
    pyplot.subplots = canvas.subplots  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "matplotlib", types.ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    sys.modules["matplotlib"].pyplot = pyplot  # type: ignore[attr-defined]
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    recipe = recipe_of(FRAME)
    made = json.loads(notebook(recipe, "test", str(tmp_path / "rows.csv"), {}, charts))
    space: dict = {}
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), space)  # noqa: S102
    assert same(space["made"].to_numpy(), apply(FRAME, recipe).to_numpy())
    assert len([heading for heading in canvas.drawn if heading in ("n", "t", "0", "1")]) >= 2


def test_the_notebook_is_of_the_documented_format_and_stable():
    recipe = recipe_of(FRAME)
    text = notebook(recipe, "test", "rows.csv", {}, {})
    made = json.loads(text)
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5) and text == notebook(recipe, "test", "rows.csv", {}, {})
    identities = [cell["id"] for cell in made["cells"]]
    assert len(set(identities)) == len(identities) and all(set(cell) >= {"cell_type", "metadata", "source", "id"} for cell in made["cells"])


@pytest.fixture
def outputs(tmp_path):
    places = {name: tmp_path / "in" / name for name in ("train", "validation", "test", "recipe")}
    for name, place in places.items():
        place.mkdir(parents=True)
        if name == "recipe":
            (place / "recipe.json").write_text(json.dumps({"label": {"column": "y"}, "features": ["n"]}))
        else:
            pd.DataFrame({"y": [0.0, 1.0], "n": [1.5, None]}).to_parquet(place / f"{name}.parquet", index=False)
    return places


@pytest.mark.parametrize(("kind", "read"), [("parquet", pd.read_parquet), ("csv", pd.read_csv)])
def test_the_manifest_tells_rows_and_hashes(tmp_path, outputs, kind, read):
    import hashlib

    manifest = json.loads(lay_out(outputs, tmp_path / "out", kind, "p").read_text())
    assert manifest["columns"] == ["y", "n"]
    for split in ("train", "validation", "test"):
        file = tmp_path / "out" / f"{split}.{kind}"
        assert len(read(file)) == manifest["files"][file.name]["rows"] == 2
        assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest["files"][file.name]["sha256"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path, outputs):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("x")
    with pytest.raises(UsageError, match="new or empty"):
        lay_out(outputs, tmp_path / "out", "csv", "p")
    assert os.listdir(tmp_path / "out") == ["mine"]


def test_nothing_is_left_of_an_export_that_fails(tmp_path, outputs):
    (outputs["test"] / "test.parquet").unlink()
    with pytest.raises(UsageError, match="cannot write|No such file"):
        lay_out(outputs, tmp_path / "out", "parquet", "p")
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_objects_lie_below_the_hash_of_the_manifest_which_comes_last(tmp_path, outputs):
    lay_out(outputs, tmp_path / "out", "parquet", "p")
    found = list(objects(tmp_path / "out", "s3://bucket/prefix/"))
    assert all(uri.startswith("s3://bucket/prefix/") and "//" not in uri[5:] for uri in found) and found[-1].endswith("/manifest.json")
