"""Clarify's job as a container runs it: a process that serves the package itself and measures and explains with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobkit import package
from tests.unit.jobs import packages

ROOT = Path(__file__).parents[3]


def run(folder: Path, methods: dict, predictor: dict) -> subprocess.CompletedProcess[str]:
    inputs = folder / "processing/input"
    for name in ("config", "data", "model"):
        (inputs / name).mkdir(parents=True)
    (inputs / "model/model.tar.gz").write_bytes(package.pack(packages.package()))
    packages.rows(60, seed=3).to_csv(inputs / "data/rows.csv", index=False)
    facet = [{"name_or_index": "room", "value_or_threshold": ["A"]}]
    settings = {"dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "facet": facet, "methods": methods, "predictor": predictor}
    (inputs / "config/analysis_config.json").write_text(json.dumps(settings))
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder), "PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": ""}
    return subprocess.run([sys.executable, str(ROOT / "evaluation/clarify.py")], env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_the_job_measures_bias_and_explains_with_the_package_it_serves(tmp_path):
    methods = {
        "post_training_bias": {"methods": ["DPPL"]},
        "shap": {"use_logit": True, "save_local_shap_values": True},
        "pdp": {"top_k_features": 2, "grid_resolution": 3},
    }
    done = run(tmp_path, methods, {"model_name": "m"})
    assert done.returncode == 0, done.stderr
    output = tmp_path / "processing/output"
    made = json.loads((output / "analysis.json").read_text())
    assert list(made) == ["version", "post_training_bias_metrics", "explanations"]
    assert list(made["explanations"]) == ["kernel_shap", "pdp"]
    assert len(made["explanations"]["pdp"]) == 2
    assert json.loads((output / "explanations.json").read_text())["method"] == "tree_shap"
    assert (output / "explanations_shap/out.csv").read_text().count("\n") == 61
    assert (output / "explanations_shap/baseline.csv").is_file()


@pytest.mark.slow
def test_a_package_that_refuses_the_rows_ends_the_job_with_what_it_said(tmp_path):
    done = run(tmp_path, {"shap": {}}, {"model_name": "m", "content_type": "application/json", "content_template": '{"rows": $records}'})
    assert done.returncode == 1
    message = (tmp_path / "output/message").read_text()
    assert message.startswith("the model in the input `model`: /invocations answered 400")
    assert "Traceback" not in done.stderr
