"""A model card as one HTML page without any request: what the model is for first, then how good, how fair and how private it is, then how it was made."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from jobkit.card import charts, content, metrics
from jobkit.page import frame

Card = Mapping[str, Any]
ENDINGS = ("standard_deviation", "other", "difference", "lower", "upper", "p_value", "train", "test")
RISK_KINDS: Mapping[str, str] = {"High": "high", "Medium": "medium", "Low": "low", "Unknown": ""}
HEADINGS: Mapping[str, str] = {
    "quality": "How good it is",
    "details": "How sure that is",
    "bias": "How fair it is",
    "explanations": "What it looks at",
    "privacy": "What it gives away",
}
TITLES: Mapping[str, str] = {
    "confidence_intervals": "Confidence intervals",
    "calibration": "Calibration",
    "threshold": "Threshold",
    "membership_inference - loss_threshold": "Membership inference by loss",
    "membership_inference - shadow_models": "Membership inference by shadow models",
    "gap": "Gap between training and test rows",
}


def page(card: Card, status: str = "") -> str:
    """Return the page of a card in the service's schema, one of a model package too; `status` is Draft, PendingReview, Approved or Archived, or empty."""
    card = content.whole(card)
    name = _name(card)
    ends = [("training", "How it was made", _training(card)), ("more", "Know before use", _more(card))]
    drawn = [("uses", "What it is for", _uses(card)), *_evaluations(card), *ends]
    parts = [(key, heading, frame.section(key, heading, body)) for key, heading, body in drawn if body]
    return frame.whole("Model card · " + name, _top(card, name, status), parts, EXTRA)


EXTRA = """.drawn{fill:none;stroke:var(--s0);stroke-width:2;vector-effect:non-scaling-stroke}.card>h3{margin-bottom:8px}
.matrix td{border:2px solid var(--card);padding:8px 10px}.matrix th{padding:8px 10px 8px 0}.matrix td small{display:block;color:var(--ink);opacity:.75}
.said dt{grid-column:1/-1;margin-top:8px}.said dd{grid-column:1/-1;text-align:left;font-size:15px;white-space:pre-line}.said{display:block}
.card table td:last-child,.card table th:last-child{padding-right:0}.card .matrix td:last-child{padding-right:10px}
.cards.numbers{align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}
.lead{font-size:17px;white-space:pre-line;overflow-wrap:anywhere}.lying{grid-template-columns:fit-content(42%) minmax(0,1fr) 64px}
"""


def _name(card: Card) -> str:
    custom = (card.get("additional_information") or {}).get("custom_details") or {}
    return str(custom.get("model name") or "Model")


def _top(card: Card, name: str, status: str) -> str:
    overview, uses = card.get("model_overview") or {}, card.get("intended_uses") or {}
    risk = uses.get("risk_rating")
    tiles: List[Tuple[str, str]] = [(charts.figure(value), WORDS.get(metric, metric.replace("_", " "))) for metric, value in _headlines(card).items()]
    tiles += [(overview[key], words) for key, words in (("problem_type", "problem"), ("algorithm_type", "algorithm")) if overview.get(key)]
    boxes = "".join('<div class="tile"><b>{}</b><span>{}</span></div>'.format(escape(str(value)), escape(words)) for value, words in tiles)
    badges = "".join(
        '<span class="badge {}">{}</span>'.format(kind, escape(words))
        for kind, words in ((RISK_KINDS.get(str(risk), ""), "risk: {}".format(risk) if risk else ""), ("", status))
        if words
    )
    lead = '<p class="lead">{}</p>'.format(escape(overview["model_description"])) if overview.get("model_description") else ""
    return '<p class="soft">Model card {}</p><h1>{}</h1>{}<div class="tiles">{}</div>'.format(badges, escape(name), lead, boxes)


def _headlines(card: Card) -> Dict[str, float]:
    groups = [group for part in card.get("evaluation_details") or () if part["name"] == "quality" for group in part.get("metric_groups", ())]
    return metrics.summary(groups)


def _said(entries: Sequence[Tuple[str, Any]]) -> str:
    told = "".join("<dt>{}</dt><dd>{}</dd>".format(escape(_title(name)), escape(str(value))) for name, value in entries if value not in (None, "", []))
    return '<div class="card"><dl class="said">{}</dl></div>'.format(told) if told else ""


def _title(name: str) -> str:
    """Return a name as it is read; names of columns, which follow a dash, stay as they are."""
    if name in WORDS:
        return WORDS[name]
    first, dash, rest = name.partition(" - ")
    words = first.replace("_", " ")
    return words[:1].upper() + words[1:] + dash + rest


WORDS: Mapping[str, str] = {
    "auc": "AUC",
    "f0_5": "F0.5",
    "f1": "F1",
    "f2": "F2",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "r2": "R²",
    "tpr_at_1pct_fpr": "Members found at 1 % false alarms",
}


