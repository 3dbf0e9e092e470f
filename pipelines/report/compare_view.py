"""Runs beside each other (pure): what differs, metrics with deltas to the first run, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.report.record_columns import Record, differing, flat, less_is_better

ABOVE = ("run", "started", "ended", "seconds")


def compare(records: Sequence[Record]) -> dict[str, Any]:
    """Return the comparison, JSON-ready; every list of values has one entry a run, in the order given."""
    rows = [flat(record) for record in records]
    bare = [record["run"] for record in records if not (record.get("environment") or {}).get("libraries")]
    changed = differing(rows, (*ABOVE, "metrics.", *(("libraries.", "python", "platform", "git.") if bare else ())))
    metrics = differing(rows, (*ABOVE, *{name.split(".")[0] + "." for row in rows for name in row if "." in name} - {"metrics."}))
    return {
        "runs": [_head(record) for record in records],
        "differences": [{"name": name, "values": values} for name, values in changed.items()],
        "metrics": [_metric(name.removeprefix("metrics."), values) for name, values in metrics.items() if name.startswith("metrics.")],
        "without_environment": bare,
        "same": _same(rows, {*changed, *metrics}),
        "curves": _curves(records),
    }


def _head(record: Record) -> dict[str, Any]:
    reused = {name: step["reused_from"] for name, step in (record.get("steps") or {}).items() if step.get("reused_from")}
    kept = {
        key: record.get(key) for key in ("run", "pipeline", "status", "started_at", "seconds", "model_package_arn", "problem") if record.get(key) is not None
    }
    return {**kept, "reused": reused}


def _metric(name: str, values: Sequence[float | None]) -> dict[str, Any]:
    first = values[0]
    deltas = [None if place == 0 or value is None or first is None else value - first for place, value in enumerate(values)]
    there = [value for value in values if value is not None]
    best = (min if less_is_better(name) else max)(there) if there else None
    return {"name": name, "values": list(values), "deltas": deltas, "less_is_better": less_is_better(name), "best": [value == best for value in values]}


def _same(rows: Sequence[Mapping[str, Any]], changed: set[str]) -> dict[str, int]:
    names = {name for row in rows for name in row} - changed - set(ABOVE)
    metrics = sum(name.startswith("metrics.") for name in names)
    return {"metrics": metrics, "others": len(names) - metrics}


def _curves(records: Sequence[Record]) -> dict[str, list[dict[str, Any]]]:
    """Return the series that are not the same in all runs; a run without one is left out."""
    names = dict.fromkeys(name for record in records for name in record.get("curves") or {})
    found = {}
    for name in names:
        each = [(record["run"], (record.get("curves") or {}).get(name)) for record in records]
        if any(curve != each[0][1] for _, curve in each):
            found[name] = [{"run": run, **curve} for run, curve in each if curve]
    return found
