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

from evaluation import evaluate as job
from jobkit import package as packages
from jobkit import raw_rows, write
from jobkit import recipe as recipes
from jobkit.apply import apply
from jobkit.evaluation import approved
from jobkit.evaluation.measures import BINARY, Case
from jobkit.failure import JobError
from tests.unit.jobs import packages as made

pytestmark = pytest.mark.slow

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


@pytest.fixture
def run(tmp_path, inputs, monkeypatch):
    """Return what runs the job and returns the folder it wrote."""

    def judge(problem: str, *arguments: str, leave=(), change=None, apart: bool = False, **settings):
        """Run on a copy of the inputs without those in `leave`; `apart` in a process of its own, as the approved version's server needs it."""
        folder = tmp_path / "processing"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(inputs[problem], folder, ignore=lambda place, names: [name for name in names if name in leave])
        if change:
            change(folder / "approved/model.tar.gz")
        label = {"column": "y", "positive": 1, "classes": made.PROBLEMS[problem][1]}
        (tmp_path / "job.json").write_text(json.dumps({"problem": problem, "label": label, **({"evaluation": settings} if settings else {})}))
        (in_a_process if apart else in_this_one)(tmp_path, arguments, monkeypatch)
        return folder / "evaluation"

    return judge


def in_a_process(place, arguments, monkeypatch) -> None:
    shutil.copy(made.ROOT / "evaluation/evaluate.py", place)
    environment = {**os.environ, "PYTHONPATH": str(made.ROOT), "SAGEMAKER_BASE_DIR": str(place), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "evaluate.py", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def in_this_one(place, arguments, monkeypatch) -> None:
    monkeypatch.setattr(job, "__file__", str(place / "evaluate.py"))
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(place))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert job.main(list(arguments)) == 0


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
def test_a_model_against_itself_as_the_approved_version(run, problem):
    folder = run(problem, "--threshold", "0.4", apart=True, slices=["room", "price"], confidence={"level": 0.9, "resamples": 300})
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


def test_predictions_are_in_the_order_of_the_split(run):
    problem = "multiclass_classification"
    folder = run(problem, leave=("approved", "raw_test", "validation"))
    rows = list(csv.DictReader(io.StringIO((folder / "predictions.csv").read_text())))
    told = json.loads((folder / "evaluation.json").read_text())["multiclass_classification_metrics"]
    assert len(rows) == 400 and list(rows[0]) == ["prediction", "probability", "label"]
    assert sum(row["prediction"] == row["label"] for row in rows) / 400 == told["accuracy"]["value"]
    assert {row["label"] for row in rows} == set(made.PROBLEMS[problem][1]) and all(1 / 3 <= float(row["probability"]) <= 1 for row in rows)
    assert set(details(folder)["classes"]) == {row["label"] for row in rows}


def test_with_costs_the_threshold_of_the_validation_split_is_used_everywhere(run):
    folder = run(BINARY, leave=("approved",), costs=COSTS)
    told, rows = details(folder), list(csv.DictReader(io.StringIO((folder / "predictions.csv").read_text())))
    used = told["threshold"]["used"]
    assert told["threshold"]["chosen_on"] == "validation" and told["threshold"]["given"] == 0.5 and used != 0.5
    # Both splits hold the same rows here, so that what is cheapest on one is on the other.
    assert told["threshold"]["cost_per_row"] <= told["threshold"]["cost_per_row_at_given"]
    assert json.loads((folder / "evaluation.json").read_text())["binary_classification_metrics"]["decision_threshold"] == used
    assert all((float(row["probability"]) >= used) == (row["prediction"] == "1") for row in rows)


def test_an_old_bundle_without_settings_and_inputs_is_judged_as_before(run):
    told = details(run(BINARY, leave=("approved", "raw_test", "validation")))
    assert told["slices"] == {} and told["confidence"]["resamples"] == 1000 and told["threshold"]["chosen_on"] == "given"
    assert told["lift"]["approved"]["compared"] is False and told["lift"]["approved"]["why"] == "there is no approved version to compare with"
    assert {one["difference"] for one in told["lift"]["approved"]["metrics"].values()} == {0.0}


