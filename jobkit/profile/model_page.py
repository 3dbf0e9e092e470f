"""The parts of the page about the label: its classes, the quick model, and what each feature alone says."""

from __future__ import annotations

from html import escape
from typing import Any, List, Mapping

from jobkit.page import svg
from jobkit.profile.findings import percent, some

Found = Mapping[str, Any]
SHOWN, COLOURED = 40, 5  # the charts put several small classes under one colour
METRICS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "auc": "ROC AUC",
    "r2": "R²",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
}
SCORES: Mapping[str, str] = {"roc_auc": "ROC AUC", "macro_ovr_auc": "macro one-vs-rest ROC AUC", "r2": "R²"}
COLOURS: Mapping[str, str] = {"leaking": "c1", "safe": "c0", "redundant": "c5"}


def model(found: Found) -> str:
    """Return the classes of the label and the quick model."""
    if found["target"] is None:
        return ""
    cards = [_balance(found), *_quick(found)]
    return '<div class="cards two">{}</div>'.format("".join(card for card in cards if card))


def _balance(found: Found) -> str:
    classes = found["target"]["classes"][:30]
    if not classes:
        return ""
    entries = [
        ("{} ({:,} rows)".format(entry["value"], entry["count"]), entry["share"], "c{}".format(place if len(classes) <= COLOURED else 0))
        for place, entry in enumerate(classes)
    ]
    chart = svg.lying(entries, "Class balance", "share of the rows")
    return '<div class="card"><h3>Classes of {}</h3>{}</div>'.format(escape(found["label"]), chart)


def _quick(found: Found) -> List[str]:
    quick = found["quick_model"]
    if quick is None:
        return []
    rows = []
    for key, value in quick["scores"].items():
        constant = quick["constant"][key]
        cells = [METRICS[key], *("–" if number is None else "{:.4g}".format(number) for number in (value, constant))]
        rows.append('<tr><td>{}</td><td class="n">{}</td><td class="n">{}</td></tr>'.format(*map(escape, cells)))
    head = '<tr><th></th><th class="n">quick model</th><th class="n">a constant</th></tr>'
    told = "{:,} rows to learn from, {:,} to judge by, {} trees.".format(quick["train_rows"], quick["test_rows"], quick["rounds"])
    left = "<p><small>Left out as leaking: {}.</small></p>".format(escape(some(quick["left_out"], 8))) if quick["left_out"] else ""
    table = '<div class="card"><h3>Quick model</h3><table>{}{}</table><p><small>{}</small></p>{}</div>'.format(head, "".join(rows), told, left)
    return [table, _matrix(quick), _importance(quick)]


def _matrix(quick: Found) -> str:
    cells = quick["confusion_matrix"]
    if cells is None:
        return ""
    names = ['title="{}">{}'.format(escape(name, quote=True), escape(svg.short(name, 16))) for name in cells["classes"]]
    head = "".join('<th class="n" {}</th>'.format(name) for name in names)
    body = ""
    for name, counts in zip(names, cells["counts"]):
        body += '<tr><th style="white-space:nowrap" {}</th>{}</tr>'.format(name, "".join('<td class="n">{:,}</td>'.format(count) for count in counts))
    cut = "<small>The {} most frequent of {} classes.</small>".format(len(names), cells["all_classes"]) if len(names) < cells["all_classes"] else ""
    table = "<table><thead><tr><th>actual ↓ predicted →</th>{}</tr></thead><tbody>{}</tbody></table>".format(head, body)
    return '<div class="card"><h3>Confusion matrix of the quick model</h3><div class="scroll" tabindex="0">{}</div>{}</div>'.format(table, cut)


def _importance(quick: Found) -> str:
    entries = [(entry["name"], entry["share"], "c0") for entry in quick["importance"]]
    return '<div class="card"><h3>What the quick model goes by</h3>{}</div>'.format(svg.lying(entries, "Importance", "share of the gain")) if entries else ""


def features(found: Found) -> str:
    """Return the score of each feature alone, coloured by its class."""
    scored = [entry for entry in found["leakage"] if entry["score"] is not None]
    if not scored or found["target"] is None:
        return ""
    metric = found["target"]["metric"]
    marks = (0.05, 0.95) if metric == "r2" else (0.55, 0.95)
    bars = [(entry["name"], entry["score"], COLOURS[entry["class"]]) for entry in scored[:SHOWN]]
    chart = svg.lying(bars, "Score of each feature alone", SCORES[metric], marks)
    spots = "".join(
        '<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="{}"/></svg>{} ({})</span>'.format(
            COLOURS[kind], kind, sum(entry["class"] == kind for entry in scored)
        )
        for kind in COLOURS
    )
    rest = "<p><small>{} weaker ones are in profile.json.</small></p>".format(len(scored) - SHOWN) if len(scored) > SHOWN else ""
    best = "<p>How well each feature alone predicts the label: cross-validated {}. The best reaches a prediction power of {}.</p>".format(
        SCORES[metric], percent(scored[0]["power"])
    )
    return '{}<div class="card"><div class="legend">{}</div>{}{}</div>'.format(best, spots, chart, rest)
