"""Run the checks and make one report of what they find."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping

from jobkit.leakage import features, rows, trials
from jobkit.leakage.evidence import HIGH, LOW, MEDIUM, Case, Finding

VERSION, SHOWN, MESSAGE = 1, 6, 900
SEVERITIES = (HIGH, MEDIUM, LOW)
CHECKS: Dict[str, Callable[[Case], Iterator[Finding]]] = {
    "overlap": rows.overlap,
    "groups": rows.groups,
    "time_travel": features.time_travel,
    "features": features.alone,
    "order": features.order,
    "shuffled_label": trials.shuffled_label,
    "dependent_rows": trials.dependent_rows,
}
KINDS = (
    "leaking-feature",
    "row-overlap",
    "group-overlap",
    "time-travel",
    "shuffled-label",
    "dependent-rows",
    "identifier-predicts",
    "shared-entity",
    "later-date",
    "row-order-predicts",
    "twin-rows",
)


def check(case: Case, settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Return leakage.json: the findings, severe ones first, and whether those that `settings["fail_on"]` names (kinds or severities) stop the pipeline.

    `settings` also holds `checks`, the names of those to run, and `ignore`, kinds or KIND:COLUMN not to report.
    """
    found = [finding for name in settings["checks"] for finding in CHECKS[name](case)]
    kept = [finding for finding in found if not _ignored(finding, settings["ignore"])]
    kept.sort(key=lambda finding: (SEVERITIES.index(finding.severity), KINDS.index(finding.kind), list(finding.columns)))
    stopping = [finding for finding in kept if finding.kind in settings["fail_on"] or finding.severity in settings["fail_on"]]
    words = ["{} ({})".format(finding.kind, ", ".join(finding.columns[:4])) if finding.columns else finding.kind for finding in stopping[:SHOWN]]
    more = ["and {} more".format(len(stopping) - SHOWN)] if len(stopping) > SHOWN else []
    text = "; ".join([*words, *more]) or "nothing that stops the pipeline"
    return {
        "format": "sagewright.leakage",
        "version": VERSION,
        "checks": list(settings["checks"]),
        "findings": [finding.as_dict() for finding in kept],
        "verdict": {"findings": len(stopping), "message": text[:MESSAGE], "fail_on": list(settings["fail_on"])},
    }


def _ignored(finding: Finding, ignore: Any) -> bool:
    named = ["{}:{}".format(finding.kind, column) for column in finding.columns]
    return finding.kind in ignore or bool(named) and all(name in ignore for name in named)
