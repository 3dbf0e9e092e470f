"""Manage rows, and the joins and concatenations that bring in other inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.flow.document import Node
from pipelines.flow.translation import Made, Scene, Untranslated, chosen, columns, one, pick, shown

JOINS: Mapping[str, str] = {
    "inner": "inner",
    "left": "left",
    "leftouter": "left",
    "left outer": "left",
    "left_outer": "left",
    "right": "right",
    "rightouter": "right",
    "right outer": "right",
    "right_outer": "right",
    "outer": "outer",
    "full": "outer",
    "fullouter": "outer",
    "full outer": "outer",
    "full_outer": "outer",
}


def drop_duplicates(node: Node, scene: Scene) -> Made:
    """Drop rows that are equal in all columns, keeping one."""
    names = columns(chosen(node), needed=False)
    return Made((one("drop_duplicates", columns=names) if names else one("drop_duplicates"),))


def join(node: Node, scene: Scene) -> Made:
    """Join another input by keys of the same names."""
    left, right = _keys(node.parameters)
    if left != right:
        raise Untranslated(f"the keys have different names ({', '.join(left)} and {', '.join(right)}); rename the column in the other input's file")
    other, kinds = _other(scene)
    how = pick({"join_type": str(node.parameters.get("join_type") or "inner").lower()}, "join_type", JOINS, "")
    own = scene.columns or {}
    clashes = [name for name in kinds if name in own and name not in left]
    steps = [one("join", other=other, columns=left, how=how, suffix="_1")]
    if clashes:
        steps.append(one("rename_columns", "Data Wrangler renames what both inputs have", columns={name: f"{name}_0" for name in clashes}))
    added = {f"{name}_1" if name in clashes else name: kind for name, kind in kinds.items() if name not in left}
    if added:
        steps.append(one("cast", "types of the other input", columns=added, on_error="null"))
    note = "the key stands once in the result, under its own name"
    return Made(tuple(steps), notes=(note,))


def _keys(parameters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    pairs = parameters.get("join_keys", [parameters])
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, Mapping) for pair in pairs):
        raise Untranslated(f"join_keys is not a list of objects; got {shown(pairs)}")
    sides = [[name for pair in pairs for name in columns(pair, key)] for key in ("left_column", "right_column")]
    return sides[0], sides[1]


def concatenate(node: Node, scene: Scene) -> Made:
    """Append the rows of another input."""
    lost = tuple(f"the parameter {key} = {shown(value)}" for key, value in node.parameters.items() if value and key != "name")
    return Made((one("concat", other=_other(scene)[0]),), lost=lost)


def _other(scene: Scene) -> tuple[str, Mapping[str, str]]:
    if len(scene.others) != 1:
        raise Untranslated(f"it has {len(scene.others) + 1} inputs; expected two, the second a source without other transforms than its types")
    name, _, kinds = scene.others[0]
    return name, kinds
