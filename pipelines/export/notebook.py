"""Write a recipe as a Jupyter notebook (nbformat 4.5): each step explained, done and looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.config.recipe import STEPS
from pipelines.export.layout import assign, literal, text
from pipelines.export.plots import plot_cells
from pipelines.export.python_file import READERS, check, flow_functions, library_code, own_code, settings, splitter, step_lines
from pipelines.export.recipe import Numbered, Source, divided, state_of
from pipelines.export.source import LIBRARIES, imports, names_in

Cell = tuple[str, str]


def notebook(source: Source) -> str:
    """Return the text of the .ipynb file; the same source gives the same bytes.

    Raises:
        UsageError: see `pipelines.export.python_file.python_file`.
    """
    check(source)
    cells = [*_opening(source), *_recipe(source)]
    names = set().union(*(names_in(body) for kind, body in cells if kind == "code"))
    library = library_code(names - {"learn", "before_split", "combine", "transform", "after_split"})
    everything = names | names_in(library)
    tools = [("code", imports(everything | set(LIBRARIES)) + "\nimport matplotlib.pyplot as plt"), ("code", settings(source)), *_library(library)]
    return _document([cells[0], *tools, *cells[1:]])


def _library(code: str) -> list[Cell]:
    return [("markdown", "The functions that do the steps. Run this cell and read on; come back to it for the details."), ("code", code)]


def _opening(source: Source) -> Iterator[Cell]:
    yield (
        "markdown",
        f"# {source.name}\n\n{source.config['description']}\n\nThis notebook prepares the data as the Sagewright recipe does, step by step, with pandas, numpy "
        "and, for the plots, matplotlib. What learns from data learns from the training rows only.",
    )
    for name, body in zip(source.files, own_code(source), strict=True):
        yield "markdown", f"Your own file `{name}`."
        yield "code", body
    yield "markdown", "## The raw rows"
    others = "".join(f"\n{name}_file = {text(data['input'])}" for name, data in source.config["data"]["others"].items())
    yield "code", f"{assign('raw_file', text(source.inputs.get('raw', source.config['data']['input'])))}{others}"
    others = "{" + ", ".join(f'"{name}": read({name}_file, "{name}")' for name in source.config["data"]["others"]) + "}"
    yield "code", f"others = {others}\nrows = raw_rows(read(raw_file))\nrows.head()"


def _recipe(source: Source) -> Iterator[Cell]:
    combining, early, late = divided(source)
    for step in combining:
        yield from _step(step, learning=False)
    yield "code", "raw = rows\nprint(len(raw), 'rows,', len(raw.columns), 'columns')"
    yield "markdown", "### Looks"
    yield from (("code", body) for body in plot_cells(source))
    yield "markdown", "## Before the split\n\n`state` is what the steps keep for later rows; here only what the recipe gives them, nothing that is learned."
    yield "code", "state = {}"
    for step in early:
        yield from _step(step, learning=True)
    yield from _split(source)
    for step in late:
        yield from _step(step, learning=True)
    yield from _end(source)


def _split(source: Source) -> Iterator[Cell]:
    settings_ = source.config["split"]
    yield (
        "markdown",
        f"## The split\n\nMethod {settings_['method']}: {settings_['train']:.0%} of the rows to train on, {settings_['validation']:.0%} to watch the training "
        "with, the rest to test on.",
    )
    by = f"raw.loc[rows.index, {text(settings_['column'])}]" if settings_["column"] else "None"
    yield (
        "code",
        f"target = {READERS[source.problem]}(rows[LABEL])\nparts = {splitter(source)}(target.to_numpy(), {by})\n"
        "train, validation, test = (rows.iloc[part] for part in parts)\nprint(len(train), len(validation), len(test))",
    )
    yield "markdown", "## On the training rows\n\nFrom here on `rows` are the training rows, and `state` also holds what is learned from them."
    yield "code", "rows = train"


def _step(step: Numbered, *, learning: bool) -> Iterator[Cell]:
    kind = step.config["step"]
    shown = {key: value for key, value in step.config.items() if key != "step" and value not in (None, [], {}, "", False)}
    yield "markdown", f"### {step.number}. {kind}\n\n{STEPS[kind].__doc__}\n\n" + "\n".join(f"- {key}: `{value}`" for key, value in shown.items())
    lines = [line[4:] if line.startswith("    ") else line for block in step_lines(step, learning) for line in block.splitlines()]
    yield "code", "\n\n\n".join([*step.calls.functions, "\n".join([*lines, "rows.shape"])])


def _end(source: Source) -> Iterator[Cell]:
    yield "markdown", "## The other splits\n\nThe same steps on rows that nothing was learned from; none of them is removed."
    wanted = ("def after_split(", "def transform(")
    yield from (("code", body) for body in flow_functions(source) if body.startswith(wanted))
    yield (
        "code",
        "state = finished(raw, state, rows)\nSTATE = state\nprepared = {\n"
        '    "train": labelled(rows, target, state),\n'
        '    "validation": labelled(after_split(validation, state), target, state),\n'
        '    "test": labelled(after_split(test, state), target, state),\n}',
    )
    yield "code", 'prepared["train"].describe().T'
    state: Any = state_of(source)
    if state is not None:
        yield "markdown", "What the run learned; the same as above when it read the same rows."
        yield "code", assign("LEARNED_BY_THE_RUN", literal(state)) + "\nLEARNED_BY_THE_RUN == state"
    yield "markdown", "`transform(rows, state)` gives the features of any raw rows, as the model gets them."
    yield "code", "transform(read(raw_file), state).head()"


def _document(cells: Sequence[Cell]) -> str:
    made = [_cell(number, *cell) for number, cell in enumerate(cells)]
    metadata: Mapping[str, Any] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, body: str) -> dict[str, Any]:
    """Return a cell; its id is made from its place and its content."""
    name = hashlib.sha256(f"{number}\0{body}".encode()).hexdigest()[:8]
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": body.splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
