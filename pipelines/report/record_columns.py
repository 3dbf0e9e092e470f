"""Names for everything in the record of a run: columns of a list, rows of a comparison."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.errors import UsageError

Record = Mapping[str, Any]
HASH_CHARACTERS = 12
# How a record writes a time.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
# Where a short name such as `auc` is looked for, in this order; within a part the last step's is taken: the metric of the test before that of the training.
PARTS = ("metrics", "parameters", "hyperparameters", "logged", "libraries", "code", "data", "arguments")
HEAD = {"run": "run", "pipeline": "pipeline", "status": "status", "started": "started_at", "ended": "ended_at", "seconds": "seconds"}
# Metrics of which less is better, by their last word.
LOSSES = ("loss", "error", "rmse", "rmsle", "mse", "mae", "mape", "mphe", "nloglik", "deviance", "false_negative_rate", "false_positive_rate")


def flat(record: Record) -> dict[str, Any]:
    """Return every value of a record by its dotted name, e.g. `metrics.Evaluate.auc`; hashes are cut to twelve digits."""
    environment, git = record.get("environment") or {}, record.get("git") or {}
    head = {name: record.get(key) for name, key in HEAD.items()}
    parts = {part: record.get(part) or {} for part in ("parameters", "hyperparameters", "arguments", "logged", "metrics", "model")}
    parts["libraries"] = environment.get("libraries") or {}
    for image, libraries in (environment.get("pinned") or {}).items():
        parts["libraries"] = {**parts["libraries"], **{f"{image.rsplit('/', 1)[-1]}.{name}": version for name, version in libraries.items()}}
    for part in ("code", "data"):
        parts[part] = {name: (each.get("sha256") or "gone")[:HASH_CHARACTERS] for name, each in (record.get(part) or {}).items()}
    checks = {
        f"checks.{step}.{name}": len(each[name]) if name == "violations" else each[name]
        for step, each in (record.get("checks") or {}).items()
        for name in ("type", "violations", "report")
    }
    own = {"python": environment.get("python"), "platform": environment.get("platform"), "images": environment.get("images")}
    commit = {"git.commit": git["commit"][:HASH_CHARACTERS], "git.branch": git["branch"], "git.dirty": git["dirty"]} if git else {}
    named = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
    return {**head, **named, **checks, **commit, **{key: value for key, value in own.items() if value is not None}}


def resolve(name: str, values: Mapping[str, Any]) -> str | None:
    """Return the full name that a name stands for in a flat record: itself, or one that ends in it after a dot."""
    if name in values:
        return name
    for part in PARTS:
        found = [full for full in values if full.startswith(f"{part}.") and full.endswith(f".{name}")]
        if found:
            return found[-1]
    return None


def cells(name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return one column of flat records; a record without it has None.

    Raises:
        UsageError: no record has it.
    """
    found = [resolve(name, values) for values in rows]
    if rows and not any(found):
        known = {short for values in rows for full in values for short in (full, full.split(".", 2)[-1])}
        close = difflib.get_close_matches(name, sorted(known), 1, 0.5)
        hint = f"Did you mean {close[0]!r}?" if close else ""
        expected = "a name such as status, auc, parameters.Seed or hyperparameters.Train.eta"
        raise UsageError("no run has such a column", where="runs", got=repr(name), expected=expected, hint=hint)
    return [values[full] if full else None for full, values in zip(found, rows, strict=True)]


def less_is_better(name: str) -> bool:
    """Tell whether a column is a loss."""
    return name.partition("@")[0].rsplit(":", 1)[-1].rsplit(".", 1)[-1].lower().endswith(LOSSES)


def order(column: Sequence[Any], *, descending: bool) -> list[int]:
    """Return the places of a column's cells in order: numbers, then texts; what is missing comes last either way."""
    there = [place for place, value in enumerate(column) if value is not None]
    missing = [place for place, value in enumerate(column) if value is None]
    return [*sorted(there, key=lambda place: _key(column[place]), reverse=descending), *missing]


def _key(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, (bool, int, float)) else (1, 0.0, str(value))


def shown(value: Any) -> str:
    """Return a value for people: numbers with six digits at most, nothing for what is missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def differing(rows: Sequence[Mapping[str, Any]], without: Iterable[str]) -> dict[str, list[Any]]:
    """Return the values that are not the same in all flat records, by name, but for names that start with one of `without`."""
    left = tuple(without)
    names = [name for name in dict.fromkeys(name for values in rows for name in values) if not name.startswith(left)]
    columns = {name: [values.get(name) for values in rows] for name in names}
    return {name: column for name, column in columns.items() if any(value != column[0] for value in column)}
