"""What is wrong with the data: findings ranked by severity, each with what would mend it."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

HIGH, MEDIUM, LOW = "high", "medium", "low"
SEVERITIES = (HIGH, MEDIUM, LOW)
# Every kind of finding, in the order in which findings of one severity are listed.
KINDS = (
    "leaking-feature",
    "strong-feature",
    "label-problem",
    "missing-label",
    "duplicate-names",
    "duplicate-rows",
    "conflicting-labels",
    "few-rows",
    "class-imbalance",
    "rare-class",
    "constant-column",
    "id-like",
    "missing-values",
    "null-words",
    "mixed-types",
    "numbers-as-text",
    "dates-as-text",
    "high-cardinality",
    "uneven-spelling",
    "correlated-features",
    "outliers",
    "skewed",
    "redundant-feature",
)
CUT = 80


class Finding(NamedTuple):
    """Hold one finding; `value` is the number behind it, `step` the recipe step that mends it, `setting` what to set in pipeline.yaml instead."""

    kind: str
    severity: str
    columns: Sequence[str]
    value: Optional[float]
    message: str
    step: Optional[Mapping[str, Any]] = None
    setting: Optional[Mapping[str, Any]] = None
    advice: str = ""
    mended_by: Optional[str] = None

    def as_dict(self) -> Dict[str, Any]:
        """Return the finding as a member of profile.json."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "columns": list(self.columns),
            "value": self.value,
            "message": self.message,
            "advice": self.advice,
            "step": self.step,
            "setting": self.setting,
            "mended_by": self.mended_by,
            "yaml": yaml_line(self.step, self.setting),
        }


def ranked(findings: Sequence[Finding], ignore: Sequence[str]) -> List[Finding]:
    """Return the findings that are not ignored (by `kind` or `kind:column`), severe ones first."""
    kept = [rest for rest in (_without(finding, set(ignore)) for finding in findings) if rest is not None]
    places = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(kept, key=lambda finding: (SEVERITIES.index(finding.severity), places[finding.kind], -(finding.value or 0)))


def _without(finding: Finding, ignored: Any) -> Optional[Finding]:
    if finding.kind in ignored:
        return None
    kept = [name for name in finding.columns if "{}:{}".format(finding.kind, name) not in ignored]
    if len(kept) == len(finding.columns):
        return finding
    if not kept or len(finding.columns) == 1 or finding.kind != "redundant-feature":
        return None
    return finding._replace(columns=kept, step={**(finding.step or {}), "columns": kept})


def yaml_line(step: Optional[Mapping[str, Any]], setting: Optional[Mapping[str, Any]]) -> str:
    """Return the line to put into pipeline.yaml: an entry of `recipe`, or a dotted key with its value; empty for none."""
    if step is not None:
        return "- " + flow(step)
    return "; ".join("{}: {}".format(key, flow(value)) for key, value in (setting or {}).items())


def flow(value: Any) -> str:
    """Return a value as YAML in flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join("{}: {}".format(flow(key), flow(item)) for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and not _plain(value):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    return value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> bool:
    words = ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf")
    return text.isascii() and text.replace("_", "a").isalnum() and not text[0].isdigit() and text.lower() not in words and text.isidentifier()


def short(text: Any, limit: int = CUT) -> str:
    """Return a text of at most so many characters."""
    text = str(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def some(names: Sequence[Any], most: int = 4) -> str:
    """Return names in quotes, the first few only."""
    shown = ", ".join("'{}'".format(short(name, 40)) for name in names[:most])
    return shown + (" and {} more".format(len(names) - most) if len(names) > most else "")


def percent(share: float) -> str:
    """Return a share as a percentage that is 0 or 100 only when it is exactly so."""
    text = "{:.1f} %".format(100 * share) if 0.001 <= share <= 0.999 else "{:.3f} %".format(100 * share)
    if 0 < share < 0.00001:
        return "less than 0.001 %"
    return "{:.0f} %".format(100 * share) if share in (0, 1) else text


def drop(*columns: str) -> Dict[str, Any]:
    """Return the recipe step that leaves columns out."""
    return {"step": "drop_columns", "columns": list(columns)}


def collect(*parts: Iterator[Finding]) -> List[Finding]:
    """Return the findings of all parts, in their order."""
    return [finding for part in parts for finding in part]
