"""The model card of a version: what CreateModelPackage takes as ModelCard, held against the service's schema, and read again.

model_card_schema.json beside this file is the schema that AWS ships with sagemaker-core (Apache-2.0), as it is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

CONTENT_CHARACTERS = 100_000
STATUSES = ("Draft", "PendingReview", "Approved", "Archived")
SHOWN_CHARACTERS = 120
OVERVIEW = ("model_creator", "model_artifact")


def check_card(card: Any) -> None:
    """Check the ModelCard of a CreateModelPackage request; none is fine. Shape and limits: ModelPackageModelCard (botocore model).

    Raises:
        UsageError: its status is not one of the service's, its content is too long, no JSON, or not what the schema allows.
    """
    if card is None:
        return
    if not isinstance(card, Mapping) or card.get("ModelCardStatus", STATUSES[0]) not in STATUSES:
        got = card.get("ModelCardStatus") if isinstance(card, Mapping) else card
        raise UsageError("this is not the status of a model card", where="ModelCard.ModelCardStatus", got=repr(got), expected=f"one of: {', '.join(STATUSES)}")
    document = _parsed(card.get("ModelCardContent"))
    problem = first_problem(document) or _overfull(document)
    if problem:
        raise UsageError(f"the model card is not what the service's schema allows: {problem}", where="ModelCard.ModelCardContent")


def _parsed(content: Any) -> Any:
    where = "ModelCard.ModelCardContent"
    if not isinstance(content, str):
        raise UsageError("the content of a model card is a text that holds JSON", where=where, got=type(content).__name__, expected="str")
    if len(content) > CONTENT_CHARACTERS:
        raise UsageError("the model card is too long", where=where, got=f"{len(content)} characters", expected=f"at most {CONTENT_CHARACTERS}")
    try:
        return json.loads(content)
    except ValueError as error:
        raise UsageError(f"the model card is no JSON: {error}", where=where) from None


def first_problem(document: Any) -> str | None:
    """Return in words the first thing that the schema does not allow, with its path, None when all is well."""
    from jsonschema import Draft7Validator

    schema = json.loads((Path(__file__).parent / "model_card_schema.json").read_text(encoding="utf-8"))
    found = sorted(Draft7Validator(schema).iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    if not found:
        return None
    message = found[0].message
    told = message if len(message) <= SHOWN_CHARACTERS else message[: SHOWN_CHARACTERS // 2] + " … " + message[-SHOWN_CHARACTERS // 2 :]
    return f"{found[0].json_path}: {told}"


def _overfull(document: Mapping[str, Any]) -> str | None:
    """Return in words what a card in a model package may not say, though one by itself may (botocore's documentation of ModelPackageModelCard)."""
    more = sorted(set(document.get("model_overview") or ()) - set(OVERVIEW))
    return f"$.model_overview: in a model package it is composed of {' and '.join(OVERVIEW)}; got {more[0]}, too" if more else None


def card_of(package: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the card of a version and its status.

    Raises:
        UsageError: the version was registered without one, or with one that is no object.
    """
    card = package.get("ModelCard") or {}
    name = f"{package['ModelPackageName']}/{package['ModelPackageVersion']}"
    try:
        document = json.loads(card["ModelCardContent"])
    except (KeyError, ValueError, TypeError):
        raise UsageError("this version has no model card", where=name, hint="Give pipeline.yaml a section model_card and register again.") from None
    if not isinstance(document, dict):
        raise UsageError("this version's model card is no JSON object", where=name, got=type(document).__name__)
    return document, str(card.get("ModelCardStatus", STATUSES[0]))
