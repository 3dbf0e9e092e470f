"""The rules that make findings of what a profile measured. The thresholds are ours; docs/profile.md lists them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from jobkit.columns import TEXT
from jobkit.profile import texts
from jobkit.profile.fields import BINARY, CATEGORICAL, DATED, EMPTY, ID, Field
from jobkit.profile.findings import HIGH, LOW, MEDIUM, Finding, drop, percent, short, some
from jobkit.profile.target import BINARY as BINARY_PROBLEM
from jobkit.profile.target import REGRESSION

MANY_DUPLICATES, SOME_DUPLICATES = 0.1, 0.01
MOSTLY_MISSING, MANY_MISSING, SOME_MISSING = 0.8, 0.5, 0.05
MANY_LEVELS, VERY_MANY_LEVELS = 50, 1000
NEARLY_ALL = 0.999
SKEW, OUTLIER_SHARE = 3.0, 0.001
SMALL_CLASS, TINY_CLASS, RARE_ROWS = 0.1, 0.01, 20
FEW_ROWS = 200
SAME, STRONG = 0.98, 0.8
METRIC_WORDS: Mapping[str, str] = {"roc_auc": "ROC AUC", "macro_ovr_auc": "macro one-vs-rest ROC AUC", "r2": "R²"}


def of_rows(rows: int, duplicates: Mapping[str, Any], twice: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with the table as a whole."""
    for name in twice:
        advice = "Rename one of them in the file."
        yield Finding("duplicate-names", HIGH, [name], None, "The name '{}' stands more than once in the header.".format(short(name)), advice=advice)
    if 0 < rows < FEW_ROWS:
        yield Finding("few-rows", MEDIUM, [], rows, "{} rows are few: scores vary a lot from sample to sample.".format(rows), advice="Get more rows.")
    share = duplicates["share"]
    if share:
        severity = HIGH if share >= MANY_DUPLICATES else MEDIUM if share >= SOME_DUPLICATES else LOW
        text = "{} of the rows have an equal one; {} repeat an earlier row. They count twice in training and can stand in both training and test data."
        yield Finding("duplicate-rows", severity, [], share, text.format(percent(share), percent(duplicates["repeated_share"])), {"step": "drop_duplicates"})
    share = duplicates["conflicting_share"]
    if share:
        text = "{} of the rows equal another one in every column but the label: no model can tell these apart."
        advice = "Look for a column that tells these rows apart; the score cannot be perfect."
        yield Finding("conflicting-labels", MEDIUM if share >= SMALL_CLASS else LOW, [], share, text.format(percent(share)), advice=advice)


