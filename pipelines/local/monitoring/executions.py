"""Executions of monitoring and remembered baselines: folders below `<home>/monitoring/<name>`, one a time, in it one a kind of analysis."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

FOLDER, BASELINE, RUN = "monitoring", "baseline", "run.json"
TIME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


@dataclass(frozen=True)
class Outcome:
    """Hold how one analysis ended: its MonitoringExecutionStatus, or Skipped; why; its violations in words; where its files lie; drift.json if it has one."""

    kind: str
    status: str
    reason: str = ""
    violations: tuple[str, ...] = ()
    folder: str = ""
    found: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what run.json keeps; the numbers stay in drift.json."""
        rows = {"rows": self.found["rows"], "notes": self.found["notes"], "counts": self.found["counts"]} if self.found else {}
        return {"kind": self.kind, "status": self.status, "reason": self.reason, "violations": list(self.violations), "folder": self.folder, **rows}


def root(home: Path, name: str) -> Path:
    """Return the folder of what is monitored under a name."""
    return home / FOLDER / name


def begin(home: Path, name: str, now: float) -> Path:
    """Make and return the folder of a new execution, named by its time in UTC; `now` is in seconds since 1970."""
    stamp = f"{datetime.fromtimestamp(now, timezone.utc):%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        folder = root(home, name) / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def write_json(path: Path, document: Any) -> None:
    """Write a document of ours: sorted, one member a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def names(home: Path) -> list[str]:
    """Return what has been monitored here, sorted."""
    return sorted(path.name for path in (home / FOLDER).glob("*") if path.is_dir() and history(home, path.name))


def history(home: Path, name: str) -> list[dict[str, Any]]:
    """Return every execution, oldest first: run.json, with `time` (the folder's name) and `found` (drift.json) in each analysis that has one."""
    found = []
    for path in sorted(root(home, name).glob(f"*/{RUN}"), key=lambda each: _order(each.parent.name)):
        run = _read(path)
        if run is None or not TIME.fullmatch(path.parent.name):
            continue
        analyses = [{**each, "found": _read(path.parent / each["kind"] / "drift.json")} for each in run.get("analyses", [])]
        found.append({**run, "time": path.parent.name, "analyses": analyses})
    return found


def _order(name: str) -> tuple[str, int]:
    stamp, _, number = name.partition("-")
    return stamp, int(number or 1) if (number or "1").isdigit() else 1


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def remembered(home: Path, *keys: str) -> dict[str, str]:
    """Return the files of the baseline that `monitor baseline --data` made for the first of these names that has one, by the folder of the job's input."""
    for name in keys:
        folder = root(home, name) / BASELINE if name else None
        if folder and (folder / "constraints.json").is_file():
            return {each: str(folder / f"{each}.json") for each in ("constraints", "statistics") if (folder / f"{each}.json").is_file()}
    return {}
