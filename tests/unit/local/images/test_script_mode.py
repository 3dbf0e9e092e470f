"""Script mode, run as the framework containers run it."""

from __future__ import annotations

import json
import subprocess
import tarfile

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


def test_an_exit_code_of_the_script_is_the_jobs(container):
    assert script_mode(container, "import sys; sys.exit(7)", {}).returncode == 7
    assert "ExitCode 7" in container.failure


def test_requirements_that_are_here_are_accepted_and_others_named(container):
    assert script_mode(container, "print('ran')", {}, **{"requirements.txt": "numpy\n# comment\n"}).stdout.endswith("ran\n")
    assert script_mode(container, "print('ran')", {}, **{"requirements.txt": "no-such-package-of-ours==1\n"}).returncode == 1
    assert "no-such-package-of-ours==1" in container.failure


def test_a_program_that_is_not_in_the_archive_is_named(container):
    assert script_mode(container, "", {"sagemaker_program": '"other.py"'}).returncode == 1
    assert "'other.py' is not among the code: sourcedir.tar.gz, train.py" in container.failure


def test_a_shell_program_is_run_as_one(container):
    done = script_mode(container, "", {"sagemaker_program": '"run.sh"', "n": "1"}, **{"run.sh": '#!/bin/sh\necho "shell $@"\n'})
    assert done.stdout == "shell -n 1\n"
