"""Models of real containers behind an endpoint: the wine example's script, built-in XGBoost over HTTP, inference pipelines, code with requirements in S3."""

from __future__ import annotations

import io
import json

import botocore.exceptions
import joblib
import numpy
import pandas
import pytest
import xgboost
from sklearn.ensemble import RandomForestRegressor

from tests.functional.endpoints_here import ROOT, SKLEARN, XGBOOST, Place, Server, client, packed, variant

SHARED = next((folder / "shared/data" for folder in ROOT.parents if (folder / "shared/data").is_dir()), ROOT.parent / "shared/data")
ROWS = numpy.random.default_rng(5).normal(size=(300, 3))
BOOSTER = xgboost.train({"objective": "binary:logistic", "nthread": 1, "seed": 0}, xgboost.DMatrix(ROWS, ROWS[:, 0] > 0), 5)


def saved(booster, folder):
    booster.save_model(folder / "m.ubj")
    return (folder / "m.ubj").read_bytes()


def wine():
    """Return a forest for the wine example, its model archive's files."""
    table = pandas.read_csv(SHARED / "wine/winequality-red.csv").iloc[:528]
    forest = RandomForestRegressor(n_estimators=20, random_state=0, n_jobs=1).fit(table.drop(columns="quality"), table["quality"])
    buffer = io.BytesIO()
    joblib.dump(forest, buffer)
    return {"model.joblib": buffer.getvalue(), "code/inference.py": (ROOT / "examples/wine-quality/training/inference.py").read_text()}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    place = Place(folder / "home")
    uri = place.archive("xgboost", {"xgboost-model": saved(BOOSTER, folder)})
    one = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    booster = {"Image": XGBOOST, "ModelDataUrl": uri, "Environment": one}
    place.simple("xgboost", booster)
    halves = place.script("halves", "def model_fn(d): pass\ndef transform_fn(m, body, kind, accept):\n    return body.replace(';', ','), 'text/csv'")
    double = place.script("double", "def model_fn(d): pass\ndef transform_fn(m, body, kind, accept): return f'{2 * float(body):.6f} {kind} {accept}', accept")
    place.simple("unused", halves)
    place.records.delete("endpoint", "unused")
    place.model("serial", halves, booster, double)
    place.config("serial", variant("serial"))
    place.endpoint("serial")
    place.store.put_bytes("s3://code/sourcedir.tar.gz", packed({"inference.py": "def model_fn(d): pass\ndef transform_fn(m, b, k, a): return 'from s3'"}))
    told = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://code/sourcedir.tar.gz", **one}
    place.simple("elsewhere", {"Image": SKLEARN, "ModelDataUrl": uri, "Environment": told})
    if SHARED.is_dir():
        told = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", **one}
        place.simple("wine", {"Image": SKLEARN, "ModelDataUrl": place.archive("wine", wine()), "Environment": told})
    server = Server(place.home)
    server.until("ready:", 180)
    yield server
    assert server.stop() == 0


def ask(served, endpoint, body, kind="text/csv", **options):
    return client(served.url).invoke_endpoint(EndpointName=endpoint, ContentType=kind, Body=body, **options)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
def test_the_wine_of_a_real_endpoint_gets_a_score_that_it_could_have_got(served):
    reference = json.loads((SHARED / "reference.json").read_text())["script_mode_wine"]
    answer = ask(served, "wine", json.dumps(reference["request"]), reference["content_type"])
    assert json.loads(answer["Body"].read())["Output"] in reference["acceptable"]
    assert answer["ContentType"] == "application/json"


def test_built_in_xgboost_answers_through_everything_that_lies_between(served):
    rows = "0.5,0,0\n-0.5,0,0\n"
    expected = BOOSTER.predict(xgboost.DMatrix(numpy.array([[0.5, 0, 0], [-0.5, 0, 0]])))
    answer = ask(served, "xgboost", rows)
    assert answer["ContentType"] == "text/csv"
    assert numpy.allclose([float(line) for line in answer["Body"].read().splitlines()], expected, atol=1e-7)
    found = json.loads(ask(served, "xgboost", rows, Accept="application/json")["Body"].read())
    assert numpy.allclose([row["score"] for row in found["predictions"]], expected)


@pytest.mark.parametrize(("kind", "accept", "status"), [("text/plain", "text/csv", 415), ("text/csv", "image/png", 406)])
def test_what_the_container_refuses_is_a_model_error_with_its_status(served, kind, accept, status):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ask(served, "xgboost", "1,2,3", kind, Accept=accept)
    assert (type(caught.value).__name__, caught.value.response["OriginalStatusCode"]) == ("ModelError", status)


def test_an_empty_body_is_answered_with_nothing(served):
    assert ask(served, "xgboost", "")["Body"].read() == b""


def test_a_pipeline_hands_answers_on_with_their_content_types(served):
    answer = ask(served, "serial", "0.5;0;0", Accept="text/plain")["Body"].read().decode()
    number, kind, accept = answer.split(" ")
    assert float(number) == pytest.approx(2 * float(BOOSTER.predict(xgboost.DMatrix(numpy.array([[0.5, 0, 0]])))[0]), abs=1e-5)
    assert (kind, accept) == ("text/csv", "text/plain")


def test_code_may_lie_in_s3(served):
    assert ask(served, "elsewhere", "x")["Body"].read() == b"from s3"
