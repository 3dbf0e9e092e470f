"""The charts of the evaluation's page."""

from __future__ import annotations

from html import escape
from typing import Any, List, Mapping, Tuple

import numpy as np

from jobkit.evaluation.measures import Case
from jobkit.page import curves, svg
from jobkit.page.curves import Plot
from jobkit.page.frame import card

POINTS, BINS, MOST_CLASSES = 800, 20, 30
SHARE = (0.0, 1.0, 0.0, 1.0)
DIAGONAL = (((0.0, 0.0), (1.0, 1.0)), "mark")


def roc(group: Mapping[str, Any]) -> str:
    """Return the ROC curve."""
    found = group["receiver_operating_characteristic_curve"]
    points = list(zip(found["false_positive_rates"], found["true_positive_rates"]))
    plot = Plot("ROC curve", ("false positive rate", "true positive rate"), SHARE, [DIAGONAL, (points, "l0")], [_at(group, "false_positive_rate", "recall")])
    return card("ROC, area {:.3f}".format(group["auc"]["value"]), curves.draw(plot) + "<small>The dot is the threshold; dashed: chance.</small>")


def precision_recall(group: Mapping[str, Any], share: float) -> str:
    """Return the curve of precision and recall; `share` of the rows are positive."""
    found = group["precision_recall_curve"]
    points = list(zip(found["recalls"], found["precisions"]))
    lines = [(((0.0, share), (1.0, share)), "mark"), (points, "l0")]
    plot = Plot("Precision and recall", ("recall", "precision"), SHARE, lines, [_at(group, "recall", "precision")])
    note = "<small>The dot is the threshold; dashed: the share of positive rows, {:.3f}.</small>".format(share)
    return card("Precision and recall", curves.draw(plot) + note)


def _at(group: Mapping[str, Any], x: str, y: str) -> Tuple[float, float, float, str]:
    words = "threshold {:.4g}: {} {:.3f}, {} {:.3f}".format(group["decision_threshold"], *_words(group, x), *_words(group, y))
    return group[x]["value"], group[y]["value"], 5.0, words


def _words(group: Mapping[str, Any], name: str) -> Tuple[str, float]:
    return name.replace("_", " "), group[name]["value"]


def scores(case: Case, threshold: float) -> str:
    """Return how the probabilities of either class are spread."""
    assert case.scores is not None
    counts = [np.histogram(case.scores[case.target == side], BINS, (0.0, 1.0))[0].tolist() for side in (0, 1)]
    edges = ["{:.3g}".format(edge) for edge in np.linspace(0, 1, BINS + 1)]
    names = ["observed 0", "observed 1"]
    chart = {"counts": counts, "labels": edges[:-1], "edges": edges, "series": names}
    return card("Probabilities of either class", svg.legend(names) + svg.bars(chart, "probability", 420))


def calibration(found: Mapping[str, Any], observed: str) -> str:
    """Return what was said against what was seen."""
    points = [(one["mean_probability"], one["share_positive"]) for one in found["bins"]]
    most = max(one["rows"] for one in found["bins"])
    dots = [
        (x, y, 3 + 5 * (one["rows"] / most) ** 0.5, "{:,} rows said {:.3f}, seen {:.3f}".format(one["rows"], x, y))
        for one, (x, y) in zip(found["bins"], points)
    ]
    plot = Plot("Calibration", ("mean probability", observed), SHARE, [DIAGONAL, (points, "l0")], dots)
    note = "<small>On the dashed line probabilities mean what they say; larger dots hold more rows.</small>"
    return card("Calibration", curves.draw(plot) + note)


def threshold(found: Mapping[str, Any]) -> List[str]:
    """Return precision, recall and F1 by threshold, and where there are costs what a row costs."""
    points = found["curve"]
    names = ["precision", "recall", "f1"]
    lines = [([(one["threshold"], one[name]) for one in points if one[name] is not None], "l{}".format(place)) for place, name in enumerate(names)]
    key = svg.legend(names) + "<small>Of the {} split; dashed: {:.4g}, which is used.</small>".format(found["curve_on"], found["used"])
    drawn = [card("By threshold", curves.draw(Plot("Metrics by threshold", ("threshold", "share"), SHARE, lines, (), [found["used"]])) + key)]
    spent = [(one["threshold"], one["cost_per_row"]) for one in points if one["cost_per_row"] is not None]
    if spent:
        low, high = min(cost for _, cost in spent), max(cost for _, cost in spent)
        room = (high - low) * 0.05 or 0.5
        plot = Plot("Cost of a row by threshold", ("threshold", "cost of a row"), (0.0, 1.0, low - room, high + room), [(spent, "l0")], (), [found["used"]])
        note = "<small>Of the {} split; dashed: {:.4g}, the cheapest.</small>".format(found["curve_on"], found["used"])
        drawn.append(card("Cost by threshold", curves.draw(plot) + note))
    return drawn


