"""Write a fitted recipe as a Jupyter notebook: the same steps one by one, with what each does and plots of the raw rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.export.calls import calls, literal
from pipelines.export.python_file import needed, transform_source

MOST_PLOTS = 6
PLOTS = '''
def histogram(rows, column, color_by=None, ax=None):
    """Draw how often the values of a column occur, one colour for each value of another column."""
    ax = ax or plt.subplots(figsize=(7, 3))[1]
    groups = [("", rows)] if color_by is None else [(str(value), part) for value, part in rows.groupby(color_by)]
    values = [part[column].dropna() for _, part in groups]
    if rows[column].dtype == object:
        names = [str(name) for name in rows[column].value_counts().index[:20]]
        values = [part.map(str).value_counts().reindex(names).fillna(0) for part in values]
        for place, (found, (label, _)) in enumerate(zip(values, groups)):
            ax.bar([x + 0.8 * place / len(groups) for x in range(len(names))], found, width=0.8 / len(groups), label=label)
        ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
    else:
        ax.hist(values, bins=30, stacked=True, label=[label for label, _ in groups])
    ax.set(title=column, ylabel="rows")
    if color_by is not None:
        ax.legend(title=color_by)


def scatter(rows, x, y, color_by=None, facet_by=None):
    """Draw two columns against each other, one panel for each value of a third."""
    panels = [("", rows)] if facet_by is None else list(rows.groupby(facet_by))[:6]
    _, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 4), squeeze=False)
    for ax, (name, part) in zip(axes[0], panels):
        for value, group in [("", part)] if color_by is None else part.groupby(color_by):
            ax.scatter(group[x], group[y], s=6, alpha=0.4, label=str(value))
        ax.set(xlabel=x, ylabel=y, title=str(name))
        if color_by is not None:
            ax.legend(title=color_by)
'''


def notebook(recipe: Mapping[str, Any], name: str, data: str, reading: Mapping[str, Any], charts: Mapping[str, Any]) -> str:
    """Return the notebook's text (nbformat 4.5); `charts` holds histograms and scatters as the section `profile` does."""
    cells = list(_cells(recipe, name, data, reading, charts))
    for place, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{place}{''.join(cell['source'])}".encode()).hexdigest()[:12]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text.strip("\n").splitlines(keepends=True)}


def _cells(recipe: Mapping[str, Any], name: str, data: str, reading: Mapping[str, Any], charts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    label = recipe["label"]["column"]
    imports, pieces = needed(transform_source(recipe))
    told = "The steps of the recipe one by one, with what it learnt from its training split. Made by `sagewright export notebook`."
    yield _text(f"# How {name} prepares its rows\n\n{told}")
    yield _code("\n".join(sorted({*imports, "import operator", "import matplotlib.pyplot as plt"})) + "\n\n" + "\n\n\n".join(pieces))
    yield _text("## The raw rows\n\nSet `DATA` to your own file.")
    options = f"sep={reading.get('delimiter', ',')!r}, encoding={reading.get('encoding', 'utf-8')!r}, na_values={list(recipe['null_values'])!r}"
    yield _code(f"DATA = {data!r}\nraw = pd.read_csv(DATA, {options}, keep_default_na=False)\nraw.head()")
    yield _code(PLOTS)
    yield from _plots(recipe, label, charts)
    schema = {entry["name"]: entry["kind"] for entry in recipe["schema"]}
    yield _text("## The steps\n\nFirst the columns are taken in, in their types. The label is no feature.")
    yield _code(f"SCHEMA = {literal(schema, 9)}\nNULLS = {literal(sorted(recipe['null_values']), 8)}\nrows = take_in(raw, SCHEMA, NULLS)\nrows.head()")
    for number, call in enumerate(calls(recipe), 1):
        yield _text(f"### {number}. {call.told}")
        if call.lines:
            yield _code("\n".join(['with np.errstate(all="ignore"):', *(f"    {line}" for line in call.lines), "rows.head()"]))
    yield _text("## The features\n\nAs the model takes them: float32, with names that XGBoost and CSV take.")
    names = dict(zip(recipe["columns"], recipe["features"], strict=True))
    yield _code(f"FEATURES = {literal(names, 11)}\nmade = features(rows, FEATURES)\nmade.describe().T")


def _plots(recipe: Mapping[str, Any], label: str, charts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kinds = {entry["name"]: entry["kind"] for entry in recipe["schema"]}
    classes = recipe["label"].get("problem") != "regression"
    yield _text(f"### The label, {label}")
    yield _code(f"raw[{label!r}].value_counts(dropna=False).to_frame()" if classes else f"histogram(raw, {label!r})")
    for chart in charts.get("histograms") or _default(list(kinds), label if classes else None):
        yield _text(f"### {chart.get('name') or chart['column']}")
        yield _code(f"histogram(raw, {chart['column']!r}, {chart.get('color_by')!r})")
    for chart in charts.get("scatters") or ():
        yield _text(f"### {chart.get('name') or chart['y'] + ' by ' + chart['x']}")
        yield _code(f"scatter(raw, {chart['x']!r}, {chart['y']!r}, {chart.get('color_by')!r}, {chart.get('facet_by')!r})")


def _default(names: Sequence[str], label: str | None) -> list[dict[str, Any]]:
    return [{"column": name, "color_by": label} for name in names[:MOST_PLOTS]]
