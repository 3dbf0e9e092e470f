"""The registry's commands on versions that runs registered."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

from pipelines.local.model_packages.traced import is_traced
from tests.functional.conftest import IMAGE, Command, definition, processing

SCRIPT = """
import json, os, sys
for name in ("model", "evaluation"):
    os.makedirs(f"/opt/ml/processing/{name}", exist_ok=True)
rate = float(open("/opt/ml/processing/input/rows/rate.txt").read())
open("/opt/ml/processing/model/model.tar.gz", "wb").write(b"model " + str(rate).encode())
json.dump({"binary_classification_metrics": {"auc": {"value": rate, "standard_deviation": "NaN"}}}, open("/opt/ml/processing/evaluation/evaluation.json", "w"))
"""


def output(name, file):
    path = {"Get": f"Steps.Train.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}
    return {"Std:Join": {"On": "/", "Values": [path, file]}}


def pipeline():
    train = processing("Train", "train.py", outputs=("model", "evaluation"), inputs={"rows": {"Get": "Parameters.Rows"}})
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "shop",
            "InferenceSpecification": {
                "Containers": [{"Image": IMAGE, "ModelDataUrl": output("model", "model.tar.gz")}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": output("evaluation", "evaluation.json")}}},
        },
    }
    return definition(train, register, parameters=({"Name": "Rows", "Type": "String"},))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Register two versions by two runs on different data."""
    command = Command(tmp_path_factory.mktemp("registry"))
    command.put("s3://bkt/code/train.py", SCRIPT)
    for place, rate in enumerate((0.5, 0.75)):
        command.put(f"s3://bkt/rows{place}/rate.txt", str(rate))
        done = command.run(pipeline(), "-p", f"Rows=s3://bkt/rows{place}/rate.txt")
        assert done.code == 0, done.err
    return command


def test_lineage_leads_from_the_version_to_data_and_code(two):
    traced = two("registry", "lineage", "shop/2", "--output", "json").json
    assert traced["names"] == {"s3://bkt/rows1/rate.txt": "Rows"}
    assert traced["objects"]["s3://bkt/rows1/rate.txt"]["made_by"] is None
    model = traced["objects"][traced["models"][0]["uri"]]
    assert model["made_by"] == "Train" and len(model["sha256"]) == 64
    assert traced["steps"]["Train"]["code"]["uri"] == "s3://bkt/code/train.py" and traced["steps"]["Train"]["image"] == IMAGE
    assert traced["parameters"] == {"Rows": "s3://bkt/rows1/rate.txt"}
    tree = two("registry", "lineage", "shop/2").out
    assert "by Train (Processing)" in tree and "(parameter Rows)" in tree and "see above" in tree
    assert two("registry", "lineage", "shop", "--format", "mermaid").out.startswith("flowchart")
    xml.etree.ElementTree.fromstring(two("registry", "lineage", "shop", "--format", "svg").out)


def test_versions_are_compared_by_what_differs(two):
    view = two("registry", "compare", "shop/1", "shop/2", "--output", "json").json
    assert [(each["name"], each["values"], each["deltas"]) for each in view["metrics"]] == [("auc", [0.5, 0.75], [None, 0.25])]
    assert {each["name"] for each in view["differences"]} == {"parameters.Rows", "data.Rows", "model.sha256"}
    assert two("registry", "compare", "shop/1", "shop/2").out.startswith("VERSION")
    assert "| auc | 0.5 | 0.75 (+0.25) |" in two("registry", "compare", "shop/1", "shop/2", "--output", "md").out
    assert two("registry", "compare", "shop/1", "shop/1").code == 2


def test_a_version_goes_to_another_home_and_keeps_what_it_was_made_of(two, tmp_path):
    file = tmp_path / "shop.tar.gz"
    assert two("registry", "export", "shop/1", "--file", file).code == 0
    other = Command(tmp_path)
    done = other("registry", "import", file, "--group", "staging", "--by", "grace", "--output", "json")
    assert done.code == 0 and done.json["ModelApprovalStatus"] == "PendingManualApproval"
    assert "by Train (Processing)" in other("registry", "lineage", "staging").out and "imported from shop.tar.gz" in other("registry", "lineage", "staging").out
    assert other("registry", "history", "staging", "--output", "json").json[0]["by"] == "grace"
    file.write_bytes(b"damaged")
    assert other("registry", "import", file).code == 2 and other("registry", "list", "staging", "--output", "json").json[0]["ModelPackageVersion"] == 1