def matrix(cells: Mapping[str, Mapping[str, int]]) -> str:
    """Return a confusion matrix; the fuller a cell, the larger its share of the observed class."""
    names = list(cells)[:MOST_CLASSES]
    head = "".join('<th class="n" title="{}">{}</th>'.format(escape(name, quote=True), escape(svg.short(name, 16))) for name in names)
    rows = ""
    for name in names:
        whole = sum(cells[name].values()) or 1
        row = "".join(_cell(cells[name][other], whole, "{} said {}".format(name, other)) for other in names)
        rows += '<tr><th style="white-space:nowrap" title="{}">{}</th>{}</tr>'.format(escape(name, quote=True), escape(svg.short(name, 16)), row)
    cut = "<small>The first {} of {} classes.</small>".format(len(names), len(cells)) if len(names) < len(cells) else ""
    table = '<div class="scroll" tabindex="0"><table><thead><tr><th>observed ↓ predicted →</th>{}</tr></thead><tbody>{}</tbody></table></div>{}'
    return card("Confusion matrix", table.format(head, rows, cut))


def _cell(count: int, whole: int, words: str) -> str:
    style = ' style="background:rgba(var(--pos),{:.2f})"'.format(0.55 * count / whole) if count else ""
    return '<td class="heat"{} title="{}: {:.1%}">{:,}</td>'.format(style, escape(words, quote=True), count / whole, count)


def amounts(case: Case) -> List[str]:
    """Return predicted against actual amounts and what is left between them, of rows evenly spread over the split where there are many."""
    rows = np.unique(np.linspace(0, len(case.target) - 1, min(POINTS, len(case.target))).astype(np.int64))
    actual, said = case.target[rows], case.predicted[rows]
    low, high = _frame(np.concatenate([actual, said]))
    dots = [(x, y, 2.6, "") for x, y in zip(actual.tolist(), said.tolist())]
    frame = (low, high, low, high)
    drawn = Plot("Predicted against actual", ("actual", "predicted"), frame, [(((low, low), (high, high)), "mark")], dots)
    left = (said - actual).tolist()
    down, up = _frame(np.array([*left, 0.0]))
    wide = _frame(said)
    rest = [(x, y, 2.6, "") for x, y in zip(said.tolist(), left)]
    residuals = Plot("Residuals", ("predicted", "predicted − actual"), (*wide, down, up), [(((wide[0], 0.0), (wide[1], 0.0)), "mark")], rest)
    note = "<small>{:,} of {:,} rows drawn.</small>".format(len(rows), len(case.target))
    return [card("Predicted against actual", curves.draw(drawn) + note), card("Residuals", curves.draw(residuals) + note)]


def far_off(case: Case) -> str:
    """Return how far off the predictions are, in bins that end at round numbers."""
    left = case.predicted - case.target
    inner = svg.ticks(float(left.min()), float(left.max()), BINS)
    step = inner[1] - inner[0] if len(inner) > 1 else 1.0
    edges = [inner[0] - step, *inner, inner[-1] + step]
    counts = np.histogram(left, edges)[0]
    texts = [svg.number(round(edge, 12)) for edge in edges]
    chart = {"counts": [counts.tolist()], "labels": texts[:-1], "edges": texts, "series": [""]}
    return card("How far off", svg.bars(chart, "predicted − actual", 420))


def _frame(values: np.ndarray) -> Tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.04 or 0.5
    return low - room, high + room


def sliced(found: Mapping[str, Any], column: str, metric: str, words: str, whole: float) -> str:
    """Return a metric with its interval in each slice of a column, against the whole."""
    entries: List[Tuple[str, float, float, float]] = []
    for name, told in found["values"].items():
        if metric in told["metrics"]:
            bounds = told["intervals"].get(metric, {"lower": told["metrics"][metric], "upper": told["metrics"][metric]})
            shown = "{} ({:,})".format(svg.short(name, 28) if name.strip() else repr(name), told["rows"])
            entries.append((shown, told["metrics"][metric], bounds["lower"], bounds["upper"]))
    if not entries:
        return ""
    heading = "{} by {}".format(words[0].upper() + words[1:], column)
    return card(heading, curves.whiskers(entries, heading, whole))
