"""All five checks on the real analyzers: the first run registers baselines, the second holds the same data against them, shifted data violates them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.functional import checked
from tests.functional.checked import BUCKET, CLARIFY, FLAGS, GROUP, clarify, model_quality, put_configs, put_data, quality
from tests.functional.conftest import IMAGE, ROLE, ROOT, Command, definition, processing

FIRST = ("-p", "Skip=true", "-p", "Register=true")
NAMES = ("DataBias", "ModelBias", "Shap", "DataQuality", "ModelQuality")


def trained(sagewright: Command) -> bytes:
    """Return a model.tar.gz of a small booster on the stored data's features score, age and gender."""
    rows = list(csv.reader((sagewright.store / "bkt/checks/data.csv").read_text().splitlines()))[1:]
    values = np.array(rows, dtype=np.float64)
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 0}
    booster = xgboost.train(settings, xgboost.DMatrix(values[:, 1:], values[:, 0], nthread=1), 8)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        entry = tarfile.TarInfo("xgboost-model")
        body = bytes(booster.save_raw("ubj"))
        entry.size = len(body)
        packed.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def model_step() -> dict:
    container = {"Image": IMAGE, "ModelDataUrl": f"{BUCKET}/model.tar.gz"}
    return {"Name": "Model", "Type": "Model", "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}}


def about_a_model(name: str, check_type: str, config: str, **changes) -> dict:
    return clarify(name, check_type, config, ModelName={"Get": "Steps.Model.ModelName"}, **changes)


def document(**changes) -> dict:
    steps = (
        clarify("DataBias", "DATA_BIAS", "pre", **changes),
        about_a_model("ModelBias", "MODEL_BIAS", "post", **changes),
        about_a_model("Shap", "MODEL_EXPLAINABILITY", "shap", **changes),
        quality("DataQuality", "DATA_QUALITY", "data.csv", **changes),
        {**model_quality("ModelQuality"), **changes},
    )
    return definition(model_step(), *steps, checked.register(*NAMES), parameters=FLAGS)


def found(done) -> dict[str, dict]:
    return {step["name"]: step["check"] for step in done.json["steps"] if "check" in step}


@pytest.fixture
def loans(sagewright):
    """Return the command in a folder with data, a model of it and the configurations of the analyses."""
    put_data(sagewright)
    put_configs(sagewright)
    sagewright.put(f"{BUCKET}/model.tar.gz", trained(sagewright))
    return sagewright


def served_processes(folder) -> list[str]:
    """Return the command lines of processes that have to do with a folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if str(folder) in line]


@pytest.mark.slow
def test_five_checks_register_baselines_then_hold_the_data_against_them(loans):
    first = loans.run(document(), *FIRST, timeout_s=300)
    assert first.code == 0, first.out
    checks = found(first)
    assert {name: check["measured"] > 0 for name, check in checks.items()} == dict.fromkeys(NAMES, True)
    assert {name: check["unit"] for name, check in checks.items()} == dict(zip(NAMES, ("metrics", "metrics", "features", "columns", "metrics"), strict=True))
    package = loans("registry", "show", f"{GROUP}/1", "--output", "json").json
    assert set(package["DriftCheckBaselines"]) == set(package["ModelMetrics"]) == {"Bias", "Explainability", "ModelDataQuality", "ModelQuality"}
    assert loans("approve", f"{GROUP}/1").code == 0
    second = loans.run(document(), timeout_s=300)
    assert second.code == 0, second.out
    assert [(check["compared"], check["violations"]) for check in found(second).values()] == [(True, [])] * 5
    put_data(loans, shifted=True)
    third = loans.run(document(FailOnViolation=False), timeout_s=300)
    assert third.code == 0, third.out
    told = {name: " | ".join(check["violations"]) for name, check in found(third).items()}
    assert "gender=1 DPL: Metric value" in told["DataBias"] and "gender=1 " in told["ModelBias"]
    assert "age baseline_drift_check: " in told["DataQuality"] and "accuracy: " in told["ModelQuality"]
    failed = loans.run(definition(clarify("DataBias", "DATA_BIAS", "pre"), parameters=FLAGS))
    assert failed.code == 4 and "ClientError: Clarify check failed. See violation report" in failed.json["failure_reason"]
    assert served_processes(loans.folder) == []


def test_a_model_that_does_not_start_fails_the_check_with_its_reason_and_leaves_nothing(loans):
    loans.put(f"{BUCKET}/model.tar.gz", b"no archive")
    steps = (model_step(), about_a_model("ModelBias", "MODEL_BIAS", "post"))
    done = loans.run(definition(*steps, parameters=FLAGS), *FIRST)
    reason = next(step["failure_reason"] for step in done.json["steps"] if step["name"] == "ModelBias")
    assert done.code == 1 and reason.startswith("ClientError: ") and "model.tar.gz" in reason
    assert served_processes(loans.folder) == []


def test_a_processing_job_on_the_clarify_image_asks_the_model_that_its_configuration_names(loans):
    loans.run(definition(model_step()))
    (name,) = [path.stem for path in (loans.folder / ".sagewright/models").glob("*.json")]
    config = json.loads((loans.store / "bkt/checks/post/analysis_config.json").read_text())
    config["predictor"]["model_name"] = name
    loans.put(f"{BUCKET}/post/analysis_config.json", json.dumps(config))
    step = clarify("Bias", "MODEL_BIAS", "post")
    plain = {"Name": "Bias", "Type": "Processing", "Arguments": step["Arguments"]}
    done = loans.run(definition(plain))
    assert done.code == 0, done.out
    (output,) = [path for key, path in done.json["outputs"].items() if key.startswith("Bias.")]
    with open(f"{output}/analysis.json") as file:
        assert "DPPL" in file.read()


def test_an_entrypoint_of_the_request_comes_before_that_of_the_image(sagewright):
    sagewright.put("s3://bkt/code/x.py", "print('mine')")
    step = processing("Mine", "x.py")
    step["Arguments"]["AppSpecification"]["ImageUri"] = CLARIFY
    done = sagewright.run(definition(step))
    assert done.code == 0 and "mine" in sagewright("logs").out


def test_a_run_that_is_interrupted_while_a_check_asks_its_model_leaves_nothing(loans):
    config = json.loads((loans.store / "bkt/checks/shap/analysis_config.json").read_text())
    config["methods"]["shap"]["num_samples"] = 100_000
    del config["methods"]["shap"]["baseline"]
    loans.put(f"{BUCKET}/shap/analysis_config.json", json.dumps(config))
    document = definition(model_step(), about_a_model("Shap", "MODEL_EXPLAINABILITY", "shap"), parameters=FLAGS)
    (loans.folder / "p.json").write_text(json.dumps(document))
    with open(loans.folder / "err.txt", "w") as told:
        command = [sys.executable, "-m", "pipelines", "run", "p.json", "--output", "json", "--cold", *FIRST]
        running = subprocess.Popen(command, cwd=loans.folder, env={**os.environ, "PYTHONPATH": str(ROOT), "CI": "true"}, stdout=told, stderr=told)
    try:
        logs = loans.folder / ".sagewright/runs"
        until(lambda: running.poll() is not None or any("sent to the model" in log.read_text() for log in logs.glob("*/jobs/*/log.txt")))
        running.send_signal(signal.SIGINT)
        code = running.wait(60)
    finally:
        running.kill()
    assert code in (0, 130), (loans.folder / "err.txt").read_text()  # 0 where the analysis was faster
    until(lambda: served_processes(loans.folder) == [])


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
