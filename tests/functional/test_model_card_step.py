"""A run whose RegisterModel step takes the card from a step before: what the registry then has, and what happens to a card that the service would refuse."""

from __future__ import annotations

import json

import pytest

from tests.functional.conftest import IMAGE, Command, definition, processing

SCRIPT = """
import json, os
for name in ("model", "model_card"):
    os.makedirs(f"/opt/ml/processing/{name}", exist_ok=True)
open("/opt/ml/processing/model/model.tar.gz", "wb").write(b"model")
card = {"model_overview": {"model_creator": "me"}, "intended_uses": {"risk_rating": "RISK"}}
json.dump({"content": json.dumps(card), "status": "PendingReview"}, open("/opt/ml/processing/model_card/registry.json", "w"))
"""


def told(path):
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Card.PropertyFiles.Card"}, "Path": path}}


def pipeline():
    files = [{"PropertyFileName": "Card", "OutputName": "model_card", "FilePath": "registry.json"}]
    made = processing("Card", "card.py", outputs=("model", "model_card"), PropertyFiles=files)
    model = {"Std:Join": {"On": "/", "Values": [{"Get": "Steps.Card.ProcessingOutputConfig.Outputs['model'].S3Output.S3Uri"}, "model.tar.gz"]}}
    containers = {"Containers": [{"Image": IMAGE, "ModelDataUrl": model}], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    card = {"ModelCardContent": told("content"), "ModelCardStatus": told("status")}
    arguments = {"ModelPackageGroupName": "shop", "InferenceSpecification": containers, "ModelCard": card}
    return definition(made, {"Name": "Register", "Type": "RegisterModel", "Arguments": arguments})


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def test_the_version_has_the_card_and_takes_it_along_into_an_archive(command, tmp_path):
    command.put("s3://bkt/code/card.py", SCRIPT.replace("RISK", "Low"))
    done = command.run(pipeline())
    assert done.code == 0, done.err
    card = command("registry", "card", "shop/1", "--output", "json").json
    assert card["intended_uses"] == {"risk_rating": "Low"} and "PendingReview" in command("registry", "card", "shop/1").out
    assert command("registry", "export", "shop/1", "--file", "shop.tar.gz").code == 0
    assert command("registry", "import", "shop.tar.gz", "--group", "staging").code == 0
    assert command("registry", "card", "staging", "--output", "json").json == card
    assert command("registry", "card", "shop/1", "--html", "nowhere/card.html").code == 2


def test_a_card_that_the_service_would_refuse_fails_the_step_by_name(command):
    command.put("s3://bkt/code/card.py", SCRIPT.replace("RISK", "Huge"))
    done = command.run(pipeline())
    assert done.code == 1 and "$.intended_uses.risk_rating: 'Huge' is not one of" in json.dumps(done.json), done.err
    assert command("registry", "card", "shop").code == 2