def test_the_same_inputs_give_the_same_bytes(run):
    names = ("evaluation.json", "evaluation_details.json", "evaluation.html", "predictions.csv")
    first, second = ([(folder / name).read_bytes() for name in names] for folder in (run(BINARY, leave=("approved",), slices=["room"]) for _ in range(2)))
    assert first == second


def about(**changes):
    """Return what changes package.json of the approved version."""

    def change(archive) -> None:
        files = packages.read(archive)
        files["package.json"] = json.dumps({**json.loads(files["package.json"]), **changes}).encode()
        archive.write_bytes(packages.pack(files))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda archive: archive.write_bytes(b"torn"), "model.tar.gz cannot be read"),
        (lambda archive: archive.unlink(), "there is no approved version to compare with"),
        (lambda archive: archive.write_bytes(packages.pack({"xgboost-model": b""})), "no package.json that can be read"),
        (about(serves="own"), "does not take raw rows: it is served by code of its own"),
        (about(problem="regression"), "is for regression, this one for binary classification"),
        (about(classes=["x", "y"]), "tells other classes: x, y"),
    ],
)
def test_a_package_that_cannot_be_asked_is_not_compared_and_no_failure(run, change, words):
    told = details(run(BINARY, change=change))["lift"]["approved"]
    assert told["compared"] is False and words in told["why"]


def test_a_package_that_does_not_load_is_not_compared(run):
    def tear(archive) -> None:
        archive.write_bytes(packages.pack({**packages.read(archive), "code/inference.py": b"raise RuntimeError('not today')"}))

    told = details(run(BINARY, change=tear, apart=True))["lift"]["approved"]
    assert told["compared"] is False and "not today" in told["why"]


class Client:
    """Answer every request with the same text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def healthy(self) -> None:
        """Be well."""

    def invoke(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Return the text."""
        return self.text.encode()


@pytest.mark.parametrize(
    ("answer", "columns", "words"),
    [
        ("0.1,no\n", ["room"], "answered 2 rows with 1"),
        ("x,no\ny,no\n", ["room"], "answered what is no prediction: 'x,no'"),
        ("nan,no\n0.1,no\n", ["room"], "answered what is no number"),
        ("0.1,no\n0.2,no\n", ["elsewhere"], "takes none of the columns: elsewhere"),
    ],
)
def test_answers_that_are_none_are_told(tmp_path, answer, columns, words):
    case = Case(BINARY, np.array([0.0, 1.0]), np.array([0, 1]), np.array([0.2, 0.8]))
    raw_rows.write(tmp_path / "test.csv", pa.table({"room": ["A", "B"]}))
    rival = approved.Approved(Client(answer), {"columns": columns, "threshold": 0.4}, "")
    with pytest.raises(JobError, match=words):
        approved.answers(rival, case, tmp_path / "test.csv")
    raw_rows.write(tmp_path / "test.csv", pa.table({"room": ["A"]}))
    with pytest.raises(JobError, match="there are 1 raw rows for 2 rows"):
        approved.answers(rival, case, tmp_path / "test.csv")


@pytest.mark.parametrize(
    ("problem", "settings", "leave", "words"),
    [
        (BINARY, {"slices": ["rooms"]}, (), "evaluation.slices: the raw rows have no column 'rooms'"),
        (BINARY, {"slices": ["room"]}, ("raw_test",), "let Preprocess write the raw rows of the test split"),
        (BINARY, {"costs": COSTS}, ("validation",), "the job has no input `validation`"),
        ("regression", {"costs": COSTS}, (), "evaluation.costs choose a threshold, which regression does not have"),
    ],
)
def test_settings_that_cannot_be_followed_fail_in_words(run, problem, settings, leave, words):
    with pytest.raises(JobError, match=words):
        run(problem, leave=("approved", *leave), **settings)
