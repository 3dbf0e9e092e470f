"""Evaluate as a job: a process of its own, files below /opt/ml, the approved version served from its package."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jobkit import package as packages
from jobkit import raw_rows, write
from jobkit import recipe as recipes
from jobkit.apply import apply
from tests.unit.jobs import packages as made

PROBLEMS = ("binary_classification", "multiclass_classification", "regression")
COSTS = {"true_positive": 0, "false_positive": 1, "false_negative": 4, "true_negative": 0}


def build(folder, problem: str):
    """Write what Evaluate reads: the model, the prepared test split, its raw rows."""
    files = made.package(problem)
    fitted = json.loads(files["recipe.json"])
    fitted["inference"]["missing_column"] = "null"
    frame = made.rows(400, 5)
    features = apply(frame.drop(columns="y").assign(arrival=pd.to_datetime(frame["arrival"])), recipes.loads(recipes.dumps(fitted)))
    label = np.random.default_rng(2).integers(0, 3 if problem.startswith("multi") else 2, len(frame)).astype(np.float32)
    columns = {"y": label, **{name: features[name].to_numpy(dtype=np.float32) for name in features}}
    for split in ("test", "validation"):
        write.parquet(columns, folder / split / f"{split}.parquet")
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    raw_rows.write(folder / "raw_test" / "test.csv", pa.table({name: pa.array(texts[name].tolist(), pa.string()) for name in texts}))
    for name, content in (("model", {"xgboost-model": files["xgboost-model"]}), ("approved", files)):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.tar.gz").write_bytes(packages.pack(content))
    return files


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Return a folder of inputs for each problem."""
    found = {problem: tmp_path_factory.mktemp(problem) / "processing" for problem in PROBLEMS}
    for problem, folder in found.items():
        build(folder, problem)
    return found


