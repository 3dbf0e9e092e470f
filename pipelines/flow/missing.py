"""Handle missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.flow.document import Node
from pipelines.flow.translation import (
    Made,
    Scene,
    Untranslated,
    by_column,
    chosen,
    columns,
    finite,
    into,
    member,
    number,
    one,
    partly,
    plain,
    quoted_name,
    text,
)

STRATEGIES: Mapping[str, str] = {"mean": "mean", "approximate median": "approximate_median", "median": "median", "most frequent": "mode", "mode": "mode"}


def impute(node: Node, scene: Scene) -> Made:
    """Impute with a statistic; the value that the flow was trained to is kept unless it is to be fitted again."""
    given = chosen(node)
    kind = text(given, "column_type", "Numeric").lower()
    if kind not in ("numeric", "categorical"):
        raise Untranslated(f"column_type {kind!r} has no equivalent")
    key = f"{kind}_parameters"
    inner = member(given, key)
    sources = columns(inner)
    copies, names = into(inner, sources)
    wanted = text(inner, "strategy", "Most Frequent" if kind == "categorical" else "Approximate Median").lower()
    if wanted not in STRATEGIES:
        raise Untranslated(f"strategy {wanted!r} has no equivalent; known: {', '.join(STRATEGIES)}")
    found = {} if scene.refit else _values(member(node.trained, "impute_parameters").get(key), sources, kind)
    state = {new: found[old] for new, old in zip(names, sources, strict=True) if old in found}
    members: dict[str, Any] = {"fitted": state} if state else {}
    return Made((*copies, one("impute", columns=names, strategy=STRATEGIES[wanted], **members)), notes=partly(names, state, scene.refit))


def _values(found: Any, names: list[str], kind: str) -> dict[str, Any]:
    values = {name: entry.get("impute_value") for name, entry in by_column(found, names).items()}
    if kind == "categorical":
        return {name: value for name, value in values.items() if isinstance(value, str)}
    numbers = {name: finite(value) for name, value in values.items()}
    return {name: plain(value) for name, value in numbers.items() if value is not None}


def fill(node: Node, scene: Scene) -> Made:
    """Fill with a constant, a number where the column is known to hold numbers."""
    given = chosen(node)
    value = given.get("fill_value")
    copies, names = into(given, columns(given))
    known = {(scene.columns or {}).get(name) for name in columns(given)}
    numeric = finite(value)
    if value is None or isinstance(value, (list, dict)):
        raise Untranslated("fill_value is missing")
    as_number = numeric is not None and (not isinstance(value, str) or known <= {"number", "integer", "boolean"})
    constant = plain(number(given, "fill_value")) if as_number else str(value)
    return Made((*copies, one("impute", columns=names, strategy="constant", value=constant)))


def indicator(node: Node, scene: Scene) -> Made:
    """Add a 0/1 column for missing values."""
    given = chosen(node)
    names = columns(given)
    made = {text(given, "output_column", f"{name}_indicator") if len(names) == 1 else f"{name}_indicator": f"is_missing({quoted_name(name)})" for name in names}
    return Made((one("derive", columns=made),))


def drop_missing(node: Node, scene: Scene) -> Made:
    """Drop rows with missing values; older flows keep the column one level deeper."""
    given = chosen(node)
    inner = member(given, "drop_rows_parameters") or given
    if text(given, "dimension", "Drop Rows") != "Drop Rows":
        raise Untranslated(f"dimension {given['dimension']!r} has no equivalent")
    names = columns(inner, needed=False)
    note = "no row is dropped at inference: a model answers every row" if names else "all columns but the label are looked at"
    return Made((one("drop_missing", columns=names),), notes=(note,))
