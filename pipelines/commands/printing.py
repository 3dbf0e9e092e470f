"""Results on stdout: JSON for machines, plain aligned text for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

# Metrics of a model in the order in which people read them; a report has those of its problem.
QUALITY = ("accuracy", "precision", "recall", "f1", "auc", "weighted_precision", "weighted_recall", "weighted_f1", "mae", "rmse", "r2")

# What a terminal obeys in the place of showing it, and what turns the direction of text round; ends of lines and tabs are harmless.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

WITH_A_LOG = ("Processing", "Training", "Tuning", "ClarifyCheck", "QualityCheck")


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=1, default=str))


def visible(text: str) -> str:
    """Return a text of others with what a terminal would obey as escapes: `\\x1b[31m`."""
    return CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def table(rows: Sequence[Sequence[object]], heading: Sequence[str]) -> str:
    """Return rows as aligned columns below a heading; a cell is cut at 60 characters."""
    cells = [[visible(one_line(str(cell)))[:60] for cell in row] for row in [heading, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)


def one_line(text: str) -> str:
    """Return a text of several lines as one, blanks at its ends kept."""
    return " ".join(line.strip() for line in text.splitlines()) if "\n" in text or "\r" in text else text


def clock_time(seconds: float | None) -> str:
    """Return seconds since 1970 as local date and time, an empty text for None."""
    return "" if not seconds else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """Return a number short enough to read: whole ones as they are, others with four digits after the point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4f}"


def run_report(summary: Mapping[str, Any], matrix: Mapping[str, Mapping[str, int]] | None, missed: Sequence[str]) -> str:
    """Return the end of a run in words: metrics, confusion matrix, registered version, what went wrong and what to do next."""
    lines = []
    metrics = _quality(summary["metrics"])
    if metrics:
        lines.append("  ".join(f"{name} {number(value)}" for name, value in metrics.items()))
    if matrix:
        lines += ["", *_matrix(matrix)]
    if summary.get("model_package_arn"):
        lines += ["", f"Registered: {summary['model_package_arn']}"]
    if missed:
        lines += ["", *[f"Missed: {text}" for text in missed]]
    run_id = summary["execution_arn"].rsplit("/", 1)[-1]
    lines += ["", f"{summary['status']} in {summary['seconds']:.1f} s  (run {run_id})"]
    if summary["failure_reason"]:
        lines += [summary["failure_reason"], *_next_steps(summary, run_id)]
    return visible("\n".join(lines).strip("\n"))


def measured(check: Mapping[str, Any]) -> str:
    """Return how much a check step measured and how much of it violates its baseline: `12 metrics, no violation`."""
    found = len(check["violations"])
    told = f"{found or 'no'} {counted(found or 1, 'violations')}" if check["compared"] else "not compared"
    return f"{check['measured']} {counted(check['measured'], check['unit'])}, {told}"


def counted(count: int, words: str) -> str:
    """Return a word in the plural as it is for one, or for another number."""
    return words.removesuffix("s") if count == 1 else words


def checked_lines(name: str, check: Mapping[str, Any]) -> str:
    """Return what a check step found, each violation on a line of its own, and where the report is."""
    report = [f"  Report: {check['report']}"] if check["report"] else []
    return visible("\n".join([f"{name} ({check['type']}): {measured(check)}", *(f"  {each}" for each in check["violations"]), *report]))


def _quality(metrics: Mapping[str, float]) -> dict[str, float]:
    return {wanted: value for wanted in QUALITY for name, value in metrics.items() if name.split(".", 1)[1] == wanted}


def _matrix(matrix: Mapping[str, Mapping[str, int]]) -> list[str]:
    labels = list(matrix)
    rows = [[f"actual {label}", *(matrix[label].get(other, 0) for other in labels)] for label in labels]
    return table(rows, ["confusion matrix", *(f"predicted {label}" for label in labels)]).splitlines()


def _next_steps(summary: Mapping[str, Any], run_id: str) -> list[str]:
    failed = next((step for step in summary["steps"] if step["status"] == "Failed" and step["type"] in WITH_A_LOG), None)
    see = [f"See the log: sagewright logs {run_id} {failed['name']}"] if failed else []
    if summary["status"] == "Stopped":
        return [*see, f"Go on from here: sagewright resume {run_id}"]
    mend = "Mended the data or the code? Run it again; what succeeded comes from the cache."
    return [*see, f"{mend} The very same again: sagewright resume {run_id}"] if failed else see
