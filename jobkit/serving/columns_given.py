"""Which column each value of a request is: by the names in it, or by the number of values in a row without names."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from jobkit.serving.refusal import RequestError

SHOWN = 300


class Known(NamedTuple):
    """Hold the columns of the schema (what the model needs, in order), every name of the training data, and the layouts of rows without names by length.

    `written` has each name by its form without case and space.
    """

    schema: Tuple[str, ...]
    kinds: Mapping[str, str]
    names: frozenset
    layouts: Mapping[int, Tuple[str, ...]]
    written: Mapping[str, str]


def known(recipe: Mapping[str, Any]) -> Known:
    """Return what a recipe says of raw columns: rows without names are those of the schema, of the training file, or of that file without the label."""
    schema = tuple(entry["name"] for entry in recipe["schema"])
    file = tuple((recipe.get("source") or {}).get("columns") or ())
    label = (recipe.get("label") or {}).get("column")
    layouts: Dict[int, Tuple[str, ...]] = {}
    for layout in (schema, tuple(name for name in file if name != label), file):
        if layout:
            layouts.setdefault(len(layout), layout)
    names = frozenset((*schema, *file, label))
    written = {_plain(name): name for name in sorted(name for name in names if name)}
    return Known(schema, {entry["name"]: entry["kind"] for entry in recipe["schema"]}, names, layouts, written)


def layout(columns: Known, count: int, where: str) -> Tuple[str, ...]:
    """Return the names for a row of `count` values without names.

    Raises:
        RequestError: no layout has this many.
    """
    found = columns.layouts.get(count)
    if found is None:
        raise RequestError("{}: got {} values; expected {}".format(where, count, expected(columns)))
    return found


def expected(columns: Known) -> str:
    """Return in words what a row without names may be."""
    ours = "{} ({})".format(len(columns.schema), _listed(columns.schema))
    others = sorted(count for count in columns.layouts if count != len(columns.schema))
    return ours + "".join(", or {} as in the training file".format(count) for count in others)


def is_header(columns: Known, cells: Sequence[str]) -> bool:
    """Tell whether a first row is a header: at least half of its cells are names of columns, whatever their case and the space around them."""
    found = len([cell for cell in cells if _plain(cell) in columns.written])
    return found > 0 and 2 * found >= len(cells)


def as_written(columns: Known, cells: Sequence[str]) -> List[str]:
    """Return the names of a header as the training data writes them, where they differ in case or in the space around them only."""
    return [cell if cell in columns.names else columns.written.get(_plain(cell), cell) for cell in cells]


def _plain(name: str) -> str:
    return name.strip().casefold()


def check_names(columns: Known, names: Sequence[str], where: str) -> None:
    """Raise a RequestError when a name stands twice or no name is one of the schema."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise RequestError("{}: the column {!r} stands twice".format(where, twice))
    if columns.schema and columns.names.isdisjoint(names):
        raise strange(columns, list(names), where)


def strange(columns: Known, names: List[str], where: str) -> RequestError:
    """Return the error for a row of which no column is known."""
    shown = _listed([repr(name) for name in names]) or "nothing"
    return RequestError("{}: none of its columns is known; got {}, expected {}".format(where, shown, _listed(columns.schema)))


def _listed(names: Sequence[str]) -> str:
    """Return names in a row, as many whole ones as fit."""
    whole = ", ".join(names)
    end = whole.rfind(", ", 0, SHOWN)
    return whole if len(whole) <= SHOWN else (whole[: end + 2] if end > 0 else whole[:SHOWN]) + "…"
