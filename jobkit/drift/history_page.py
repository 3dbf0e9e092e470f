"""Show every execution of monitoring on one HTML page without any request: what is violated now, how each number moved, what was done when."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from jobkit.drift import trend
from jobkit.drift.trend import Point
from jobkit.page import frame
from jobkit.page.curves import short

TITLES: Mapping[str, str] = {
    "data-quality": "Data quality",
    "model-quality": "Model quality",
    "bias": "Bias",
    "explainability": "What the model looks at",
}
MEASURED: Mapping[str, str] = {
    "data-quality": "Distance of each column from the baseline; dashed: the threshold.",
    "model-quality": "Metrics of the model by ground truth; dashed: the threshold.",
    "bias": "Bias metrics of groups; dashed: the baseline. A metric violates when it is farther from no bias than chance explains.",
    "explainability": "Agreement of the ranking of columns with that at training (NDCG, 1 is the same); dashed: below this it violates.",
}
OPEN, OPEN_VIOLATIONS, SHOWN_EXECUTIONS = 6, 12, 200
Execution = Mapping[str, Any]


class Series(NamedTuple):
    """Hold a number over time."""

    name: str
    points: Tuple[Point, ...]

    @property
    def last(self) -> Point:
        """Return where it is now."""
        return self.points[-1]

    def moved(self) -> float:
        """Return how far it is from its limit, relative to it, the farthest first."""
        last = self.last
        return abs(last.value - last.limit) / (abs(last.limit) or 1.0) if last.limit is not None else 0.0


def page(name: str, executions: Sequence[Execution]) -> str:
    """Return the page of what is monitored under a name; executions come oldest first."""
    head = "<h1>Drift of {}</h1>{}{}".format(escape(name), _about(executions), _tiles(executions))
    drawn = [(kind, title, _kind(kind, executions)) for kind, title in TITLES.items()] + [("executions", "Executions", _executions(executions))]
    parts = [(place, heading, frame.section(place, heading, body)) for place, heading, body in drawn if body]
    made: str = frame.whole("Drift of " + name, head, parts, trend.CSS)
    return made


def index(names: Mapping[str, Sequence[Execution]]) -> str:
    """Return the page that leads to those of every name."""
    rows = "".join(
        '<tr><td class="name"><a href="{0}/report.html">{0}</a></td><td>{1}</td><td class="n">{2}</td><td class="n">{3}</td></tr>'.format(
            escape(name), escape(when(found[-1]["time"])), len(found), _count(found[-1])
        )
        for name, found in names.items()
    )
    head = '<th>monitored</th><th>last execution (UTC)</th><th class="n">executions</th><th class="n">violations now</th>'
    table = '<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'.format(head, rows)
    made: str = frame.whole("Drift", "<h1>Drift</h1>" + table, [], trend.CSS)
    return made


def when(folder: str) -> str:
    """Return the time in a folder's name, as people write it."""
    return "{}-{}-{} {}:{}{}".format(folder[:4], folder[4:6], folder[6:8], folder[9:11], folder[11:13], folder[16:].replace("-", " no. "))


def _count(execution: Execution) -> int:
    return sum(len(analysis.get("violations") or ()) for analysis in execution["analyses"])


def _about(executions: Sequence[Execution]) -> str:
    last = executions[-1]
    window = last.get("window") or {}
    told = "Version {}, last looked at {} (UTC): records from {} to {}."
    return frame.soft(told.format(last.get("version", "?"), when(last["time"]), window.get("from") or "the first", window.get("to") or "the last"))


def _tiles(executions: Sequence[Execution]) -> str:
    last = executions[-1]
    tiles = [("{:,}".format(_count(last)), "violations in the last execution"), ("{:,}".format(len(executions)), "executions")]
    for kind, title in TITLES.items():
        looked = _of_kind(kind, executions)
        if looked:
            tiles.append((STATUS.get(looked[-1][1]["status"], looked[-1][1]["status"]), title))
    return frame.tiles(tiles)


STATUS: Mapping[str, str] = {"Completed": "no violation", "CompletedWithViolations": "violated", "Failed": "failed", "Skipped": "not looked at"}


def _of_kind(kind: str, executions: Sequence[Execution]) -> List[Tuple[str, Mapping[str, Any]]]:
    """Return (time, analysis) of a kind, oldest first."""
    return [(found["time"], analysis) for found in executions for analysis in found["analyses"] if analysis["kind"] == kind]


def _kind(kind: str, executions: Sequence[Execution]) -> str:
    looked = _of_kind(kind, executions)
    done = [(time, analysis) for time, analysis in looked if analysis.get("found")]
    if not looked:
        return ""
    return _state(looked[-1]) + _violations(kind, done) + _charts(kind, done)


