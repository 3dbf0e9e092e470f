"""Series from logs, what scripts logged, and records of runs that are odd, old or damaged."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import math
import tarfile

import pytest

from pipelines.local import deletion, experiment, provenance
from pipelines.local.experiment import logged, objects, series
from pipelines.local.experiment.jobs import facts
from pipelines.local.home import Home
from pipelines.local.images.pinned import Environment
from pipelines.local.journal import Journal
from pipelines.local.store import Store


def curve(lines, definitions=(), name="validation:auc"):
    return series.read(lines, definitions).series[name].as_json()


@pytest.mark.parametrize("line", ["[{}]\ttrain-auc:0.9\tvalidation-auc:0.{}", "[2026-11-25:17:00:00:INFO] [{}]#011train-auc:0.9#011validation-auc:0.{}"])
def test_rounds_of_xgboost_are_a_series_by_the_services_names(line):
    lines = [line.format(number, number + 5) for number in range(3)]
    assert curve(lines) == {"steps": [0, 1, 2], "values": [0.5, 0.6, 0.7]}


def test_a_metric_with_a_hyphen_keeps_it():
    assert curve(["[0]\tvalidation-cox-nloglik:2", "[1]\tvalidation-cox-nloglik:1"], name="validation:cox-nloglik")["values"] == [2, 1]


def test_metric_definitions_make_a_series_in_the_order_of_the_log_and_lines_of_run_make_none_twice():
    definitions = [{"Name": "score", "Regex": r"score=([-+.0-9eE]+);"}, {"Name": "bad", "Regex": "("}]
    log = series.read(["score=1;", "other", "score=2;", "[metric] score=3; step=0;"], definitions)
    assert log.series["score"].as_json() == {"steps": [0, 1], "values": [1.0, 2.0]}
    assert log.logged["score"].as_json() == {"steps": [0], "values": [3.0]}


def test_a_definition_for_what_xgboost_prints_keeps_the_rounds():
    definitions = [{"Name": "validation:auc", "Regex": r"#011validation-auc:(\S+)"}]
    assert curve(["[5]\tvalidation-auc:0.5", "[6]\tvalidation-auc:0.6"], definitions) == {"steps": [5, 6], "values": [0.5, 0.6]}


def test_values_that_are_not_finite_are_null_and_the_last_one_counts():
    log = series.read(["[metric] a=1.0; step=0;", "[metric] a=nan; step=1;", "[parameter] b={broken", '[parameter] c={"d": 1}'], ())
    assert log.logged["a"].as_json() == {"steps": [0, 1], "values": [1.0, None]}
    assert math.isnan(log.logged["a"].last)
    assert log.parameters == {"c": {"d": 1}}


def test_long_series_are_thinned_and_keep_their_end():
    made = series.Series()
    for step in range(10_001):
        made.add(float(step), step)
    kept = made.as_json()
    assert len(kept["steps"]) <= 2001
    assert (kept["steps"][0], kept["steps"][-1]) == (0, 10_000)


def test_entries_of_several_runs_are_one_series_in_the_order_of_time(tmp_path):
    folder = tmp_path / "opt/ml/output/data/experiment"
    folder.mkdir(parents=True)
    (folder / "001.jsonl").write_text(
        '{"event": "metric", "name": "a", "value": 1, "step": null, "time": 1}\n{"event": "ended", "status": "failed", "time": 9}\n'
    )
    (folder / "002.jsonl").write_text('{"event": "metric", "name": "a", "value": "inf", "step": null, "time": 2}\ntorn {')
    found = logged.read(series.Log(), tmp_path, ("/opt/ml/output/data/experiment", "s3://bkt/x/output.tar.gz"), Store(tmp_path / "s3"))
    assert found.series["a"].as_json() == {"steps": [0, 1], "values": [1.0, None]}
    assert found.status == "failed"


@pytest.mark.parametrize(
    ("ends", "status"), [(["completed", "completed"], "completed"), (["completed"], "unfinished"), (["failed"], "failed"), (["failed", "completed"], "failed")]
)
def test_runs_of_one_job_are_completed_when_all_are(tmp_path, ends, status):
    folder = tmp_path / "opt/ml/output/data/experiment"
    folder.mkdir(parents=True)
    entries = [{"event": "started", "time": 0}] * 2 + [{"event": "ended", "status": each, "time": 1} for each in ends]
    (folder / "001.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    found = logged.read(series.Log(), tmp_path, ("/opt/ml/output/data/experiment", "s3://bkt/x/output.tar.gz"), Store(tmp_path / "s3"))
    assert found.status == status


def test_the_uploaded_archive_tells_once_the_jobs_folder_is_gone(tmp_path):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as packed:
        for name, text in (
            ("experiment/001.jsonl", '{"event": "parameter", "name": "a", "value": 3}\n'),
            ("experiment/files/x/y.txt", "y"),
            ("other.jsonl", "{}"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text.encode()))
    store = Store(tmp_path / "s3")
    store.put_bytes("s3://bkt/x/output.tar.gz", body.getvalue())
    place = ("/opt/ml/output/data/experiment", "s3://bkt/x/output.tar.gz")
    assert logged.read(series.Log(), None, place, store).parameters == {"a": 3}
    logged.copy_files(None, place, store, tmp_path / "out")
    assert (tmp_path / "out/x/y.txt").read_text() == "y"


def test_large_objects_are_hashed_once_and_again_when_they_change(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "REMEMBERED_BYTES", 4)
    store = Store(tmp_path / "s3")
    store.put_bytes("s3://bkt/data/a.csv", b"12345")
    first = objects.fingerprint(store, "s3://bkt/data/a.csv")
    assert first == {"uri": "s3://bkt/data/a.csv", "sha256": hashlib.sha256(b"12345").hexdigest(), "bytes": 5, "files": 1}
    with monkeypatch.context() as patch:
        patch.setattr(objects, "_digest", lambda items, single: pytest.fail("hashed again"))
        assert objects.fingerprint(store, "s3://bkt/data/a.csv") == first
    store.put_bytes("s3://bkt/data/a.csv", b"123456")
    assert objects.fingerprint(store, "s3://bkt/data/a.csv")["sha256"] == hashlib.sha256(b"123456").hexdigest()
    assert objects.fingerprint(store, "s3://bkt/data/")["sha256"] == hashlib.sha256(b"a.csv\x00123456").hexdigest()
    assert objects.fingerprint(store, "s3://bkt/none")["sha256"] is None


def test_properties_that_say_nothing_are_no_error():
    for kind in ("Processing", "Training", "Tuning", "Model", "Lambda"):
        assert facts(kind, {"Odd": 1}).name == ""
        assert facts(kind, {}).name == ""


START = {
    "execution_arn": "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p/execution/abc",
    "pipeline_name": "p",
    "definition_sha256": "0",
    "parameters": {"a": math.nan},
    "options": {},
}


@pytest.fixture
def made(tmp_path):
    home = Home(tmp_path)
    run_dir = home.runs_dir / "abc"
    run_dir.mkdir(parents=True)
    journal = Journal(run_dir, lambda: 100.0)
    journal.append("run_started", **START)
    return home, run_dir, journal


def test_a_number_that_json_does_not_have_is_null(made):
    home, run_dir, journal = made
    journal.append("run_ended", status="Succeeded")
    assert experiment.keep(run_dir, home.find("abc"), home.store) is None
    assert json.loads((run_dir / "experiment.json").read_text())["parameters"] == {"a": None}


def test_a_definition_that_cannot_be_read_fails_nothing(made):
    home, run_dir, journal = made
    journal.append("step_ended", step="A", type="Processing", status="Succeeded", properties={"ProcessingInputs": 5}, metrics={"m": 1})
    journal.append("run_ended", status="Succeeded")
    problem = experiment.keep(run_dir, home.find("abc"), home.store)
    assert problem
    assert "TypeError" in problem
    read = experiment.load(run_dir, home.find("abc"), home.store)
    assert (read["metrics"], "TypeError" in read["problem"]) == ({"A.m": 1}, True)


def test_a_run_that_went_on_gets_a_new_record(made):
    home, run_dir, journal = made
    journal.append("run_ended", status="Failed")
    experiment.keep(run_dir, home.find("abc"), home.store)
    journal.append("run_resumed")
    assert experiment.load(run_dir, home.find("abc"), home.store)["status"] == "Executing"
    assert json.loads((run_dir / "experiment.json").read_text())["status"] == "Failed"
    journal.append("run_ended", status="Succeeded")
    assert experiment.load(run_dir, home.find("abc"), home.store)["status"] == "Succeeded"
    assert json.loads((run_dir / "experiment.json").read_text())["status"] == "Succeeded"


def test_with_pinned_images_the_libraries_are_those_of_the_images_that_ran(made, monkeypatch):
    home, run_dir, journal = made
    journal.append("run_started", **{**START, "options": {"images": "pinned"}, "provenance": {"python": "3.11", "libraries": {"numpy": "9"}, "git": None}})
    described = {"TrainingJobName": "t", "AlgorithmSpecification": {"TrainingImage": "r/sagemaker-xgboost:1.5-1"}}
    journal.append("step_ended", step="A", type="Training", status="Succeeded", properties=described, metrics={})
    kept = [Environment("r/sagemaker-xgboost:1.5-1", "python", {"numpy": "1"}), Environment("r/other:1", "python", {"numpy": "2"})]
    monkeypatch.setattr(importlib.import_module("pipelines.local.experiment.record"), "environments", lambda: iter(kept))
    environment = experiment.load(run_dir, home.find("abc"), home.store)["environment"]
    assert environment["pinned"] == {"r/sagemaker-xgboost:1.5-1": {"numpy": "1"}}


def test_a_deletion_that_was_interrupted_is_finished_by_the_next(made):
    home, run_dir, journal = made
    (home.root / "trash/old-1/jobs").mkdir(parents=True)
    assert deletion.delete(home, home.find("abc"))
    assert not run_dir.exists()
    assert list((home.root / "trash").iterdir()) == []
    assert home.states() == []


def test_a_folder_outside_of_a_repository_or_none_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert provenance.git_state(None) is None
    assert provenance.git_state(tmp_path / "missing") is None


def test_versions_and_python_are_those_of_this_machine():
    found = provenance.environment()
    assert found["libraries"]["numpy"]
    assert found["python"].startswith("3.")


def test_a_search_without_one_good_trial_names_no_object_of_a_best_one():
    found = facts("Tuning", {"TrainingJobDefinition": {"OutputDataConfig": {"S3OutputPath": "s3://b/tuning"}}})
    assert found.experiment is None and found.outputs == {}