def of_label(field: Field, target: Any, wanted: Optional[str], balance: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what is wrong with the label."""
    name = short(field.name)
    if field.missing:
        text = "{} rows have no label '{}'.".format(field.missing, name)
        step = {"step": "filter_rows", "where": "not is_missing(`{}`)".format(field.name)} if "`" not in field.name else None
        yield Finding("missing-label", HIGH, [field.name], field.missing / max(1, len(field.column.values)), text, step, advice="Or fill them in.")
    if target is None:
        text = "The label '{}' has {} distinct values and holds {}: it makes no {}.".format(name, field.distinct, field.kind, wanted or "problem to learn")
        yield Finding("label-problem", HIGH, [field.name], field.distinct, text, advice="Choose another label or problem.")
        return
    if wanted == BINARY_PROBLEM and len(target.classes) != 2:
        text = "The label '{}' has {} values; binary classification needs two.".format(name, len(target.classes))
        yield Finding("label-problem", HIGH, [field.name], len(target.classes), text, setting={"problem": target.problem})
    if target.problem != REGRESSION:
        yield from _classes(field, target, balance)


def _classes(field: Field, target: Any, balance: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    smallest = min(balance, key=lambda entry: entry["count"])
    text = "Class '{}' of '{}' has {} rows, {}.".format(short(smallest["value"], 40), short(field.name), smallest["count"], percent(smallest["share"]))
    if smallest["count"] < RARE_ROWS:
        advice = "Get more rows of that class, or join it to another."
        yield Finding("rare-class", HIGH if smallest["count"] < 2 else MEDIUM, [field.name], smallest["count"], text, advice=advice)
    if smallest["share"] >= SMALL_CLASS / max(1, len(balance) / 2):
        return
    severity = MEDIUM if smallest["share"] < TINY_CLASS else LOW
    ratio = (1 - smallest["share"]) / max(smallest["share"], 1e-9)
    weight: Optional[Dict[str, Any]] = {"training.hyperparameters.scale_pos_weight": round(ratio, 1)} if len(balance) == 2 and smallest["count"] else None
    advice = "Judge by recall and precision, not by accuracy" + ("; the weight is for the case that this class is the positive one." if weight else ".")
    yield Finding("class-imbalance", severity, [field.name], smallest["share"], text, setting=weight, advice=advice)


def of_field(field: Field, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with a feature by itself; `facts` are its members in profile.json."""
    name = short(field.name)
    if field.distinct <= 1:
        what = "is empty" if field.kind == EMPTY else "has one value only"
        yield Finding("constant-column", MEDIUM, [field.name], field.distinct, "Column '{}' {}: it says nothing.".format(name, what), drop(field.name))
        return
    if field.kind == ID and not _amounts(field):
        text = "Column '{}' has another value in nearly every row ({} of {}): it numbers the rows and says nothing about new ones."
        yield Finding("id-like", MEDIUM, [field.name], field.distinct, text.format(name, field.distinct, field.present), drop(field.name))
        return
    if field.missing:
        yield _missing(field, name)
    if field.column.kind == TEXT:
        yield from _texts(field, name)
    elif field.kind not in (BINARY, DATED):
        yield from _numbers(field, name, facts["statistics"])


def _amounts(field: Field) -> bool:
    """Tell whether texts that differ in every row are amounts rather than ids: numbers with marks or decimals."""
    found = texts.hidden(field)
    return found is not None and found.numbers >= texts.NEARLY and (bool(found.options) or found.symbol or any("." in level for level in field.column.levels))


def _missing(field: Field, name: str) -> Finding:
    share = field.missing / len(field.column.values)
    severity = HIGH if share >= MANY_MISSING else MEDIUM if share >= SOME_MISSING else LOW
    text = "Column '{}' misses {} of its values.".format(name, percent(share))
    if share >= MOSTLY_MISSING:
        return Finding("missing-values", severity, [field.name], share, text, drop(field.name))
    if field.column.kind == TEXT:
        step = {"step": "impute", "columns": [field.name], "strategy": "constant", "value": "missing"}
        return Finding("missing-values", severity, [field.name], share, text, step)
    if field.kind == DATED:
        advice = "The parts that step dates makes of it will be missing, which XGBoost takes."
        return Finding("missing-values", severity, [field.name], share, text, advice=advice)
    step = {"step": "impute", "columns": [field.name], "strategy": "median", **({"indicator": True} if share >= SOME_MISSING else {})}
    return Finding("missing-values", severity, [field.name], share, text, step)


def _texts(field: Field, name: str) -> Iterator[Finding]:
    if field.kind == DATED:
        yield _dates(field, name)
        return
    found = texts.hidden(field)
    if found and found.numbers:
        yield _numbers_in(field, name, found)
        return
    if found and found.null_words:
        text = "Column '{}' writes missing values as {}, {} of its rows.".format(name, some(found.null_words), percent(found.null_share))
        setting = {"data.null_values": ["", "NULL", "NA", "NaN", "null", "None", *found.null_words]}
        setting["data.null_values"] = list(dict.fromkeys(setting["data.null_values"]))
        yield Finding("null-words", MEDIUM, [field.name], found.null_share, text, setting=setting)
    yield from _spelt(field, name)
    yield from _many(field, name)


def _dates(field: Field, name: str) -> Finding:
    formats = list(field.date_formats)
    text = "Column '{}' holds dates as text ({}).".format(name, ", ".join(formats) or "ISO 8601")
    step = {"step": "dates", "columns": [field.name], **({"formats": formats} if formats else {})}
    advice = "Where day and month could be either, the first format that fits is taken." if len(formats) > 1 else ""
    return Finding("dates-as-text", MEDIUM if len(formats) > 1 else LOW, [field.name], field.distinct, text, step, advice=advice)


def _numbers_in(field: Field, name: str, found: texts.Hidden) -> Finding:
    step: Dict[str, Any] = {"step": "cast", "columns": {field.name: "number"}, **found.options}
    share = percent(found.numbers)
    if found.symbol:
        step = {"step": "text", "columns": [field.name], "extract": {"amount": "([-+]?[0-9.,]+)"}, "keep": False}
        text = "Column '{}' holds numbers with a sign, such as '{}'.".format(name, short(found.example, 40))
        advice = "Then cast '{}_amount' to number.".format(name)
        return Finding("numbers-as-text", MEDIUM, [field.name], found.numbers, text, step, advice=advice)
    if found.stray:
        text = "Column '{}' holds numbers ({}) and also text such as {}.".format(name, share, some(found.stray, 3))
        severity = MEDIUM if found.numbers >= texts.NEARLY else LOW
        advice = "Cast it only if the text stands for missing values; else leave it as text."
        return Finding("mixed-types", severity, [field.name], found.numbers, text, {**step, "on_error": "null"}, advice=advice)
    if found.null_words:
        text = "Column '{}' holds numbers, but writes missing values as {}; so all of it is read as text.".format(name, some(found.null_words))
        return Finding("null-words", MEDIUM, [field.name], found.null_share, text, {**step, "on_error": "null"})
    text = "Column '{}' holds numbers as text, such as '{}'.".format(name, short(found.example, 40))
    return Finding("numbers-as-text", MEDIUM, [field.name], found.numbers, text, step)


def _spelt(field: Field, name: str) -> Iterator[Finding]:
    same = texts.spellings(field)
    if same:
        text = "Column '{}' has values that differ by case or blanks only: {}.".format(name, some(same[0], 3))
        step = {"step": "text", "columns": [field.name], "case": "lower", "strip": True}
        yield Finding("uneven-spelling", MEDIUM, [field.name], len(same), text, step)


def _many(field: Field, name: str) -> Iterator[Finding]:
    if field.distinct <= MANY_LEVELS:
        return
    text = "Column '{}' has {} distinct texts; one column for each is too many.".format(name, field.distinct)
    if field.kind != CATEGORICAL:
        step: Dict[str, Any] = {"step": "text", "columns": [field.name], "measures": ["length", "words"], "keep": False}
    elif field.distinct > VERY_MANY_LEVELS:
        step = {"step": "frequency_encode", "columns": [field.name]}
    else:
        step = {"step": "replace_rare", "columns": [field.name], "min_share": 0.01}
    yield Finding("high-cardinality", MEDIUM, [field.name], field.distinct, text, step)


def _numbers(field: Field, name: str, facts: Mapping[str, Any]) -> Iterator[Finding]:
    share = facts["outliers"] / field.present
    if share >= OUTLIER_SHARE or (facts["outliers"] and field.present < 1 / OUTLIER_SHARE):
        text = "Column '{}' has {} values ({}) further than 5 robust standard deviations from the median; its range is {:.6g} to {:.6g}."
        step = {"step": "outliers", "columns": [field.name], "method": "robust", "threshold": 5, "action": "clip"}
        told = text.format(name, facts["outliers"], percent(share), facts["min"], facts["max"])
        yield Finding("outliers", LOW, [field.name], share, told, step)
    if abs(facts["skew"]) > SKEW:
        text = "Column '{}' is skewed ({:.1f}): most values are close together, some far away. Trees do not mind, linear models do.".format(name, facts["skew"])
        usable = facts["min"] >= 0 and "`" not in field.name
        step = {"step": "derive", "columns": {field.name + "_log": "log1p(`{}`)".format(field.name)}} if usable else None
        advice = "" if usable else "Clip it with step outliers, or bin it."
        yield Finding("skewed", LOW, [field.name], facts["skew"], text, step, advice=advice)


def of_leakage(leakage: Sequence[Mapping[str, Any]], metric: str, gone: Sequence[str]) -> Iterator[Finding]:
    """Yield the features that give the label away, and those that say nothing of it and are not `gone` for another reason."""
    words = METRIC_WORDS[metric]
    for entry in leakage:
        name, score = short(entry["name"]), entry["score"]
        if entry.get("with"):
            text = "Column '{}' is named after '{}', which gives the label away: it is probably known no earlier ({} {:.3f} alone)."
            yield Finding("leaking-feature", HIGH, [entry["name"]], score, text.format(name, short(entry["with"]), words, score or 0.0), drop(entry["name"]))
        elif entry["class"] == "leaking":
            text = "Column '{}' alone predicts the label with {} {:.3f}: it is probably known only after the outcome."
            yield Finding("leaking-feature", HIGH, [entry["name"]], score, text.format(name, words, score), drop(entry["name"]))
        elif score is not None and score >= STRONG:
            text = "Column '{}' alone predicts the label with {} {:.3f}, which is a lot."
            advice = "Make sure that it is known when a prediction is made; else drop it."
            yield Finding("strong-feature", MEDIUM, [entry["name"]], score, text.format(name, words, score), advice=advice)
    weak = [entry for entry in leakage if entry["class"] == "redundant" and entry["name"] not in gone]
    if weak:
        names = [entry["name"] for entry in weak]
        text = "{} columns each say next to nothing about the label alone ({} at most {:.3f}): {}. Together with others they may still help."
        if len(weak) == 1:
            text = "{} column says next to nothing about the label alone ({} {:.3f}): {}. Together with others it may still help."
        yield Finding("redundant-feature", LOW, names, weak[0]["score"], text.format(len(weak), words, weak[0]["score"], some(names, 6)), drop(*names))


def of_correlation(pairs: Sequence[Mapping[str, Any]], label: Optional[str], power: Mapping[str, Optional[float]]) -> Iterator[Finding]:
    """Yield pairs of features that say the same."""
    for pair in pairs:
        names = [pair["x"], pair["y"]]
        if abs(pair["value"]) < SAME or label in names:
            continue
        weaker = min(names, key=lambda name: (power.get(name) or 0.0, names.index(name) == 0))
        text = "Columns '{}' and '{}' say nearly the same ({} {:.3f}).".format(short(names[0]), short(names[1]), pair["measure"], pair["value"])
        yield Finding("correlated-features", LOW, names, abs(pair["value"]), text, drop(weaker))