def _state(last: Tuple[str, Mapping[str, Any]]) -> str:
    time, analysis = last
    words = "{} (UTC): {}".format(when(time), STATUS.get(analysis["status"], analysis["status"]))
    rows = ", {:,} rows".format(analysis["rows"]) if analysis.get("rows") is not None else ""
    notes = "".join(frame.soft("Note: " + note) for note in analysis.get("notes") or ())
    return "<p>{}{}{}</p>{}".format(escape(words), rows, escape(". " + analysis["reason"]) if analysis.get("reason") else "", notes)


def _violations(kind: str, done: Sequence[Tuple[str, Mapping[str, Any]]]) -> str:
    """Return the violations of the last execution, and behind a line those before it, newest first; each with the way to its execution."""
    cards = [[_violation(kind, time, entry) for entry in analysis.get("violations") or ()] for time, analysis in reversed(done)]
    now, earlier = (cards or [[]])[0], [card for found in cards[1:] for card in found]
    return "".join(now[:OPEN_VIOLATIONS]) + _folded("more", now[OPEN_VIOLATIONS:]) + _folded("earlier", earlier)


def _folded(words: str, cards: Sequence[str]) -> str:
    return "<details><summary>{} {}</summary>{}</details>".format(len(cards), words, "".join(cards)) if cards else ""


def _violation(kind: str, time: str, entry: str) -> str:
    link = "{}/{}/{}".format(time, kind, PAGES.get(kind, "analysis.json"))
    subject, _, words = entry.partition(": ")
    card = '<div class="card finding high"><p><span class="badge">{}</span><small>{} · <a href="{}">the execution</a></small></p><p>{}</p></div>'
    return card.format(escape(subject), escape(when(time)), escape(link, quote=True), escape(words))


PAGES: Mapping[str, str] = {"data-quality": "drift.html", "model-quality": "drift.html"}


def _charts(kind: str, done: Sequence[Tuple[str, Mapping[str, Any]]]) -> str:
    series = sorted(_series(done), key=lambda each: (not each.last.violated, -each.moved(), each.name))
    if not series:
        return ""
    cards = [_card(each) for each in series]
    rest = cards[OPEN:]
    more = '<details><summary>{} more</summary><div class="cards">{}</div></details>'.format(len(rest), "".join(rest)) if rest else ""
    return '{}<div class="cards">{}</div>{}'.format(frame.soft(MEASURED[kind]), "".join(cards[:OPEN]), more)


def _series(done: Sequence[Tuple[str, Mapping[str, Any]]]) -> List[Series]:
    found: Dict[str, List[Point]] = {}
    for time, analysis in done:
        for name, each in analysis["found"]["measures"].items():
            found.setdefault(name, []).append(Point(when(time), float(each["value"]), each["limit"], bool(each["violated"])))
    return [Series(name, tuple(points)) for name, points in found.items()]


def _card(series: Series) -> str:
    last = series.last
    badge = '<span class="badge high">violated</span>' if last.violated else ""
    words = short(last.value) + (", held against {}".format(short(last.limit)) if last.limit is not None else "")
    return '<div class="card"><h3>{}</h3>{}<small>{}</small>{}</div>'.format(escape(series.name), badge, escape(words), trend.draw(series.name, series.points))


def _executions(executions: Sequence[Execution]) -> str:
    rows = []
    for execution in list(reversed(executions))[:SHOWN_EXECUTIONS]:
        for analysis in execution["analyses"]:
            rows.append(_row(execution["time"], analysis))
    head = '<th>time (UTC)</th><th>analysis</th><th>status</th><th class="n">rows</th><th class="n">violations</th><th>files</th>'
    return '<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'.format(head, "".join(rows))


def _row(time: str, analysis: Mapping[str, Any]) -> str:
    kind, found = analysis["kind"], analysis.get("found")
    place = "{}/{}".format(time, kind)
    names = [*([PAGES[kind]] if kind in PAGES else ["analysis.json"]), "constraint_violations.json"] if found else []
    links = " ".join('<a href="{}/{}">{}</a>'.format(escape(place, quote=True), name, name) for name in names)
    cells = (escape(when(time)), escape(TITLES.get(kind, kind)), escape(STATUS.get(analysis["status"], analysis["status"])))
    numbers = ("{:,}".format(found["rows"]) if found else "", len(analysis.get("violations") or ()) if found else "")
    row = "<tr><td>{}</td><td>{}</td><td>{}</td>".format(*cells) + '<td class="n">{}</td><td class="n">{}</td>'.format(*numbers)
    return row + "<td>{}</td></tr>".format(links or escape(analysis.get("reason") or ""))
