"""Script mode against the real sagemaker-training toolkit: the same script, in the same /opt/ml, gets the same and leaves the same."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.functional.conftest import ROOT

TOOLKIT = ROOT / ".venv-toolkit"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (TOOLKIT / ".ready").is_file(), reason="`make test` unpacks the toolkit into .venv-toolkit")]
# The framework containers run it with capture_error; without Docker no host name resolves, hence the switch of Studio's local mode.
CALL = """
import functools
from sagemaker_training import entry_point, trainer
entry_point.run = functools.partial(entry_point.run, capture_error=True)
trainer.train()
"""
SHOW = """
import json, os, sys
sees = {"argv": sys.argv, "cwd": os.getcwd(), "sm": {name: value for name, value in os.environ.items() if name.startswith("SM_")}}
open(os.environ["SM_MODEL_DIR"] + "/seen.json", "w").write(json.dumps(sees))
"""
HOSTS = ["algo-1", "algo-2"]
EVERY_KIND = {
    "depth": "3",
    "rate": '"0.1"',
    "x": '"y z"',
    "flag": "true",
    "nothing": "null",
    "list": "[1, 2]",
    "map": '{"b": 1, "a": 2}',
    "big": "1e10",
    "plain": "text",
    "empty": '""',
    "a-b": "1",
    "sp ace": "2",
    "quote": '"it\'s \\"$HOME\\""',
    "unicode": '"\\u00e9"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_container_log_level": "10",
    "sagemaker_job_name": '"job"',
    "sagemaker_mpi_enabled": "false",
    "sagemaker_extra": "1",
    "_tuning_objective_metric": '"auc"',
}
# Ten scripts: the files of the code (the program is train.py unless a hyperparameter says else), and more hyperparameters.
SCRIPTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "every kind of hyperparameter": ({"train.py": SHOW}, EVERY_KIND),
    "in a folder": ({"src/train.py": SHOW, "helper.py": "x = 1"}, {"sagemaker_program": '"src/train.py"', "n": "1"}),
    "raises": ({"train.py": "import sys\nprint('out')\nprint('warn', file=sys.stderr)\nraise ValueError('why\\nnot \"quoted\"')\n"}, {}),
    "a chain of errors": ({"train.py": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('second') from error\n"}, {}),
    "exits with a number": ({"train.py": "import sys\nprint('said', file=sys.stderr)\nsys.exit(7)\n"}, {}),
    "exits with words": ({"train.py": "import sys\nsys.exit('bad luck')\n"}, {}),
    "is killed": ({"train.py": "import os\nos.kill(os.getpid(), 9)\n"}, {}),
    "prints an error and goes on": ({"train.py": "print('ValueError: only printed')\nprint('more')\n"}, {}),
    "shell that fails": ({"train.py": "", "run.sh": "#!/bin/sh\necho shell $@\nexit 3\n"}, {"sagemaker_program": '"run.sh"', "n": '"a b"'}),
    "shell that succeeds": ({"run.sh": '#!/bin/sh\necho "$1|$2|$SM_HP_N"\n'}, {"sagemaker_program": '"run.sh"', "n": '"a b; c"'}),
    "is not there": ({"other.py": ""}, {}),
    "has no name": ({"train.py": ""}, {"sagemaker_program": '""'}),
    "two channels and two hosts": ({"train.py": SHOW}, {}),
}


@dataclass(frozen=True)
class Left:
    """Hold what a job left behind, with the interpreter's own path taken out."""

    code: int
    stdout: str
    failure: str | None
    success: bool
    seen: dict | None


def fill(ml: Path, files: dict[str, str], hyperparameters: dict[str, str], hosts: list[str], channels: list[str]) -> None:
    for name in ("input/config", "model", "output/data", "code", *(f"input/data/{channel}" for channel in channels)):
        (ml / name).mkdir(parents=True)
    code = ml / "input/sourcedir.tar.gz"
    with tarfile.open(code, "w:gz") as packed:
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body.encode()), 0o644
            packed.addfile(entry, io.BytesIO(body.encode()))
    given = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(str(code)), **hyperparameters}
    settings = {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    groups = [{"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": hosts}]
    resources = {"current_host": hosts[-1], "hosts": hosts, "current_instance_type": "ml.m5.large", "current_group_name": "homogeneousCluster"}
    config = {
        "hyperparameters": given,
        "inputdataconfig": dict.fromkeys(channels, settings),
        "resourceconfig": {**resources, "instance_groups": groups, "network_interface_name": "eth0"},
    }
    for name, content in config.items():
        (ml / "input/config" / f"{name}.json").write_text(json.dumps(content))


def run(ml: Path, command: list[str], **variables: str) -> Left:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SM_", "PYTHON", "OMP_"))}
    identity = {"SAGEMAKER_BASE_DIR": str(ml), "TRAINING_JOB_NAME": "job", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(command, env={**inherited, **identity, **variables}, capture_output=True, text=True, timeout=120, check=False)
    failure, seen = ml / "output/failure", ml / "model/seen.json"
    # The toolkit reads its script's output in blocks, so that a line may be cut anywhere; only what is said counts.
    words = re.sub(r"[\s:]+", " ", failure.read_text().replace(command[0], "PYTHON")) if failure.exists() else None
    found = json.loads(seen.read_text()) if seen.exists() else None
    for name in ("SM_STUDIO_LOCAL_MODE", "SM_NUM_CPUS"):
        if found:
            found["sm"].pop(name, None)
    return Left(done.returncode, done.stdout, words, (ml / "output/success").exists(), found)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_gets_and_leaves_what_it_does_with_the_toolkit(tmp_path, name):
    files, hyperparameters = SCRIPTS[name]
    hosts, channels = (HOSTS, ["train", "my-val"]) if name.startswith("two") else (HOSTS[:1], ["train"])
    ml = tmp_path / "ml"
    left = {}
    for which in ("toolkit", "ours"):
        fill(ml, files, hyperparameters, hosts, channels)
        if which == "toolkit":
            left[which] = run(ml, [str(TOOLKIT / "bin/python"), "-c", CALL], PYTHONPATH=str(TOOLKIT / "source/src"), SM_STUDIO_LOCAL_MODE="True")
        else:
            cpus = {"OMP_NUM_THREADS": str(os.cpu_count())}
            left[which] = run(ml, [sys.executable, "-m", "pipelines.local.images.script_mode"], PYTHONPATH=str(ROOT), **cpus)
        ml.rename(tmp_path / which)
    theirs, ours = left["toolkit"], left["ours"]
    assert (ours.code, ours.failure, ours.success) == (theirs.code, theirs.failure, theirs.success)
    assert ours.seen == theirs.seen
    # What the toolkit itself prints stands around what the script does.
    assert [line for line in ours.stdout.splitlines() if line not in theirs.stdout.splitlines()] == []
    assert (ours.seen is not None) == (SHOW in files.values())
