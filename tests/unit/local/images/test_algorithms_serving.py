"""The four other built-in algorithms as servers: every content type in, every one out, and what is wrong."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from pipelines.local.images import recordio
from pipelines.local.images.algorithms import train as program
from pipelines.local.images.serving.algorithm_handler import AlgorithmHandler
from pipelines.local.images.serving.answer import Asked

MAKER = np.random.default_rng(3)
ROWS = np.vstack([MAKER.normal(-3, 1, (60, 3)), MAKER.normal(3, 1, (60, 3))]).astype("float32")
LABELS = np.repeat([0, 1], 60)
SETTINGS = {
    "kmeans": {"k": 2, "feature_dim": 3, "mini_batch_size": 60},
    "knn": {"k": 3, "feature_dim": 3, "predictor_type": "classifier", "sample_size": 120},
    "linear-learner": {"predictor_type": "binary_classifier", "feature_dim": 3, "mini_batch_size": 60},
    "pca": {"num_components": 2, "feature_dim": 3, "mini_batch_size": 60},
}
FIELDS = {
    "kmeans": ["distance_to_cluster", "closest_cluster"],
    "knn": ["predicted_label"],
    "linear-learner": ["score", "predicted_label"],
    "pca": ["projection"],
}


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    """Train each algorithm once and return its server by name."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, settings in SETTINGS.items():
            ml = tmp_path_factory.mktemp(name)
            labelled = name in ("knn", "linear-learner")
            (ml / "input/data/train").mkdir(parents=True)
            (ml / "input/config").mkdir(parents=True)
            np.savetxt(ml / "input/data/train/a.csv", np.column_stack([LABELS, ROWS]) if labelled else ROWS, delimiter=",", fmt="%.7g")
            kind = f"text/csv;label_size={int(labelled)}"
            (ml / "input/config/inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": kind}}))
            (ml / "input/config/hyperparameters.json").write_text(json.dumps({key: str(value) for key, value in settings.items()}))
            patch.setenv("SAGEMAKER_BASE_DIR", str(ml))
            patch.setattr(sys, "argv", ["train", name])
            assert program.main() == 0
            found[name] = AlgorithmHandler()
            found[name].load(ml / "model")
    return found


def ask(handler, body, kind="text/csv", accept=""):
    return handler.invoke(Asked(body if isinstance(body, bytes) else body.encode(), {"content-type": kind, "accept": accept}))


@pytest.fixture(params=sorted(SETTINGS))
def handler(request, handlers):
    return handlers[request.param]


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_answer_has_the_fields_of_the_algorithm_for_every_row(handlers, name):
    answer = ask(handlers[name], "-3,-3,-3\n3,3,3\n")
    found = json.loads(answer.body)["predictions"]
    assert (answer.status, answer.content_type, len(found)) == (200, "application/json", 2)
    assert sorted(found[0]) == sorted(FIELDS[name])


def test_two_groups_are_told_apart(handlers):
    for name, field in (("kmeans", "closest_cluster"), ("knn", "predicted_label"), ("linear-learner", "predicted_label")):
        low, high = json.loads(ask(handlers[name], "-3,-3,-3\n3,3,3\n").body)["predictions"]
        assert low[field] != high[field], name


def test_every_content_type_says_the_same(handler, tmp_path):
    recordio.write(tmp_path / "rows", np.array([[1, 2, 3], [4, 5, 6]], "float32"))
    bodies = {
        "application/json": '{"instances": [{"features": [1, 2, 3]}, {"data": {"features": {"values": [4, 5, 6]}}}]}',
        "application/jsonlines": '{"features": [1, 2, 3]}\n{"features": [4, 5, 6]}\n',
        "application/x-recordio-protobuf": (tmp_path / "rows").read_bytes(),
        "text/csv; charset=utf-8": "1,2,3\n4,5,6",
    }
    answers = {kind: json.loads(ask(handler, body, kind).body) for kind, body in bodies.items()}
    first = answers["text/csv; charset=utf-8"]
    assert all(found == first for found in answers.values())


def test_every_accept_says_the_same(handler):
    expected = json.loads(ask(handler, "1,2,3\n4,5,6").body)["predictions"]
    assert [json.loads(line) for line in ask(handler, "1,2,3\n4,5,6", accept="application/jsonlines").body.splitlines()] == expected
    rows = [[float(cell) for cell in line.split(b",")] for line in ask(handler, "1,2,3\n4,5,6", accept="text/csv").body.splitlines()]
    flat = [[float(cell) for value in row.values() for cell in (value if isinstance(value, list) else [value])] for row in expected]
    assert rows == flat


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        ("1,2", "text/csv", "", 400),
        ("a,b,c", "text/csv", "", 400),
        ("1,2,3\n1", "text/csv", "", 400),
        ("{", "application/json", "", 400),
        ("3", "application/json", "", 400),
        ('{"instances": 3}', "application/json", "", 400),
        ('{"instances": [{"data": []}]}', "application/json", "", 400),
        ('{"instances": [{"features": null}]}', "application/json", "", 400),
        ('{"instances": [{"features": ["x", "y", "z"]}]}', "application/json", "", 400),
        (b"\xff\xfe", "text/csv", "", 400),
        ("garbage", "application/x-recordio-protobuf", "", 400),
        ("", "text/csv", "", 400),
        ("1,2,3", "image/png", "", 415),
        ("1,2,3", "", "", 415),
        ("1,2,3", "text/csv", "image/png", 406),
        ("1,2,3", "text/csv", "application/x-recordio-protobuf", 406),
    ],
)
def test_what_is_wrong_has_its_status(handler, body, kind, accept, status):
    answer = ask(handler, body, kind, accept)
    assert (answer.status, answer.content_type) == (status, "text/plain; charset=utf-8")


def test_batch_transform_is_told_its_parameters(handler):
    assert handler.execution_parameters(2) == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
