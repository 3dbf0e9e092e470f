"""Bias of captured rows and answers, held against the bias at training.

A metric of a few hundred rows differs from the baseline by chance alone, so one violates only where it is farther from no bias than the baseline by more
than chance explains: a normal bootstrap interval, as the service's bias monitor has it (developer guide, "Bias drift for models in production"). Two things are
ours: the interval is that of the difference, where the baseline tells how many rows it was measured on; and its level is such that one run in twenty has a
false alarm, not one metric.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from statistics import NormalDist
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from jobkit.clarify import analysis, config, dataset, drift
from jobkit.clarify.config import Config
from jobkit.clarify.dataset import Coded, Dataset
from jobkit.clarify.predictions import column, of_column
from jobkit.clarify.study import study
from jobkit.drift import tables
from jobkit.drift.found import Found, Measure, NotPossible
from jobkit.drift.given import Given, nothing
from jobkit.failure import JobError

PREDICTED = "sagewright_predicted_label"
POST, PRE = drift.PARTS
RESAMPLES, LARGEST_SAMPLE, FALSE_ALARMS = 200, 20_000, 0.05
# Of so many resamples a metric must have a value, to be compared.
LEAST_DEFINED = 0.95
# Without ground truth: what is about groups and answers only. The flip test is never made: it needs hours for many rows.
WITHOUT_TRUTH: Mapping[str, Tuple[str, ...]] = {PRE: ("CI",), POST: ("DPPL", "DI", "CDDPL")}
NOT_MADE = frozenset({"FT"})
METHODS: Mapping[str, str] = {PRE: "pre_training_bias", POST: "post_training_bias"}


class Baseline(NamedTuple):
    """Hold the analysis at training, and the number of rows of each part of it, None where nobody tells."""

    analysis: Dict[str, Any]
    rows: Mapping[str, Optional[int]]


def bias(given: Given) -> Found:
    """Measure bias of the span's rows and compare it.

    Raises:
        NotPossible: no facet is among the captured columns, or there is no answer.
        JobError: there is no row, or the baseline is not there.
    """
    told = given.asked.document("config")
    if told is None:
        raise JobError("the baseline: got no analysis_config.json of the bias; expected Bias.ConfigFile. Add `bias:` with facets to pipeline.yaml")
    baseline = _baseline(given)
    label = str(told.get("label") or given.model.label or "label")
    table = tables.table(_rows(given, label), given.model.needed())
    if not table.num_rows:
        raise _why_not(given)
    made, notes = _config(told, label, table.column_names, baseline, truth=given.truths is not None)
    with tempfile.TemporaryDirectory() as folder:
        tables.write_csv(table, Path(folder) / "rows.csv")
        rows = dataset.read_folder(made, Path(folder))
    measured, said = _measured(made, rows)
    violations, measures, uncompared = _compared(made, rows, measured, baseline)
    notes += tuple(said) + tuple(uncompared)
    return Found({"analysis.json": measured}, violations, measures, rows.rows, notes, like_clarify=True)


def _why_not(given: Given) -> JobError:
    if not given.tally.counts.get("records"):
        return nothing(given)
    lacking = "ground truth and an answer" if given.truths is not None else "an answer"
    return NotPossible("of {} records in the span none has {}".format(given.tally.counts["records"], lacking))


def _baseline(given: Given) -> Baseline:
    parts = {PRE: given.asked.document("pre_training"), POST: given.asked.document("post_training")}
    rows = {PRE: given.asked.document("pre_rows"), POST: given.asked.document("post_rows")}
    held = {part: (document or {})[part] for part, document in parts.items() if (document or {}).get(part)}
    if not held:
        raise JobError("the baseline: got no analysis.json of the bias; expected PreTrainingConstraints or PostTrainingConstraints")
    counts = {part: (document or {}).get("dataset", {}).get("item_count") for part, document in rows.items()}
    return Baseline(held, counts)


def _rows(given: Given, label: str) -> Iterator[Dict[str, Optional[str]]]:
    """Yield captured cells with the label, which without ground truth is the predicted one, and the predicted label."""
    for row in given.rows():
        predicted = given.model.name(row.label)
        truth = predicted if given.truths is None else given.model.name(row.truth)
        if predicted is not None and truth is not None:
            yield {**{name: cell for name, cell in row.cells.items() if name != label}, label: truth, PREDICTED: predicted}


def _config(told: Mapping[str, Any], label: str, names: Any, baseline: Baseline, truth: bool) -> Tuple[Config, Tuple[str, ...]]:
    """Return Clarify's configuration of what can be measured of these columns, and notes of what cannot."""
    facets = [facet for facet in told.get("facet") or () if facet["name_or_index"] in names]
    absent = [str(facet["name_or_index"]) for facet in told.get("facet") or () if facet not in facets]
    if not facets:
        raise NotPossible("bias needs the facets {}, and no captured row has them. Send them with the request".format(", ".join(absent)))
    notes = ["the facet {} is not among the captured columns: it is left out".format(name) for name in absent]
    group = told.get("group_variable")
    if group is not None and group not in names:
        notes.append("the group variable {} is not among the captured columns: CDDL and CDDPL have no value".format(group))
        group = None
    methods = {METHODS[part]: {"methods": sorted(_wanted(baseline, part, truth))} for part in (PRE, POST) if _wanted(baseline, part, truth)}
    if not truth:
        measurable = sorted(name for part in (PRE, POST) for name in _wanted(baseline, part, truth))
        notes.append("without ground truth only {} are measured".format(", ".join(measurable)))
    plain = {"dataset_type": config.CSV, "label": label, "predicted_label": PREDICTED, "facet": facets, "methods": methods}
    values = {"label_values_or_threshold": told["label_values_or_threshold"]} if told.get("label_values_or_threshold") is not None else {}
    return config.parse({**plain, **values, **({"group_variable": group} if group is not None else {})}), tuple(notes)