def test_a_lineage_from_a_run_has_the_form_that_an_import_checks(two):
    assert is_traced(two("registry", "lineage", "shop/1", "--output", "json").json)


def test_lineage_outlives_its_run(two, tmp_path):
    command = Command(tmp_path)
    command.put("s3://bkt/code/train.py", SCRIPT)
    command.put("s3://bkt/rows0/rate.txt", "0.5")
    done = command.run(pipeline(), "-p", "Rows=s3://bkt/rows0/rate.txt")
    (tmp_path / ".sagewright/registry/shop/1.lineage.json").unlink()  # as versions of earlier releases have none
    assert command("runs", "delete", done.json["execution_arn"].rsplit("/", 1)[-1], "--yes", "--force").code == 0
    assert command("registry", "lineage", "shop", "--output", "json").json["execution"]["pipeline"]


def test_approval_history_latest_and_deletion(two):
    assert two("registry", "latest", "shop").code == 2
    assert two("approve", "shop/1", "--reason", "good enough", "--by", "ada").code == 0
    assert two("registry", "latest", "shop").out.strip().endswith("model-package/shop/1")
    assert two("registry", "latest", "shop", "--output", "json").json["ApprovalDescription"] == "good enough"
    assert two("approve", "shop/2", "--reason", "\x1b[31mred\nshop/9 forged", "--by", "\x1b]0;x\x07").code == 0
    for seen in (two("registry", "list").out, two("registry", "history", "shop").out, two("registry", "show", "shop/2").out):
        assert "\\x1b[31mred" in seen and "\x1b" not in seen and "\nshop/9" not in seen
    assert two("approve", "shop/2", "--reject").code == 0
    shown = two("registry", "show", "shop/1").out
    assert "ada  PendingManualApproval -> Approved  good enough" in shown
    refused = two("registry", "delete", "shop/1")
    assert refused.code == 2 and "it is approved" in refused.err
    assert two("registry", "delete", "shop").code == 2
    assert two("registry", "delete", "shop/1", "--force", "--reason", "old").code == 0
    assert two("registry", "delete", "shop", "--group").code == 2
    assert [event["to"] for event in two("registry", "history", "shop/1", "--output", "json").json][-1] == "Deleted"


def test_the_best_training_of_a_search_is_named_and_what_came_from_the_cache_too(bookings):
    runs = [bookings("run", "bookings.json", "--output", "json", "--quiet").json for _ in range(2)]
    first, second = (bookings("registry", "lineage", f"hotel-bookings/{number}", "--output", "json").json for number in (1, 2))
    search = first["steps"]["Tune"]["search"]
    assert search["of"] == 2 and search["trial"] == first["steps"]["Tune"]["job"] and search["objective"] == "validation:auc"
    assert set(search["tuned"]) == {"eta", "max_depth"} and first["steps"]["Preprocess"]["code"]["sha256"]
    assert first["names"] and is_traced(first) and is_traced(second)
    assert second["execution"]["execution_arn"] == runs[1]["execution_arn"]
    assert {own.get("reused_from") for own in second["steps"].values()} == {runs[0]["execution_arn"].rsplit("/", 1)[-1]}
    same = bookings("registry", "compare", "hotel-bookings/1", "hotel-bookings/2", "--output", "json").json
    assert same["metrics"] == [] and same["differences"] == []


def test_the_rule_of_a_group(sagewright):
    assert json.loads(sagewright("registry", "rule", "shop").json["EventPattern"])["detail"]["ModelPackageGroupName"] == ["shop"]
    assert sagewright("registry", "rule", "shop", "--pattern").json["source"] == ["aws.sagemaker"]
    assert sagewright("registry", "rule", "../x").code == 2
