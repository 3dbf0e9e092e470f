"""Run the command as a user does: another process, a folder of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REAL_DATA = ROOT.parent / "shared/data/hotel/hotel_bookings.csv"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::123456789012:role/jobs"


@dataclass(frozen=True)
class Done:
    """Hold what a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Call `sagewright` in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.environment = folder, environment

    def __call__(self, *arguments: object, timeout_s: float = 120) -> Done:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SAGEWRIGHT_"))}
        done = subprocess.run(
            [sys.executable, "-m", "pipelines", *map(str, arguments)],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": str(ROOT), "CI": "true", **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, document: dict[str, Any], *arguments: object, **options: Any) -> Done:
        """Run a definition with JSON output and the cold launcher, which starts faster for small scripts."""
        (self.folder / "p.json").write_text(json.dumps(document))
        return self("run", "p.json", "--output", "json", "--cold", "--quiet", *arguments, **options)

    @property
    def store(self) -> Path:
        return self.folder / ".sagewright/s3"

    def put(self, uri: str, body: str | bytes) -> None:
        """Put an object into the local S3 by hand."""
        path = self.store / uri.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body.encode() if isinstance(body, str) else body)


@pytest.fixture
def sagewright(tmp_path):
    return Command(tmp_path)


def processing(name: str, script: str, *, outputs: tuple[str, ...] = (), inputs: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a Processing step that runs `s3://bkt/code/<script>`."""
    given = {"code": f"s3://bkt/code/{script}", **(inputs or {})}
    arguments = {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", f"/opt/ml/processing/input/code/{script}"]},
        "ProcessingInputs": [
            {"InputName": key, "S3Input": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{key}", "S3DataType": "S3Prefix", "S3InputMode": "File"}}
            for key, uri in given.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": out,
                    "S3Output": {
                        "S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://bkt/out", {"Get": "Execution.PipelineExecutionId"}, name, out]}},
                        "LocalPath": f"/opt/ml/processing/{out}",
                        "S3UploadMode": "EndOfJob",
                    },
                }
                for out in outputs
            ]
        },
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}},
        "RoleArn": ROLE,
    }
    step = {"Name": name, "Type": "Processing", "Arguments": {**arguments, **changes.pop("arguments", {})}}
    return {**step, **changes}


def definition(*steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = (), **changes: Any) -> dict[str, Any]:
    """Return a definition document."""
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": list(steps), **changes}


def archive(**files: str) -> bytes:
    """Return a code archive; `__` in a name stands for its dot."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, body in files.items():
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(body.encode())
            packed.addfile(entry, io.BytesIO(body.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> Path:
    """Compile the hotel-bookings example once, with two trainings in the place of ten.

    It is a folder with definition.json, the sample data and the local S3 that it needs.
    """
    folder = tmp_path_factory.mktemp("compiled")
    command = Command(folder)
    assert command("sample", "hotel-bookings").code == 0
    done = command("compile", "--set", "tuning.jobs=2", "--file", "bookings.json")
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def bookings(sagewright, compiled):
    """Return the command in a folder where the compiled example lies ready to run."""
    shutil.copytree(compiled, sagewright.folder, dirs_exist_ok=True)
    return sagewright


def pytest_sessionfinish() -> None:
    """Kill servers that tests which failed have left behind."""
    from tests.functional.endpoints_here import STARTED

    for process in STARTED:
        process.kill()
