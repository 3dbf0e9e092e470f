"""The loan example, judged whole: bias, explanations, privacy and a card; gates that close with the right exit code; drift against the approved version."""

from __future__ import annotations

import csv
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.functional.conftest import Command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    """Return the command in a folder with a space where the example ran once, and what that run printed."""
    folder = tmp_path_factory.mktemp("judged") / "my loans"
    folder.mkdir()
    command = Command(folder)
    assert command("sample", "loan-approval").code == 0
    done = command("run", "--output", "json", "--quiet", timeout_s=400)
    assert done.code == 0, done.err
    return command, done.json


def read(ended: dict, output: str, name: str, root: Path) -> dict:
    return json.loads((root / ended["outputs"][output] / name).read_text())


def test_the_check_before_training_looks_at_every_row(loans):
    command, ended = loans
    rows = len((command.folder / "data/loan_data.csv").read_text().splitlines()) - 1
    assert rows == 598
    log = command("logs", "latest", "PreTrainingBias").out
    assert "598 rows" in log
    found = read(ended, "PreTrainingBias.output", "analysis.json", command.folder)
    assert list(found["pre_training_bias_metrics"]["facets"]) == ["gender", "self_employed"]
    after = read(ended, "PostTrainingBias.output", "analysis.json", command.folder)
    assert {metric["name"] for metric in after["post_training_bias_metrics"]["facets"]["gender"][0]["metrics"]} >= {"DI", "DPPL", "GE", "CDDPL"}


def test_reports_are_there_and_attached_to_the_version(loans):
    command, ended = loans
    for step in ("PreTrainingBias", "PostTrainingBias", "Explain"):
        files = {path.name for path in (command.folder / ended["outputs"][f"{step}.output"]).iterdir()}
        assert {"analysis.json", "report.html", "report.pdf", "report.ipynb"} <= files
    package = command("registry", "show", "loan-approval/1", "--output", "json").json
    assert set(package["ModelMetrics"]) == {"ModelQuality", "Bias", "Explainability"}
    assert set(package["DriftCheckBaselines"]["Bias"]) == {"ConfigFile", "PreTrainingConstraints", "PostTrainingConstraints"}
    card = json.loads(package["ModelCard"]["ModelCardContent"])
    assert card["intended_uses"]["risk_rating"] == "High"
    assert {entry["name"] for entry in card["evaluation_details"]} >= {"quality", "bias", "explanations", "privacy"}


def test_the_threshold_that_costs_least_is_the_package_s_own(loans):
    command, ended = loans
    details = read(ended, "Evaluate.evaluation", "evaluation_details.json", command.folder)
    chosen = details["threshold"]["chosen"]
    assert details["threshold"]["chosen_on"] == "validation" and chosen != 0.5
    with tarfile.open(command.folder / ended["outputs"]["PackageModel.package"] / "model.tar.gz") as packed:
        assert json.loads(packed.extractfile("package.json").read())["threshold"] == chosen
    assert not details["lift"]["approved"]["compared"]


@pytest.mark.parametrize(
    ("parameter", "code", "words"),
    [
        ("MinAccuracy=0.99", 3, "accuracy is"),
        ("MinAucLower=0.99", 3, "the lower limit of auc is"),
        ("MinAccuracyGender=0.999", 3, "accuracy in the worst group of gender is"),
        ("MinDiGender=5", 4, "DI of gender is"),
        ("MaxAbsDplGender=0.0001", 4, "the size of DPL of gender is"),
    ],
)
def test_a_missed_bar_ends_the_run_with_its_exit_code_and_both_numbers(loans, parameter, code, words):
    command, _ = loans
    done = command("run", "-p", parameter, "--output", "json", "--quiet", timeout_s=240)
    assert done.code == code, done.err
    assert words in done.json["failure_reason"] and parameter.partition("=")[2] in done.json["failure_reason"]
    assert done.json["model_package_arn"] is None
    trained = {step["name"] for step in done.json["steps"] if step["status"] == "Succeeded"}
    assert ("Train" in trained) is (parameter != "MaxAbsDplGender=0.0001")