def _uses(card: Card) -> str:
    sections = [(card.get(name) or {}).items() for name in ("intended_uses", "business_details")]
    parts = [_said([(name, value) for name, value in section if name != "risk_rating"]) for section in sections]
    return '<div class="cards two">{}</div>'.format("".join(parts)) if any(parts) else ""


def _more(card: Card) -> str:
    told = card.get("additional_information") or {}
    said = _said([(name, told.get(name)) for name in ("caveats_and_recommendations", "ethical_considerations")])
    custom = [(str(name), str(value)) for name, value in (told.get("custom_details") or {}).items()]
    return '<div class="cards two">{}{}</div>'.format(said, _table("Details", ("", ""), custom)) if said or custom else ""


def _training(card: Card) -> str:
    overview, told = card.get("model_overview") or {}, card.get("training_details") or {}
    job, objective = told.get("training_job_details") or {}, told.get("objective_function") or {}
    aim = " ".join(str(value) for value in (objective.get("function") or {}).values())
    facts = [
        ("objective", ". ".join(part for part in (aim, objective.get("notes")) if part)),
        ("observations", told.get("training_observations")),
        ("training job", job.get("training_arn")),
        ("image", ", ".join((job.get("training_environment") or {}).get("container_image") or ())),
        ("model", ", ".join(overview.get("model_artifact") or ())),
        ("data", ", ".join(job.get("training_datasets") or ())),
        ("creator", overview.get("model_creator")),
        ("owner", overview.get("model_owner")),
    ]
    tables = [_table("Hyperparameters", ("", ""), [(each["name"], each.get("value", "")) for each in job.get("hyper_parameters") or ()])]
    tables.append(_table("Training metrics", ("", ""), [(each["name"], charts.figure(each["value"])) for each in job.get("training_metrics") or ()]))
    parts = [_said(facts), *tables]
    return '<div class="cards two">{}</div>'.format("".join(parts)) if any(parts) else ""


def _evaluations(card: Card) -> List[Tuple[str, str, str]]:
    made = []
    for place, part in enumerate(card.get("evaluation_details") or ()):
        told = '<p class="soft">{}</p>'.format(escape(part["evaluation_observation"])) if part.get("evaluation_observation") else ""
        body = told + '<div class="cards numbers">{}</div>'.format("".join(_group(group) for group in part.get("metric_groups", ())))
        made.append(("evaluation-{}".format(place), HEADINGS.get(part["name"], part["name"]), body))
    return made


def _group(group: Mapping[str, Any]) -> str:
    simple = [entry for entry in group["metric_data"] if entry["type"] not in CHARTS]
    drawn = [(entry, CHARTS[entry["type"]](entry)) for entry in group["metric_data"] if entry["type"] in CHARTS]
    title = TITLES.get(group["name"], _title(group["name"]))
    values = group["name"].startswith("explanations - global_shap")
    table = _ranked(title, simple) if values else _numbers(title, simple)
    return table + "".join('<div class="card"><h3>{}</h3>{}</div>'.format(escape(_title(entry["name"])), body) for entry, body in drawn)


CHARTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"linear_graph": charts.curve, "matrix": charts.matrix, "bar_chart": charts.bars}


def _ranked(title: str, entries: Sequence[Mapping[str, Any]]) -> str:
    ordered = sorted(entries, key=lambda entry: -abs(entry["value"]))
    chart = charts.bars({"name": title, "x_axis_name": [entry["name"] for entry in ordered], "value": [entry["value"] for entry in ordered]})
    return '<div class="card"><h3>{}</h3>{}</div>'.format(escape(title), chart)


def _numbers(title: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return numbers as a table: `auc - lower` is a column of the row `auc`."""
    rows: Dict[str, Dict[str, Any]] = {}
    for entry in entries:
        name, _, ending = entry["name"].rpartition(" - ")
        own, column = (name, ending) if ending in ENDINGS and name else (entry["name"], "value")
        rows.setdefault(own, {})[column] = entry["value"]
    columns = [column for column in ("value", *ENDINGS) if any(column in row for row in rows.values())]
    heads = ("", *(column.replace("_", " ") for column in columns))
    return _table(title, heads, [(_title(name), *(_shown(row.get(column)) for column in columns)) for name, row in rows.items()])


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return charts.figure(value) if metrics.is_number(value) else "yes" if value is True else "no" if value is False else str(value)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    kinds = ["name", *("n" if len(heads) > 2 or _short(rows) else "" for _ in heads[1:])]
    head = "".join('<th class="{}">{}</th>'.format(kind, escape(words)) for kind, words in zip(kinds, heads)) if len(heads) > 2 else ""
    body = "".join("<tr>{}</tr>".format("".join('<td class="{}">{}</td>'.format(kind, escape(cell)) for kind, cell in zip(kinds, row))) for row in rows)
    told = '<div class="card"><h3>{}</h3><div class="scroll" tabindex="0"><table>{}{}</table></div></div>'
    return told.format(escape(title), "<tr>{}</tr>".format(head) if head else "", body)


def _short(rows: Sequence[Sequence[str]]) -> bool:
    return all(len(row[1]) <= 24 for row in rows)
