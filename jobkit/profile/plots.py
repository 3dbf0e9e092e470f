"""The numbers behind the charts: histograms coloured by another column, scatter plots with facets."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from jobkit.columns import TEXT, date_text, number_text
from jobkit.failure import JobError
from jobkit.profile.describe import bins
from jobkit.profile.fields import DATED, Field

COLOURS, FACETS, POINTS, SPLIT = 5, 6, 800, 4


def find(fields: Mapping[str, Field], name: str, where: str) -> Field:
    """Return a field by name.

    Raises:
        JobError: there is none; the message names the nearest one.
    """
    if name in fields:
        return fields[name]
    near = difflib.get_close_matches(name, list(fields), 1, 0.5)
    hint = " Did you mean {!r}?".format(near[0]) if near else ""
    raise JobError("{}: there is no column {!r}; got {} columns: {}.{}".format(where, name, len(fields), ", ".join(fields)[:300], hint))


def groups(field: Optional[Field], most: int) -> Tuple[List[str], np.ndarray]:
    """Return at most so many groups of the rows by their value (the rest is `other`), and the group of each row (int64, -1 where missing).

    Numbers of many values are cut into four groups of equal filling.
    """
    if field is None:
        return [], np.zeros(0, dtype=np.int64)
    if field.numbers is not None and (field.distinct > most or field.kind == DATED):
        return _quarters(field)
    text = field.column.as_text()
    sizes = np.bincount(text.values[text.values >= 0], minlength=len(text.levels))
    order = sorted(range(len(sizes)), key=lambda place: (-sizes[place], text.levels[place]))[: most if len(sizes) <= most else most - 1]
    order = sorted(order, key=lambda place: _natural(text.levels[place]))
    names = [text.levels[place] for place in order] + (["other"] if len(order) < len(sizes) else [])
    table = np.full(len(sizes) + 1, len(order), dtype=np.int64)
    table[order], table[-1] = np.arange(len(order)), -1
    return names, table[text.values]


def _natural(level: str) -> Any:
    try:
        return 0, float(level), level
    except ValueError:
        return 1, 0.0, level


def _quarters(field: Field) -> Tuple[List[str], np.ndarray]:
    values = field.numbers
    assert values is not None
    ordered = np.sort(values[~np.isnan(values)])
    edges = np.unique(ordered[(np.arange(SPLIT + 1) * (len(ordered) - 1)) // SPLIT])
    write = (lambda value: date_text(value).split("T")[0]) if field.kind == DATED else (lambda value: number_text(float("{:.4g}".format(value))))
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(0, len(edges) - 2))
    names = ["{} to {}".format(write(float(low)), write(float(high))) for low, high in zip(edges[:-1], edges[1:])] or [write(float(edges[0]))]
    return names, np.where(np.isnan(values), -1, codes).astype(np.int64)


def histogram(field: Field, colour: Optional[Field]) -> Dict[str, Any]:
    """Return the number of rows in each bin of a column, for each colour: `counts` has one list of a number per bin for each of `series`."""
    made = bins(field)
    names, shades = groups(colour, COLOURS)
    if not names:
        names, shades = [""], np.zeros(len(made["codes"]), dtype=np.int64)
    if (shades < 0).any():
        names, shades = [*names, "missing"], np.where(shades < 0, len(names), shades)
    count = len(made["labels"])
    there = made["codes"] >= 0
    cells = np.bincount(shades[there] * count + made["codes"][there], minlength=len(names) * count).reshape(len(names), count) if count else np.empty((0, 0))
    found = {"column": field.name, "color_by": colour.name if colour else None, "labels": made["labels"], "series": names, "counts": cells.tolist()}
    return {**found, "edges": made.get("edges"), "missing": field.missing, "ordered": field.numbers is not None}


def scatter(axes: Tuple[Field, Field], colour: Optional[Field], facet: Optional[Field], seed: int) -> Dict[str, Any]:
    """Return at most 800 points a facet: for each facet its name and points [x, y, place of the colour]; text axes hold the place of the level."""
    places, names = zip(*(_axis(field) for field in axes))
    shades, shade = groups(colour, COLOURS)
    facets, panel = groups(facet, FACETS)
    rows = len(places[0])
    shade = shade if shades else np.zeros(rows, dtype=np.int64)
    panel = panel if facets else np.zeros(rows, dtype=np.int64)
    there = ~np.isnan(places[0]) & ~np.isnan(places[1]) & (shade >= 0) & (panel >= 0)
    chance = np.random.RandomState(seed)
    panels = []
    for number, name in enumerate(facets or [""]):
        found = np.flatnonzero(there & (panel == number))
        chosen = np.sort(chance.choice(found, POINTS, replace=False)) if len(found) > POINTS else found
        points = [[float(places[0][row]), float(places[1][row]), int(shade[row])] for row in chosen]
        panels.append({"name": name, "rows": len(found), "points": points})
    return {"series": shades or [""], "x_levels": names[0], "y_levels": names[1], "panels": panels}


def _axis(field: Field) -> Tuple[np.ndarray, Optional[List[str]]]:
    if field.numbers is not None and (field.column.kind != TEXT or field.kind == DATED):
        return field.numbers, None
    names, codes = groups(field, 12)
    return np.where(codes < 0, np.nan, codes.astype(np.float64)), names


def histograms(fields: Mapping[str, Field], wanted: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the histograms that the configuration asks for."""
    made = []
    for index, entry in enumerate(wanted):
        where = "profile.histograms[{}]".format(index)
        colour = find(fields, entry["color_by"], where + ".color_by") if entry.get("color_by") else None
        found = histogram(find(fields, entry["column"], where + ".column"), colour)
        made.append({"name": entry.get("name") or entry["column"], **found})
    return made


def scatters(fields: Mapping[str, Field], wanted: Sequence[Mapping[str, Any]], seed: int) -> List[Dict[str, Any]]:
    """Return the scatter plots that the configuration asks for."""
    made = []
    for index, entry in enumerate(wanted):
        found = {}
        for key in ("x", "y", "color_by", "facet_by"):
            found[key] = find(fields, entry[key], "profile.scatters[{}].{}".format(index, key)) if entry.get(key) else None
        about = {key: entry.get(key) for key in ("x", "y", "color_by", "facet_by")}
        kinds = {"x_kind": found["x"].kind, "y_kind": found["y"].kind}
        points = scatter((found["x"], found["y"]), found["color_by"], found["facet_by"], seed)
        made.append({"name": entry.get("name") or "{} against {}".format(entry["y"], entry["x"]), **about, **kinds, **points})
    return made
