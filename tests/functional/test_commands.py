"""Every command answers, in words and in JSON."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

from pipelines.cli import COMMANDS


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_every_command_has_help_with_an_example(sagewright, command):
    done = sagewright(*([command.replace("_", "-")] if command else []), "--help")
    assert done.code == 0 and "Usage:" in done.out
    assert command in ("", "registry", "endpoints") or "Example" in done.out


def test_no_arguments_show_the_help_and_the_version_is_known(sagewright):
    assert "Commands:" in sagewright().err and sagewright("--version").out.startswith("sagewright 0.")


def test_doctor_finds_what_is_needed(sagewright):
    done = sagewright("doctor", "--output", "json")
    assert done.code == 0
    found = {entry["what"]: entry for entry in done.json}
    assert found["isolation"]["found"].split(":")[0] in ("namespace", "symlink", "shim") and found["xgboost"]["ok"]


def test_validate_explains_every_value(bookings):
    done = bookings("validate", "--explain", "-p", "MinAccuracy=0.9", "--profile", "dev")
    assert done.code == 0
    lines = {line.split()[0] if not line.startswith("-p") else " ".join(line.split()[:2]): line for line in done.out.splitlines() if line.strip()}
    assert "flag" in lines["-p MinAccuracy"] and "profiles/dev.yaml:4" in lines["training.instance_type"] and lines["retry.interval_s"].split()[-1] == "default"
    told = bookings("validate", "--explain", "--output", "json").json
    assert told["valid"] and {"key", "value", "source", "place"} == set(told["values"][0])


def test_graph_is_a_tree_mermaid_svg_or_json(bookings):
    assert "QualityGate" in bookings("graph").out and bookings("graph", "--format", "mermaid").out.startswith("flowchart")
    xml.etree.ElementTree.fromstring(bookings("graph", "--format", "svg").out)
    assert {node["name"] for node in bookings("graph", "--output", "json").json["nodes"]} >= {"Preprocess", "Register"}
    assert bookings("graph", "--format", "svg", "--file", "g.svg").out.strip() == "wrote g.svg"


def test_compile_writes_the_bytes_that_run_hashes(bookings):
    told = bookings("compile", "--set", "tuning.jobs=2", "--file", "again.json", "--output", "json").json
    run = bookings("run", "again.json", "--until", "Preprocess", "--output", "json", "--quiet").json
    assert run["definition_sha256"] == told["definition_sha256"]
    assert (bookings.folder / "again.json").read_text() == (bookings.folder / "bookings.json").read_text()
    assert json.loads(bookings("compile").out)["Version"] == "2020-12-01"


def test_init_makes_a_pipeline_that_runs(sagewright):
    rows = "\n".join(f"{n},{n % 7},{'xyz'[n % 3]},{'yes' if n % 7 + n * 37 % 5 > 4 else 'no'},{n * 37 % 5}" for n in range(600))
    (sagewright.folder / "my churn.csv").write_text(f"n,days,plan,churn,calls\n{rows}\n")
    assert sagewright("init", "my churn.csv", "--target", "churn", "--directory", "a b").code == 0
    done = sagewright("run", "a b/pipeline.yaml", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    assert done.json["metrics"]["Evaluate.accuracy"] > 0.95


def test_a_folder_that_cannot_be_written_is_one_message(sagewright):
    (sagewright.folder / "file").write_text("")
    (sagewright.folder / "p.json").write_text(
        json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}]})
    )
    done = sagewright("run", "p.json", "--home", "file/home")
    assert done.code == 2 and "Not a directory" in done.err


def test_a_script_that_fails_in_training_says_so_and_keeps_its_outputs(sagewright):
    import io
    import tarfile

    from tests.functional.conftest import IMAGE, ROLE, definition

    script = b"import os\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/partial.txt', 'w').write('so far')\nprint('score=0.25;')\nraise ValueError('no luck')\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(script)
        packed.addfile(entry, io.BytesIO(script))
    sagewright.put("s3://bkt/code/sourcedir.tar.gz", buffer.getvalue())
    train = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [{"Name": "score", "Regex": "score=([0-9.]+);"}]},
        "HyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://bkt/code/sourcedir.tar.gz"},
        "OutputDataConfig": {"S3OutputPath": "s3://bkt/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": ROLE,
    }
    done = sagewright.run(definition({"Name": "Train", "Type": "Training", "Arguments": train}))
    reason = done.json["failure_reason"]
    assert done.code == 1 and "AlgorithmError: ExecuteUserScriptError:" in reason and "ValueError: no luck" in reason
    assert done.json["metrics"] == {"Train.score": 0.25}
    assert len(list(sagewright.store.glob("bkt/models/*/output/output.tar.gz"))) == 1
    assert not list(sagewright.store.glob("bkt/models/*/output/model.tar.gz"))


def test_a_folder_stands_for_the_pipeline_in_it(sagewright, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/definition.json").write_text('{"Version": "2020-12-01", "Steps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}]}')
    done = sagewright("validate", str(tmp_path / "own"))
    assert done.code == 0
    assert "definition.json is valid" in done.out
