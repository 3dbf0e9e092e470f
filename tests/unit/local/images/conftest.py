"""A container as its program sees it: a process with an /opt/ml of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


class Container:
    """Fill an /opt/ml and run a container's program in it."""

    def __init__(self, folder: Path) -> None:
        self.ml = folder / "opt/ml"
        for name in ("input/config", "input/data", "model", "output/data", "code"):
            (self.ml / name).mkdir(parents=True)

    def configure(self, hyperparameters: dict, channels: dict) -> None:
        (self.ml / "input/config/hyperparameters.json").write_text(json.dumps(hyperparameters))
        (self.ml / "input/config/inputdataconfig.json").write_text(json.dumps(channels))
        resources = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.m5.large", "network_interface_name": "eth0"}
        (self.ml / "input/config/resourceconfig.json").write_text(json.dumps(resources))

    def channel(self, name: str, file: str, body: bytes) -> None:
        (self.ml / "input/data" / name).mkdir(exist_ok=True)
        (self.ml / "input/data" / name / file).write_bytes(body)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SAGEMAKER_BASE_DIR": str(self.ml), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def run(self, program: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", f"pipelines.local.images.{program}"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, errors="replace", check=False)

    @property
    def failure(self) -> str:
        return (self.ml / "output/failure").read_text()


@pytest.fixture
def container(tmp_path):
    return Container(tmp_path)
