"""Turn what a walk collected into findings: each with its rule, place, message and advice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UsageError
from pipelines.lint import knowledge as known
from pipelines.lint.columns import ALL, LAST
from pipelines.lint.facts import Facts, Found, Pair
from pipelines.lint.interpreter import Interpreter
from pipelines.lint.rules import RULES, Rule
from pipelines.lint.sources import Script
from pipelines.lint.values import Learned, Part

IGNORED = re.compile(r"#\s*sagewright:\s*ignore(?:\[([A-Za-z0-9,\s]*)\])?")


@dataclass(frozen=True)
class Finding:
    """Hold a finding as it is told: rule, message, place (1-based line and column; of the cell in a notebook), and the line of code."""

    rule: Rule
    message: str
    path: str
    line: int
    column: int
    cell: int | None
    where: str
    code: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready members."""
        place = {"path": self.path, "line": self.line, "column": self.column, **({"cell": self.cell} if self.cell is not None else {})}
        return {"code": self.rule.code, "name": self.rule.name, "severity": self.rule.severity, "message": self.message, "advice": self.rule.advice, **place}


def check(script: Script, codes: Iterable[str] = RULES) -> list[Finding]:
    """Return what is found in a script, by line; what has a line that says `# sagewright: ignore` or `ignore[SW101]` is left out.

    Raises:
        UsageError: the script cannot be followed.
    """
    try:
        facts = Interpreter().script(script.tree)
    except RecursionError:
        raise UsageError("it is nested too deeply, or an expression in it is too long, to be followed", where=script.path) from None
    wanted = frozenset(codes)
    made = {(found.rule, getattr(found.node, "lineno", 1), getattr(found.node, "col_offset", 0)): found for found in reversed(list(_all(facts)))}
    told = [_told(script, made[key]) for key in sorted(made, key=lambda key: (key[1], key[2], key[0])) if key[0] in wanted]
    return [finding for (code, line, end), finding in told if not any(_is_ignored(each, code) for each in script.lines[line - 1 : end])]


def _is_ignored(line: str, code: str) -> bool:
    found = IGNORED.search(line)
    return found is not None and (found[1] is None or code in re.split(r"[,\s]+", found[1].upper()))


def _told(script: Script, found: Found) -> tuple[tuple[str, int, int], Finding]:
    rule = RULES[found.rule]
    line, column = getattr(found.node, "lineno", 1), getattr(found.node, "col_offset", 0) + 1
    told = {key: _line(script, value) if key == "line" else value for key, value in found.told.items()}
    cell, within = script.places[line - 1] if script.places else (None, line)
    message = rule.message.format(**told)
    end = getattr(found.node, "end_lineno", None) or line
    return (found.rule, line, end), Finding(rule, message, script.path, within, column, cell, script.where(line, column), script.lines[line - 1])


def _line(script: Script, line: object) -> str:
    if script.places and isinstance(line, int):
        cell, within = script.places[line - 1]
        return f"{within} of cell {cell}"
    return str(line)


def _all(facts: Facts) -> Iterator[Found]:
    labels = {name for pair in facts.pairs if (name := pair.label.columns.single) is not None}
    yield from (found for found in facts.found if not (found.rule == "SW104" and facts.aligned))
    yield from _reached(facts, labels)
    yield from _labels(facts)
    yield from _scores(facts)
    if facts.processing and not facts.saves and facts.transformers:
        node, name = facts.transformers[0]
        yield Found("SW602", node, {"what": name})


def _reached(facts: Facts, labels: set[str]) -> Iterator[Found]:
    """Yield what was learned from rows that are split."""
    for learned, line in facts.reached.items():
        if _is_about_label(learned, labels):
            continue
        rule = learned.rule
        named = sorted(learned.columns.names) if learned.columns.known and not learned.columns.inverted else []
        label = next((name for name in named if name in labels or (learned.what.startswith("groupby") and known.LABEL_NAME.fullmatch(name))), None)
        if rule == "SW105" and label is not None:
            rule = "SW108"
        rows = "all" if learned.part is Part.whole else f"the {learned.part.value}"
        yield Found(rule, learned.node, {"what": learned.what, "line": line, "label": repr(label), "rows": rows})


def _is_about_label(learned: Learned, labels: set[str]) -> bool:
    """Tell whether only the label's own classes or values were learned, which says nothing of other columns."""
    return learned.columns.certainly_only(labels | {LAST}) and not learned.what.startswith("groupby")


def _labels(facts: Facts) -> Iterator[Found]:
    """Yield labels that are still among the features, and features made from the label."""
    seen: set[tuple[str, frozenset[int]]] = set()
    for pair in facts.pairs:
        label = pair.label.columns.single
        key = (label or "", pair.features.roots)
        if label is None or key in seen or not pair.features.roots & pair.label.roots:
            continue
        if _holds(pair, label) and (pair.certain or label not in facts.dropped_later):
            seen.add(key)
            yield Found("SW301", pair.node, {"label": repr(label)})
        yield from _made_of(facts, pair, label)


def _holds(pair: Pair, label: str) -> bool:
    columns = pair.features.columns
    if label == LAST:
        return columns == ALL
    return columns.holds(label) and LAST not in columns.names


def _made_of(facts: Facts, pair: Pair, label: str) -> Iterator[Found]:
    here = [made for made in facts.made if made.roots & pair.features.roots and made.name != label]
    from_label = {label}
    for made in here:
        if made.sources.known and made.sources.names & from_label:
            from_label.add(made.name)
            if _holds(pair, made.name):
                yield Found("SW302", made.node, {"what": repr(made.name), "label": repr(label)})
    for made in facts.made:
        source = made.sources.single
        if made.name == label and source not in (None, label) and made.roots & pair.features.roots and _holds(pair, source or ""):
            yield Found("SW301", pair.node, {"label": f"{label!r}, in the column {source!r} that it is made of"})


def _scores(facts: Facts) -> Iterator[Found]:
    for node, rows in facts.scores:
        thing = rows.predicted
        if thing is None or thing.fitted is None or thing.kind in ("transformer", "selector") or thing.name in known.LABEL_ENCODERS:
            continue
        fitted = thing.fitted
        if not fitted.roots & rows.roots or rows.part is Part.train:
            continue
        if fitted.part is Part.whole or (fitted.part is Part.test and rows.part is Part.test):
            yield Found("SW402", node, {"what": thing.name, "line": _fit_line(thing.fitted_at)})


def _fit_line(node: ast.AST | None) -> int:
    return getattr(node, "lineno", 0)
