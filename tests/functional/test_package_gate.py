"""A whole run with package and skew check: what is registered takes raw rows, and a package that is not what was trained ends in exit 4."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

YAML = """
name: packaged
data: {input: rows.csv}
label: {column: y, positive: 1}
recipe: [{step: impute, columns: [nights], strategy: median}, {step: one_hot}]
training: {hyperparameters: {num_round: 5}}
gate: [{metric: accuracy, at_least: 0.1}]
registration: {model_package_group: packaged}
"""
ASK = """
import sys, inference
model = inference.model_fn(sys.argv[1])
print(inference.transform_fn(model, sys.stdin.read(), "text/csv", "application/json")[0].decode())
"""


@pytest.fixture
def packaged(sagewright):
    """Run the pipeline once and return the command and how the run ended."""
    drawn = random.Random(0)
    made = [(drawn.choice(["", str(drawn.randrange(9))]), drawn.choice("ABC"), drawn.randrange(2)) for _ in range(400)]
    (sagewright.folder / "rows.csv").write_text("nights,room,y\n" + "".join(f"{nights},{room},{y}\n" for nights, room, y in made))
    (sagewright.folder / "pipeline.yaml").write_text(YAML)
    done = sagewright("run", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    return sagewright, done.json


def archive(command, ended) -> Path:
    return command.folder / ended["outputs"]["PackageModel.package"] / "model.tar.gz"


def repacked(packed: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """Return an archive with some bytes of one member changed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as given, tarfile.open(fileobj=out, mode="w:gz") as made:
        for member in given:
            body = given.extractfile(member).read()
            if member.name == name:
                assert old in body
                body = body.replace(old, new, 1)
            member.size = len(body)
            made.addfile(member, io.BytesIO(body))
    return out.getvalue()


def test_the_registered_version_takes_raw_rows_and_carries_its_certificate(packaged):
    command, ended = packaged
    told = json.loads((command.folder / ended["outputs"]["SkewCheck.certificate"] / "skew.json").read_text())
    assert told["verdict"]["findings"] == 0 and told["rows"] == 200
    described = command("registry", "describe", "packaged/1", "--output", "json")
    version = described.json if described.code == 0 else json.loads(next(command.folder.glob(".sagewright/registry/**/*1*.json")).read_text())
    assert version["CustomerMetadataProperties"]["skew_sha256"] == told["sha256"] and version["CustomerMetadataProperties"]["skew_rows"] == "200"
    (container,) = version["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"].endswith("/PackageModel/package/model.tar.gz")
    folder = command.folder / "unpacked"
    with tarfile.open(archive(command, ended)) as packed:
        packed.extractall(folder, filter="data")
    environment = {"PYTHONPATH": str(folder / "code"), "PATH": "/usr/bin:/bin"}
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(folder)], input="nights,room\n3,A\n,Z\n", env=environment, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0 and len(json.loads(asked.stdout)["predictions"]) == 2, asked.stderr


def test_one_changed_byte_in_the_package_ends_in_exit_4_and_nothing_is_registered(packaged):
    command, ended = packaged
    path = archive(command, ended)
    median = json.loads((command.folder / ended["outputs"]["Preprocess.recipe"] / "recipe.json").read_text())["steps"][0]["values"]["nights"]
    other = f'"nights": {float(median) + 1}'
    path.write_bytes(repacked(path.read_bytes(), "recipe.json", f'"nights": {median}'.encode(), other.encode()))
    done = command("run", "--from", "SkewCheck", "--no-cache", "--output", "json", "--quiet")
    assert done.code == 4, done.err
    assert "The package is not what was trained" in done.json["failure_reason"] and "recipe.json was changed" in done.json["failure_reason"]
    assert not {"CreateModel", "Register"} & {step["name"] for step in done.json["steps"] if step["status"] == "Succeeded"}
    assert command("run", "--from", "PackageModel", "--no-cache", "--quiet").code == 0


def test_a_finding_may_be_told_without_ending_the_run(packaged):
    command, ended = packaged
    assert command("run", "--set", "skew.fail=false", "--set", "skew.rows=20", "--quiet").code == 0
    assert command("run", "--set", "package.enabled=false", "--quiet").code == 0


JOINED = """
name: joined
problem: multiclass_classification
data: {input: rows.csv, delimiter: ";", others: {more: {input: other.csv}}}
label: {column: y, classes: [low, mid, high]}
recipe:
  - {step: join, other: more, columns: [id]}
  - {step: impute, columns: [nights], strategy: median}
  - {step: dates, columns: [arrival], parts: [month, day]}
  - {step: python, function: "mine.py:twice"}
  - {step: one_hot}
training: {hyperparameters: {num_round: 5}}
registration: {model_package_group: joined}
"""


@pytest.mark.parametrize("join", [True, False])
def test_joined_rows_functions_of_ones_own_and_other_delimiters_are_held_to_the_bit_too(sagewright, join):
    drawn = random.Random(1)
    answers = ["low", "mid", "high"]
    days = [f"2024-0{drawn.randrange(1, 9)}-1{drawn.randrange(9)} 10:00" for _ in range(900)]
    made = [f"{place % 7};{drawn.choice(['', 1, 2, 5])};{drawn.choice('ABCÄ')};{day};{drawn.choice(answers)}\n" for place, day in enumerate(days)]
    (sagewright.folder / "rows.csv").write_text("id;nights;room;arrival;y\n" + "".join(made), encoding="utf-8")
    (sagewright.folder / "other.csv").write_text("id,extra\n" + "".join(f"{place},{place * 1.5}\n" for place in range(7)))
    (sagewright.folder / "mine.py").write_text("def twice(frame):\n    return frame.assign(twice=frame['nights'] * 2)\n")
    text = JOINED if join else JOINED.replace("  - {step: join, other: more, columns: [id]}\n", "").replace(", others: {more: {input: other.csv}}", "")
    (sagewright.folder / "pipeline.yaml").write_text(text)
    done = sagewright("run", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    told = json.loads((sagewright.folder / done.json["outputs"]["SkewCheck.certificate"] / "skew.json").read_text())
    assert told["verdict"]["message"] == "200 rows through three paths, the same to the last bit"
    sample = json.loads((sagewright.folder / done.json["outputs"]["Preprocess.sample"] / "sample.json").read_text())
    assert sample["as_they_came"] == (not join)