def evaluate(tmp_path, source, problem: str, *arguments: str, leave=(), fails: str = "", **settings):
    """Run the job on a copy of the inputs and return the folder it wrote; with `fails` it must fail with these words."""
    folder = tmp_path / "processing"
    if not folder.exists():
        shutil.copytree(source, folder, ignore=lambda place, names: [name for name in names if name in leave])
    job = {"problem": problem, "label": {"column": "y", "positive": 1, "classes": made.PROBLEMS[problem][1]}, **({"evaluation": settings} if settings else {})}
    (tmp_path / "job.json").write_text(json.dumps(job))
    shutil.copy(made.ROOT / "evaluation/evaluate.py", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(made.ROOT), "SAGEMAKER_BASE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "evaluate.py", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == bool(fails), done.stderr
    assert fails in (tmp_path / "output/message").read_text() if fails else True
    return folder / "evaluation"


def details(folder) -> dict:
    return json.loads((folder / "evaluation_details.json").read_text(), parse_constant=pytest.fail)


class Page(HTMLParser):
    """Collect the tags that are open, and refuse what asks the network or runs."""

    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        assert tag not in ("script", "link", "img", "iframe", "b-evil"), tag
        assert not [name for name, value in attributes if name.startswith("on") or (name in ("src", "href") and not value.startswith("#"))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_model_against_itself_as_the_approved_version(tmp_path, inputs, problem):
    folder = evaluate(tmp_path, inputs[problem], problem, "--threshold", "0.4", slices=["room", "price"], confidence={"level": 0.9, "resamples": 300})
    told = details(folder)
    assert (told["format"], told["version"], told["problem"], told["rows"]) == ("sagewright.evaluation", 1, problem, 400)
    assert told["confidence"]["level"] == 0.9 and told["confidence"]["resamples"] == 300
    approved = told["lift"]["approved"]
    assert approved["compared"] is True, approved["why"]
    assert all(one["model"] == pytest.approx(one["other"]) and one["difference"] == pytest.approx(0, abs=1e-9) for one in approved["metrics"].values())
    assert sorted(told["slices"]["room"]["values"]) == ["(missing)", "A", "B, large", 'C "sea"'] and told["slices"]["price"]["kind"] == "ranges"
    quality = json.loads((folder / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert list(quality) == ["version", "dataset", problem + "_metrics"] and quality["dataset"] == {"item_count": 400}
    group = quality[problem + "_metrics"]
    assert all(one["value"] == group[name]["value"] for name, one in told["confidence"]["metrics"].items() if name in group)
    page = Page()
    page.feed((folder / "evaluation.html").read_text())
    assert page.open == []


def test_predictions_are_in_the_order_of_the_split(tmp_path, inputs):
    problem = "multiclass_classification"
    folder = evaluate(tmp_path, inputs[problem], problem, leave=("approved", "raw_test", "validation"))
    rows = list(csv.DictReader(io.StringIO((folder / "predictions.csv").read_text())))
    told = json.loads((folder / "evaluation.json").read_text())["multiclass_classification_metrics"]
    assert len(rows) == 400 and list(rows[0]) == ["prediction", "probability", "label"]
    assert sum(row["prediction"] == row["label"] for row in rows) / 400 == told["accuracy"]["value"]
    assert {row["label"] for row in rows} == set(made.PROBLEMS[problem][1]) and all(1 / 3 <= float(row["probability"]) <= 1 for row in rows)
    assert set(details(folder)["classes"]) == {row["label"] for row in rows}


def test_with_costs_the_threshold_of_the_validation_split_is_used_everywhere(tmp_path, inputs):
    problem = "binary_classification"
    folder = evaluate(tmp_path, inputs[problem], problem, costs=COSTS)
    told, rows = details(folder), list(csv.DictReader(io.StringIO((folder / "predictions.csv").read_text())))
    used = told["threshold"]["used"]
    assert told["threshold"]["chosen_on"] == "validation" and told["threshold"]["given"] == 0.5 and used != 0.5
    # Both splits hold the same rows here, so that what is cheapest on one is on the other.
    assert told["threshold"]["cost_per_row"] <= told["threshold"]["cost_per_row_at_given"]
    assert json.loads((folder / "evaluation.json").read_text())["binary_classification_metrics"]["decision_threshold"] == used
    assert all((float(row["probability"]) >= used) == (row["prediction"] == "1") for row in rows)


def test_an_old_bundle_without_settings_and_inputs_is_judged_as_before(tmp_path, inputs):
    problem = "binary_classification"
    folder = evaluate(tmp_path, inputs[problem], problem, leave=("approved", "raw_test", "validation"))
    told = details(folder)
    assert told["slices"] == {} and told["confidence"]["resamples"] == 1000 and told["threshold"]["chosen_on"] == "given"
    assert told["lift"]["approved"]["compared"] is False and told["lift"]["approved"]["why"] == "there is no approved version to compare with"
    assert {one["difference"] for one in told["lift"]["approved"]["metrics"].values()} == {0.0}


def test_the_same_inputs_give_the_same_bytes(tmp_path, inputs):
    problem = "binary_classification"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    folders = [evaluate(tmp_path / name, inputs[problem], problem, slices=["room"]) for name in ("one", "two")]
    for name in ("evaluation.json", "evaluation_details.json", "evaluation.html", "predictions.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def damaged(files: dict, **about) -> dict:
    """Return the files of a package whose package.json says something else."""
    return {**files, "package.json": json.dumps({**json.loads(files["package.json"]), **about}).encode()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: {"xgboost-model": files["xgboost-model"]}, "no package.json that can be read"),
        (lambda files: damaged(files, serves="own"), "does not take raw rows: it is served by code of its own"),
        (lambda files: damaged(files, problem="regression"), "is for regression, this one for binary classification"),
        (lambda files: damaged(files, classes=["x", "y"]), "tells other classes: x, y"),
        (lambda files: damaged(files, columns=["elsewhere"]), "takes none of the columns"),
        (lambda files: {**files, "xgboost-model": b"torn"}, "cannot be loaded"),
        (lambda files: {**files, "code/inference.py": b"raise RuntimeError('not today')"}, "not today"),
        (
            lambda files: {**files, "code/inference.py": b"def model_fn(f): pass\ndef transform_fn(m, b, c, a): return 'x\\n', 'text/csv'"},
            "answered 400 rows with 1",
        ),
    ],
)
def test_a_package_that_cannot_be_asked_is_not_compared_and_no_failure(tmp_path, inputs, change, words):
    problem = "binary_classification"
    shutil.copytree(inputs[problem], tmp_path / "processing")
    archive = tmp_path / "processing/approved/model.tar.gz"
    archive.write_bytes(packages.pack(change(packages.read(archive))))
    told = details(evaluate(tmp_path, None, problem))["lift"]["approved"]
    assert told["compared"] is False and words in told["why"]


def test_a_damaged_archive_is_not_compared(tmp_path, inputs):
    shutil.copytree(inputs["regression"], tmp_path / "processing")
    (tmp_path / "processing/approved/model.tar.gz").write_bytes(b"torn")
    assert "cannot be read" in details(evaluate(tmp_path, None, "regression"))["lift"]["approved"]["why"]


@pytest.mark.parametrize(
    ("problem", "settings", "leave", "words"),
    [
        ("binary_classification", {"slices": ["rooms"]}, ("approved",), "evaluation.slices: the raw rows have no column 'rooms'"),
        ("binary_classification", {"slices": ["room"]}, ("approved", "raw_test"), "let Preprocess write the raw rows of the test split"),
        ("binary_classification", {"costs": COSTS}, ("approved", "validation"), "the job has no input `validation`"),
        ("regression", {"costs": COSTS}, ("approved",), "evaluation.costs choose a threshold, which regression does not have"),
    ],
)
def test_settings_that_cannot_be_followed_fail_in_words(tmp_path, inputs, problem, settings, leave, words):
    evaluate(tmp_path, inputs[problem], problem, leave=leave, fails=words, **settings)
