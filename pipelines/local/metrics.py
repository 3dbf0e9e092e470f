"""Metrics of jobs: from log lines by regular expression, and from the reports that steps declare as property files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.local.faults import ClientFault


def final_metrics(lines: Iterable[str], definitions: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the last value that each metric definition's first group catches in the log.

    Each line is tried as written and as CloudWatch shows it, where a TAB is the four characters `#011` (AWS developer guide, "Define
    training metrics"). A group that runs on over such a TAB, as `(\\S+)` does in the built-in definitions, ends there. A value that is no number is
    passed over.

    Raises:
        ClientFault: a Regex is none.
    """
    patterns = [(definition["Name"], _compiled(definition), definition.get("Contains", "")) for definition in definitions]
    values: dict[str, float] = {}
    for line in lines:
        for name, pattern, text in patterns:
            value = caught(pattern, line) if text in line else None
            if value is not None:
                values[name] = value
    return values


def caught(pattern: re.Pattern[str], line: str) -> float | None:
    """Return the number that a definition's first group catches in a line, None without one; see `final_metrics`."""
    match = pattern.search(line) or (pattern.search(line.replace("\t", "#011")) if "\t" in line else None)
    return _number(match.group(1).split("#011")[0]) if match and match.groups() else None


def _compiled(definition: Mapping[str, str]) -> re.Pattern[str]:
    try:
        return re.compile(definition["Regex"])
    except re.error as error:
        raise ClientFault(f"the Regex of metric {definition['Name']!r} is no regular expression: {error}") from None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def report_metrics(document: Any) -> dict[str, float]:
    """Return the point values of a model-quality report: every `<group>_metrics.<name>.value` that is a number."""
    if not isinstance(document, Mapping):
        return {}
    groups = [group for key, group in document.items() if key.endswith("_metrics") and isinstance(group, Mapping)]
    found = {name: entry["value"] for group in groups for name, entry in group.items() if isinstance(entry, Mapping) and "value" in entry}
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}


def confusion_matrix(document: Any) -> dict[str, dict[str, int]] | None:
    """Return the confusion matrix of a model-quality report as {actual: {predicted: rows}}, or None when it has none."""
    groups = document.values() if isinstance(document, Mapping) else ()
    return next((group["confusion_matrix"] for group in groups if isinstance(group, Mapping) and "confusion_matrix" in group), None)
