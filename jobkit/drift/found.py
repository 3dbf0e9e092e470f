"""What an analysis of captured data found, and the files that it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.clarify import analysis as clarify
from jobkit.failure import JobError
from jobkit.monitor import java_json

FORMAT, VERSION = "sagewright.drift", 1
VIOLATIONS, OURS, SUMMARY = "constraint_violations.json", "drift.json", "summary.json"
SHOWN, MESSAGE = 4, 900
# Begins the reason why an analysis is not possible with what was captured, as against one that went wrong.
NOT_POSSIBLE = "not possible: "


class NotPossible(JobError):
    """Carry why there is nothing to analyse; the text says so at its beginning."""

    def __init__(self, why: str) -> None:
        super().__init__(NOT_POSSIBLE + why)


class Measure(NamedTuple):
    """Hold one number that is followed over time: its value, what it is held against (None: nothing), and whether it violates."""

    value: float
    limit: Optional[float]
    violated: bool


class Found(NamedTuple):
    """Hold the documents by file, what violates the baseline, the numbers to follow, the rows that were analysed, notes, and a page by name."""

    documents: Mapping[str, Any]
    violations: Sequence[Mapping[str, str]]
    measures: Mapping[str, Measure]
    rows: int
    notes: Tuple[str, ...] = ()
    page: str = ""
    like_clarify: bool = False


def subject(entry: Mapping[str, str]) -> str:
    """Return what a violation is about."""
    if "facet" in entry:
        return "{}={} {}".format(entry["facet"], entry.get("facet_value", ""), entry.get("metric_name", ""))
    named = [str(entry[key]) for key in ("label", "feature_name", "metric_name") if entry.get(key)]
    return " ".join(named)


def told(entry: Mapping[str, str]) -> str:
    """Return a violation in words."""
    return "{}: {}: {}".format(subject(entry), entry.get("constraint_check_type", ""), entry.get("description", "").strip())


def message(found: Found) -> str:
    """Return the text that the service shows as the execution's exit message."""
    count = len(found.violations)
    if not count:
        return "Completed: Job completed successfully with no violations."
    return "CompletedWithViolations: Job completed successfully with {} violations.".format(count)


def write(found: Found, output: Path, about: Mapping[str, Any]) -> None:
    """Write every file; `about` are the members kind, window, counts of drift.json."""
    output.mkdir(parents=True, exist_ok=True)
    put: Callable[[Any, Path], None] = clarify.write_like_the_service if found.like_clarify else _like_the_monitor
    for name, document in found.documents.items():
        put(document, output / name)
    listed: List[Dict[str, str]] = [dict(entry) for entry in found.violations]
    put({"version": "1.0", "violations": listed} if found.like_clarify else {"violations": listed}, output / VIOLATIONS)
    measures = {name: {"limit": each.limit, "value": each.value, "violated": each.violated} for name, each in found.measures.items()}
    ours = {**about, "format": FORMAT, "measures": measures, "notes": list(found.notes), "rows": found.rows, "version": VERSION}
    _write_json(ours, output / OURS)
    words = "; ".join(map(told, found.violations[:SHOWN])) or message(found)
    _write_json({"counts": dict(about.get("counts") or {}), "message": words[:MESSAGE], "violations": len(listed)}, output / SUMMARY)
    if found.page:
        (output / "drift.html").write_text(found.page, encoding="utf-8")


def _like_the_monitor(document: Any, path: Path) -> None:
    java_json.write(path, document)


def _write_json(document: Any, path: Path) -> None:
    path.write_text(json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n", encoding="utf-8")
