"""Script mode, run as the framework containers run it."""

from __future__ import annotations

import json
import subprocess
import tarfile

import pytest

SCRIPT = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "sm": {k: v for k, v in os.environ.items() if k.startswith("SM_")}, "cwd": os.getcwd()}))
"""


def script_mode(container, script: str, hyperparameters: dict, **more_files: str) -> subprocess.CompletedProcess:
    import io

    container.configure(
        {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://b/sourcedir.tar.gz"', **hyperparameters},
        {"train": {"ContentType": "text/csv"}},
    )
    with tarfile.open(container.ml / "code/sourcedir.tar.gz", "w:gz") as packed:
        for name, body in {"train.py": script, **more_files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body.encode())
            packed.addfile(entry, io.BytesIO(body.encode()))
    return container.run("script_mode")


def test_a_script_gets_arguments_and_environment_as_the_toolkit_gives_them(container):
    done = script_mode(
        container, SCRIPT, {"depth": "3", "rate": '"0.1"', "x": '"y z"', "flag": "true", "sagemaker_region": '"us-east-1"', "_tuning_objective_metric": '"m"'}
    )
    told = json.loads(done.stdout)
    assert told["argv"] == ["--depth", "3", "--flag", "True", "--rate", "0.1", "-x", "y z"]
    assert told["sm"]["SM_HPS"] == '{"depth":3,"flag":true,"rate":"0.1","x":"y z"}'
    assert told["sm"]["SM_CHANNEL_TRAIN"] == str(container.ml / "input/data/train") and told["sm"]["SM_HP_DEPTH"] == "3"
    assert told["sm"]["SM_MODEL_DIR"] == str(container.ml / "model") and told["sm"]["SM_HOSTS"] == '["algo-1"]'
    assert told["cwd"] == str(container.ml / "code")


def test_a_failing_script_leaves_the_toolkits_failure_text(container):
    done = script_mode(container, "import sys\nraise ValueError('why')", {})
    assert done.returncode == 1
    assert (
        container.failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "')
        and "ValueError: why" in container.failure
        and "\nCommand " in container.failure
    )


def test_an_exit_code_of_the_script_is_told_and_the_job_ends_with_1(container):
    assert script_mode(container, "import sys; sys.exit(7)", {}).returncode == 1
    assert "ExitCode 7" in container.failure


def test_a_success_leaves_its_file_and_what_the_script_prints_arrives_as_it_is(container):
    done = script_mode(container, "import os; os.write(1, b'\\xff\\n'); print('last', end='')", {})
    assert (container.ml / "output/success").is_file() and done.stdout.endswith("last")


def test_a_program_that_is_not_in_the_archive_is_named_in_the_log(container):
    done = script_mode(container, "", {"sagemaker_program": '"other.py"'})
    assert done.returncode == 1 and "'other.py' is not among the code: train.py" in done.stderr and "ExitCode 2" in container.failure


def test_a_failure_that_cannot_be_written_goes_to_the_log(container):
    done = script_mode(container, "import os\nos.makedirs(os.environ['SM_OUTPUT_DIR'] + '/failure')\nraise ValueError('why')", {})
    assert done.returncode == 1 and "failure cannot be written: Is a directory" in done.stderr and "ErrorMessage" in done.stderr


@pytest.mark.parametrize("name", ["", "-c", "/etc/x.py", "../x.py", "a;b.py", "a/./b.py"])
def test_a_program_that_could_be_taken_for_something_else_is_refused(container, name):
    assert script_mode(container, "", {"sagemaker_program": json.dumps(name)}).returncode == 1
    assert container.failure.startswith("The training entry point name is empty." if not name else f"The training entry point {name!r} cannot be used")


def test_a_shell_program_is_run_as_one(container):
    done = script_mode(container, "", {"sagemaker_program": '"run.sh"', "n": "1"}, **{"run.sh": '#!/bin/sh\necho "shell $@"\n'})
    assert done.stdout == "shell -n 1\n"
