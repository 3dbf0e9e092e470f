"""What a check's job found: how much it measured, and which of it violates the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.local import container
from pipelines.local.checks.kinds import CONSTRAINTS, VIOLATIONS
from pipelines.local.checks.request import Check
from pipelines.local.faults import ClientFault
from pipelines.local.store import Store

SHOWN = 5
REASON_CHARACTERS = 1024


def measured(store: Store, check: Check, calculated: Mapping[str, str]) -> int:
    """Return how many metrics, features or columns a check's job measured.

    Raises:
        ClientFault: the job did not write what the check consists of.
    """
    for name, uri in calculated.items():
        if not isinstance(container.read_json(store.path(uri)), dict):
            raise ClientFault(f"{check.check_type}: the job wrote no {check.kind.items[name].file} that is a JSON object ({uri})")
    return check.kind.count(container.read_json(store.path(calculated[CONSTRAINTS])))


def violations(store: Store, folder: str) -> list[str]:
    """Return each violation of a report in words: what it is about, then the service's description.

    Raises:
        ClientFault: there is no report, or it is not of its form.
    """
    found = container.read_json(store.path(f"{folder}/{VIOLATIONS}"))
    listed = found.get("violations") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ClientFault(f"the job compared with a baseline and wrote no {VIOLATIONS} that lists violations ({folder}/{VIOLATIONS})")
    return [words(each) for each in listed if isinstance(each, Mapping)]


def words(violation: Mapping[str, Any]) -> str:
    """Return a violation in words."""
    return " ".join(_words(violation))


def _words(violation: Mapping[str, Any]) -> Iterator[str]:
    if "facet" in violation:
        yield f"{violation['facet']}={violation.get('facet_value')}"
    subject = [str(violation[name]) for name in ("label", "feature_name", "metric_name") if violation.get(name)]
    kind = [str(violation["constraint_check_type"])] if "feature_name" in violation and "constraint_check_type" in violation else []
    yield f"{' '.join([*subject, *kind])}:"
    yield str(violation.get("description", "")).strip()


def failure(word: str, report: str, found: list[str]) -> str:
    """Return the FailureReason of a check with violations; its beginning is the service's, at most 1024 characters are."""
    left = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    told = f"{amount(len(found))}: {'; '.join(found[:SHOWN])}{left}"
    return f"ClientError: {word} check failed. See violation report: {report}. {told}"[:REASON_CHARACTERS]


def amount(count: int) -> str:
    """Return a number of violations in words."""
    return f"{count or 'no'} violation{'' if count in (0, 1) else 's'}"
