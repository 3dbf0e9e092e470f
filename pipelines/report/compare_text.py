"""A comparison of runs in words: for a terminal, and in Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.report.curves_text import Style, chart
from pipelines.report.record_columns import shown

CELL_CHARACTERS = 44
CHARTS = 4
Row = tuple[str, list[str]]


def text(view: Mapping[str, Any], style: Style) -> str:
    """Return the comparison as aligned text with the curves as charts of characters."""
    parts = [_aligned(_heads(view))]
    if differences := _differences(view):
        parts.append(_aligned(differences, "DIFFERENT"))
    if view["metrics"]:
        parts.append(_aligned(_metrics(view), "METRIC"))
    parts.append(_rest(view))
    names = _charted(view["curves"])
    parts += [chart(name, [(curve["run"], curve["steps"], curve["values"]) for curve in view["curves"][name]], style) for name in names]
    left = [name for name in view["curves"] if name not in names]
    parts += [f"Not drawn: {', '.join(left)}. `--chart FILE.svg` draws all."] if left else []
    return "\n\n".join(parts)


def markdown(view: Mapping[str, Any]) -> str:
    """Return the comparison as Markdown: two tables, and a line on what is the same."""
    runs = [f"`{run['run']}`" for run in view["runs"]]
    parts = [_table([view.get("what", "run"), *runs], _heads(view)[1:])]
    if view["metrics"]:
        parts.append(_table(["metric", *runs], _metrics(view)))
    if differences := _differences(view):
        parts.append(_table(["different", *runs], differences))
    return "\n\n".join([*parts, _rest(view)])


def _heads(view: Mapping[str, Any]) -> list[Row]:
    runs = view["runs"]
    rows = [
        (view.get("what", "run").upper(), [run["run"] for run in runs]),
        ("started", [run.get("started_at", "") for run in runs]),
        ("status", [run["status"] for run in runs]),
    ]
    rows += [("seconds", [shown(run.get("seconds")) for run in runs])] if any("seconds" in run for run in runs) or "what" not in view else []
    reused = [", ".join(run["reused"]) for run in runs]
    rows += [("reused from the cache", reused)] if any(reused) else []
    return rows


def _differences(view: Mapping[str, Any]) -> list[Row]:
    heads = ("status",)
    return [(each["name"], [shown(value) or "-" for value in each["values"]]) for each in view["differences"] if each["name"] not in heads]


def _metrics(view: Mapping[str, Any]) -> list[Row]:
    return [(each["name"], [_with_delta(value, delta) for value, delta in zip(each["values"], each["deltas"], strict=True)]) for each in view["metrics"]]


def _with_delta(value: float | None, delta: float | None) -> str:
    number = "-" if value is None else f"{value:.6g}"
    return number if delta is None else f"{number} ({delta:+.3g})" if delta else f"{number} (same)"


def _rest(view: Mapping[str, Any]) -> str:
    same = view["same"]
    said = f"The same in all: {same['metrics']} metrics, {same['others']} parameters, hyperparameters, hashes and versions."
    metrics = "" if view["metrics"] else "No metric differs. "
    bare = ", ".join(view["without_environment"])
    said += f" Libraries and git were not recorded for: {bare}." if bare else ""
    problems = [
        f" {view.get('what', 'run').capitalize()} {run['run']} could be read in part only: {run['problem']}." for run in view["runs"] if run.get("problem")
    ]
    return metrics + said + "".join(problems)


def _charted(curves: Mapping[str, Any]) -> list[str]:
    """Return the curves to draw: those of held-out rows before those of training rows."""
    return sorted(curves, key=lambda name: "train" in name.split(".", 1)[-1].lower())[:CHARTS]


def _aligned(rows: Sequence[Row], heading: str = "") -> str:
    lines = [[name, *map(_cut, cells)] for name, cells in rows]
    if heading:
        lines.insert(0, [heading, *[""] * (len(lines[0]) - 1)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _cut(cell: str) -> str:
    plain = " ".join(cell.split())
    return plain if len(plain) <= CELL_CHARACTERS else "…" + plain[1 - CELL_CHARACTERS :]


def _table(heading: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [list(heading), ["---"] * len(heading), *([name, *map(_cut, cells)] for name, cells in rows)]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
