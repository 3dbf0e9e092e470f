"""Which libraries a job's program asks the warm parent for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.local import libraries
from pipelines.local.libraries import ALL, XGBOOST

ROOT = Path(__file__).parents[3]
TRAIN = ("python3", "-m", "pipelines.local.images.xgboost_algorithm")
SERVE = ("python3", "-m", "pipelines.local.images.serving.serve")


def wanted(folder: Path, *command: str) -> tuple[str, ...]:
    return libraries.wanted({"command": command, "job_dir": str(folder)})


def code(folder: Path, files: dict[str, str]) -> Path:
    place = folder / "opt/ml/processing/input/code"
    for name, text in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("import numpy\n", ()),
        ("import os, pandas as pd\n", ALL),
        ("from sklearn.base import clone\n", ALL),
        ("import scipy.stats\n", ALL),
        ("import xgboost\nxgboost.train({}, None)\n", XGBOOST),
        ("import xgboost as xgb\nmodel = xgb.XGBClassifier()\n", ALL),
        ("def later():\n    import pandas\n", ()),
        ("# import pandas\n", ()),
    ],
)
def test_a_script_asks_by_what_it_imports_at_its_top(tmp_path: Path, text: str, asked: tuple[str, ...]):
    assert wanted(code(tmp_path, {"job.py": text}), "python3", "/opt/ml/processing/input/code/job.py") == asked


def test_modules_beside_a_script_count_and_carried_code_does_not(tmp_path: Path):
    script = "/opt/ml/processing/input/code/job.py"
    carried = {"jobkit/__init__.py": "", "jobkit/table.py": "import pandas\n", "data/no_package.py": "import pandas\n"}
    plain = code(tmp_path / "a", {"job.py": "import helper\n", "helper.py": "import json\n", **carried})
    assert wanted(plain, "python3", script) == ()
    own = {"own/__init__.py": "", "own/deep/__init__.py": "", "own/deep/model.py": "from sklearn import svm\n"}
    heavy = code(tmp_path / "b", {"job.py": "import own\n", **own})
    assert wanted(heavy, "python3", script) == ALL


def test_a_program_that_cannot_be_read_is_taken_to_ask_for_all(tmp_path: Path):
    assert wanted(tmp_path, "python3", "/opt/ml/processing/input/code/none.py") == ALL
    assert wanted(tmp_path, "python3", "-m", "somebodys.module") == ALL


@pytest.mark.parametrize(
    "command", [("python3", "a\0b.py"), ("python3", "/dev/stdin"), ("python3", "/"), TRAIN, SERVE], ids=["nul", "pipe", "folder", "train", "serve"]
)
def test_a_command_that_no_job_can_run_is_left_to_the_job(tmp_path: Path, command: tuple[str, ...]):
    assert wanted(tmp_path, *command) == ALL


@pytest.mark.parametrize(
    ("values", "asked"),
    [({"eval_metric": "auc"}, XGBOOST), ({"eval_metric": "auc,f1"}, ALL), ({"_kfold": "5"}, ALL), ({"_tuning_objective_metric": "accuracy"}, ALL)],
)
def test_the_builtin_algorithm_asks_for_scikit_learn_where_that_measures_or_splits(tmp_path: Path, values: dict[str, str], asked: tuple[str, ...]):
    config = tmp_path / "opt/ml/input/config/hyperparameters.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"num_round": "5", "objective": "binary:logistic", **values}))
    assert wanted(tmp_path, *TRAIN) == asked


def test_a_server_asks_by_its_handler_or_by_the_code_it_serves(tmp_path: Path):
    assert wanted(tmp_path, *SERVE, "xgboost") == XGBOOST
    assert wanted(tmp_path, *SERVE, "scikit-learn") == wanted(tmp_path, *SERVE, "algorithm") == ALL
    served = tmp_path / "opt/ml/model/code"
    served.mkdir(parents=True)
    (served / "inference.py").write_bytes((ROOT / "training/inference.py").read_bytes())
    assert wanted(tmp_path, *SERVE, "xgboost-script") == XGBOOST
    (served / "inference.py").write_text("import joblib\n")
    assert wanted(tmp_path, *SERVE, "xgboost-script") == ALL


@pytest.mark.parametrize("script", sorted((ROOT / "processing").glob("*.py")) + sorted((ROOT / "evaluation").glob("*.py")), ids=lambda path: path.stem)
def test_our_own_job_code_does_not_wait_for_scikit_learn(tmp_path: Path, script: Path):
    code(tmp_path, {"job.py": script.read_text()})
    assert wanted(tmp_path, "python3", "/opt/ml/processing/input/code/job.py") in ((), XGBOOST)
