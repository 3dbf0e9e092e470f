"""Splits are sealed where they are made and compared where they are read: a byte that changed in between is named, with its file and both hashes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from evaluation import check_inputs
from jobkit import seals
from jobkit.failure import JobError
from tests.unit.jobs.conftest import ROOT

SPLITS = ("train", "validation", "test")


@pytest.fixture
def ml(tmp_path, monkeypatch):
    """Return /opt/ml/processing with three sealed splits."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    folder = tmp_path / "processing"
    for name in SPLITS:
        (folder / name).mkdir(parents=True)
        (folder / name / (name + ".parquet")).write_bytes(name.encode() * 1000)
    seals.write(folder / "recipe", {name: folder / name for name in SPLITS})
    return folder


def test_a_seal_is_the_hash_and_size_of_every_file(ml):
    body = b"train" * 1000
    assert seals.seal(ml / "train") == {"files": {"train.parquet": {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}}}


def test_what_was_left_alone_passes_and_the_same_data_has_the_same_hash(ml, capsys):
    assert check_inputs.main([]) == 0
    first = (ml / "checked/inputs.json").read_bytes()
    assert check_inputs.main([]) == 0 and (ml / "checked/inputs.json").read_bytes() == first
    told = json.loads(first)
    assert told["files"] == 3 and told["size"] == sum(len(name) * 1000 for name in SPLITS) and told["sha256"] in capsys.readouterr().out


def test_one_byte_is_found_and_named_with_both_hashes(ml):
    path = ml / "validation/validation.parquet"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(JobError, match=f"validation/validation.parquet: .* got sha256 {after}, 10000 bytes, expected sha256 {before}, 10000 bytes"):
        check_inputs.main([])
    assert check_inputs.main(["--split", "train", "--split", "test"]) == 0


def test_a_file_more_or_less_is_found(ml):
    (ml / "train/more.parquet").write_bytes(b"poison")
    with pytest.raises(JobError, match="train/more.parquet: this file is not one that Preprocess wrote"):
        check_inputs.main([])
    (ml / "train/more.parquet").unlink()
    (ml / "test/test.parquet").unlink()
    (ml / "train/train.parquet").unlink()
    with pytest.raises(JobError, match=r"test/test.parquet: this file is missing.* \(and 1 more\)"):
        check_inputs.main([])


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "this is no list of seals"), ("[]", "this is no list of seals"), ('{"format": "other", "version": 1}', "expected sagewright.seals 1")],
)
def test_seals_that_cannot_be_read_are_no_pass(ml, text, words):
    (ml / "recipe/splits.json").write_text(text)
    with pytest.raises(JobError, match=words):
        check_inputs.main([])


def test_no_seals_and_a_split_without_one_are_no_pass(ml):
    with pytest.raises(JobError, match="no seal of the split 'other'; got test, train, validation"):
        check_inputs.main(["--split", "other"])
    (ml / "recipe/splits.json").unlink()
    with pytest.raises(JobError, match="it is written by Preprocess"):
        check_inputs.main([])


def test_the_job_fails_with_exit_code_1_and_imports_nothing_heavy(ml):
    (ml / "train/train.parquet").write_bytes(b"")
    code = (
        "import sys\nfrom evaluation import check_inputs\nfrom jobkit import failure\n"
        "code = failure.run(check_inputs.main, [])\nprint([m for m in ('numpy', 'pandas', 'pyarrow', 'xgboost') if m in sys.modules])\nsys.exit(code)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout.strip() == "[]" and "train/train.parquet" in done.stderr
    assert "train/train.parquet" in (ml.parent / "output/message").read_text()
