"""What every metric says in plain words, for the reports: what it compares, and which way this value points."""

from __future__ import annotations

import math
from typing import Any, Mapping, Optional, Sequence, Tuple

from jobkit.clarify.bias import Metric

# For each metric: what it is, what a positive value says, what a negative one says. {d} is the group, {a} the others.
READINGS: Mapping[str, Tuple[str, str, str]] = {
    "AD": ("How much more often the model is right about the others", "The model is right about {d} less often.", "The model is right about {d} more often."),
    "CDDL": (
        "Share of {d} among rejected minus among accepted, within each value of the group variable",
        "{d} makes up more of the rejected than of the accepted.",
        "{d} makes up more of the accepted than of the rejected.",
    ),
    "CDDPL": (
        "Share of {d} among predicted rejections minus among predicted acceptances, within each value of the group variable",
        "{d} makes up more of the predicted rejections than of the predicted acceptances.",
        "{d} makes up more of the predicted acceptances than of the predicted rejections.",
    ),
    "CI": ("Which side has more rows, from -1 to 1", "{d} has fewer rows than the others.", "{d} has more rows than the others."),
    "DAR": ("Difference in precision", "A predicted acceptance of {d} is right less often.", "A predicted acceptance of {d} is right more often."),
    "DCA": (
        "Observed per predicted acceptances, the others minus {d}",
        "Compared with what was observed, the others are accepted too rarely, or {d} too often.",
        "Compared with what was observed, {d} is accepted too rarely, or the others too often.",
    ),
    "DCR": (
        "Observed per predicted rejections, {d} minus the others",
        "Compared with what was observed, {d} is rejected too rarely, or the others too often.",
        "Compared with what was observed, {d} is rejected too often, or the others too rarely.",
    ),
    "DI": ("Ratio of the acceptance rates, {d} to the others; 1 is equal", "{d} is accepted more often.", "{d} is accepted less often."),
    "DPL": ("Difference of the shares of positive labels", "{d} has the positive label less often.", "{d} has the positive label more often."),
    "DPPL": ("Difference of the shares of predicted positive labels", "{d} is predicted positive less often.", "{d} is predicted positive more often."),
    "DRR": ("Difference in how often a rejection is right", "A rejection of {d} is right more often.", "A rejection of {d} is right less often."),
    "FT": (
        "Flip test: rows of {d} favoured minus those wronged, compared with their nearest neighbours among the others",
        "More of {d} are favoured than wronged against similar rows.",
        "More of {d} are wronged than favoured against similar rows.",
    ),
    "GE": ("Inequality of the benefit over all rows; the same for every group", "The model errs more to the advantage of some than of others.", ""),
    "JS": ("How far the two distributions of labels are apart, 0 to 0.69", "The labels of the two sides are distributed differently.", ""),
    "KL": ("How far the labels of the others diverge from those of {d}", "The labels of the two sides are distributed differently.", ""),
    "KS": ("Largest difference between the shares of a label", "One label is that much more frequent on one side.", ""),
    "LP": ("Euclidean distance between the distributions of labels", "The labels of the two sides are distributed differently.", ""),
    "RD": ("Difference in recall", "Positive rows of {d} are found less often.", "Positive rows of {d} are found more often."),
    "SD": ("Difference in specificity", "Negative rows of {d} are recognised more often.", "Negative rows of {d} are recognised less often."),
    "TE": (
        "Missed per wrongly accepted rows, {d} minus the others",
        "Errors on {d} are more often to its disadvantage.",
        "Errors on {d} are more often to its advantage.",
    ),
    "TVD": ("Half the sum of the differences of the shares", "The labels of the two sides are distributed differently.", ""),
}
NEARLY = 0.005
PERFORMANCE: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "proportion_positive_predicted": "Share predicted positive",
    "proportion_negative_predicted": "Share predicted other",
    "recall": "Recall",
    "specificity": "Specificity",
    "precision": "Precision",
    "rejection_rate": "Rejections that are right",
    "conditional_acceptance": "Observed per predicted positive",
    "conditional_rejection": "Observed per predicted other",
    "f1": "F1",
}


def meaning(name: str, group: str) -> str:
    """Return what a metric compares; `group` is how the disadvantaged group is called."""
    return _filled(READINGS[name][0], group)


def reading(metric: Metric, group: str) -> str:
    """Return what this value says of the group."""
    if metric.value is None:
        return "Not measured: {}.".format(metric.error)
    away = distance(metric) or 0.0
    if abs(away) < NEARLY:
        return "Practically no difference."
    return _filled(READINGS[metric.name][1 if away > 0 else 2], group)


def _filled(words: str, group: str) -> str:
    told = words.format(d=group, a="the others")
    return told[:1].upper() + told[1:] if not told.startswith(group) else told


def distance(metric: Metric) -> Optional[float]:
    """Return how far a value is from no bias at all, with its sign; None without a value."""
    if metric.value is None:
        return None
    return metric.value - 1.0 if metric.name == "DI" else metric.value


def short_value(metric: Metric) -> str:
    """Return a value with four digits after the point."""
    if metric.value is None:
        return "–"
    if math.isinf(metric.value):
        return "∞" if metric.value > 0 else "-∞"
    return "{:.4f}".format(metric.value)


def matrix_rows(matrix: Mapping[str, Mapping[str, int]]) -> Tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """Return heading and rows of a confusion matrix: observed down, predicted across."""
    names = list(matrix)
    return ["observed \\ predicted", *names], [[name, *("{:,}".format(matrix[name][other]) for other in names)] for name in names]


def top_features(values: Mapping[str, float], most: int = 15) -> Sequence[Tuple[str, float]]:
    """Return the features of the largest global SHAP values, largest first."""
    return sorted(values.items(), key=lambda item: (-abs(item[1]), item[0]))[:most]
