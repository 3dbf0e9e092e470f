"""The report as one HTML page without any request: what is wrong first, then the label, the features, how they relate, every column, unusual rows."""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Sequence, Tuple

from jobkit.page import svg
from jobkit.page.frame import Section, document, table, tiles
from jobkit.profile.columns_page import columns
from jobkit.profile.findings import percent
from jobkit.profile.model_page import features, model

Found = Mapping[str, Any]
OPEN_FINDINGS = 12
PROBLEM_WORDS: Mapping[str, str] = {
    "binary_classification": "binary classification",
    "multiclass_classification": "classification into several classes",
    "regression": "regression",
}


def page(found: Found) -> str:
    """Return the page for a profile."""
    title = "Data profile" + (" · {}".format(found["label"]) if found["label"] else "")
    return document(title, _head(found), SECTIONS, found)


def _head(found: Found) -> str:
    if found["label"] is None:
        about = "No column to predict was named."
    else:
        about = "To predict: <b>{}</b>{}.".format(escape(found["label"]), ", " + PROBLEM_WORDS[found["problem"]] if found["problem"] else "")
    counts = [sum(entry["severity"] == severity for entry in found["findings"]) for severity in ("high", "medium", "low")]
    kinds = ", ".join("{} {}".format(count, kind) for kind, count in found["kinds"].items())
    numbers = [
        ("{:,}".format(found["rows"]), "rows"),
        ("{:,}".format(found["columns"]), "columns: " + kinds),
        (percent(found["missing_share"]), "of all cells missing"),
        (
            percent(found["duplicates"]["share"]),
            "of the rows have an equal one; {} repeat an earlier row".format(percent(found["duplicates"]["repeated_share"])),
        ),
        ("{} · {} · {}".format(*counts), "findings: high · medium · low"),
    ]
    sampled = ""
    if found["sampled_rows"] < found["rows"]:
        sampled = '<p class="soft">Scores, correlation, unusual rows and the quick model are from {:,} rows drawn at random.</p>'.format(found["sampled_rows"])
    return '<h1>What is in the data</h1><p class="soft">{}</p>{}{}'.format(about, tiles(numbers), sampled)


def _findings(found: Found) -> str:
    entries = [_finding(entry) for entry in found["findings"]]
    if not entries:
        return "<p>Nothing was found that needs mending.</p>"
    rest = entries[OPEN_FINDINGS:]
    more = "<details><summary>{} more, less severe</summary>{}</details>".format(len(rest), "".join(rest)) if rest else ""
    stops = ""
    if found["verdict"]["findings"]:
        stops = '<p><span class="badge high">stops the pipeline</span>{}</p>'.format(escape(found["verdict"]["message"]))
    told = '<p class="soft">Severe ones first, each with the line for the recipe in pipeline.yaml that mends it.</p>'
    return stops + told + "".join(entries[:OPEN_FINDINGS]) + more


def _finding(entry: Found) -> str:
    code = "<code>{}</code>".format(escape(entry["yaml"])) if entry["yaml"] else ""
    advice = '<p class="soft">{}</p>'.format(escape(entry["advice"])) if entry["advice"] else ""
    done = '<p class="soft">Already mended by {}.</p>'.format(escape(entry["mended_by"])) if entry["mended_by"] else ""
    return '<div class="card finding {}{}"><p><span class="badge">{}</span><small>{}</small></p><p>{}</p>{}{}{}</div>'.format(
        entry["severity"], " mended" if done else "", entry["severity"], escape(entry["kind"]), escape(entry["message"]), advice, done, "" if done else code
    )


def _correlation(found: Found) -> str:
    drawn = []
    words = {"linear": "Linear (Pearson)", "nonlinear": "Non-linear (Spearman, Cramér's V, correlation ratio)"}
    for key, heading in words.items():
        matrix = found["correlation"][key]
        if matrix and len(matrix["columns"]) > 1:
            chart = svg.heat(matrix, heading.split(" ")[0])
            drawn.append('<div class="card"><h3>{}</h3><div class="scroll" tabindex="0">{}</div></div>'.format(escape(heading), chart.replace("<svg", WIDE, 1)))
    if not drawn:
        return ""
    rows = [(entry["x"], entry["y"], "{:.3f}".format(entry["value"]), entry["measure"]) for entry in found["correlation"]["pairs"][:10]]
    pairs = table(("column", "column", "value", "measure"), rows, (2,))
    told = '<p class="soft">Blue is positive, red negative; fuller is stronger. Point at a cell for its value.</p>'
    return '{}<div class="cards wide">{}</div><h3>Strongest</h3>{}'.format(told, "".join(drawn), pairs)


