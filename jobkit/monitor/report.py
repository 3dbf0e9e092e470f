"""Show drift on one HTML page without any request: what is violated, each column then and now, model quality then and now, what was not used."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.monitor import charts, quality_limits, violations
from jobkit.monitor.analysis import Analysis
from jobkit.monitor.cells import UNKNOWN
from jobkit.page import frame, svg

OPEN_COLUMNS, OPEN_VIOLATIONS = 60, 12
Document = Mapping[str, Any]


class Part(NamedTuple):
    """Hold one analysis: its name, statistics.json of the baseline (None: there is none) and of now, the baseline's constraints, violations and counts."""

    name: str
    before: Optional[Document]
    now: Document
    limits: Optional[Document]
    violations: Sequence[Mapping[str, str]]
    counts: Mapping[str, int]


def of_analysis(found: Analysis) -> Part:
    """Return what a page shows of an analysis."""
    name = "Data quality" if "features" in found.statistics else "Model quality"
    return Part(name, found.before, found.statistics, found.limits, found.violations or (), found.counts)


def page(parts: Sequence[Part], title: str = "Drift report") -> str:
    """Return the page; the same parts give the same bytes."""
    sections = [("violations", "Violations", _violations(parts))]
    for place, part in enumerate(parts):
        body = _columns(part) if "features" in part.now else _quality(part)
        sections.append(("part{}".format(place), part.name, body))
    sections += [("unused", "What was not used", _counts(parts)), ("measured", "How this was measured", MEASURED)]
    shown = [(name, heading, frame.section(name, heading, body)) for name, heading, body in sections if body]
    return frame.whole(title, "<h1>{}</h1>{}".format(escape(title), _tiles(parts)), shown, charts.CSS)


def _tiles(parts: Sequence[Part]) -> str:
    tiles = [("{:,}".format(sum(len(part.violations) for part in parts)), "violations")]
    for part in parts:
        then = "" if part.before is None else "; {:,} at the baseline".format(_rows(part.before))
        tiles.append(("{:,}".format(_rows(part.now)), "rows: {}{}".format(part.name.lower(), then)))
        if "features" in part.now and part.before is not None:
            compared = [entry for entry in _entries(part) if entry.found is not None]
            far = sum(1 for entry in compared if entry.found is not None and entry.found.too_far)
            tiles.append(("{} of {}".format(far, len(compared)), "compared columns have drifted"))
    return frame.tiles(tiles)


def _rows(statistics: Document) -> int:
    return int(statistics.get("dataset", {}).get("item_count", 0))


def _subject(entry: Mapping[str, str]) -> str:
    """Return what a violation is about, in the files of data quality, model quality, bias or attributions."""
    return next((entry[key] for key in ("feature_name", "metric_name", "facet", "label") if entry.get(key)), "")


def _violations(parts: Sequence[Part]) -> str:
    if all(part.limits is None for part in parts):
        return "<p>There is no baseline to hold this against.</p>"
    cards = [_violation(entry) for part in parts for entry in part.violations]
    rest = cards[OPEN_VIOLATIONS:]
    more = "<details><summary>{} more</summary>{}</details>".format(len(rest), "".join(rest)) if rest else ""
    return "".join(cards[:OPEN_VIOLATIONS]) + more if cards else "<p>Nothing is violated.</p>"


def _violation(entry: Mapping[str, str]) -> str:
    words = '<div class="card finding high"><p><span class="badge">{}</span><small>{}</small></p><p>{}</p></div>'
    return words.format(escape(_subject(entry)), escape(entry.get("constraint_check_type", "")), escape(entry.get("description", "").strip()))


class Entry(NamedTuple):
    """Hold one column: its statistics then and now, how far it has moved, and the kinds of checks it violates."""

    name: str
    before: Optional[Document]
    now: Document
    found: Optional[violations.Measured]
    violated: Tuple[str, ...]


def _entries(part: Part) -> List[Entry]:
    """Return the columns: those with violations first, then those that moved most for their threshold."""
    earlier = {entry["name"]: entry for entry in (part.before or {}).get("features", [])}
    wanted = {feature["name"]: violations.config(part.limits or {}, feature) for feature in (part.limits or {}).get("features", [])}
    kinds: Dict[str, List[str]] = {}
    for violation in part.violations:
        kinds.setdefault(_subject(violation), []).append(violation.get("constraint_check_type", ""))
    entries = []
    for now in part.now["features"]:
        name, before = now["name"], earlier.get(now["name"])
        drift = wanted[name].get("distribution_constraints") or {} if name in wanted else {"perform_comparison": violations.DISABLED}
        entries.append(Entry(name, before, now, violations.measured(before, now, drift), tuple(kinds.get(name, ()))))
    return sorted(entries, key=lambda entry: (not entry.violated, -_moved(entry.found)))


def _moved(found: Optional[violations.Measured]) -> float:
    if found is None:
        return -1.0
    return 1 - found.away if found.kind == "chi-squared" else found.away / found.threshold if found.threshold else found.away


def _columns(part: Part) -> str:
    cards = [_card(entry, part.before is not None) for entry in _entries(part)]
    rest = cards[OPEN_COLUMNS:]
    more = '<details><summary>{} more columns</summary><div class="cards">{}</div></details>'.format(len(rest), "".join(rest)) if rest else ""
    order = "Columns with violations first, then those that moved most. " if part.before is not None else ""
    told = '<p class="soft">{}Bars are shares of the rows that have a value.</p>'.format(order)
    gone = sorted({entry["name"] for entry in (part.before or {}).get("features", [])} - {entry["name"] for entry in part.now["features"]})
    lost = "<p>Not there any more: {}.</p>".format(escape(", ".join(gone))) if gone else ""
    return '{}{}{}<div class="cards">{}</div>{}'.format(told, lost, charts.legend() if part.before is not None else "", "".join(cards[:OPEN_COLUMNS]), more)


