"""The profile as a user meets it: the command on a file and on a project, and the step that stops a pipeline."""

from __future__ import annotations

import json

import pytest

from tests.functional.conftest import REAL_DATA

PIPELINE = """name: small
data: {input: rows.csv}
label: {column: churn, positive: "yes"}
recipe:
  - {step: drop_columns, columns: [n]}
  - {step: one_hot, columns: auto}
training: {hyperparameters: {objective: "binary:logistic", num_round: 5}}
"""


def rows(leak: bool = True) -> str:
    lines = [f"{n},{n % 7},{'xyz'[n % 3]},{'left' if n % 5 > 2 else 'stayed'},{'yes' if n % 5 > 2 else 'no'}" for n in range(300)]
    kept = lines if leak else [",".join([*line.split(",")[:3], line.split(",")[4]]) for line in lines]
    return "n,days,plan,outcome,churn\n".replace("" if leak else "outcome,", "") + "\n".join(kept) + "\n"


@pytest.fixture
def project(sagewright):
    (sagewright.folder / "rows.csv").write_text(rows())
    (sagewright.folder / "pipeline.yaml").write_text(PIPELINE)
    return sagewright


def test_a_file_is_profiled_with_the_lines_that_mend_it(project):
    done = project("profile", "rows.csv", "--target", "churn", "--directory", "out")
    assert done.code == 0, done.err
    assert "leaking-feature" in done.out and "{step: drop_columns, columns: [outcome]}" in done.out and "out/profile.html" in done.out
    assert "looking at 300 rows" in done.err and "looking at" not in done.out
    assert sorted(path.name for path in (project.folder / "out").iterdir()) == ["profile.html", "profile.json", "verdict.json"]


def test_json_is_the_profile_and_where_its_files_are(project):
    done = project("profile", "rows.csv", "--target", "churn", "--output", "json", "--quiet")
    report = done.json
    assert report["problem"] == "binary_classification" and report["findings"][0]["step"] == {"step": "drop_columns", "columns": ["outcome"]}
    assert json.loads((project.folder / report["files"]["profile.json"]).read_text())["findings"] == report["findings"] and done.err == ""


def test_a_project_is_profiled_as_its_configuration_reads_it(project):
    report = project("profile", "--output", "json", "--quiet").json
    assert report["label"] == "churn"
    assert {finding["mended_by"] for finding in report["findings"] if finding["columns"] == ["n"]} == {"recipe[0] drop_columns"}


def test_other_delimiters_and_encodings_are_found(sagewright):
    (sagewright.folder / "a.csv").write_bytes("größe;x;y\n".encode("latin-1") + b"1;2;3\n4;5;6\n" * 20)
    report = sagewright("profile", "a.csv", "--output", "json", "--quiet").json
    assert [field["name"] for field in report["fields"]] == ["größe", "x", "y"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.csv"], "there is no such file"),
        (["rows.csv", "--target", "churm"], "Did you mean 'churn'"),
        (["rows.csv", "--set", "seed=1"], "no effect"),
        (["pipeline.yaml", "--delimiter", ";"], "no effect"),
        (["empty.csv"], "empty"),
    ],
)
def test_a_wrong_command_line_is_one_message(project, arguments, said):
    (project.folder / "empty.csv").write_text("")
    done = project("profile", *arguments)
    assert done.code == 2 and said in done.err


def test_the_step_reports_and_nothing_waits_for_it(project):
    done = project("run", "--set", "profile.quick_model=false", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    names = [step["name"] for step in done.json["steps"]]
    assert "Profile" in names and "ProfileGate" not in names
    folder = done.json["outputs"]["Profile.profile"]
    assert "<!doctype html>" in (project.folder / folder / "profile.html").read_text()


def test_fail_on_stops_the_pipeline_with_exit_code_4_and_the_report_is_kept(project):
    done = project("run", "--set", 'profile.fail_on=["leaking-feature"]', "--output", "json", "--quiet")
    assert done.code == 4 and "leaking-feature (outcome)" in done.json["failure_reason"]
    statuses = {step["name"]: step["status"] for step in done.json["steps"]}
    assert statuses["Profile"] == "Succeeded" and statuses["ProfileFailed"] == "Failed"
    assert statuses.get("Preprocess") in (None, "NotStarted") and "Train" not in {name for name, status in statuses.items() if status == "Succeeded"}
    assert (project.folder / done.json["outputs"]["Profile.profile"] / "profile.html").is_file()


def test_the_gate_opens_when_the_recipe_mends_the_finding(project):
    (project.folder / "pipeline.yaml").write_text(PIPELINE.replace("[n]", "[n, outcome]") + "profile: {fail_on: [leaking-feature]}\n")
    done = project("run", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    assert {step["name"]: step["status"] for step in done.json["steps"]}["Train"] == "Succeeded"


def test_a_chart_of_a_column_that_is_not_there_fails_with_the_nearest(project):
    done = project("run", "--set", 'profile.histograms=[{"column": "dayz"}]', "--output", "json", "--quiet")
    assert done.code == 1 and "Did you mean 'days'" in done.json["failure_reason"]


@pytest.mark.skipif(not REAL_DATA.exists(), reason="the real bookings are not here")
def test_the_real_bookings_name_the_leak_and_the_share_of_duplicates(sagewright):
    report = sagewright("profile", REAL_DATA, "--target", "is_canceled", "--output", "json", "--quiet").json
    leaks = [finding["columns"] for finding in report["findings"] if finding["kind"] == "leaking-feature"]
    assert leaks == [["reservation_status"], ["reservation_status_date"]]
    assert report["duplicates"]["share"] == pytest.approx(0.280778, abs=1e-6) and report["duplicates"]["repeated_share"] == pytest.approx(0.214521, abs=1e-6)
    first = [(finding["severity"], finding["kind"]) for finding in report["findings"][:3]]
    assert first == [("high", "leaking-feature"), ("high", "leaking-feature"), ("high", "duplicate-rows")]
