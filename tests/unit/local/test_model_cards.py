"""The registry takes a model card that the service would take, refuses any other, and gives it back."""

from __future__ import annotations

import json

import pytest

from pipelines.errors import UsageError
from pipelines.local.model_packages.cards import card_of
from pipelines.local.registry import Registry

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"
CARD = {
    "model_overview": {"model_creator": "me"},
    "additional_information": {"custom_details": {"model description": "Says who cancels"}},
    "intended_uses": {"risk_rating": "Low"},
    "evaluation_details": [{"name": "quality", "metric_groups": [{"name": "m", "metric_data": [{"name": "auc", "type": "number", "value": 0.9}]}]}],
}


def register(tmp_path, card, status="Draft"):
    given = {"ModelCardContent": card if isinstance(card, str) else json.dumps(card), "ModelCardStatus": status}
    return Registry(tmp_path / "registry", lambda: 1.0).register({"ModelPackageGroupName": "g", "ModelCard": given}, arn_prefix=ARN, token="a")


def test_a_card_is_kept_with_the_version(tmp_path):
    register(tmp_path, CARD, "PendingReview")
    assert card_of(Registry(tmp_path / "registry", lambda: 1.0).version("g", 1)) == (CARD, "PendingReview")


def test_a_version_without_a_card_says_so(tmp_path):
    package = Registry(tmp_path / "registry", lambda: 1.0).register({"ModelPackageGroupName": "g"}, arn_prefix=ARN, token="a")
    with pytest.raises(UsageError, match="g/1: this version has no model card"):
        card_of(package)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("{", "the model card is no JSON"),
        ("[]", r"\$: \[\] is not of type 'object'"),
        ({"intended_uses": {"risk_rating": "Huge"}}, r"\$.intended_uses.risk_rating: 'Huge' is not one of"),
        ({"model_overview": {"model_creator": "x" * 1025}}, r"\$.model_overview.model_creator: 'xxx.* … .*is too long"),
        ({"model_overview": {"model_description": "x"}}, r"\$.model_overview: in a model package it is composed of .*; got model_description, too"),
        ({"evaluation_details": [{"metric_groups": []}]}, r"\$.evaluation_details\[0\]: 'name' is a required property"),
        ({"other": 1}, "Additional properties are not allowed"),
        ('{"x": "' + "y" * 100_000 + '"}', "the model card is too long; got 100009 characters, expected at most 100000"),
    ],
)
def test_a_card_that_the_service_would_refuse_is_refused_and_nothing_is_registered(tmp_path, card, words):
    with pytest.raises(UsageError, match=words):
        register(tmp_path, card)
    assert not (tmp_path / "registry/g").exists()


@pytest.mark.parametrize("card", ["text", {"ModelCardContent": "{}", "ModelCardStatus": "Done"}, {"ModelCardStatus": "Draft"}, {"ModelCardContent": {}}])
def test_a_card_of_another_shape_is_refused(tmp_path, card):
    with pytest.raises(UsageError, match="ModelCard"):
        Registry(tmp_path / "registry", lambda: 1.0).register({"ModelPackageGroupName": "g", "ModelCard": card}, arn_prefix=ARN, token="a")