def _card(entry: Entry, compared: bool) -> str:
    """Return the card of a column; `compared` tells whether there is a baseline at all."""
    badges = "".join('<span class="badge high">{}</span>'.format(escape(kind.replace("_", " "))) for kind in entry.violated)
    chart = charts.overlay(entry.before, entry.now)
    body = chart or '<p class="soft">No distribution: {}.</p>'.format("no values" if entry.now["inferred_type"] == UNKNOWN else "too many different values")
    heading = '<div class="card"><h3>{}</h3>{}{}{}<dl class="facts">{}</dl></div>'
    return heading.format(escape(entry.name), badges, charts.caption(_distance(entry)) if compared else "", body, _facts(entry))


def _distance(entry: Entry) -> str:
    found = entry.found
    if found is None:
        return "not in the baseline" if entry.before is None else "not compared"
    if found.kind == "chi-squared":
        return "chi-squared p-value {:.3g}, drift below {:g}".format(found.away, found.threshold)
    return "{} distance {:.3f}, threshold {:g}".format(found.kind, found.away, found.threshold)


def _facts(entry: Entry) -> str:
    """Return what is known of the column, each then and now."""
    then, now = (_described(told) for told in (entry.before, entry.now))
    pairs = [("{} → {}".format(then[key], now[key]) if then.get(key, now[key]) != now[key] else now[key], key) for key in now]
    return "".join("<dt>{}</dt><dd>{}</dd>".format(escape(key), escape(words)) for words, key in pairs)


def _described(entry: Optional[Document]) -> Dict[str, str]:
    if entry is None:
        return {}
    told = entry.get("numerical_statistics") or entry.get("string_statistics") or {}
    counted = told.get("common", {})
    whole = counted.get("num_present", 0) + counted.get("num_missing", 0)
    facts = {"type": str(entry.get("inferred_type", "")), "missing": charts.percent(counted.get("num_missing", 0) / whole if whole else 0.0)}
    for key, words in (("mean", "mean"), ("std_dev", "sd"), ("min", "min"), ("max", "max"), ("distinct_count", "distinct")):
        if key in told:
            facts[words] = svg.number(float(told[key]))
    return facts


def _quality(part: Part) -> str:
    _, now = quality_limits.group_of(part.now)
    _, then = quality_limits.group_of(part.before or {})
    _, limits = quality_limits.group_of(part.limits or {})
    rows = [_metric(name, metric, then.get(name), limits.get(name)) for name, metric in now.items() if "value" in metric]
    heading = '<tr><th>metric</th><th class="n">baseline</th><th class="n">now</th><th class="n">change</th><th class="n">threshold</th><th></th></tr>'
    table = '<div class="scroll" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>'.format(heading, "".join(rows))
    return table + _confusion(now.get("confusion_matrix"), then.get("confusion_matrix"))


def _metric(name: str, metric: Document, before: Optional[Document], limit: Optional[Document]) -> str:
    value = float(metric["value"])
    then = None if before is None else float(before["value"])
    bound = "" if limit is None else "{} {:.4g}".format("≥" if limit["comparison_operator"] == quality_limits.LESS else "≤", float(limit["threshold"]))
    bad = limit is not None and quality_limits.missed(value, limit)
    cells = ["{:.4f}".format(then) if then is not None else "", "{:.4f}".format(value), "{:+.4f}".format(value - then) if then is not None else "", bound]
    mark = '<span class="badge high">missed</span>' if bad else ""
    return '<tr><td class="name">{}</td>{}<td>{}</td></tr>'.format(escape(name), "".join('<td class="n">{}</td>'.format(escape(cell)) for cell in cells), mark)


def _confusion(now: Optional[Document], then: Optional[Document]) -> str:
    made = []
    for words, matrix in (("baseline", then), ("now", now)):
        if matrix:
            names = list(matrix)
            head = "".join('<th class="n">said {}</th>'.format(escape(svg.short(name, 20))) for name in names)
            body = "".join(
                '<tr><td class="name">{}</td>{}</tr>'.format(
                    escape(svg.short(name, 20)), "".join('<td class="n">{:,}</td>'.format(matrix[name].get(said, 0)) for said in names)
                )
                for name in names
            )
            table = "<table><thead><tr><th>is</th>{}</tr></thead><tbody>{}</tbody></table>".format(head, body)
            made.append('<div class="card"><h3>Confusion matrix, {}</h3><div class="scroll" tabindex="0">{}</div></div>'.format(words, table))
    return '<div class="cards">{}</div>'.format("".join(made)) if made else ""


def _counts(parts: Sequence[Part]) -> str:
    rows = [(part.name, name.replace("_", " "), "{:,}".format(count)) for part in parts for name, count in part.counts.items()]
    body = "".join('<tr><td>{}</td><td>{}</td><td class="n">{}</td></tr>'.format(*map(escape, row)) for row in rows)
    head = '<tr><th>analysis</th><th>what</th><th class="n">number</th></tr>'
    return '<div class="scroll" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>'.format(head, body) if rows else ""


MEASURED = (
    '<p class="soft">Numbers: the largest difference of the cumulative shares, from KLL sketches of 2,048 values. Texts: the largest difference of a value’s '
    "share, or the p-value of a chi-squared test. Robust takes off what differs by chance in a sample of this size, 1.8·√((n+m)/(n·m)). Formats and wording "
    "are those of SageMaker Model Monitor; statistics.json, constraints.json and constraint_violations.json hold every number.</p>"
)
