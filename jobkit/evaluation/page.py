"""evaluation.html: how good the model is and how sure that is, where it is worse, and against what."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, List, Mapping, NamedTuple, Sequence

from jobkit.evaluation import figures
from jobkit.evaluation.judged import GROUPS, SHOWN
from jobkit.evaluation.measures import BINARY, MULTICLASS, REGRESSION, Case
from jobkit.page import svg
from jobkit.page.curves import short
from jobkit.page.frame import Section, card, document, soft, table, tiles

WORDS: Mapping[str, str] = {"auc": "ROC AUC", "f1": "F1", "f2": "F2", "f0_5": "F0.5", "mae": "MAE", "mse": "MSE", "rmse": "RMSE", "r2": "R²"}
PROBLEM_WORDS: Mapping[str, str] = {BINARY: "two classes", MULTICLASS: "several classes", REGRESSION: "amounts"}
# Each slice's chart of these; the table below it has every metric.
DRAWN: Mapping[str, Sequence[str]] = {BINARY: ("accuracy", "precision", "recall"), MULTICLASS: ("accuracy", "macro_recall"), REGRESSION: ("mae", "r2")}
TABLED: Mapping[str, Sequence[str]] = {
    BINARY: ("accuracy", "precision", "recall", "false_positive_rate", "f1", "auc"),
    MULTICLASS: ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1", "macro_f1"),
    REGRESSION: ("mae", "rmse", "r2"),
}
# The same as another metric, so that it is not told twice.
TWICE = ("true_positive_rate",)


class Found(NamedTuple):
    """Hold what is drawn: the case, the metrics of evaluation.json, evaluation_details.json, and the name of the label."""

    case: Case
    group: Mapping[str, Any]
    told: Mapping[str, Any]
    label: str

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Return the metrics with their intervals."""
        return self.told["confidence"]["metrics"]


def page(case: Case, quality: Mapping[str, Any], told: Mapping[str, Any], label: str) -> str:
    """Return the page for an evaluation."""
    found = Found(case, quality[GROUPS[case.problem]], told, label)
    return document("Evaluation" + (" · " + label if label else ""), _head(found), SECTIONS, found)


def words(name: str) -> str:
    """Return a metric's name as a reader says it."""
    first, _, rest = name.partition("_")
    return "{} {}".format(first, words(rest)) if first in ("weighted", "macro") else WORDS.get(name, name.replace("_", " "))


def _head(found: Found) -> str:
    level = found.told["confidence"]["level"]
    entries = [("{:,}".format(found.told["rows"]), "rows of the test split")]
    for name in SHOWN[found.case.problem]:
        one = found.metrics[name]
        entries.append((short(one["value"]), "{}, {:.0%} interval {} to {}".format(words(name), level, short(one["lower"]), short(one["upper"]))))
    about = "Judged by rows it has not seen. To predict: <b>{}</b>, {}.".format(escape(found.label), PROBLEM_WORDS[found.case.problem])
    used = " A row counts as positive from {:.4g} on.".format(found.group["decision_threshold"]) if found.case.problem == BINARY else ""
    return '<h1>How good the model is</h1><p class="soft">{}{}</p>{}'.format(about, used, tiles(entries))


def _against(found: Found) -> str:
    constant = _lift(found, found.told["lift"]["constant"], "a constant")
    approved = found.told["lift"]["approved"]
    rival = (
        _lift(found, approved, "approved version") if approved["compared"] else card("The approved version", soft("Not compared: {}.".format(approved["why"])))
    )
    note = "Difference is this model minus the other, on the same rows; its interval and p-value are from the same resamples for both, of accuracy McNemar's."
    return soft(note) + '<div class="cards wide">{}{}</div>'.format(rival, constant)


def _lift(found: Found, lift: Mapping[str, Any], other: str) -> str:
    rows = []
    for name, one in lift["metrics"].items():
        if name not in TWICE:
            between = "{} to {}".format(_signed(one["lower"]), _signed(one["upper"]))
            numbers = (
                short(one["model"]),
                short(one["other"]),
                _signed(one["difference"]),
                between,
                "<0.001" if one["p_value"] < 0.001 else "{:.3f}".format(one["p_value"]),
            )
            rows.append((words(name), *numbers))
    interval = "{:.0%} interval".format(found.told["confidence"]["level"])
    made = table(("", "model", other, "difference", interval, "p"), rows, (1, 2, 3, 4, 5))
    return card("Against {}".format(other if other.startswith("a ") else "the " + other), made + _mcnemar(lift, other))


def _signed(value: float) -> str:
    return ("+" if value > 0 else "−" if value < 0 else "") + short(abs(value))


def _mcnemar(lift: Mapping[str, Any], other: str) -> str:
    test = lift.get("mcnemar")
    if not test:
        return ""
    told = "<small>Only this model is right on {:,} rows, only {} on {:,}.</small>"
    return told.format(test["only_model_right"], other if other.startswith("a ") else "the " + other, test["only_other_right"])


def _metrics(found: Found) -> str:
    rows = []
    for name, one in found.metrics.items():
        if name not in TWICE:
            deviation = found.group.get(name, {}).get("standard_deviation", "")
            spread = "–" if isinstance(deviation, str) else short(deviation)
            rows.append((words(name), short(one["value"]), "{} to {}".format(short(one["lower"]), short(one["upper"])), spread))
    heading = ("", "value", "{:.0%} interval".format(found.told["confidence"]["level"]), "deviation")
    beside = BESIDE[found.case.problem](found)
    return '<div class="cards half">{}{}</div>'.format(card("Metrics", table(heading, rows, (1, 2, 3))), beside)


