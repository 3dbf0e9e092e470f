from __future__ import annotations

import pytest

from jobkit import failure, paths


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return tmp_path


def raising(error):
    def main(argv):
        raise error

    return main


def test_a_known_failure_is_one_line_in_the_message_file(base, capsys):
    assert failure.run(raising(failure.JobError("the file is empty")), []) == 1
    assert (base / "output/message").read_text() == "the file is empty"
    assert capsys.readouterr().err == "the file is empty\n"


def test_a_defect_keeps_its_traceback_in_the_log_and_its_name_in_the_file(base, capsys):
    assert failure.run(raising(KeyError("x")), [], file="failure") == 1
    assert (base / "output/failure").read_text() == "KeyError: 'x'"
    assert "Traceback" in capsys.readouterr().err


def test_the_message_is_cut_at_1_kb_of_whole_characters(base):
    failure.run(raising(failure.JobError("é" * 2000)), [])
    assert (base / "output/message").read_bytes() == ("é" * 512).encode()


def test_success_leaves_no_file(base):
    assert failure.run(lambda argv: 0, []) == 0
    assert not (base / "output").exists()


def test_folders_follow_the_base(base, monkeypatch):
    assert paths.processing("input/raw") == base / "processing/input/raw"
    assert paths.channel("train") == base / "input/data/train"
    monkeypatch.setenv("SM_CHANNEL_TRAIN", "/elsewhere")
    assert str(paths.channel("train")) == "/elsewhere"
