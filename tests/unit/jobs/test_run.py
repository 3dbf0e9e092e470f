"""`jobkit.Run`: what a script may log, where it is kept, and what happens with bad values and several runs."""

from __future__ import annotations

import json
import multiprocessing
import re
import threading

import numpy as np
import pytest

from jobkit import Run
from jobkit.run import metric_regex


@pytest.fixture(autouse=True)
def no_job(monkeypatch, tmp_path):
    for name in ("SAGEWRIGHT_EXPERIMENT_DIR", "SM_OUTPUT_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "ml"))


def entries(folder):
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def told(folder, event):
    return [entry for entry in entries(folder) if entry["event"] == event]


def test_what_is_logged_is_printed_and_kept(tmp_path, capsys):
    (tmp_path / "plot.txt").write_text("a plot")
    with Run(folder=str(tmp_path / "kept")) as run:
        run.log_parameters({"depth": 3, "name": "x y", "layers": [8, 4], "none": None, "flag": True})
        run.log_metric("val_auc", 0.5, step=0)
        run.log_metric("val_auc", 0.75, step=1)
        run.log_file(tmp_path / "plot.txt", "plots/first.txt")
    printed = capsys.readouterr().out
    assert "[metric] val_auc=0.75; step=1;\n" in printed
    assert "[parameter] layers=[8, 4]\n[parameter] none=null\n[parameter] flag=true\n" in printed
    assert [entry["value"] for entry in told(tmp_path / "kept", "parameter")] == [3, "x y", [8, 4], None, True]
    assert [(entry["value"], entry["step"]) for entry in told(tmp_path / "kept", "metric")] == [(0.5, 0), (0.75, 1)]
    assert (tmp_path / "kept/files/plots/first.txt").read_text() == "a plot"
    assert told(tmp_path / "kept", "file")[0]["bytes"] == 6
    assert told(tmp_path / "kept", "ended")[0]["status"] == "completed"


def test_the_regular_expression_of_a_metric_finds_it_and_no_other(capsys):
    with Run() as run:
        for name, value in (("auc", 0.91), ("val_auc", 0.92), ("auc.x", -1e-9), ("aucZx", 5)):
            run.log_metric(name, value)
        run.log_metric("auc", float("nan"))
    printed = capsys.readouterr().out
    assert re.findall(metric_regex("auc"), printed) == ["0.91"]
    assert re.findall(metric_regex("auc.x"), printed) == ["-1e-09"]
    assert metric_regex("auc") == r"\[metric\] auc=([-+.0-9eE]+);"


def test_numbers_of_numpy_are_taken_and_what_is_not_finite_is_kept_as_what_it_is(tmp_path, capsys):
    with Run(folder=str(tmp_path)) as run:
        run.log_metric("a", np.float32(0.5), step=np.int64(2))
        run.log_metric("a", np.array([1.5]), step=3)
        run.log_metric("b", float("inf"))
        run.log_parameter("c", np.int64(7))
        run.log_parameter("d", float("nan"))
    assert [entry["value"] for entry in told(tmp_path, "metric")] == [0.5, 1.5, "inf"]
    assert [entry["value"] for entry in told(tmp_path, "parameter")] == [7, "nan"]
    assert "[metric] b=inf;" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda run: run.log_metric("a", True), TypeError, "metric 'a': got bool True, expected a number"),
        (lambda run: run.log_metric("a", "0.5"), TypeError, "expected a number"),
        (lambda run: run.log_metric("a", np.bool_(True)), TypeError, "expected a number"),
        (lambda run: run.log_metric("a", None), TypeError, "expected a number"),
        (lambda run: run.log_metric("a", np.array([1.0, 2.0])), TypeError, "got ndarray"),
        (lambda run: run.log_metric("a", 10**400), ValueError, "too large"),
        (lambda run: run.log_metric("a b", 1), ValueError, "expected 1 to 250 letters"),
        (lambda run: run.log_metric("a=b;", 1), ValueError, "expected 1 to 250 letters"),
        (lambda run: run.log_metric("", 1), ValueError, "expected 1 to 250 letters"),
        (lambda run: run.log_metric("a", 1, step=-1), TypeError, "step is -1, expected a whole number from 0"),
        (lambda run: run.log_metric("a", 1, step=1.5), TypeError, "expected a whole number"),
        (lambda run: run.log_metric("a", 1, step=True), TypeError, "expected a whole number"),
        (lambda run: run.log_parameter("a", object()), TypeError, "object cannot be logged"),
        (lambda run: run.log_parameter("a", "x" * 6001), ValueError, "6001 characters, at most 6000"),
        (lambda run: run.log_parameter(3, 1), ValueError, "parameter's name cannot be 3"),
        (lambda run: run.log_file("missing.txt"), FileNotFoundError, "there is no file"),
        (lambda run: run.log_file("."), IsADirectoryError, "log_file takes one file"),
        (lambda run: run.log_file(__file__, "../out.txt"), ValueError, "cannot be kept"),
        (lambda run: run.log_file(__file__, "/etc/out.txt"), ValueError, "cannot be kept"),
        (lambda run: run.log_file(__file__, "a\nb"), ValueError, "cannot be kept"),
        (lambda run: run.log_file(__file__, ""), ValueError, "cannot be kept"),
    ],
)
def test_bad_values_are_refused_with_the_reason(tmp_path, call, kind, words):
    with Run(folder=str(tmp_path)) as run, pytest.raises(kind, match=re.escape(words)):
        call(run)
    assert told(tmp_path, "ended")[0]["status"] == "completed"