def _binary_charts(found: Found) -> List[str]:
    scores = found.case.scores
    share = float(found.case.target.mean())
    drawn = [figures.roc(found.group), figures.precision_recall(found.group, share)]
    if scores is not None and found.told["calibration"]:
        drawn.append(figures.scores(found.case, found.group["decision_threshold"]))
    return drawn


def _classes(found: Found) -> str:
    names = ("rows", "predicted", "precision", "recall", "f1")
    rows = [(name, *("{:,}".format(one[key]) if key in names[:2] else short(one[key]) for key in names)) for name, one in found.told["classes"].items()]
    return card("By class", table(("class", "observed", "predicted", "precision", "recall", "F1"), rows, (1, 2, 3, 4, 5)))


def _matrix(found: Found) -> str:
    return figures.matrix(found.group["confusion_matrix"])


# What stands beside the table of metrics, and the charts below.
BESIDE: Mapping[str, Callable[[Found], str]] = {BINARY: _matrix, MULTICLASS: _classes, REGRESSION: lambda found: figures.far_off(found.case)}
CHARTS: Mapping[str, Callable[[Found], List[str]]] = {
    BINARY: _binary_charts,
    MULTICLASS: lambda found: [_matrix(found)],
    REGRESSION: lambda found: figures.amounts(found.case),
}


def _charts(found: Found) -> str:
    kind = "wide" if found.case.problem == MULTICLASS else "half"
    return '<div class="cards {}">{}</div>'.format(kind, "".join(CHARTS[found.case.problem](found)))


def _calibration(found: Found) -> str:
    told = found.told["calibration"]
    if not told:
        return ""
    observed = "share that is right" if found.case.problem == MULTICLASS else "share observed positive"
    rows = [
        ("{:.1f} to {:.1f}".format(one["lower"], one["upper"]), "{:,}".format(one["rows"]), short(one["mean_probability"]), short(one["share_positive"]))
        for one in told["bins"]
    ]
    numbers = soft("Brier score {}, expected calibration error {}.".format(short(told["brier"]), short(told["expected_calibration_error"])))
    bins = card("Bins", table(("probability", "rows", "mean", "observed"), rows, (1, 2, 3)))
    return numbers + '<div class="cards half">{}{}</div>'.format(figures.calibration(told, observed), bins)


def _threshold(found: Found) -> str:
    told = found.told["threshold"]
    if not told or not told["curve"]:
        return ""
    words_ = "The threshold is {:.4g}, as it was given.".format(told["used"])
    if told["costs"]:
        costs = ", ".join("{} {}".format(name.replace("_", " "), svg.number(cost)) for name, cost in told["costs"].items())
        words_ = "The threshold is {:.4g}, the cheapest on the validation split at these costs: {}. A row of the test split costs {}, and {} from {:.4g} on."
        words_ = words_.format(told["used"], costs, short(told["cost_per_row"]), short(told["cost_per_row_at_given"]), told["given"])
    return soft(words_) + '<div class="cards half">{}</div>'.format("".join(figures.threshold(told)))


def _slices(found: Found) -> str:
    return "".join(_slice(found, column, told) for column, told in found.told["slices"].items())


def _slice(found: Found, column: str, told: Mapping[str, Any]) -> str:
    names = [name for name in DRAWN[found.case.problem] if name in found.metrics]
    drawn = "".join(figures.sliced(told, column, name, words(name), found.metrics[name]["value"]) for name in names)
    metrics = TABLED[found.case.problem]
    rows = []
    for name, one in told["values"].items():
        rows.append((name, "{:,}".format(one["rows"]), *(short(one["metrics"][metric]) if metric in one["metrics"] else "–" for metric in metrics)))
    every = table((column, "rows", *map(words, metrics)), rows, tuple(range(1, len(metrics) + 2)))
    note = soft(told["note"][0].upper() + told["note"][1:] + ".") if told.get("note") else ""
    more = "<details><summary>Numbers by {}</summary>{}</details>".format(escape(column), every)
    return '<h3 style="margin-top:18px">{}</h3>{}<div class="cards">{}</div>{}'.format(escape(column), note, drawn, more)


def _measured(found: Found) -> str:
    confidence = found.told["confidence"]
    words_ = (
        "Intervals are percentiles of {:,} bootstrap resamples of the test split; a share of fewer than 30 rows, or of 0 or 1, has Wilson's interval. "
        "They tell what another test split of this size would give for this very model, not what another training would. The deviation is that of Model "
        "Monitor's report: over five random subsamples of 80 %. Slices of fewer than 30 rows are shown and are neither lowest nor highest. Many slices are "
        "many comparisons: of twenty intervals at 95 %, one misses the truth by chance. evaluation_details.json holds every number."
    )
    return soft(words_.format(confidence["resamples"]))


SECTIONS: Sequence[Section] = (
    ("metrics", "Metrics", _metrics),
    ("charts", "Charts", _charts),
    ("calibration", "Calibration", _calibration),
    ("threshold", "Threshold", _threshold),
    ("slices", "Slices", _slices),
    ("lift", "Against other models", _against),
    ("measured", "How this was measured", _measured),
)
