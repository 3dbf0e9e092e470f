"""Do what a monitoring job is asked for: read its data set, describe it, and hold it against the baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.failure import JobError
from jobkit.monitor import captured, captured_rows, constraints, predictions, quality, quality_limits, rows, scripts, statistics, violations
from jobkit.monitor.settings import DATA_QUALITY, MODEL_QUALITY, Settings

CAPTURED = ("sagemakerCaptureJson", "sagemakerMergeJson")


class Analysis(NamedTuple):
    """Hold what an analysis found: the documents of the service's files (`violations` None without a baseline), and of the baseline's files what was there.

    `counts` are numbers of lines or rows that were not used, by reason; `notes` are told to whoever reads the log.
    """

    statistics: Mapping[str, Any]
    constraints: Mapping[str, Any]
    violations: Optional[List[Dict[str, str]]]
    before: Optional[Mapping[str, Any]]
    limits: Optional[Mapping[str, Any]]
    counts: Mapping[str, int]
    notes: Sequence[str]


class Loaded(NamedTuple):
    """Hold a data set as an Arrow table, and what of it was not used."""

    table: Any
    counts: Dict[str, int]
    notes: List[str]


def analyse(settings: Settings) -> Analysis:
    """Return what the analysis that the settings name found.

    Raises:
        JobError: the data set, the baseline or a script cannot be used.
    """
    before = None if settings.statistics is None else document(settings.statistics)
    limits = None if settings.constraints is None else document(settings.constraints)
    return ANALYSES[settings.analysis_type](settings, before, limits)


def document(path: Path) -> Dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        JobError: it cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise JobError("{}: it cannot be read: {}".format(path.name, error)) from None
    if not isinstance(found, dict):
        raise JobError("{}: got a {}; expected an object".format(path.name, type(found).__name__))
    return found


Given = Optional[Mapping[str, Any]]


def _data_quality(settings: Settings, before: Given, limits: Given) -> Analysis:
    names = tuple(str(feature["name"]) for feature in (limits or {}).get("features", []))
    loaded = load(settings, names)
    data = rows.rows(loaded.table)
    told = statistics.statistics(data)
    suggested = constraints.constraints(data, settings.categorical)
    found = None if limits is None else violations.violations(data, told, _with_method(limits, settings.categorical), before)
    notes = list(loaded.notes)
    if limits is not None and before is None:
        notes.append("the baseline has no statistics.json: distributions are not compared")
    return Analysis(told, suggested, found, before, limits, loaded.counts, notes)


def _with_method(limits: Mapping[str, Any], categorical: Optional[str]) -> Mapping[str, Any]:
    """Return constraints with the job's categorical_drift_method where they name none."""
    if categorical is None:
        return limits
    general = dict(limits.get("monitoring_config") or {})
    compared = {"categorical_drift_method": categorical, **(general.get("distribution_constraints") or {})}
    return {**limits, "monitoring_config": {**general, "distribution_constraints": compared}}


def _model_quality(settings: Settings, before: Given, limits: Given) -> Analysis:
    loaded = load(settings, (), apart=True)
    found, unusable = predictions.predictions(settings.problem_type, loaded.table, settings.attributes)
    told = quality.statistics(settings.problem_type, found)
    missed = None if limits is None else quality_limits.violations(told, limits)
    counts = dict(loaded.counts, **({"rows_without_label_or_answer": unusable} if unusable else {}))
    return Analysis(told, quality_limits.constraints(told), missed, before, limits, counts, loaded.notes)


ANALYSES: Mapping[str, Callable[[Settings, Given, Given], Analysis]] = {DATA_QUALITY: _data_quality, MODEL_QUALITY: _model_quality}


# The data set


def load(settings: Settings, names: Sequence[str], apart: bool = False) -> Loaded:
    """Return the data set; `names` are the columns of the baseline, `apart` tells each captured column by its side of the record.

    Raises:
        JobError: it cannot be read, or no captured record can be used.
    """
    kind = next((name for name in CAPTURED if name in settings.form), None)
    if kind is not None:
        return _captured(settings, settings.form[kind], names, apart)
    files = rows.files_of(settings.source, "the data set")
    if settings.preprocessor is None:
        return Loaded(rows.read(files, settings.form), {}, [])
    handler = scripts.load(settings.preprocessor, scripts.PREPROCESS)
    made = scripts.preprocess(handler, [item for path in files for item in _raw(path, settings.form)])
    return Loaded(captured_rows.of_rows(made, names), {}, [])


def _raw(path: Path, form: Mapping[str, Any]) -> List[Tuple[str, Any]]:
    """Return a file's rows as a preprocessor gets them: lines of CSV as text without the header, lines of JSON as documents."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    places = ["{}: line {}".format(path.name, number) for number in range(1, len(lines) + 1)]
    if "csv" in form:
        skipped = int(bool(form["csv"].get("header")))
        return list(zip(places, lines))[skipped:]
    if "json" in form:
        return [(place, _parsed(place, line)) for place, line in zip(places, lines) if line.strip()]
    raise JobError("record_preprocessor_script: got the format {}; expected csv, json or captured records".format(", ".join(form)))


def _parsed(place: str, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise JobError("{}: this is no JSON: {}".format(place, error)) from None


def _captured(settings: Settings, options: Mapping[str, Any], names: Sequence[str], apart: bool) -> Loaded:
    found = captured.read(settings.source)
    counts = {"records": len(found.records)}
    records, bad = found.records, list(found.bad)
    if settings.truth is not None:
        merged, unusable = _merged(records, settings.truth)
        bad += unusable
        records = merged.records
        counts.update({"records_without_truth": merged.without_truth, "truths_without_record": merged.without_record, "truths_replaced": merged.replaced})
    if settings.preprocessor is not None:
        handler = scripts.load(settings.preprocessor, scripts.PREPROCESS)
        table = captured_rows.of_rows(scripts.preprocess(handler, list(scripts.of_records(records))), names)
    else:
        sides = tuple(options.get("captureIndexNames") or captured_rows.SIDES)
        position = str(options.get("output_columns_position") or captured_rows.START)
        table, unusable = captured_rows.table(records, captured_rows.Wanted(sides, tuple(names), position, apart))
        bad += unusable
    counts.update({"records_unusable": len(bad), "records_shadow": found.shadow})
    notes = captured.told(bad)
    if not table.num_rows:
        told = "the captured records: none of {} lines can be used{}. Send requests to the endpoint, or look at what is captured"
        raise JobError(told.format(len(found.records) + len(found.bad) + found.shadow, ": " + notes[0] if notes else ""))
    return Loaded(table, counts, notes)


def _merged(records: Sequence[captured.Record], place: Path) -> Tuple[captured.Merged, Tuple[captured.Bad, ...]]:
    truths = captured.read(place, captured.TRUTH)
    return captured.merge(records, truths.records), truths.bad
