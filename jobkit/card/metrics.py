"""Results of Evaluate, Clarify, Model Monitor and the privacy probe as metric groups of a model card.

Groups of evaluation.json and analysis.json have the names and types that the SageMaker Python SDK 2 gives them, so that cards of both look alike in Studio.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from jobkit.card.entries import Entry, bars, boolean, curve, group, is_number, matrix, named_apart, number

Groups = List[Dict[str, Any]]
Document = Mapping[str, Any]
DEVIATION = " - standard_deviation"
ENDING = "_metrics"


def quality(document: Document) -> Groups:
    """Return a group for each `*_metrics` of evaluation.json, or of Model Monitor's model quality statistics."""
    made: Groups = []
    for name, metrics in document.items():
        if name.endswith(ENDING) and isinstance(metrics, Mapping):
            made += group(name, [entry for metric, value in metrics.items() for entry in SHAPES.get(metric, _scalar)(metric, value)])
    return named_apart(made)


def _scalar(name: str, value: Any) -> List[Entry]:
    if not isinstance(value, Mapping):
        return number(name, value)
    return [*number(name, value.get("value")), *number(name + DEVIATION, value.get("standard_deviation"))]


def _confusion(name: str, value: Any) -> List[Entry]:
    return matrix(name, value)


def _roc(name: str, value: Any) -> List[Entry]:
    return _points(name, value, "false_positive_rates", "true_positive_rates")


def _precision_recall(name: str, value: Any) -> List[Entry]:
    return _points(name, value, "recalls", "precisions")


def _points(name: str, value: Document, across: str, up: str) -> List[Entry]:
    return curve(name, (across, up), value.get(across) or (), value.get(up) or ())


# What is not a number, by its name in evaluation.json.
SHAPES: Mapping[str, Callable[[str, Any], List[Entry]]] = {
    "confusion_matrix": _confusion,
    "receiver_operating_characteristic_curve": _roc,
    "precision_recall_curve": _precision_recall,
}


def bias(document: Document) -> Groups:
    """Return a group for each facet's value in an analysis.json; metrics without a value are left out."""
    made: Groups = []
    for kind, part in document.items():
        if isinstance(part, Mapping) and "facets" in part:
            for facet, values in part["facets"].items():
                for each in values:
                    told = (kind, part.get("label"), part.get("label_value_or_threshold"), facet, each.get("value_or_threshold"))
                    entries = [entry for metric in each["metrics"] for entry in number(metric["name"], metric.get("value"))]
                    made += group("{} - label {} = {} and facet {}={}".format(*told), entries)
    return named_apart(made)


def explanations(document: Document) -> Groups:
    """Return a group for each label of SHAP values in an analysis.json, and one of all partial dependences."""
    made: Groups = []
    found = document.get("explanations") or {}
    for label, told in (found.get("kernel_shap") or {}).items():
        for kind, values in told.items():
            if kind == "global_shap_values":
                made += group("explanations - {}, label={}".format(kind, label), _numbers(values))
            if kind == "global_top_shap_text":
                for feature, own in values.items():
                    made += group("explanations - {}, label={}, feature={}".format(kind, label, feature), _numbers(own))
    made += group("explanations - pdp", [entry for feature in found.get("pdp") or () for entry in _dependence(feature)])
    return named_apart(made)


def _numbers(values: Document) -> List[Entry]:
    return [entry for name, value in values.items() for entry in number(name, value)]


def _dependence(feature: Document) -> List[Entry]:
    name, values = feature["feature_name"], feature["feature_values"]
    drawn = [("data_distribution - feature={}".format(name), feature.get("data_distribution") or (), "Data distribution")]
    for place, label in enumerate(feature["label_headers"]):
        drawn.append(("model_predictions - feature={}, label={}".format(name, label), feature["model_predictions"][place], label))
    if feature["data_type"] == "numerical":
        return [entry for title, up, axis in drawn for entry in curve(title, (name, axis), values, up)]
    return [entry for title, up, axis in drawn for entry in bars(title, values, list(up), axis)]


def details(document: Document) -> Groups:
    """Return the groups of evaluation_details.json: intervals, calibration, threshold, comparisons and slices."""
    made = group("confidence_intervals", _intervals((document.get("confidence") or {}).get("metrics") or {}))
    made += _calibration(document.get("calibration") or {})
    threshold = document.get("threshold") or {}
    made += group("threshold", [entry for name in ("used", "chosen", "cost_per_row") for entry in number(name, threshold.get(name))])
    for other, told in (document.get("lift") or {}).items():
        if told.get("compared", True):
            made += group("lift - against {}".format(other), _lift(told.get("metrics") or {}))
    for column, told in (document.get("slices") or {}).items():
        made += group("slices - {}".format(column), _slices(told.get("values") or {}, column))
    return named_apart(made)


def _intervals(metrics: Document) -> List[Entry]:
    return [
        entry
        for name, told in metrics.items()
        for entry in (*number(name, told.get("value")), *number(name + " - lower", told.get("lower")), *number(name + " - upper", told.get("upper")))
    ]


def _calibration(told: Document) -> Groups:
    entries = [entry for name in ("brier", "expected_calibration_error") for entry in number(name, told.get(name))]
    filled = [each for each in told.get("bins") or () if each.get("rows")]
    points = [[each.get(name) for each in filled] for name in ("mean_probability", "share_positive")]
    return group("calibration", entries + curve("reliability", ("mean probability", "share of positive rows"), *points))


def _lift(metrics: Document) -> List[Entry]:
    made: List[Entry] = []
    for name, told in metrics.items():
        for key, words in (("model", ""), ("other", " - other"), ("difference", " - difference"), ("lower", " - lower"), ("upper", " - upper")):
            made += number(name + words, told.get(key))
        made += number(name + " - p_value", told.get("p_value"))
    return made


def _slices(values: Document, column: str) -> List[Entry]:
    names: Dict[str, None] = {name: None for told in values.values() for name in told.get("metrics") or {}}
    labels = list(values)
    made = bars("rows by " + column, labels, [told.get("rows") for told in values.values()], "rows")
    for name in names:
        made += bars("{} by {}".format(name, column), labels, [(told.get("metrics") or {}).get(name) for told in values.values()], name)
    return made


def privacy(document: Document) -> Groups:
    """Return the groups of privacy.json: one an attack, and how much better the model knows its training rows."""
    made: Groups = []
    for name, told in (document.get("attack") or {}).items():
        values = {"auc": told.get("auc"), "auc - lower": told.get("lower"), "auc - upper": told.get("upper")}
        made += group("membership_inference - {}".format(name), _numbers({**values, "tpr_at_1pct_fpr": told.get("tpr_at_1pct_fpr")}))
    gap = document.get("gap") or {}
    entries = _numbers({"{} - {}".format(gap.get("metric"), split): gap.get(split) for split in ("train", "test")})
    if "memorises" in document:
        entries += boolean("memorises", document["memorises"])
    return made + group("gap", entries)


# What is told first of a model, as far as it has them.
HEADLINES = ("auc", "accuracy", "weighted_f1", "f1", "r2", "rmse", "mae")


def summary(groups: Groups) -> Dict[str, float]:
    """Return the headline numbers of groups by name, at most three."""
    found = {entry["name"]: entry["value"] for each in groups for entry in each["metric_data"] if is_number(entry.get("value"))}
    return {name: found[name] for name in [name for name in HEADLINES if name in found][:3]}
