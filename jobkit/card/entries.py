"""Metric entries and groups of a model card: numbers, matrices, curves and bars with names that the service's schema allows."""

from __future__ import annotations

import math
import re
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set

Entry = Dict[str, Any]
NAME, GROUP, AXIS, TEXT = 255, 63, 63, 1024
MOST_CELLS = 20


def clean(words: Any, limit: int) -> str:
    """Return a text on one line of at most so many characters; one that is empty becomes `-`."""
    told = re.sub(r"\s+", " ", str(words)).strip() or "-"
    return told if len(told) <= limit else told[: limit - 1] + "…"


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that JSON has: no boolean, NaN or infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(name: Any, value: Any) -> List[Entry]:
    """Return a number as an entry, none when there is no number: a metric without a value is left out, as the SDK's reports drop them."""
    return [{"name": clean(name, NAME), "value": value, "type": "number"}] if is_number(value) else []


def boolean(name: Any, value: Any) -> List[Entry]:
    """Return a yes or no as an entry."""
    return [{"name": clean(name, NAME), "value": bool(value), "type": "boolean"}]


def word(name: Any, value: Any) -> List[Entry]:
    """Return a text as an entry; the schema allows 63 characters."""
    return [{"name": clean(name, NAME), "value": clean(value, AXIS), "type": "string"}]


def matrix(name: Any, cells: Mapping[str, Mapping[str, Any]]) -> List[Entry]:
    """Return {actual: {predicted: rows}} as an entry, none when it has more than the 20 rows or columns that the schema allows."""
    across = list(cells)
    down = list(next(iter(cells.values()), {}))
    value = [list(row.values()) for row in cells.values()]
    sound = value and all(0 < len(row) <= MOST_CELLS and all(is_number(cell) for cell in row) for row in value)
    if not sound or len(value) > MOST_CELLS:
        return []
    axes = {"x_axis_name": [clean(each, AXIS) for each in across], "y_axis_name": [clean(each, AXIS) for each in down]}
    return [{"name": clean(name, NAME), "type": "matrix", **axes, "value": value}]


def curve(name: Any, axes: Sequence[Any], across: Iterable[Any], up: Iterable[Any]) -> List[Entry]:
    """Return points as an entry, none when there are none; `axes` names the horizontal and the upright one."""
    points = [[x, y] for x, y in zip(across, up) if is_number(x) and is_number(y)]
    names = {"x_axis_name": clean(axes[0], AXIS), "y_axis_name": clean(axes[1], AXIS)}
    return [{"name": clean(name, NAME), "type": "linear_graph", **names, "value": points}] if points else []


def bars(name: Any, labels: Sequence[Any], values: Sequence[Any], upright: Any) -> List[Entry]:
    """Return one number a label as an entry, none when there are none."""
    kept = [(clean(label, AXIS), value) for label, value in zip(labels, values) if is_number(value)]
    if not kept:
        return []
    axes = {"x_axis_name": [label for label, _ in kept], "y_axis_name": clean(upright, AXIS)}
    return [{"name": clean(name, NAME), "type": "bar_chart", **axes, "value": [value for _, value in kept]}]


def group(name: Any, entries: Sequence[Entry]) -> List[Dict[str, Any]]:
    """Return a group, none when it has no entry; its name is longer than the schema allows until `named_apart` cuts it."""
    return [{"name": clean(name, 10 * GROUP), "metric_data": list(entries)}] if entries else []


def named_apart(groups: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the groups with names of at most 63 characters, cut; a cut that makes two the same is numbered."""
    taken: Set[str] = set()
    made = []
    for each in groups:
        name, count = each["name"][:GROUP], 1
        while name in taken:
            count += 1
            mark = " #{}".format(count)
            name = each["name"][: GROUP - len(mark)] + mark
        taken.add(name)
        made.append({**each, "name": name})
    return made
