"""The baseline that a check is compared with: what the step supplies, else what the newest approved version of its group has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.checks.kinds import Item
from pipelines.local.checks.request import Check
from pipelines.local.context import Run
from pipelines.local.faults import ClientFault
from pipelines.local.registry import Registry


def previous(run: Run, check: Check) -> dict[str, str]:
    """Return the URIs of the baseline that is there before the step runs, by item; a supplied one comes before that of the group.

    Raises:
        ClientFault: there is none, or its object is not in the local S3.
    """
    supplied = check.supplied or {}
    registered = {} if set(check.kind.items) <= set(supplied) else _registered(run.registry, check)
    found = {name: uri for name in check.kind.items if (uri := supplied.get(name) or registered.get(name))}
    for name, item in check.kind.items.items():
        if name not in found and item.needed:
            raise ClientFault(f"{check.check_type}: {_missing(check, name, item)}")
    for name, uri in found.items():
        if not run.store.path(uri).is_file():
            raise ClientFault(f"{check.check_type}: the previous baseline {name} is not there: no object {uri}")
    return found


def _registered(registry: Registry, check: Check) -> dict[str, str]:
    """Return what the newest approved version of the group has, nothing where there is no such version."""
    if check.group is None:
        return {}
    try:
        package = registry.version(check.group, status="Approved")
    except UsageError:
        return {}
    part: Mapping[str, Any] = (package.get("DriftCheckBaselines") or {}).get(check.kind.part) or {}
    sources = {name: part.get(item.member) or {} for name, item in check.kind.items.items()}
    return {name: str(source["S3Uri"]) for name, source in sources.items() if source.get("S3Uri")}


def _missing(check: Check, name: str, item: Item) -> str:
    member = f"DriftCheckBaselines.{check.kind.part}.{item.member}"
    named = f"the newest approved version of {check.group!r}, if there is one, has no {member}" if check.group else "the step names no ModelPackageGroupName"
    hint = "Give SkipCheck and RegisterNewBaseline true for the first run, then approve what it registered."
    return f"no previous baseline: SuppliedBaseline{name} is not given, and {named}. {hint}"
