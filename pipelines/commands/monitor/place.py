"""What these commands share: flags, and times as people write them."""

from __future__ import annotations

import enum
from datetime import datetime, timezone
from typing import Annotated

import typer

from pipelines.errors import UsageError

NameArgument = Annotated[str, typer.Argument(help="An endpoint of this machine, GROUP/NUMBER, or a group (its newest approved version).")]


class KindName(str, enum.Enum):
    """Choose what is looked at."""

    data_quality = "data-quality"
    model_quality = "model-quality"
    bias = "bias"
    explainability = "explainability"
    all = "all"


KindFlag = Annotated[list[KindName] | None, typer.Option("--kind", help="What is looked at; everything that is possible if absent. Repeatable.")]


def kinds_of(asked: list[KindName] | None) -> tuple[tuple[str, ...], bool]:
    """Return the kinds that are asked for, in their order, and whether all are."""
    from pipelines.definition.monitoring import KINDS

    every = not asked or KindName.all in asked
    named = {each.value for each in asked or ()}
    return tuple(kind for kind in KINDS if every or kind in named), every


def moment(text: str | None, flag: str) -> datetime | None:
    """Return a time in UTC; without a zone it is meant as UTC.

    Raises:
        UsageError: it is no time.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        raise UsageError("this is no time", where=flag, got=text, expected="ISO 8601, e.g. 2026-05-01T10:00:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
