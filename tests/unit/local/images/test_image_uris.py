"""Which program an image stands for."""

from __future__ import annotations

import pytest

from pipelines.local.faults import ClientFault
from pipelines.local.images import parse_image, plan_processing, plan_training

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def test_an_entrypoint_wins_over_what_the_image_does():
    request = {"AlgorithmSpecification": {"TrainingImage": "mine:1", "ContainerEntrypoint": ["python3", "x.py"], "ContainerArguments": ["--a", "1"]}}
    assert plan_training("mine:1", request, {}).argv == ("python3", "x.py", "--a", "1")


@pytest.mark.parametrize(
    ("image", "hyperparameters", "words"),
    [
        ("1.dkr.ecr.eu-west-1.amazonaws.com/mine:1", {}, "the image mine is not known"),
        ("sagemaker-scikit-learn:1.2-1", {}, "no algorithm of its own"),
        ("not an image", {}, "no image URI|not an image URI"),
    ],
)
def test_an_image_without_a_program_is_refused_by_name(image, hyperparameters, words):
    with pytest.raises(ClientFault, match=words):
        plan_training(image, {"AlgorithmSpecification": {}}, hyperparameters)


def test_a_processing_job_needs_an_entrypoint():
    with pytest.raises(ClientFault, match="no ContainerEntrypoint"):
        plan_processing("mine:1", {"AppSpecification": {"ImageUri": "mine:1"}})


def test_an_image_uri_is_taken_apart():
    assert parse_image(XGBOOST).repository == "sagemaker-xgboost" and parse_image(XGBOOST).tag == "3.2-0"
    assert parse_image("localhost:5000/a/b").tag == "latest"
