"""Whether the recipe already mends what a profile of the raw rows finds."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from jobkit.profile.findings import Finding

OF_ROWS: Mapping[str, str] = {"duplicate-rows": "drop_duplicates", "missing-values": "drop_missing"}
BY_ONE = ("correlated-features",)


def mended(finding: Finding, recipe: Sequence[Mapping[str, Any]]) -> Optional[str]:
    """Return the place of the recipe's step that mends a finding, such as `recipe[0] drop_columns`; None when no step does."""
    for index, step in enumerate(recipe):
        if _mends(step, finding):
            return "recipe[{}] {}".format(index, step["step"])
    return None


def _mends(step: Mapping[str, Any], finding: Finding) -> bool:
    kind, named = step["step"], step.get("columns")
    if OF_ROWS.get(finding.kind) == kind:
        return not named or bool(finding.columns) and set(finding.columns) <= set(named)
    if not finding.columns or not named:
        return False
    if kind in ("drop_columns", "keep_columns"):
        gone = [(column in named) == (kind == "drop_columns") for column in finding.columns]
        return any(gone) if finding.kind in BY_ONE else all(gone)
    same = finding.step is not None and finding.step["step"] == kind
    return same and finding.kind not in BY_ONE and named != "auto" and set(finding.columns) <= set(named)
