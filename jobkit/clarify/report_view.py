"""What the reports show, in order, as words, tables and charts; the page, the notebook and the PDF are drawn from the same."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from jobkit.clarify import report_words as words
from jobkit.clarify.study import Entry, Study

# So many groups are drawn in one chart and compared in one table; each has its own table anyway.
COMPARED = 5
# Groups with a table of their own; more make a report that nobody reads and that takes a minute to draw.
SHOWN = 120
FEATURES, CURVES = 15, 12


class Content(NamedTuple):
    """Hold what a report is about: the study and the explanations (the member of analysis.json), and the violations where a baseline was given."""

    title: str
    study: Optional[Study]
    explanations: Mapping[str, Any]
    violations: Optional[Mapping[str, Any]]


class Words(NamedTuple):
    """Hold a paragraph; `strong` marks a note to be seen."""

    text: str
    strong: bool = False


class Table(NamedTuple):
    """Hold a table; `numeric` are the places of the columns of numbers, `title` may be empty, `beside` lets it stand beside the next one."""

    title: str
    heading: Tuple[str, ...]
    rows: Tuple[Tuple[str, ...], ...]
    numeric: Tuple[int, ...] = ()
    beside: bool = False


class Bars(NamedTuple):
    """Hold bars from 0 to either side: `names` down, for each a bar of each of `series` (name, values, what is written at the end)."""

    title: str
    names: Tuple[str, ...]
    series: Tuple[Tuple[str, Tuple[Optional[float], ...], Tuple[str, ...]], ...]
    unit: str


class Curve(NamedTuple):
    """Hold curves over numbers, or points over names: `x` and for each of `series` a name and as many values."""

    title: str
    x: Tuple[Any, ...]
    series: Tuple[Tuple[str, Tuple[float, ...]], ...]
    y_name: str


Block = Union[Words, Table, Bars, Curve]


class Section(NamedTuple):
    """Hold a heading, its anchor and what stands below."""

    anchor: str
    heading: str
    blocks: Tuple[Block, ...]


def sections(content: Content) -> List[Section]:
    """Return the parts of a report that have something to show."""
    made: List[Tuple[str, str, List[Block]]] = [("drift", "Against the baseline", _drift(content.violations))]
    if content.study is not None:
        study = content.study
        made += [
            ("data", "What was analysed", _about(study)),
            ("before", "Bias in the data", _bias(study, study.pre)),
            ("after", "Bias in the predictions", _bias(study, study.post)),
            ("model", "How well the model does", _performance(study)),
        ]
    made += [("shap", "Which features matter", _shap(content.explanations)), ("pdp", "How predictions follow a feature", _pdp(content.explanations))]
    return [Section(anchor, heading, tuple(blocks)) for anchor, heading, blocks in made if blocks]


def _drift(violations: Optional[Mapping[str, Any]]) -> List[Block]:
    if violations is None:
        return []
    found = violations["violations"]
    if not found:
        return [Words("No metric is farther from its ideal than the baseline allows.")]
    rows = tuple((where(entry), entry["metric_name"], entry["description"]) for entry in found)
    return [Words("{} violations.".format(len(found)), True), Table("", ("where", "metric", "what is wrong"), rows)]


def where(entry: Mapping[str, Any]) -> str:
    """Return which group, or which label of an explanation, a violation is about."""
    return "{} = {}".format(entry["facet"], entry["facet_value"]) if "facet" in entry else str(entry.get("label", ""))


def _about(study: Study) -> List[Block]:
    told = "{:,} rows; the label is {}, and {} is the positive outcome. A facet splits the rows into a group and the others; every metric compares the two."
    groups = list(dict.fromkeys((entry.facet, entry.value, entry.d.rows, entry.a.rows, entry.d.positive, entry.a.positive) for entry in study.pre + study.post))
    rows = tuple(
        (facet, value, "{:,.0f}".format(inside), "{:,.0f}".format(others), _share(good, inside), _share(well, others))
        for facet, value, inside, others, good, well in groups
    )
    more = [Words("{} more groups stand in analysis.json.".format(len(rows) - SHOWN))] if len(rows) > SHOWN else []
    heading = ("facet", "group", "rows in the group", "other rows", "positive in the group", "positive among the others")
    return [
        Words(told.format(study.rows, study.label, study.positive)),
        *(Words(note, True) for note in study.notes),
        Table("", heading, rows[:SHOWN], (2, 3, 4, 5)),
        *more,
    ]


def _share(part: float, whole: float) -> str:
    return "{:.1f} %".format(100 * part / whole) if whole else "–"


def _bias(study: Study, entries: Sequence[Entry]) -> List[Block]:
    if not entries:
        return []
    compared = entries[:COMPARED]
    blocks: List[Block] = [_chart(compared)]
    if len(entries) > COMPARED:
        tables = "each has a table below" if len(entries) <= SHOWN else "the first {} have a table below, all stand in analysis.json".format(SHOWN)
        blocks.append(Words("The chart shows the first {} of {} groups; {}.".format(COMPARED, len(entries), tables)))
    return [*blocks, *(_entry_table(entry) for entry in entries[:SHOWN])]


def group_name(entry: Entry) -> str:
    """Return how a group is called: facet = value, or facet in (low, high]; its blanks do not break."""
    return "{}\u00a0{}\u00a0{}".format(entry.facet, "in" if entry.value.startswith("(") else "=", entry.value)


def _chart(entries: Sequence[Entry]) -> Bars:
    names = tuple(metric.name for metric in entries[0].metrics)
    series = tuple(
        (group_name(entry), tuple(words.distance(metric) for metric in entry.metrics), tuple(words.short_value(metric) for metric in entry.metrics))
        for entry in entries
    )
    return Bars("", names, series, "distance from no bias (of DI: from 1)")


def _entry_table(entry: Entry) -> Table:
    name = group_name(entry)
    rows = tuple((metric.name, words.short_value(metric), words.meaning(metric.name, name), words.reading(metric, name)) for metric in entry.metrics)
    return Table(name, ("metric", "value", "what it compares", "what it says here"), rows, (1,), True)


def _performance(study: Study) -> List[Block]:
    if not study.performance:
        return []
    rows = tuple((words.PERFORMANCE[name], "{:.4f}".format(value)) for name, value in study.performance.items())
    heading, cells = words.matrix_rows(study.matrix)
    matrix = Table("Confusion matrix", tuple(heading), tuple(tuple(row) for row in cells), tuple(range(1, len(heading))), True)
    positive = Table("All rows, {} = {} as positive".format(study.label, study.positive), ("measure", "value"), rows, (1,), True)
    return [positive, matrix]


def _shap(explanations: Mapping[str, Any]) -> List[Block]:
    blocks: List[Block] = []
    for label, found in explanations.get("kernel_shap", {}).items():
        top = words.top_features(found.get("global_shap_values", {}), FEATURES)
        if top:
            values = tuple(value for _, value in top)
            series = (("mean SHAP value", values, tuple("{:.4g}".format(value) for value in values)),)
            blocks.append(Bars(str(label), tuple(name for name, _ in top), series, "global SHAP value: how much the feature moves a prediction"))
            told = "{}: the {} most important of {} features. Without knowing a row the model expects {:.4g}."
            if isinstance(found.get("expected_value"), (int, float)):
                blocks.append(Words(told.format(label, len(top), len(found["global_shap_values"]), found["expected_value"])))
    return blocks


def _pdp(explanations: Mapping[str, Any]) -> List[Block]:
    blocks: List[Block] = []
    found: Sequence[Mapping[str, Any]] = explanations.get("pdp") or ()
    for entry in found[:CURVES]:
        labels = entry.get("label_headers") or []
        lines = entry["model_predictions"]
        named = tuple((str(labels[place]) if place < len(labels) else "label{}".format(place), tuple(line)) for place, line in enumerate(lines))
        blocks.append(Curve(str(entry["feature_name"]), tuple(entry["feature_values"]), named, "mean prediction"))
    if len(found) > CURVES:
        blocks.append(Words("{} more are in analysis.json.".format(len(found) - CURVES)))
    return blocks


def is_numeric(curve: Curve) -> bool:
    """Tell whether a curve goes over numbers."""
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in curve.x)


def limit(bars: Bars) -> float:
    """Return the value at the end of the axis: the largest one, but at most 1 where values of a metric may be far beyond."""
    sizes: Dict[bool, List[float]] = {True: [], False: []}
    for _, values, _ in bars.series:
        for value in values:
            if value is not None:
                sizes[abs(value) <= 1].append(abs(value))
    return 1.0 if sizes[False] else max(sizes[True], default=0.0) or 1.0
