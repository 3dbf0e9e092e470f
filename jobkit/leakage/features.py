"""Features that know the label: too good alone, an id or the order of the file that predicts, and dates later than the row's own time."""

from __future__ import annotations

from typing import Iterator, List, Sequence

import numpy as np

from jobkit import dates
from jobkit.columns import TEXT, Column
from jobkit.leakage.evidence import HIGH, LOW, MEDIUM, Case, Finding, fields_of, some_rows, source_of, target_of
from jobkit.profile.leakage import LEAKING, metric_of, scores
from jobkit.profile.target import REGRESSION

SCORED_ROWS, ID_SHARE = 4000, 0.95
PREDICTS, PREDICTS_R2 = 0.65, 0.2
LATER = 0.05
WORDS = {"roc_auc": "ROC AUC", "macro_ovr_auc": "macro one-vs-rest ROC AUC", "r2": "R²"}


def alone(case: Case) -> Iterator[Finding]:
    """Yield features of the training split that predict the label nearly perfectly by themselves, and ids that predict at all."""
    rows = some_rows(len(case.labels["train"]), SCORED_ROWS, case.seed)
    target = target_of(case.labels["train"][rows], case.job, case.recipe["label"]["classes"])
    fields = fields_of(case.features["train"], rows)
    words = WORDS[metric_of(target.problem)]
    low = PREDICTS_R2 if target.problem == REGRESSION else PREDICTS
    found = scores(fields, target, case.seed)
    raw = [name for name in case.raw.columns if name != case.job["label"]["column"]]
    for field in fields:
        score = found[field.name]
        origin = source_of(field.name, raw)
        told = "feature {!r}".format(field.name) + (" (from column {!r})".format(origin) if origin not in (None, field.name) else "")
        if score is not None and score >= LEAKING:
            text = "The {} alone predicts the label with {} {:.3f}: is it known only after the outcome?"
            advice = "Drop the column, or make sure that it is known in time."
            yield Finding("leaking-feature", HIGH, [field.name], score, text.format(told, words, score), advice)
        elif score is not None and score >= low and _numbers_rows(field.numbers):
            text = "The {} has another whole number in nearly every row and still predicts the label ({} {:.3f}): it stands for the order of the rows."
            yield Finding("identifier-predicts", MEDIUM, [field.name], score, text.format(told, words, score), "Drop the column; or split by time.")


def _numbers_rows(values: np.ndarray) -> bool:
    present = values[~np.isnan(values)]
    whole = bool(len(present)) and bool((present == np.floor(present)).all())
    return whole and len(np.unique(present)) >= ID_SHARE * len(values)


def order(case: Case) -> Iterator[Finding]:
    """Yield that the place of a row in the file predicts its label, when it does: whatever counts rows then leaks."""
    rows = some_rows(len(case.labels["train"]), SCORED_ROWS, case.seed)
    target = target_of(case.labels["train"][rows], case.job, case.recipe["label"]["classes"])
    score = scores(fields_of({"": case.origins["train"]}, rows), target, case.seed)[""]
    low = PREDICTS_R2 if target.problem == REGRESSION else PREDICTS
    if score is not None and score >= low:
        text = "The place of a row in the file predicts the label ({} {:.3f}): the file is sorted by the outcome or by time."
        advice = "If rows have a time, split by it: a random split tests on the past of the training rows."
        yield Finding("row-order-predicts", LOW, [], score, text.format(WORDS[metric_of(target.problem)], score), advice)


def time_travel(case: Case) -> Iterator[Finding]:
    """Yield training rows that are as late as test rows of a split by time, and dates of rows that lie after the time they are split by."""
    split = case.job["split"]
    if split["method"] != "time":
        return
    times = _times(case.raw[split["column"]], split.get("formats") or ())
    train, test = times[case.origins["train"]], times[case.origins["test"]]
    late = float((train >= np.nanmin(test)).mean()) if len(train) and len(test) else 0.0
    if late:
        text = "{:.2%} of the training rows are as late as a test row."
        yield Finding("time-travel", HIGH, [split["column"]], late, text.format(late), "This should never happen: please report it.")
    for name in _dated(case):
        values = _times(case.raw[name], _formats(case, name))
        known = ~np.isnan(values) & ~np.isnan(times)
        share = float((values[known] > times[known]).mean()) if known.any() else 0.0
        if share >= LATER:
            text = "{:.0%} of the rows have a {!r} after their {!r}: is it known by then, or only planned?"
            yield Finding("later-date", MEDIUM, [name], share, text.format(share, name, split["column"]), "Drop it if it is written down afterwards.")


def _dated(case: Case) -> List[str]:
    """Return the columns of dates that the recipe makes features of."""
    named = [name for step in case.job["recipe"] if step["step"] == "dates" for name in step["columns"]]
    return [name for name in dict.fromkeys(named) if name in case.raw and name != case.job["split"]["column"]]


def _formats(case: Case, name: str) -> List[str]:
    return [form for step in case.job["recipe"] if step["step"] == "dates" and name in step["columns"] for form in step.get("formats") or ()]


def _times(column: Column, formats: Sequence[str]) -> np.ndarray:
    return column.each(lambda level: dates.parse(level, formats)) if column.kind == TEXT else column.numbers()
