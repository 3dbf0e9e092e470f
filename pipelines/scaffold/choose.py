"""Choose the recipe, and the bars of the gate, by what the profile found."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.config.problem import METRICS
from pipelines.errors import UsageError
from pipelines.scaffold.look import REGRESSION, Looked

Found = Mapping[str, Any]
TEST_SHARE = 0.15
SPREADS, LEAST_SLACK, SLACK = 2.0, 0.02, 0.15
LEAKING = 0.95


@dataclass(frozen=True)
class Choice:
    """Hold a step of the recipe; `reasons` says why, by column, or under an empty name for the step as a whole."""

    step: Mapping[str, Any]
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """Hold the recipe, the bars with the reason of each, and what was found and not acted on."""

    recipe: Sequence[Choice]
    gate: Sequence[tuple[Mapping[str, Any], str]]
    notes: Sequence[str]


def choose(looked: Looked) -> Chosen:
    """Return the choices for a table.

    Raises:
        UsageError: no column is left to learn from.
    """
    findings = looked.profile["findings"]
    dropped = _dropped(findings, looked)
    kept = [name for name in looked.table.columns if name != looked.label and name not in dropped]
    if not kept:
        why = "; ".join(f"{column}: {reason}" for column, reason in dropped.items())[:400]
        raise UsageError(
            "no column is left to learn from", where=str(looked.path), got=why or "the label alone", expected="numbers, dates or text of few levels"
        )
    recipe = [*_on_rows(findings, looked), *([Choice({"step": "drop_columns", "columns": list(dropped)}, dropped)] if dropped else []), *_columns(looked, kept)]
    return Chosen(recipe, list(_gate(looked)), list(_notes(findings, kept)))


def _of(findings: Sequence[Found], *kinds: str) -> Iterator[Found]:
    return (finding for finding in findings if finding["kind"] in kinds)


def _dropped(findings: Sequence[Found], looked: Looked) -> dict[str, str]:
    """Return the columns to leave out and why."""
    why: Mapping[str, Callable[[Found], str]] = {
        "leaking-feature": _leak,
        "constant-column": lambda found: "is empty" if not found["value"] else "has one value",
        "id-like": lambda found: "an identifier: another value in nearly every row",
        "missing-values": lambda found: f"{found['value']:.0%} missing",
    }
    reasons: dict[str, str] = {}
    for kind, words in why.items():
        for finding in _of(findings, kind):
            if (finding["step"] or {}).get("step") == "drop_columns":
                reasons.setdefault(finding["columns"][0], words(finding))
    return {name: reasons[name] for name in looked.table.columns if name in reasons and name != looked.label}


def _leak(finding: Found) -> str:
    if finding["value"] is not None and finding["value"] >= LEAKING:
        return f"gives the label away (score {finding['value']:.3f} alone): is it known only afterwards?"
    return "named after a column that gives the label away: is it known no earlier?"


def _on_rows(findings: Sequence[Found], looked: Looked) -> Iterator[Choice]:
    for finding in _of(findings, "missing-label"):
        yield Choice({"step": "drop_missing", "columns": [looked.label]}, {"": finding["message"]})
    for finding in _of(findings, "duplicate-rows"):
        yield Choice({"step": "drop_duplicates"}, {"": finding["message"]})


def _columns(looked: Looked, kept: Sequence[str]) -> Iterator[Choice]:
    """Yield the steps on columns, in an order in which each finds the types it needs."""
    fields = {entry["name"]: entry for entry in looked.profile["fields"]}
    by_column: dict[str, list[Found]] = {name: [] for name in kept}
    for finding in looked.profile["findings"]:
        if len(finding["columns"]) == 1 and finding["columns"][0] in by_column:
            by_column[finding["columns"][0]].append(finding)
    dates = {name: formats for name in kept if (formats := _date_formats(looked, fields[name])) is not None}
    casts = {name: found for name in kept if name not in dates for found in by_column[name] if _is_cast(found)}
    symbols = {name: found for name in kept if name not in dates for found in by_column[name] if _is_amount(found)}
    yield from _casts(casts, symbols)
    yield from _dates(dates)
    plain = [name for name in kept if name not in dates and name not in symbols and name not in casts]
    yield from _texts([found for name in plain for found in by_column[name]])
    yield from _imputed(looked, [name for name in kept if name not in dates and name not in symbols], casts, fields)
    yield from _encoded([found for name in plain for found in by_column[name]], [name for name in plain if fields[name]["stored_as"] == "text"], fields)


def _is_cast(finding: Found) -> bool:
    return (finding["step"] or {}).get("step") == "cast"


def _is_amount(finding: Found) -> bool:
    return finding["kind"] == "numbers-as-text" and (finding["step"] or {}).get("step") == "text"


def _casts(casts: Mapping[str, Found], symbols: Mapping[str, Found]) -> Iterator[Choice]:
    groups: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    for name, finding in casts.items():
        options = {key: value for key, value in finding["step"].items() if key != "columns"}
        step, reasons = groups.setdefault(json.dumps(options, sort_keys=True), ({**options, "columns": {}}, {}))
        step["columns"].update(finding["step"]["columns"])
        step["on_error"] = "null"
        reasons[name] = finding["message"]
    for step, reasons in groups.values():
        yield Choice({"step": "cast", "columns": step.pop("columns"), **step}, reasons)
    if symbols:
        columns = list(symbols)
        yield Choice({**symbols[columns[0]]["step"], "columns": columns}, {name: finding["message"] for name, finding in symbols.items()})
        yield Choice({"step": "cast", "columns": {f"{name}_amount": "number" for name in columns}, "on_error": "null", "thousands": ","})


def _date_formats(looked: Looked, entry: Found) -> list[str] | None:
    """Return the formats in which nearly all texts of a column are dates (empty for ISO 8601), [] for a column of dates, None for another."""
    if entry["kind"] != "date":
        return None
    steps = [finding["step"] for finding in looked.profile["findings"] if finding["kind"] == "dates-as-text" and finding["columns"] == [entry["name"]]]
    return list(steps[0].get("formats", ())) if steps else []


def _dates(dates: Mapping[str, Sequence[str]]) -> Iterator[Choice]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, formats in dates.items():
        groups.setdefault(tuple(formats), []).append(name)
    for formats, names in groups.items():
        told = "dates in several formats; where day and month could be either, the first that fits is taken" if len(formats) > 1 else "dates become numbers"
        yield Choice({"step": "dates", "columns": names, **({"formats": list(formats)} if formats else {})}, {"": told})


def _texts(findings: Sequence[Found]) -> Iterator[Choice]:
    uneven = [finding for finding in _of(findings, "uneven-spelling")]
    if uneven:
        columns = [finding["columns"][0] for finding in uneven]
        yield Choice({**uneven[0]["step"], "columns": columns}, {finding["columns"][0]: finding["message"] for finding in uneven})


def _imputed(looked: Looked, kept: Sequence[str], casts: Mapping[str, Found], fields: Mapping[str, Found]) -> Iterator[Choice]:
    groups: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    for finding in _of(looked.profile["findings"], "missing-values"):
        name, step = finding["columns"][0], finding["step"] or {}
        if name not in kept or step.get("step") != "impute":
            continue
        numeric = {"step": "impute", "strategy": "median"}
        options = {key: value for key, value in step.items() if key != "columns"} if name not in casts else numeric
        made, reasons = groups.setdefault(json.dumps(options, sort_keys=True), ({**options, "columns": []}, {}))
        made["columns"].append(name)
        reasons[name] = f"{finding['value']:.1%} missing"
    for step, reasons in groups.values():
        yield Choice({"step": "impute", "columns": step.pop("columns"), **step}, reasons)
    left = [name for name in casts if not fields[name]["missing"]]
    if left:
        yield Choice({"step": "impute", "columns": left, "strategy": "median"}, dict.fromkeys(left, "what is no number is missing"))


def _encoded(findings: Sequence[Found], texts: Sequence[str], fields: Mapping[str, Found]) -> Iterator[Choice]:
    """Yield the encodings of text columns: what is free text is measured, what has very many levels counted, the rest is one-hot."""
    many = {finding["columns"][0]: finding for finding in _of(findings, "high-cardinality") if finding["step"]}
    groups: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    for name, finding in many.items():
        options = {key: value for key, value in finding["step"].items() if key != "columns"}
        step, reasons = groups.setdefault(json.dumps(options, sort_keys=True), ({**options, "columns": []}, {}))
        step["columns"].append(name)
        reasons[name] = f"{fields[name]['distinct']:,} distinct texts"
    for step, reasons in groups.values():
        yield Choice({"step": step.pop("step"), "columns": step.pop("columns"), **step}, reasons)
    gone = [name for name, finding in many.items() if finding["step"]["step"] != "replace_rare"]
    if any(name not in gone for name in texts):
        yield Choice({"step": "one_hot", "columns": "auto"}, {"": "the text columns that are left, one 0/1 column per level seen in the training split"})


def _gate(looked: Looked) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield bars a little below what the quick model reached, by the spread that samples of these sizes have."""
    quick = looked.profile["quick_model"]
    if not quick:
        return
    for metric, key in (("rmse", "at_most"),) if looked.problem == REGRESSION else (("accuracy", "at_least"), ("auc", "at_least")):
        score = quick["scores"].get(metric)
        if score is None or metric not in METRICS.get(looked.problem, ()):
            continue
        constant = quick["constant"].get(metric)
        bar = _above(score) if key == "at_most" else max(_below(score, SPREAD[metric](score, looked, quick["test_rows"])), _below(constant or 0.0, 0.0, 0.0))
        against = f", always guessing the same {constant:.4g}" if constant is not None else ""
        yield {"metric": metric, key: bar}, f"a quick model reached {score:.4g}{against}"