def test_drift_against_the_approved_version_closes_the_gate_and_names_facet_and_metric(loans, tmp_path):
    command, _ = loans
    assert command("approve", "loan-approval/1", "--reason", "first").code == 0
    same = command("run", "--output", "json", "--quiet", timeout_s=400)
    assert same.code == 0, same.err
    details = read(same.json, "Evaluate.evaluation", "evaluation_details.json", command.folder)
    assert details["lift"]["approved"]["compared"] and details["lift"]["approved"]["metrics"]["auc"]["loss"] == 0
    with open(command.folder / "data/loan_data.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for place, row in enumerate(rows):
        if row["gender"] == "0" and place % 3:
            row["approved"] = "N"
    with open(tmp_path / "shifted.csv", "w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    shifted = command("run", "-p", f"InputData={tmp_path / 'shifted.csv'}", "-p", "MaxAbsDplGender=1", "--output", "json", "--quiet", timeout_s=240)
    assert shifted.code == 4, shifted.err
    reason = shifted.json["failure_reason"]
    assert "drift of the data's bias" in reason and "gender DPL" in reason and "nothing was trained" in reason


def test_splits_that_somebody_changed_stop_the_run_before_training(loans):
    command, ended = loans
    home = command.folder / ".sagewright"
    spoilt = command.folder / "spoilt"
    shutil.copytree(home, spoilt)
    prepared = spoilt / Path(ended["outputs"]["Preprocess.train"]).resolve().relative_to(home.resolve())
    (prepared / "more.parquet").write_bytes((prepared / "train.parquet").read_bytes())
    again = command("run", "--from", "CheckInputs", "--source", ended["execution_arn"].rpartition("/")[2], "--home", spoilt, "--output", "json", "--quiet")
    assert again.code == 1 and "more.parquet" in again.json["failure_reason"]


MANAGED = """
name: managed
data: {input: data/loan_data.csv}
label: {column: approved, positive: "Y"}
recipe: [{step: drop_columns, columns: [loan_id]}, {step: one_hot, columns: auto}]
training: {hyperparameters: {num_round: 10, max_depth: 3}}
bias: {runner: clarify, facets: [{column: gender, values: [0]}]}
quality: {data: {runner: model-monitor}, model: {runner: model-monitor}}
gate: [{metric: accuracy, at_least: 0.6}]
registration: {model_package_group: managed}
"""


def test_managed_checks_are_held_against_the_approved_version(sagewright, tmp_path):
    assert sagewright("sample", "loan-approval", "--data-only").code == 0
    (sagewright.folder / "pipeline.yaml").write_text(MANAGED)
    first = sagewright("run", "--output", "json", "--quiet", timeout_s=400)
    assert first.code == 0, first.err
    assert sagewright("approve", "managed/1").code == 0
    second = sagewright("run", "-p", "SkipChecks=false", "--output", "json", "--quiet", timeout_s=400)
    assert second.code == 0, second.err
    checks = {step["name"]: step["check"] for step in second.json["steps"] if step.get("check")}
    assert set(checks) == {"PreTrainingBias", "PostTrainingBias", "DataQuality", "ModelQuality"}
    assert all(check["compared"] and not check["violations"] for check in checks.values())
    data = (sagewright.folder / "data/loan_data.csv").read_text().splitlines()
    place = data[0].split(",").index("gender")
    shifted = [data[0], *(line if line.split(",")[place] == "1" else line.removesuffix(",Y") + (",N" if line.endswith(",Y") else "") for line in data[1:])]
    (tmp_path / "shifted.csv").write_text("\n".join(shifted) + "\n")
    third = sagewright("run", "-p", "SkipChecks=false", "-p", f"InputData={tmp_path / 'shifted.csv'}", "--output", "json", "--quiet", timeout_s=400)
    assert third.code == 4
    assert "ClientError: Clarify check failed. See violation report" in third.json["failure_reason"]
