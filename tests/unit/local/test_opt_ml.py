"""The host's /opt/ml is lent to one job at a time, and only what we put there is taken away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.local.opt_ml import Claim, obstacle


@pytest.fixture
def host(tmp_path) -> Path:
    (tmp_path / "opt").mkdir()
    return tmp_path


def claim(host: Path, name: str = "a") -> Claim:
    ml = host / "jobs" / name / "opt/ml"
    (ml / "model").mkdir(parents=True)
    (ml / "notes.txt").write_text(name)
    return Claim(ml, host / "opt/ml", host / "lock")


def problem(host: Path) -> str:
    return obstacle(host / "opt/ml", host / "lock")


def test_a_link_leads_to_the_job_and_is_gone_afterwards(host):
    held = claim(host)
    assert held.acquire() and (host / "opt/ml/notes.txt").read_text() == "a"
    held.release()
    assert not os.path.lexists(host / "opt/ml")


def test_a_second_job_waits_for_the_first(host):
    first, second = claim(host, "a"), claim(host, "b")
    assert first.acquire() and not second.acquire()
    second.release()
    assert (host / "opt/ml/notes.txt").read_text() == "a"
    first.release()
    assert second.acquire() and (host / "opt/ml/notes.txt").read_text() == "b"
    second.release()


def test_an_empty_folder_of_the_users_is_filled_and_emptied(host):
    (host / "opt/ml").mkdir()
    held = claim(host)
    assert problem(host) == "" and held.acquire()
    (host / "opt/ml/model/m").write_text("m")
    (host / "opt/ml/new").mkdir()
    (host / "opt/ml/new/file").write_text("n")
    held.release()
    job = host / "jobs/a/opt/ml"
    assert (job / "model/m").read_text() == "m" and (job / "new/file").read_text() == "n"
    assert (host / "opt/ml").is_dir() and list((host / "opt/ml").iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(host):
    (host / "opt/ml").mkdir()
    (host / "opt/ml/precious").write_text("p")
    assert "precious, which is not ours" in problem(host)
    with pytest.raises(OSError, match="precious"):
        claim(host).acquire()
    assert (host / "opt/ml/precious").read_text() == "p"


@pytest.mark.parametrize("target", ["/nowhere/opt/ml", "."])
def test_a_link_of_someone_else_is_left_alone_even_when_it_leads_nowhere(host, target):
    os.symlink(target, host / "opt/ml")
    assert "not ours" in problem(host)
    with pytest.raises(OSError, match="not ours"):
        claim(host).acquire()
    assert os.readlink(host / "opt/ml") == target


def test_what_a_crash_left_is_taken_over(host):
    crashed = claim(host, "a")
    crashed.acquire()
    os.close(crashed._descriptor)
    assert problem(host) == ""
    after = claim(host, "b")
    assert after.acquire() and (host / "opt/ml/notes.txt").read_text() == "b"
    after.release()
    assert not os.path.lexists(host / "opt/ml")


def test_a_lock_that_is_a_link_is_not_followed(host):
    (host / "victim").write_text("v")
    os.symlink(host / "victim", host / "lock")
    with pytest.raises(OSError):
        claim(host).acquire()
    assert (host / "victim").read_text() == "v"


def test_a_missing_opt_is_named(tmp_path):
    assert "does not exist" in obstacle(tmp_path / "opt/ml", tmp_path / "lock")
