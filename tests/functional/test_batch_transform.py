"""Batch transform as a user runs it: a model that is served in its sandbox, files below a prefix, joins, failures, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from tests.functional.conftest import ROOT

pytestmark = pytest.mark.slow
CASE = ROOT / "tests/definitions/batch-transform/definition.json"
ROWS = "".join(f"id{number},{number % 7},{number % 3}\n" for number in range(500))


@pytest.fixture
def ready(sagewright):
    """Return the command with a model of two features and rows with an id in the local S3."""
    import numpy
    import xgboost

    rows = numpy.array([[number % 7, number % 3] for number in range(500)], dtype="float32")
    booster = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(rows, rows[:, 0]), 10)
    body, packed = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
    sagewright.put("s3://bkt/model.tar.gz", packed.getvalue())
    sagewright.put("s3://bkt/in/rows.csv", ROWS)
    return sagewright


def changed(**changes):
    """Return the case of `tests/definitions/batch-transform` (ids that are joined with predictions) with other arguments of its Transform step."""
    document = json.loads(CASE.read_text())
    document["Steps"][1]["Arguments"].update(changes)
    return document


def test_ids_come_back_with_their_predictions(ready):
    ready.put("s3://bkt/in/sub/more.csv", ROWS[: ROWS.index("id9,")])
    done = ready.run(changed())
    assert done.code == 0, done.json["failure_reason"]
    out = ready.store / "bkt/out"
    assert done.json["outputs"] == {"Batch.output": str(out)}
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.out")) == ["rows.csv.out", "sub/more.csv.out"]
    rows = [line.split(",") for line in (out / "rows.csv.out").read_text().splitlines()]
    assert [row[0] for row in rows] == [f"id{number}" for number in range(500)]
    assert max(abs(float(value) - number % 7) for number, (_, value) in enumerate(rows)) < 0.5
    assert "BatchStrategy=MULTI_RECORD" in ready("logs", "latest", "Batch").out


def test_each_row_alone_gives_the_same(ready):
    assert ready.run(changed()).code == 0
    together = (ready.store / "bkt/out/rows.csv.out").read_bytes()
    done = ready.run(changed(MaxConcurrentTransforms=2), "-p", "Strategy=SingleRecord")
    assert done.code == 0 and (ready.store / "bkt/out/rows.csv.out").read_bytes() == together


def test_a_bad_file_fails_the_job_and_the_good_one_is_kept(ready):
    ready.put("s3://bkt/in/bad.csv", "id1,one,two\n")
    done = ready.run(changed())
    assert done.code == 1 and (ready.store / "bkt/out/rows.csv.out").is_file() and not (ready.store / "bkt/out/bad.csv.out").exists()
    assert "See job logs for more information (1 of 2 files failed): bkt/in/bad.csv: " in done.json["failure_reason"]
    assert "[sagemaker logs]: bkt/in/bad.csv: " in ready("logs", "latest", "Batch").out


def test_what_the_service_refuses_starts_nothing(ready):
    document = changed(MaxPayloadInMB=60, MaxConcurrentTransforms=2)
    document["Steps"][1]["Arguments"]["BatchStrategy"] = "MultiRecord"
    done = ready.run(document)
    assert done.code == 2 and "step Batch: MaxConcurrentTransforms x MaxPayloadInMB: there would be too much data" in done.err
    assert not (ready.folder / ".sagewright/runs").exists()


def test_what_a_parameter_makes_wrong_starts_no_container(ready):
    document = changed(MaxPayloadInMB={"Get": "Parameters.Size"}, MaxConcurrentTransforms=2)
    document["Parameters"].append({"Name": "Size", "Type": "Integer", "DefaultValue": 60})
    done = ready.run(document)
    assert done.code == 1 and "got 2 x 60 MB, expected at most 100 MB" in done.json["failure_reason"]
    assert ready("logs", "latest", "Batch").out == ""
    assert ready.run(document, "-p", "Size=50").code == 0


def test_ctrl_c_stops_the_job_and_leaves_nothing_half_written(ready):
    ready.put("s3://bkt/in/rows.csv", ROWS * 400)
    (ready.folder / "p.json").write_text(json.dumps(changed(BatchStrategy="SingleRecord")))
    command = [sys.executable, "-m", "pipelines", "run", "p.json", "--quiet"]
    process = subprocess.Popen(command, cwd=ready.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    journals = ready.folder / ".sagewright/runs"
    ends_at = time.monotonic() + 60
    while not any("transform_advanced" in path.read_text() for path in journals.glob("*/journal.jsonl")):
        assert time.monotonic() < ends_at and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert not (ready.store / "bkt/out").exists() and list(journals.glob("*/jobs/*/*.partial")) == []
    assert '"Batch"' in ready("status", "latest", "--output", "json").out and "Stopped" in ready("status", "latest").out
