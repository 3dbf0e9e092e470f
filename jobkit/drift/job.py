"""Run one analysis of captured data and write its files."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from jobkit.drift import asked as arguments
from jobkit.drift import found as results
from jobkit.drift import model as models
from jobkit.drift import quality, reading, window
from jobkit.drift.asked import Asked
from jobkit.drift.found import Found
from jobkit.drift.given import Given
from jobkit.drift.reading import Tally
from jobkit.paths import ml_root

Say = Callable[[str], None]


def _bias(given: Given) -> Found:
    from jobkit.drift import bias

    return bias.bias(given)


def _explainability(given: Given) -> Found:
    from jobkit.drift import attribution

    return attribution.explainability(given)


KINDS: Mapping[str, Callable[[Given], Found]] = {
    "data-quality": quality.data_quality,
    "model-quality": quality.model_quality,
    "bias": _bias,
    "explainability": _explainability,
}


def run(argv: Sequence[str], say: Say) -> None:
    """Analyse what the arguments ask for, write the files of the output, and say what was found; violations are no failure of the job.

    Raises:
        JobError: it is not possible, or something is wrong.
    """
    asked = arguments.read(argv, tuple(KINDS))
    tally = Tally()
    truths = reading.truths(asked.truth, tally) if asked.truth is not None else None
    given = Given(asked, models.of_folder(asked.model, asked.problem, _fallback(asked)), truths, tally)
    found = KINDS[asked.kind](given)
    found = found._replace(notes=(*found.notes, *tally.notes()))
    results.write(found, asked.output, {"kind": asked.kind, "window": _told(asked), "counts": dict(sorted(tally.counts.items()))})
    _tell(found, tally, say)
    said = ml_root() / "output" / "message"
    said.parent.mkdir(parents=True, exist_ok=True)
    said.write_text(results.message(found), encoding="utf-8")


def _fallback(asked: Asked) -> Sequence[str]:
    """Return the columns of the data's baseline, for a model that does not say what it reads."""
    limits = asked.document("constraints") or {}
    return tuple(str(feature["name"]) for feature in limits.get("features") or ())


def _told(asked: Asked) -> Mapping[str, Any]:
    return {"from": asked.window.start and window.text(asked.window.start), "to": asked.window.end and window.text(asked.window.end)}


def _tell(found: Found, tally: Tally, say: Say) -> None:
    say("rows: {:,}".format(found.rows))
    for name, count in sorted(tally.counts.items()):
        say("{}: {:,}".format(name.replace("_", " "), count))
    for note in found.notes:
        say("note: " + note)
    for entry in found.violations:
        say("violation: " + results.told(entry))
    say(results.message(found))
