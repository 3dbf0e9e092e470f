"""Which versions an image has, and what is tried to come near them; nothing is installed here."""

from __future__ import annotations

import json
import sys

import pytest

from pipelines.local.faults import ClientFault
from pipelines.local.images import environments as kept
from pipelines.local.images import pinned
from pipelines.local.images.environments import READY, environments, remove
from pipelines.local.images.pinned import Host, Pinned, Versions, differences, name_of, versions_of

OURS = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.5-1"


def test_an_image_is_known_by_repository_and_tag():
    assert versions_of(OURS).exact == {"xgboost": "1.5.1"} and name_of(OURS) == "sagemaker-xgboost-1.5-1"
    assert versions_of("x/sagemaker-scikit-learn:1.4-2-cpu-py3").exact == {"scikit-learn": "1.4.2"}
    assert versions_of("x/sagemaker-xgboost:1.5") is None and versions_of("x/tensorflow-training:2.1") is None


def test_differences_are_told_in_words():
    installed = {"xgboost": "3.0.5", "scikit-learn": "1.6.0", "numpy": "2.1.0"}
    assert differences("x/sagemaker-xgboost:3.0-5", installed.get) == ["scikit-learn 1.6.0, the image has 1.5.2", "pandas missing, the image has 2.2.3"]


def test_all_versions_are_tried_first_and_the_main_one_is_never_given_up():
    wanted = Versions({"xgboost": "1.7.4"}, {"numpy": "1.19.2", "pandas": "1.2.4"}, ("numpy<2",))
    attempts = list(pinned._attempts(wanted))
    assert len(attempts) == 4 and all("xgboost==1.7.4" in each and "numpy<2" in each for each in attempts)
    assert {"numpy==1.19.2", "pandas==1.2.4"} <= set(attempts[0])
    assert "pandas" in attempts[1] and "numpy==1.19.2" in attempts[1] and "numpy" in attempts[2] and "pandas==1.2.4" in attempts[2]
    assert {"numpy", "pandas"} <= set(attempts[3])


def test_no_image_needs_what_contradicts_its_own_versions():
    for image in (each for tags in pinned.IMAGES.values() for each in tags.values()):
        bounds = {name: below for name, _, below in (need.partition("<") for need in image.needs)}
        for name, version in {**image.exact, **image.rest}.items():
            below = bounds.get(name)
            assert below is None or [*map(int, version.split("."))] < [*map(int, below.split("."))], (name, version)


def test_the_host_says_once_where_it_differs(monkeypatch):
    monkeypatch.setattr(pinned, "host_version", lambda name: "9.9")
    told = []
    host = Host(told.append)
    assert host(OURS) is None and host(OURS) is None and host("x/unknown:1") is None
    assert told == ["sagemaker-xgboost-1.5-1 has xgboost 1.5.1, this machine 9.9; --images pinned takes the image's own"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEWRIGHT_CACHE", str(tmp_path))
    return tmp_path / "images"


def test_an_environment_counts_once_it_is_whole_and_goes_when_removed(cache):
    folder = cache / "sagemaker-xgboost-1.5-1-py311"
    folder.mkdir(parents=True)
    assert list(environments()) == []
    (folder / READY).write_text(json.dumps({"image": OURS, "installed": {"xgboost": "1.5.1"}}))
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(sys.executable)
    (found,) = environments()
    assert found.folder == folder and found.installed == {"xgboost": "1.5.1"}
    assert remove("sagemaker-xgboost-1.5-1") and not folder.exists() and not remove("sagemaker-xgboost-1.5-1")


def test_what_cannot_be_installed_is_said_and_leaves_nothing(cache, monkeypatch):
    monkeypatch.setattr(kept, "install", lambda folder, requirements: "no wheel for this Python")
    with pytest.raises(ClientFault, match=r"xgboost==1\.5\.1 cannot be installed for Python .*: no wheel for this Python"):
        Pinned(lambda text: None)(OURS)
    assert list(environments()) == [] and not [path for path in cache.iterdir() if path.is_dir()]


def test_a_damaged_environment_or_one_whose_interpreter_is_gone_is_not_ready_and_can_be_removed(cache):
    for name, body, linked in (("damaged-py311", "{bad", True), ("dead-py311", json.dumps({"image": OURS, "installed": {}}), False)):
        (cache / name / "bin").mkdir(parents=True)
        (cache / name / READY).write_text(body)
        (cache / name / "bin/python").symlink_to(sys.executable if linked else "/nowhere/python")
    assert list(environments()) == []
    assert remove("damaged") and remove("dead-py311") and not any(path.is_dir() for path in cache.iterdir())


def test_an_environment_by_another_recipe_is_made_anew(cache):
    def fill(folder):
        made.append(folder)

    made: list = []
    for recipe in ("a", "a", "b"):
        assert kept.make("x-py311", OURS, sys.executable, fill, recipe).image == OURS
    assert len(made) == 2
