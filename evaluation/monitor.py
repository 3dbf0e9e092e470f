"""Describe a data set or judge predictions, and hold them against a baseline, as the container of SageMaker Model Monitor does and in its files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Sequence

from jobkit import failure
from jobkit.monitor import analysis, java_json, report, scripts, settings
from jobkit.paths import ml_root

SHOWN, MESSAGE = 4, 900


def main(argv: Sequence[str]) -> int:
    """Write statistics.json, constraints.json, with a baseline constraint_violations.json, and summary.json; violations are no failure of the job."""
    asked = settings.read(argv, os.environ)
    after = scripts.load(asked.postprocessor, scripts.POSTPROCESS) if asked.postprocessor else None
    if asked.metrics:
        print("publish_cloudwatch_metrics: it has no effect here; the files hold every number")
    found = analysis.analyse(asked)
    _write(found, asked.output)
    message = _message(found)
    _tell(found, message)
    if after is not None:
        after()
    if asked.report:
        (asked.output / asked.report).write_text(report.page([report.of_analysis(found)]), encoding="utf-8")
    (asked.output / "summary.json").write_text(_summary(found, message), encoding="utf-8")
    said = ml_root() / "output" / "message"
    said.parent.mkdir(parents=True, exist_ok=True)
    said.write_text(message, encoding="utf-8")
    return 0


def _write(found: analysis.Analysis, folder: Path) -> None:
    java_json.write(folder / "statistics.json", found.statistics)
    java_json.write(folder / "constraints.json", found.constraints)
    if found.violations is not None:
        java_json.write(folder / "constraint_violations.json", {"violations": found.violations})


def _message(found: analysis.Analysis) -> str:
    """Return the text that the service shows as the execution's exit message."""
    count = len(found.violations or ())
    if not count:
        return "Completed: Job completed successfully with no violations."
    return "CompletedWithViolations: Job completed successfully with {} violations.".format(count)


def _summary(found: analysis.Analysis, message: str) -> str:
    """Return summary.json: the number of violations, the first of them in words for a message, and the counts of records."""
    entries = found.violations or ()
    told = [
        "{} {}: {}".format(entry.get("feature_name") or entry.get("metric_name"), entry["constraint_check_type"], entry["description"]) for entry in entries
    ]
    text = "; ".join(told[:SHOWN]) if told else message
    summary: Any = {"counts": dict(found.counts), "message": text[:MESSAGE], "violations": len(entries)}
    return json.dumps(summary, sort_keys=True, indent=1) + "\n"


def _tell(found: analysis.Analysis, message: str) -> None:
    for note in found.notes:
        print(note)
    print("rows: {:,}".format(found.statistics["dataset"]["item_count"]))
    for name, count in found.counts.items():
        print("{}: {:,}".format(name.replace("_", " "), count))
    for entry in found.violations or ():
        print("{}: {}: {}".format(entry.get("feature_name") or entry.get("metric_name"), entry["constraint_check_type"], entry["description"].strip()))
    print(message)


if __name__ == "__main__":
    sys.exit(failure.run(main))
