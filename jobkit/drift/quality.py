"""Quality of the captured rows, and of the model's answers, in Model Monitor's files."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from jobkit.drift import tables
from jobkit.drift.found import Found, Measure, NotPossible
from jobkit.drift.given import Given, nothing
from jobkit.drift.model import BINARY, PROBLEMS, Model
from jobkit.failure import JobError
from jobkit.monitor import constraints, predictions, quality, quality_limits, report, rows, statistics, violations
from jobkit.monitor.report import Part

PREDICTION, PROBABILITY, TRUTH = "prediction", "probability", "label"


# Data quality


def data_quality(given: Given) -> Found:
    """Describe the rows that came in and hold them against the baseline's constraints and statistics.

    Raises:
        JobError: there is no row, or the baseline's constraints are not there.
    """
    limits, before = _baseline(given)
    names = [str(feature["name"]) for feature in limits.get("features") or ()]
    table = tables.table((row.cells for row in given.rows()), names)
    if not table.num_rows or not table.num_columns:
        raise nothing(given)
    limits, before, notes = compared(limits, before, table.column_names, given.model)
    data = rows.rows(table.drop_columns([given.model.label]) if given.model.label in table.column_names and _unlimited(limits, given.model) else table)
    now = statistics.statistics(data)
    found = violations.violations(data, now, limits, before)
    page = report.page([Part("Data quality", before, now, limits, found, given.tally.counts)])
    documents = {"statistics.json": now, "constraints.json": constraints.constraints(data, None)}
    return Found(documents, found, _distances(now, before, limits, found), table.num_rows, notes, page)


def _unlimited(limits: Mapping[str, Any], model: Model) -> bool:
    return model.label not in {feature["name"] for feature in limits.get("features") or ()}


def _baseline(given: Given) -> Tuple[Dict[str, Any], Optional[Dict[str, Any]]]:
    limits = given.asked.document("constraints")
    if limits is None:
        raise JobError("the baseline: got no constraints.json; expected that of the data's quality. Add `quality: {data: {}}` to pipeline.yaml")
    return limits, given.asked.document("statistics")


def compared(
    limits: Dict[str, Any], before: Optional[Dict[str, Any]], names: Sequence[str], model: Model
) -> Tuple[Dict[str, Any], Optional[Dict[str, Any]], Tuple[str, ...]]:
    """Return the baseline without the label, and without columns that nobody sends and the model does not read; and notes that say so."""
    listed = [str(feature["name"]) for feature in limits.get("features") or ()]
    needed = set(model.needed())
    left_out = {name for name in listed if name == model.label or (needed and name not in needed and name not in names)}
    notes = []
    if model.label in left_out:
        notes.append("the label {} is not compared: it is not known when a request comes".format(model.label))
    rest = sorted(left_out - {model.label})
    if rest:
        notes.append("not compared, since the model does not read them and no request has them: {}".format(", ".join(rest)))
    if before is None:
        notes.append("the baseline has no statistics.json: distributions are not compared")
    return _without(limits, left_out), None if before is None else _without(before, left_out), tuple(notes)


def _without(document: Dict[str, Any], names: Any) -> Dict[str, Any]:
    return {**document, "features": [feature for feature in document.get("features") or () if feature["name"] not in names]}


def _distances(
    now: Mapping[str, Any], before: Optional[Mapping[str, Any]], limits: Mapping[str, Any], found: Sequence[Mapping[str, str]]
) -> Dict[str, Measure]:
    """Return the distance of each column that was compared from the baseline."""
    earlier = {entry["name"]: entry for entry in (before or {}).get("features", [])}
    entries = {entry["name"]: entry for entry in now["features"]}
    violated = {entry["feature_name"] for entry in found}
    made = {}
    for feature in limits.get("features") or ():
        name = feature["name"]
        if name in entries:
            drift = violations.config(limits, feature).get("distribution_constraints") or {}
            away = violations.measured(earlier.get(name), entries[name], drift)
            if away is not None:
                made[name] = Measure(float(away.away), float(away.threshold), name in violated)
    return made


# Model quality


def model_quality(given: Given) -> Found:
    """Judge the model's answers by the truth that is known of them.

    Raises:
        NotPossible: no ground truth was given, or none of it is of these records.
        JobError: there is no row, or the baseline is of another problem.
    """
    if given.truths is None:
        raise NotPossible("model quality needs ground truth. Give --ground-truth")
    limits, before = given.asked.document("constraints"), given.asked.document("statistics")
    if limits is None:
        raise JobError("the baseline: got no constraints.json; expected that of the model's quality. Add `quality: {model: {}}` to pipeline.yaml")
    table = tables.table(_judged(given), (PREDICTION, PROBABILITY, TRUTH))
    if not table.num_rows:
        if given.tally.counts.get("records"):
            raise NotPossible("of {} records in the span none has ground truth. Look at its ids".format(given.tally.counts["records"]))
        raise nothing(given)
    problem = PROBLEMS[given.model.problem]
    held = [name for name in (PREDICTION, PROBABILITY) if name in table.column_names]
    chance = PROBABILITY if PROBABILITY in held and given.model.problem == BINARY and not table.column(PROBABILITY).null_count else None
    attributes = predictions.Attributes(PREDICTION if PREDICTION in held else None, chance, TRUTH, given.model.threshold)
    found, _ = predictions.predictions(problem, table, attributes)
    now = quality.statistics(problem, found)
    loosened = slackened(limits, given.asked.slack)
    missed = quality_limits.violations(now, loosened)
    page = report.page([Part("Model quality", before, now, loosened, missed, given.tally.counts)])
    documents = {"statistics.json": now, "constraints.json": quality_limits.constraints(now)}
    notes = ("thresholds are loosened by {:g} %".format(100 * given.asked.slack),) if given.asked.slack else ()
    return Found(documents, missed, _metrics(now, loosened), table.num_rows, notes, page)


def _judged(given: Given) -> Iterator[Dict[str, Optional[str]]]:
    """Yield answer and truth of the rows that have both; of two classes as 1 and 0."""
    for row in given.rows():
        if row.truth is None or row.label is None:
            continue
        cells = {PREDICTION: given.model.code(row.label), TRUTH: given.model.code(row.truth)}
        yield {**cells, PROBABILITY: row.probability} if row.probability is not None else cells


def slackened(limits: Mapping[str, Any], slack: float) -> Dict[str, Any]:
    """Return constraints whose thresholds are a share of themselves easier to meet (0 for the service's)."""
    group, wanted = quality_limits.group_of(limits)
    loosened = {}
    for name, limit in wanted.items():
        sign = -1 if limit.get("comparison_operator") == quality_limits.LESS else 1
        loosened[name] = {**limit, "threshold": float(limit["threshold"]) + sign * slack * abs(float(limit["threshold"]))} if slack else limit
    return {**limits, group + quality_limits.LIMITS: loosened}


def _metrics(now: Mapping[str, Any], limits: Mapping[str, Any]) -> Dict[str, Measure]:
    _, metrics = quality_limits.group_of(now)
    _, wanted = quality_limits.group_of(limits)
    names: List[str] = [name for name in wanted if isinstance(metrics.get(name, {}).get("value"), (int, float))]
    return {
        name: Measure(float(metrics[name]["value"]), float(wanted[name]["threshold"]), quality_limits.missed(float(metrics[name]["value"]), wanted[name]))
        for name in names
    }
