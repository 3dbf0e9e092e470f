"""Whether the findings stop a pipeline, in a form that a condition and a message can read."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

SHOWN, MESSAGE = 6, 900
SEVERITIES = ("high", "medium", "low")


def verdict(findings: Sequence[Mapping[str, Any]], fail_on: Sequence[str]) -> Dict[str, Any]:
    """Return the number of findings whose kind or severity is in `fail_on` and that the recipe does not mend, and a text of at most 900 characters.

    `counts` tells for each severity how many findings the recipe does not mend.
    """
    left = [finding for finding in findings if not finding["mended_by"]]
    stopping = [finding for finding in left if finding["kind"] in fail_on or finding["severity"] in fail_on]
    words = ["{} ({})".format(finding["kind"], ", ".join(finding["columns"][:4])) if finding["columns"] else finding["kind"] for finding in stopping[:SHOWN]]
    rest = ["and {} more".format(len(stopping) - SHOWN)] if len(stopping) > SHOWN else []
    text = "; ".join([*words, *rest]) or "nothing that stops the pipeline"
    counts = {severity: sum(finding["severity"] == severity for finding in left) for severity in SEVERITIES}
    message = text if len(text) <= MESSAGE else text[: MESSAGE - 1] + "…"
    return {"findings": len(stopping), "message": message, "fail_on": list(fail_on), "counts": counts}
