"""What the user says an image stands for, and what a script's archive wants installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.local.images.mapped import ImageMap, Images, Mapped, read
from pipelines.local.images.requirements import InstallError, Wanted, environment
from tests.functional.conftest import archive

TORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5-cpu"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (TORCH, True),
        ("pytorch-training", True),
        ("pytorch-training:2.*", True),
        ("pytorch-*", True),
        ("*/pytorch-training:2.5-cpu", True),
        ("pytorch-training:1.*", False),
        ("pytorch", False),
    ],
)
def test_a_pattern_is_an_images_name_whole_or_in_part(pattern, matches):
    assert Mapped(pattern, python="x").matches(TORCH) is matches


def test_the_first_entry_that_matches_counts_and_comes_before_pinned_libraries():
    images = Images(lambda uri: "pinned", ImageMap((Mapped("pytorch-*", python="mine"), Mapped("*", python="any"))))
    assert images.python(TORCH) == "mine" and images.python("other:1") == "any"
    assert Images(lambda uri: "pinned").python(TORCH) == "pinned"


def test_a_map_survives_the_journal(tmp_path):
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    given = {"mine": {"train": ["./run.sh", "--fast"], "environment": {"A": "b"}, "workdir": "."}, "torch": {"python": sys.executable}}
    found = read(given, tmp_path, "images.map")
    assert found.find("mine:1").train == (str(tmp_path / "run.sh"), "--fast") and found.find("mine:1").workdir == str(tmp_path)
    assert read(found.as_json(), Path("/"), "images.map") == found


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "images.map.x: the image has no program"),
        ([], "images.map.x: this says nothing of an image"),
        ({"pyhton": "a"}, "images.map.x: this says nothing of an image"),
        ({"python": "./nope"}, "images.map.x.python: there is no such program on this machine; got ./nope"),
        ({"python": "no-such-program-of-ours"}, "there is no such program on this machine"),
        ({"train": "python3 x.py"}, "images.map.x.train: this is no command; got 'python3 x.py', expected a list of texts"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, entry, words):
    with pytest.raises(UsageError) as caught:
        read({"x": entry}, tmp_path, "images.map")
    assert words in str(caught.value)


def test_requirements_are_those_of_a_python_script():
    text = "# mine\nscikit-learn>=1.0  # for trees\n\n-r other.txt\n"
    code = archive(requirements__txt=text)
    assert Wanted.of(code, "train.py").lines == ("scikit-learn>=1.0", "-r other.txt")
    assert Wanted.of(code, "train.sh") == Wanted() and Wanted.of(b"torn", "train.py") == Wanted()
    assert Wanted.of(archive(setup__py="", requirements__txt=text), "train.py").archive is not None


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("numpy", False),
        ("NumPy>=1.0,<3", False),
        ("numpy==0.0.1", True),
        ("scikit_learn", False),
        ("no-such", True),
        ("no-such; python_version < '3'", False),
        ("numpy[extra]", True),
        ("numpy @ file:///x.whl", True),
        ("-e .", True),
    ],
)
def test_what_is_there_is_not_missing(line, missing):
    installed = {"numpy": "2.4.0", "scikit-learn": "1.9.1"}
    assert bool(Wanted((line,)).missing(installed)) is missing


def test_a_job_without_network_says_what_it_lacks():
    with pytest.raises(InstallError, match=r"InstallRequirementsError:\nExitCode 1\nErrorMessage \"no-such-package: the job has no network"):
        environment(Wanted(("no-such-package",)), None, network=False, tell=print)
    assert environment(Wanted(("numpy",)), None, network=False, tell=print) is None
