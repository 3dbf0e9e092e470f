"""evaluation_details.json: what evaluation.json has no place for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit import raw_rows
from jobkit.arrow import values_of
from jobkit.evaluation import approved, bootstrap, calibration, lift, measures, slices, thresholds
from jobkit.evaluation.approved import Approved
from jobkit.evaluation.measures import BINARY, MULTICLASS, Case
from jobkit.failure import JobError

FORMAT, VERSION = "sagewright.evaluation", 1
DEFAULTS: Mapping[str, Any] = {"slices": (), "confidence": {"level": bootstrap.LEVEL, "resamples": bootstrap.RESAMPLES}, "costs": None}


class Judged(NamedTuple):
    """Hold the case as it was decided, the threshold and how it was chosen (None but of two classes), and the raw rows of the case in the same order."""

    case: Case
    given: float
    chosen: Optional[thresholds.Chosen]
    raw: Path


def settings(job: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the settings of the evaluation, those that job.json leaves out as they are by default."""
    given = job.get("evaluation") or {}
    confidence = {**DEFAULTS["confidence"], **(given.get("confidence") or {})}
    return {"slices": list(given.get("slices") or ()), "confidence": confidence, "costs": given.get("costs")}


def details(judged: Judged, wanted: Mapping[str, Any], rival: Approved) -> Dict[str, Any]:
    """Return evaluation_details.json.

    Raises:
        JobError: a slice names a column that there is not, or the raw rows are not those of the split.
    """
    case, confidence = judged.case, wanted["confidence"]
    resamples = bootstrap.draw(len(case.target), int(confidence["resamples"]), float(confidence["level"]))
    found = bootstrap.intervals(case, resamples)
    told: Dict[str, Any] = {"format": FORMAT, "version": VERSION, "problem": case.problem, "rows": len(case.target)}
    told["confidence"] = {"level": resamples.level, "resamples": int(confidence["resamples"]), "metrics": _bounded(case, found)}
    told["slices"] = _slices(judged, wanted["slices"], resamples)
    told["calibration"] = calibration.measured(case)
    told["threshold"] = thresholds.told(judged.chosen, case, judged.given) if judged.chosen else None
    told["lift"] = {"constant": lift.compared(case, lift.constant(case), resamples), "approved": _approved(judged, rival, resamples)}
    if case.problem == MULTICLASS:
        told["classes"] = _classes(case)
    return told


def _bounded(case: Case, found: Mapping[str, bootstrap.Interval]) -> Dict[str, Any]:
    """Return every metric with its interval; one that is not defined may be anything from 0 to 1."""
    made = {}
    for name, value in measures.metrics(case).items():
        one = found.get(name)
        unknown = one is None or one.lower != one.lower
        made[name] = dict(bootstrap.Interval(measures.defined(name, value), 0.0, 1.0)._asdict() if unknown else one._asdict())
    return made


def _slices(judged: Judged, columns: Sequence[str], resamples: bootstrap.Resamples) -> Dict[str, Any]:
    if not columns:
        return {}
    rows = raw_rows.read(judged.raw, columns)
    if rows.num_rows != len(judged.case.target):
        raise JobError("there are {} raw rows for {} rows of the test split; both must come from one run".format(rows.num_rows, len(judged.case.target)))
    return {name: slices.measured(judged.case, resamples, _cells(rows.column(name))) for name in columns}


def _cells(column: Any) -> slices.Cells:
    merged = column.combine_chunks().dictionary_encode()
    return slices.Cells(merged.dictionary.to_pylist(), values_of(merged.indices).astype(np.int64))


def _approved(judged: Judged, rival: Approved, resamples: bootstrap.Resamples) -> Dict[str, Any]:
    try:
        other = approved.answers(rival, judged.case, judged.raw)
    except JobError as error:
        return lift.nothing(judged.case, str(error))
    threshold = {"threshold": float(rival.about.get("threshold", 0.5))} if judged.case.problem == BINARY else {}
    return {"compared": True, "why": "", **threshold, **lift.compared(judged.case, other, resamples)}


def _classes(case: Case) -> Dict[str, Any]:
    """Return rows, recall, precision and F scores of each class."""
    count = len(case.classes)
    summed, _ = measures.totals(case)
    real, said, hits = summed[:count], summed[count : 2 * count], summed[2 * count : 3 * count]
    each = measures.by_class(real, said, hits)
    return {
        name: {"rows": int(real[place]), "predicted": int(said[place]), **{metric: float(values[place]) for metric, values in each.items()}}
        for place, name in enumerate(case.classes)
    }