WIDE = '<svg style="max-width:none;width:auto"'


def _charts(found: Found) -> str:
    drawn = []
    for chart in found["charts"]["histograms"]:
        draw = svg.bars if chart["ordered"] else svg.levels
        key = svg.legend(chart["series"], chart["color_by"] or "")
        drawn.append('<div class="card"><h3>{}</h3>{}{}</div>'.format(escape(chart["name"]), key, draw(chart, chart["column"], 400)))
    for chart in found["charts"]["scatters"]:
        drawn.append(_scatter(chart))
    return '<div class="cards two">{}</div>'.format("".join(drawn)) if drawn else ""


def _scatter(chart: Found) -> str:
    points = [point for panel in chart["panels"] for point in panel["points"]]
    frame = (*_frame([point[0] for point in points]), *_frame([point[1] for point in points]))
    width = 400 if len(chart["panels"]) == 1 else 340
    panels = "".join("<div>{}</div>".format(svg.scatter(chart, panel, frame, width)) for panel in chart["panels"])
    drawn = sum(len(panel["points"]) for panel in chart["panels"])
    note = "{:,} of {:,} rows drawn.".format(drawn, sum(panel["rows"] for panel in chart["panels"]))
    grid = panels if len(chart["panels"]) == 1 else '<div class="cards">{}</div>'.format(panels)
    style = ' style="grid-column:1/-1"' if len(chart["panels"]) > 1 else ""
    key = svg.legend(chart["series"], chart["color_by"] or "")
    return '<div class="card"{}><h3>{}</h3>{}{}<small>{}</small></div>'.format(style, escape(chart["name"]), key, grid, note)


def _frame(values: Sequence[float]) -> Tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.04 or 0.5
    return low - room, high + room


def _unusual(found: Found) -> str:
    unusual = found["anomalies"]
    if unusual is None:
        return ""
    told = "<p>{} of the rows are unlike the others (a negative score). The most unusual ones and what is rare about them; row 1 is below the header.</p>"
    rows = []
    for entry in unusual["most_anomalous"]:
        values = "; ".join("{} = {} ({})".format(value["column"], value["value"], percent(value["rarity"])) for value in entry["values"])
        rows.append(("{:,}".format(entry["row"]), "{:.3f}".format(entry["score"]), values))
    after = '<p class="soft">The percentage is the share of rows with this value (text), or with one at least as far out (numbers).</p>'
    return told.format(percent(unusual["share"])) + table(("row", "score", "unusual values"), rows, (0, 1)) + after


def _measured(found: Found) -> str:
    words = (
        "A feature's score is cross-validated in five folds from that feature alone: ROC AUC (the mean over classes, one against the rest) or R². From 0.95 "
        "it is called leaking, at most 0.55 (R²: 0.05) redundant. Prediction power is 2·AUC − 1, or R². Outliers are further than five robust standard "
        "deviations from the median. The thresholds are Sagewright's. Unusual rows are found by an isolation forest; the quick model is XGBoost, "
        "trained on 80 % of the rows without ids, free text and leaking columns, and judged on the rest. Seed {}. profile.json holds every number."
    )
    return '<p class="soft">{}</p>'.format(escape(words.format(found["seed"])))


SECTIONS: Sequence[Section] = (
    ("findings", "Findings", _findings),
    ("model", "Label and quick model", model),
    ("features", "Features and the label", features),
    ("charts", "Charts", _charts),
    ("correlation", "Correlation", _correlation),
    ("columns", "Columns", columns),
    ("unusual", "Unusual rows", _unusual),
    ("measured", "How this was measured", _measured),
)