def test_a_parameter_keeps_its_value_within_a_run():
    with Run() as run:
        run.log_parameter("a", 1)
        run.log_parameter("a", 1)
        with pytest.raises(ValueError, match="already is 1 in this run; got 2"):
            run.log_parameter("a", 2)


def test_an_error_in_the_block_is_recorded_and_goes_on(tmp_path):
    with pytest.raises(ZeroDivisionError), Run(folder=str(tmp_path)):
        1 / 0  # noqa: B018
    assert told(tmp_path, "ended")[0] | {"time": 0} == {"event": "ended", "status": "failed", "error": "ZeroDivisionError: division by zero", "time": 0}


@pytest.mark.parametrize(("code", "status"), [(None, "completed"), (0, "completed"), (3, "failed")])
def test_leaving_the_program_is_a_failure_only_with_a_code(tmp_path, code, status):
    with pytest.raises(SystemExit), Run(folder=str(tmp_path)):
        raise SystemExit(code)
    assert told(tmp_path, "ended")[0]["status"] == status


def test_a_run_is_used_within_its_block_and_once():
    run = Run()
    with pytest.raises(RuntimeError, match="with Run"):
        run.log_metric("a", 1)
    with run:
        pass
    with pytest.raises(RuntimeError, match="with Run"):
        run.log_metric("a", 1)
    with pytest.raises(RuntimeError, match="entered once"), run:
        pass


def test_nested_runs_have_files_of_their_own_and_a_name_goes_before_what_they_log(tmp_path):
    with Run(folder=str(tmp_path)) as outer:
        for fold in range(2):
            with Run(f"fold{fold}", folder=str(tmp_path)) as inner:
                inner.log_metric("auc", 0.5 + fold / 10)
                inner.log_file(__file__, "script.py")
        outer.log_metric("auc", 0.55)
    assert sorted(entry["name"] for entry in told(tmp_path, "metric")) == ["auc", "fold0/auc", "fold1/auc"]
    assert [file.name for file in sorted(tmp_path.glob("*.jsonl"))] == ["001.jsonl", "002.jsonl", "003.jsonl"]
    assert (tmp_path / "files/fold1/script.py").is_file()


def worker(folder, number):
    with Run(folder=folder) as run:
        for step in range(50):
            run.log_metric(f"loss{number}", step, step=step)


def test_several_processes_and_threads_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=worker, args=(str(tmp_path), number)) for number in range(2)]
    for process in processes:
        process.start()
    with Run(folder=str(tmp_path)) as run:
        threads = [threading.Thread(target=lambda n=n: [run.log_metric("t", n, step=s) for s in range(50)]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(told(tmp_path, "metric")) == 300
    assert len(list(tmp_path.glob("*.jsonl"))) == 3


def test_a_training_job_keeps_it_in_its_output_data(tmp_path, monkeypatch):
    (tmp_path / "ml/input/config").mkdir(parents=True)
    (tmp_path / "ml/input/config/hyperparameters.json").write_text("{}")
    with Run() as run:
        run.log_metric("a", 1)
    assert len(told(tmp_path / "ml/output/data/experiment", "metric")) == 1
    monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "data"))
    with Run() as run:
        run.log_metric("a", 1)
    assert len(told(tmp_path / "data/experiment", "metric")) == 1


@pytest.mark.parametrize(("output", "kept"), [("experiment", 1), ("other", 0)])
def test_a_processing_job_keeps_it_in_the_output_that_is_declared_for_it(tmp_path, output, kept):
    (tmp_path / "ml/config").mkdir(parents=True)
    outputs = [
        {"OutputName": output, "S3Output": {"LocalPath": "/opt/ml/processing/notes", "S3Uri": "s3://b/k"}},
        {"OutputName": "f", "FeatureStoreOutput": {}},
    ]
    (tmp_path / "ml/config/processingjobconfig.json").write_text(json.dumps({"ProcessingOutputConfig": {"Outputs": outputs}}))
    with Run() as run:
        run.log_metric("a", 1)
    assert len(told(tmp_path / "ml/processing/notes", "metric")) == kept


def test_outside_of_a_job_nothing_is_written_and_the_lines_are_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with Run() as run:
        run.log_file(__file__)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out.startswith("[file] test_run.py sha256=")


def test_a_variable_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEWRIGHT_EXPERIMENT_DIR", str(tmp_path / "here"))
    with Run() as run:
        run.log_metric("a", 1)
    assert len(told(tmp_path / "here", "metric")) == 1
