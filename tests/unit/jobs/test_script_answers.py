"""Models that bring code of their own are asked by its functions, as the service's containers call them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jobkit import package
from jobkit.clarify import predictor
from jobkit.clarify.config import parse
from jobkit.clarify.dataset import Dataset
from jobkit.failure import JobError
from jobkit.serving import script

CSV, JSON = script.CSV, script.JSON
ROWS = Dataset(("a", "b"), {"a": np.array([0.0, 3.0]), "b": np.array([1.0, 4.0])}, 2, True)
# Answers `label,score` in CSV, and takes rows without a header; of JSON it wants what no default template makes.
SCRIPT = """
import json

def model_fn(model_dir):
    return open(model_dir + "/weight").read()

def input_fn(body, content_type):
    if content_type == "application/json":
        return json.loads(body)["Input"]
    return [[float(cell) for cell in line.split(",")] for line in body.splitlines()]

def predict_fn(rows, model):
    return [sum(row) * float(model) for row in rows]

def output_fn(scores, accept, context):
    if accept == "application/json":
        return json.dumps({"Output": [{"label": int(score > 0.5), "p": score} for score in scores]})
    return "".join("{},{}\\n".format(int(score > 0.5), score) for score in scores), accept
"""


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.delenv(predictor.ADDRESS, raising=False)
    folder = tmp_path / "processing/input/model"
    folder.mkdir(parents=True)

    def made(code: str = SCRIPT):
        files = {"weight": b"0.25", "code/inference.py": code.encode(), "package.json": json.dumps({"serves": "own"}).encode()}
        (folder / "model.tar.gz").write_bytes(package.pack(files))

    return made


@pytest.mark.parametrize(
    "given",
    [
        {"content_type": CSV, "accept_type": CSV, "label": 0, "probability": 1},
        {
            "content_type": JSON,
            "accept_type": JSON,
            "label": "Output[*].label",
            "probability": "Output[*].p",
            "content_template": '{"Input": $records}',
            "record_template": "$features",
        },
    ],
)
def test_bias_and_explanations_ask_the_functions_of_a_script(scripted, given):
    scripted()
    with predictor.predictor(parse({"dataset_type": CSV, "label": "y", "predictor": given})) as model:
        assert model.predict(ROWS).tolist() == [0.25, 1.75]
        assert model.predicted(ROWS).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("code", "told"),
    [("def transform_fn(model, body, kind, accept): return body", "defines no model_fn"), ("def model_fn(model_dir): return 1 / 0", "ZeroDivisionError")],
)
def test_a_script_that_does_not_load_is_said(scripted, code, told):
    scripted(code)
    with (
        predictor.predictor(parse({"dataset_type": CSV, "label": "y", "predictor": {"label": 0}})) as model,
        pytest.raises(JobError, match=f"did not load: .*{told}"),
    ):
        model.predicted(ROWS)


class Sums:
    def predict(self, rows):
        assert rows.dtype == np.float32
        return rows.sum(axis=1)


@pytest.mark.parametrize(
    ("body", "kind", "accept", "answer"),
    [
        (b"1,2\n3,\n", CSV, CSV, ("3.0\nnan\n", CSV)),
        (b"1,2\n", f"{CSV}; charset=utf-8", JSON, ("[3.0]", JSON)),
        (b"[[1, 2], [3, 4]]", JSON, JSON, ("[3.0, 7.0]", JSON)),
    ],
)
def test_what_a_script_does_not_define_is_done_as_scikit_learns_container_does(body, kind, accept, answer):
    assert script.answerer({"model_fn": lambda folder: Sums()}, "folder")(body, kind, accept) == answer


def test_transform_fn_comes_before_the_three_and_may_take_the_context():
    code = {"model_fn": lambda folder, context: folder, "transform_fn": lambda model, body, kind, accept: (model, body, kind, accept)}
    assert script.answerer(code, "folder")(b"1", CSV, JSON) == ("folder", "1", CSV, JSON)