def _below(score: float, spread: float, slack: float = LEAST_SLACK) -> float:
    return max(0.0, math.floor(100 * (score - max(slack, SPREADS * spread)) + 1e-9) / 100)


def _accuracy_spread(score: float, looked: Looked, tested: int) -> float:
    """Return the standard deviation of the difference between two samples' accuracies: that of the quick model and that of the test split."""
    return math.sqrt(score * (1 - score) * (1 / max(1, tested) + 1 / max(1.0, TEST_SHARE * len(looked.table))))


def _auc_spread(score: float, looked: Looked, tested: int) -> float:
    """Return the like for the area under the ROC curve (Hanley and McNeil, 1982)."""
    shares = [entry["share"] for entry in looked.profile["target"]["classes"]]
    return math.sqrt(sum(_auc_variance(score, size, min(shares)) for size in (tested, TEST_SHARE * len(looked.table))))


def _auc_variance(score: float, rows: float, share: float) -> float:
    few, many = max(1.0, rows * share), max(1.0, rows * (1 - share))
    one, two = score / (2 - score) - score**2, 2 * score**2 / (1 + score) - score**2
    return (score * (1 - score) + (few - 1) * one + (many - 1) * two) / (few * many)


SPREAD: Mapping[str, Callable[[float, Looked, int], float]] = {"accuracy": _accuracy_spread, "auc": _auc_spread}


def _above(score: float) -> float:
    return float(f"{score * (1 + SLACK):.2g}")


def _notes(findings: Sequence[Found], kept: Sequence[str]) -> Iterator[str]:
    """Yield what a person should look at: findings that changed nothing here."""
    kinds = ("strong-feature", "class-imbalance", "rare-class", "conflicting-labels", "few-rows", "correlated-features", "redundant-feature")
    for finding in _of(findings, *kinds):
        if not finding["columns"] or any(name in kept for name in finding["columns"]) or finding["kind"] in ("class-imbalance", "rare-class"):
            line = f" As a step: {finding['yaml']}" if finding["yaml"].startswith("- ") else f" {finding['advice']}" if finding["advice"] else ""
            yield finding["message"] + line
    far = [finding["columns"][0] for finding in _of(findings, "outliers") if finding["columns"][0] in kept]
    if far:
        yield f"Columns with outliers, which trees do not mind and step outliers would treat: {', '.join(map(repr, far))}."
