"""A definition as SDK V2 writes it, with scripts shaped like AWS's public abalone example, runs as it is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

CASE = Path(__file__).parents[1] / "definitions/v2-abalone-shaped"
BUCKET = "s3://sagemaker-us-east-1-123456789012"


def shells(rows: int = 400) -> str:
    dice = random.Random(0)
    lines = []
    for _ in range(rows):
        size = dice.uniform(0.2, 0.8)
        rings = round(4 + 14 * size + dice.gauss(0, 1))
        lines.append(",".join([dice.choice("MFI"), *(f"{size * k + dice.gauss(0, 0.01):.3f}" for k in (1, 0.8, 0.3, 2, 0.9, 0.4, 0.6)), str(rings)]))
    return "\n".join(lines)


@pytest.mark.parametrize("layer", ["namespace", "shim"])
def test_scripts_with_literal_opt_ml_paths_run_unmodified(sagewright, layer):
    sagewright.put(f"{BUCKET}/shells/shells.csv", shells())
    for script in ("preprocess.py", "evaluate.py"):
        sagewright.put(f"{BUCKET}/ShellPipeline/code/0123456789abcdef0123456789abcdef/{script}", (CASE / script).read_text())
    done = sagewright("run", CASE / "definition.json", "--output", "json", "--quiet", "--isolation", layer)
    if done.code == 2 and "not possible here" in done.err:
        pytest.skip(done.err)
    assert done.code == 0, done.err + sagewright("logs").out
    assert 0 < done.json["metrics"]["EvaluateShellModel.mse"] < 6
    assert done.json["metrics"]["TrainShellModel.validation:rmse"] < 3
    assert done.json["model_package_arn"].endswith("model-package/shellmodelpackagegroup/1")


def test_the_training_container_sees_the_documented_files(sagewright):
    sagewright.put(f"{BUCKET}/shells/shells.csv", shells())
    for script in ("preprocess.py", "evaluate.py"):
        sagewright.put(f"{BUCKET}/ShellPipeline/code/0123456789abcdef0123456789abcdef/{script}", (CASE / script).read_text())
    done = sagewright("run", CASE / "definition.json", "--output", "json", "--quiet", "--until", "TrainShellModel")
    assert [step["name"] for step in done.json["steps"]] == ["PreprocessShellData", "TrainShellModel"]
    job = next(Path(done.json["run_dir"]).glob("jobs/*TrainShellModel*"))
    config = {path.name for path in (job / "opt/ml/input/config").iterdir()}
    assert {"hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"} <= config
    assert '"S3DistributionType": "FullyReplicated"' in (job / "opt/ml/input/config/inputdataconfig.json").read_text()
    assert "validation-rmse:" in (job / "log.txt").read_text()
