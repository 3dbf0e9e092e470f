"""Encode categories, and take dates apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.flow import spark_model
from pipelines.flow.document import Node
from pipelines.flow.translation import Made, Scene, Untranslated, chosen, columns, flag, into, one, partly, pick, text, trained_by_column

ONE_HOT_INVALID: Mapping[str, str] = {"Keep": "zeros", "Skip": "zeros", "Error": "fail"}
ORDINAL_INVALID: Mapping[str, str] = {"Keep": "last", "Skip": "null", "Error": "fail", "Replace with NaN": "null"}
SKIPPED = "invalid_handling_strategy Skip removes a row with an unknown level; it is kept, with the level as if missing"
PARTS: Mapping[str, str] = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week_of_year": "week",
    "day": "day",
    "day_of_year": "day_of_year",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
}
MOST_LEVELS = 1000


def one_hot(node: Node, scene: Scene) -> Made:
    """Encode as one column per level, named as the flow names them."""
    given = chosen(node)
    names = columns(given)
    if given.get("output_column"):
        raise Untranslated("output_column: the columns are named after their levels")
    policy = pick(given, "invalid_handling_strategy", ONE_HOT_INVALID, "Error")
    last = flag(given, "drop_last")
    found, problems = _levels(node, names)
    levels = {"fitted": {name: known[:-1] if last and len(known) > 1 else known for name, known in found.items()}}
    state = {} if scene.refit else found
    members: dict[str, Any] = dict(levels) if state else {}
    if len(state) < len(names):
        members.update(max_levels=MOST_LEVELS, drop_last=last)
    step = replace(one("one_hot", columns=names, unknown=policy, missing=policy, names="raw", **members), hint=levels)
    skipped = (SKIPPED,) if given.get("invalid_handling_strategy") == "Skip" else ()
    vector = ("the flow made one vector; the same numbers stand in one column per level",) if text(given, "output_style", "Columns") == "Vector" else ()
    return Made((step,), lost=(*skipped, *(() if scene.refit else problems)), notes=(*vector, *(() if problems else partly(names, state, scene.refit))))


def ordinal(node: Node, scene: Scene) -> Made:
    """Encode as numbers in the order of the flow's labels."""
    given = chosen(node)
    sources = columns(given)
    copies, names = into(given, sources)
    policy = pick(given, "invalid_handling_strategy", ORDINAL_INVALID, "Error")
    found, problems = ({}, ()) if scene.refit else _levels(node, sources)
    order = {new: found[old] for new, old in zip(names, sources, strict=True) if old in found}
    members = {"order": order} if order else {}
    skipped = (SKIPPED,) if given.get("invalid_handling_strategy") == "Skip" else ()
    notes = () if problems else partly(names, order, scene.refit)
    return Made((*copies, one("ordinal", columns=names, unknown=policy, **members)), lost=(*skipped, *problems), notes=notes)


def _levels(node: Node, names: list[str]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return the trained levels of each column, and what is wrong with those that cannot be read."""
    found: dict[str, list[str]] = {}
    problems = []
    for name, entry in trained_by_column(node, names, node.trained).items():
        try:
            found[name] = spark_model.labels(entry.get("string_indexer_model"))
        except Untranslated as error:
            problems.append(f"the levels of {name!r}: {error}; they are fitted on the training split")
    return found, tuple(problems)


def date_parts(node: Node, scene: Scene) -> Made:
    """Take dates apart into ordinal numbers; the column itself stays, as in the flow."""
    given = chosen(node)
    mode, style = text(given, "output_mode", "Ordinal"), text(given, "output_format", "Columns")
    if mode != "Ordinal" or style.lower() != "columns":
        raise Untranslated(f"output_mode {mode} with output_format {style} has no equivalent; known: Ordinal in Columns")
    copies, names = into(given, columns(given))
    parts = [ours for theirs, ours in PARTS.items() if flag(given, theirs)]
    if not parts:
        raise Untranslated("no part of the date is asked for")
    zero_based = () if flag(given, "use_one_indexing") else ("months, days and weeks count from 1; the flow counts them from 0",)
    naming = ("columns are named <column>_<part>, a week of the year <column>_week",) if "week" in parts else ()
    return Made((*copies, one("dates", columns=names, parts=parts, keep=True)), notes=(*zero_based, *naming))
