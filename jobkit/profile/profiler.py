"""Make the profile: measure every column, relate them to the label and to each other, and rank what is wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.columns import Table
from jobkit.failure import JobError
from jobkit.profile import leakage, plots, rules
from jobkit.profile.anomalies import anomalies
from jobkit.profile.describe import levels, statistics
from jobkit.profile.fields import EMPTY, FIELD_KINDS, Field, look, table_of
from jobkit.profile.findings import Finding, collect, ranked
from jobkit.profile.meant import as_meant
from jobkit.profile.mended import mended
from jobkit.profile.quick_model import quick_model
from jobkit.profile.relations import correlation
from jobkit.profile.target import PROBLEMS, Target, balance, target_of
from jobkit.profile.verdict import verdict

if TYPE_CHECKING:
    import pandas as pd

FORMAT, VERSION, DIGITS = "sagewright.profile", 1, 6
SCORED_ROWS = 10000
DEFAULTS: Mapping[str, Any] = {
    "histograms": (),
    "scatters": (),
    "target_leakage": {"max_features": 40},
    "correlation": "both",
    "sample_rows": 20000,
    "quick_model": True,
    "fail_on": (),
    "ignore": (),
    "recipe": (),
}
Progress = Callable[[str], None]


class Known(NamedTuple):
    """Hold what the parts of a profile are made from.

    `whole` is the label of all rows; `sampled` are the features of the rows at the positions `rows` (int64), `target` is the label of these.
    """

    fields: List[Field]
    twice: Sequence[str]
    label: Optional[Field]
    wanted: Optional[str]
    whole: Optional[Target]
    sampled: List[Field]
    rows: np.ndarray
    target: Optional[Target]
    settings: Mapping[str, Any]
    seed: int

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return len(self.fields[0].column.values) if self.fields else 0


def profile(
    frame: pd.DataFrame,
    label: Optional[str] = None,
    problem: Optional[str] = None,
    settings: Optional[Mapping[str, Any]] = None,
    seed: int = 0,
    progress: Progress = lambda line: None,
) -> Dict[str, Any]:
    """Return the profile of a frame as the members of profile.json; see docs/profile.md.

    `problem` is guessed from the label when None; `settings` holds the members of the section `profile` that are not as in DEFAULTS.

    Raises:
        JobError: the label or a column of a chart is not there, or the problem is unknown.
    """
    table, twice = table_of(frame)
    return profile_table(table, label, problem, settings, seed, progress, twice)


def profile_table(
    table: Table,
    label: Optional[str] = None,
    problem: Optional[str] = None,
    settings: Optional[Mapping[str, Any]] = None,
    seed: int = 0,
    progress: Progress = lambda line: None,
    twice: Sequence[str] = (),
) -> Dict[str, Any]:
    """Return the profile of a table; see `profile`."""
    chosen = {**DEFAULTS, **(settings or {})}
    if problem is not None and problem not in PROBLEMS:
        raise JobError("there is no problem {!r}; expected one of: {}".format(problem, ", ".join(PROBLEMS)))
    progress("looking at {:,} rows, {} columns".format(len(table), len(table.columns)))
    fields = look(table)
    named = {field.name: field for field in fields}
    label_field = plots.find(named, label, "label.column") if label is not None else None
    charts = {"histograms": plots.histograms(named, chosen["histograms"]), "scatters": plots.scatters(named, chosen["scatters"], seed)}
    target = target_of(label_field, problem) if label_field is not None else None
    rows = _sample(len(table), int(chosen["sample_rows"]), seed)
    sampled = [field.take(rows) for field in as_meant([field for field in fields if field.name != label])]
    known = Known(fields, twice, label_field, problem, target, sampled, rows, target.take(rows) if target else None, chosen, seed)
    members = {**_head(known), **_parts(known, progress), "charts": charts}
    return clean({**members, "verdict": verdict(members["findings"], chosen["fail_on"])})


def _sample(rows: int, most: int, seed: int) -> np.ndarray:
    """Return the positions (int64, rising) of a random sample."""
    return np.arange(rows) if rows <= most else np.sort(np.random.RandomState(seed).choice(rows, most, replace=False))


def _head(known: Known) -> Dict[str, Any]:
    fields, rows = known.fields, known.size
    missing = sum(field.missing for field in fields)
    kinds = {kind: sum(field.kind == kind for field in fields) for kind in FIELD_KINDS}
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": known.seed,
        "rows": rows,
        "columns": len(fields),
        "sampled_rows": len(known.rows),
        "missing_cells": missing,
        "missing_share": missing / max(1, rows * len(fields)),
        "kinds": {kind: count for kind, count in kinds.items() if count},
        "label": known.label.name if known.label is not None else None,
        "problem": known.whole.problem if known.whole else None,
    }


def _parts(known: Known, progress: Progress) -> Dict[str, Any]:
    repeated = duplicates(known.fields, known.label)
    progress("scoring each column against the label" if known.target else "relating the columns")
    scored = _leakage(known)
    power = {entry["name"]: entry["power"] for entry in scored}
    label = [known.label] if known.label is not None else []
    strong = [*(field.name for field in label), *(entry["name"] for entry in scored)]
    related = correlation([*known.sampled, *(field.take(known.rows) for field in label)], strong, known.settings["correlation"])
    described = {field.name: _describe(field, known.label, power.get(field.name)) for field in known.fields}
    classes = balance(known.whole) if known.whole else []
    found = [
        *_of_table(known, repeated, classes),
        *_of_columns(known, described, scored),
        *rules.of_correlation(related["pairs"], strong[0] if label else None, power),
    ]
    return {
        "findings": [_told(finding, known.settings["recipe"]) for finding in ranked(found, known.settings["ignore"])],
        "duplicates": repeated,
        "target": {"classes": classes, "metric": leakage.metric_of(known.whole.problem)} if known.whole else None,
        "fields": list(described.values()),
        "leakage": scored[: int(known.settings["target_leakage"]["max_features"])],
        "correlation": related,
        **_models(known, scored, progress),
    }


def _told(finding: Finding, recipe: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    return finding._replace(mended_by=mended(finding, recipe)).as_dict()


def _of_table(known: Known, repeated: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]) -> List[Finding]:
    found = list(rules.of_rows(known.size, repeated, known.twice))
    return found if known.label is None else [*found, *rules.of_label(known.label, known.whole, known.wanted, classes)]


def _of_columns(known: Known, described: Mapping[str, Any], scored: Sequence[Mapping[str, Any]]) -> List[Finding]:
    alone = collect(*(rules.of_field(field, described[field.name]) for field in known.fields if field is not known.label))
    gone = [finding.columns[0] for finding in alone if (finding.step or {}).get("step") == "drop_columns"]
    leaks = [entry["name"] for entry in scored if entry["class"] == "leaking"]
    weighed = rules.of_leakage(scored, leakage.metric_of(known.whole.problem), gone) if known.whole else ()
    return [*_told_once(alone, [*gone, *leaks]), *weighed]


def _told_once(found: Sequence[Finding], gone: Sequence[str]) -> List[Finding]:
    """Return the findings without those that a finding which drops the column makes needless."""
    small = ("skewed", "outliers", "dates-as-text", "high-cardinality")
    return [finding for finding in found if finding.kind not in small or finding.columns[0] not in gone]


def _models(known: Known, scored: Sequence[Mapping[str, Any]], progress: Progress) -> Dict[str, Any]:
    progress("looking for unusual rows")
    unusual = anomalies(known.sampled, known.rows, known.seed)
    quick = None
    if known.target is not None and known.settings["quick_model"]:
        progress("training a quick model")
        leaks = [entry["name"] for entry in scored if entry["class"] == "leaking"]
        order = {entry["name"]: place for place, entry in enumerate(scored)}
        distinct = _distinct(known.sampled, known.target)
        fields = [field.take(distinct) for field in sorted(known.sampled, key=lambda field: order[field.name])]
        quick = quick_model(fields, known.target.take(distinct), leaks, known.seed)
    return {"anomalies": unusual, "quick_model": quick}


def _distinct(fields: Sequence[Field], target: Target) -> np.ndarray:
    """Return the positions (int64) of rows that repeat no earlier one: equal rows on both sides of a split would flatter the model."""
    amounts = np.where(target.known, target.codes + np.nan_to_num(target.amounts), np.nan)
    import pandas as pd

    frame = pd.DataFrame({**{place: field.column.values for place, field in enumerate(fields)}, -1: amounts})
    return np.flatnonzero(~frame.duplicated().to_numpy())


def _leakage(known: Known) -> List[Dict[str, Any]]:
    if known.target is None:
        return []
    few = _sample(len(known.rows), SCORED_ROWS, known.seed)
    usable = [field.take(few) for field in known.sampled if field.kind != EMPTY]
    found = leakage.scores(usable, known.target.take(few), known.seed)
    problem = known.target.problem
    entries = [
        {"name": name, "score": score, "power": leakage.power(score, problem), "class": leakage.classify(score, problem)} for name, score in found.items()
    ]
    empty = [{"name": field.name, "score": None, "power": None, "class": "unknown"} for field in known.sampled if field.kind == EMPTY]
    named = leakage.companions([entry["name"] for entry in entries if entry["class"] == "leaking"], list(found))
    marked = [{**entry, "class": "leaking", "with": named[entry["name"]]} if entry["name"] in named else entry for entry in entries]
    return sorted([*marked, *empty], key=lambda entry: (entry["score"] is None, -(entry["score"] or 0), entry["name"]))


def _describe(field: Field, label: Optional[Field], power: Optional[float]) -> Dict[str, Any]:
    rows = len(field.column.values)
    return {
        "name": field.name,
        "kind": field.kind,
        "stored_as": field.column.kind,
        "missing": field.missing,
        "missing_share": field.missing / max(1, rows),
        "distinct": field.distinct,
        "power": power,
        "statistics": statistics(field),
        "levels": levels(field),
        "histogram": plots.histogram(field, label) if field.present else None,
    }


def duplicates(fields: Sequence[Field], label: Optional[Field]) -> Dict[str, Any]:
    """Return the share of rows that have an equal one, of rows that repeat an earlier one, and of rows that equal another in all but the label."""
    found = {"rows": 0, "share": 0.0, "repeated_rows": 0, "repeated_share": 0.0, "conflicting_share": 0.0}
    if not fields or len(fields[0].column.values) < 2:
        return found
    import pandas as pd

    columns = {field.name: field.column.values for field in fields}
    frame = pd.DataFrame(columns)
    equal, repeated = frame.duplicated(keep=False), frame.duplicated()
    found.update(rows=int(equal.sum()), share=float(equal.mean()), repeated_rows=int(repeated.sum()), repeated_share=float(repeated.mean()))
    if label is not None and len(fields) > 1:
        others = frame.drop(columns=[label.name])
        spread = frame[label.name].groupby([_row_hash(others)], sort=False).transform("nunique", dropna=False)
        found["conflicting_share"] = float((spread > 1).mean())
    return found


def _row_hash(frame: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.util.hash_pandas_object(frame, index=False)


def clean(value: Any) -> Any:
    """Return a value as plain JSON members: numbers of six significant digits, None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, (bool, np.bool_)) or value is None or isinstance(value, str):
        return bool(value) if isinstance(value, np.bool_) else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = float(value)
    return float("{:.{}g}".format(number, DIGITS)) if math.isfinite(number) else None
