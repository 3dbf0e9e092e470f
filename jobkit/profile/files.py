"""The files of a profile: one page to look at, one file to read, and a small one for a condition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping

from jobkit.profile.page import page


def write(found: Mapping[str, Any], folder: Path) -> None:
    """Write profile.json, verdict.json and profile.html (UTF-8) into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    files: Dict[str, Any] = {"profile.json": found, "verdict.json": {"verdict": found["verdict"]}}
    for name, members in files.items():
        text = json.dumps(members, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text + "\n", encoding="utf-8", errors="replace")
    (folder / "profile.html").write_text(page(found), encoding="utf-8", errors="replace")