def _wanted(baseline: Baseline, part: str, truth: bool) -> List[str]:
    """Return the metrics of a part that the baseline has and these rows can have."""
    known = {key[3] for key, _ in drift.metrics(baseline.analysis) if key[0] == part} - NOT_MADE
    return [name for name in known if truth or name in WITHOUT_TRUTH[part]]


def _measured(made: Config, rows: Dataset) -> Tuple[Dict[str, Any], List[str]]:
    said: List[str] = []
    roles = dataset.roles(made, rows)
    predicted = of_column(column(rows, PREDICTED), column(rows, str(roles.label)), made)
    found = study(made, rows, roles, predicted, said.append)
    return analysis.document(found, None), [*said, *found.notes]


# Comparing


def _compared(made: Config, rows: Dataset, measured: Dict[str, Any], baseline: Baseline) -> Tuple[List[Dict[str, str]], Dict[str, Measure], List[str]]:
    known = {drift.same(key): number for key, value in drift.metrics(baseline.analysis) if (number := _number(value)) is not None}
    now = {key: number for key, value in drift.metrics(measured) if drift.same(key) in known and (number := _number(value)) is not None}
    before = {key: known[drift.same(key)] for key in now}
    errors = _errors(made, rows, now)
    sure = {key: error for key, error in errors.items() if math.isfinite(now[key]) and math.isfinite(before[key])}
    quantile = NormalDist().inv_cdf(1 - FALSE_ALARMS / max(1, len(sure)))
    violations, measures = [], {}
    for key, error in sure.items():
        counted = baseline.rows.get(key[0])
        wide = error * math.sqrt(1 + rows.rows / counted) if counted else error
        ideal = drift.IDEAL.get(key[3], 0.0)
        worse = abs(now[key] - ideal) - abs(before[key] - ideal) > quantile * wide + drift.TOLERANCE
        violations += [drift.violation(key, before[key], now[key])] if worse else []
        measures["{}={} {}".format(key[1], drift.same(key)[2], key[3])] = Measure(now[key], before[key], worse)
    unsure = sorted({"{} of {}={}".format(key[3], key[1], key[2]) for key in now if key not in sure})
    return violations, measures, ["not compared, since so few rows do not settle its value: {}".format(", ".join(unsure))] if unsure else []


def _number(value: Any) -> Optional[float]:
    number = None if value is None else float(value)
    return None if number is None or math.isnan(number) else number


def _errors(made: Config, rows: Dataset, now: Mapping[Any, float]) -> Dict[Any, float]:
    """Return the bootstrap's standard error of each metric; of one that is undefined in some resamples none. More than 20,000 rows are resampled as 20,000."""
    roles = dataset.roles(made, rows)
    names = [name for name in dict.fromkeys([*roles.facets, roles.group, roles.label, roles.predicted]) if name is not None]
    small = rows._replace(names=tuple(names), columns={name: rows.columns[name] for name in names})
    dice, size = np.random.default_rng(0), min(rows.rows, LARGEST_SAMPLE)
    places = {drift.same(key): key for key in now}
    seen: Dict[Any, List[float]] = {key: [] for key in now}
    for _ in range(RESAMPLES):
        try:
            found, _ = _measured(made, _taken(small, dice.integers(0, rows.rows, size)))
        except JobError:  # a resample without a positive label
            continue
        for key, value in drift.metrics(found):
            place, number = places.get(drift.same(key)), _number(value)
            if place is not None and number is not None and math.isfinite(number):
                seen[place].append(number)
    shrink = math.sqrt(size / rows.rows)
    return {key: float(np.std(values)) * shrink for key, values in seen.items() if len(values) >= LEAST_DEFINED * RESAMPLES}


def _taken(rows: Dataset, places: np.ndarray) -> Dataset:
    coded = {name: Coded(rows.coded[name].places[places], rows.coded[name].levels) for name in rows.names if name in rows.coded}
    return rows._replace(columns={name: rows.columns[name][places] for name in rows.names}, rows=len(places), coded=coded)
