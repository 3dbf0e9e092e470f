"""The files that captured data is held against: of the version, or made by `monitor baseline --data`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.definition.monitoring import KINDS, baselines, shap_rows
from pipelines.local import container
from pipelines.local.checks.kinds import KINDS as CHECKS
from pipelines.local.home import Home
from pipelines.local.monitoring import executions
from pipelines.local.monitoring.subject import Subject


def baseline_files(home: Path, subject: Subject, kind: str) -> dict[str, str]:
    """Return where the files of a kind's baseline are, by the folder of the job's input; those that are not there are left out."""
    if kind == "data-quality":
        made = executions.remembered(home, subject.endpoint, subject.group)
        if made:
            return made
    found = baselines(subject.package, KINDS[kind])
    if kind == "explainability" and shap_rows(found):
        found["shap"] = shap_rows(found)
    store = Home(home).store
    return {folder: str(path) for folder, uri in found.items() if (path := store.path(uri)).is_file()}


def size(kind: str, files: Mapping[str, str]) -> str:
    """Return in words how much of a baseline is compared, e.g. `13 columns`."""
    counts = [(CHECKS[check].count(document), CHECKS[check].unit) for folder, check in COUNTED[kind] if (document := _document(files, folder)) is not None]
    return f"{sum(count for count, _ in counts)} {counts[0][1]}" if counts else ""


def _document(files: Mapping[str, str], folder: str) -> Any:
    return container.read_json(Path(files[folder])) if folder in files else None


# Which file of a baseline is counted as which CheckType counts it.
COUNTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "data-quality": (("constraints", "DATA_QUALITY"),),
    "model-quality": (("constraints", "MODEL_QUALITY"),),
    "bias": (("pre_training", "DATA_BIAS"), ("post_training", "MODEL_BIAS")),
    "explainability": (("constraints", "MODEL_EXPLAINABILITY"),),
}
