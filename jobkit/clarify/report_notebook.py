"""The report as a Jupyter notebook (nbformat 4): the same words, tables and pictures in cells of text, so that it shows them without running anything."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Dict, List, Optional, Union

from jobkit.clarify.report_view import Bars, Block, Content, Curve, Table, Words, sections

Draw = Callable[[Union[Bars, Curve]], bytes]


def notebook(content: Content, draw: Optional[Draw]) -> str:
    """Return the notebook's JSON; `draw` makes a PNG of a chart, and without it the charts are tables."""
    cells: List[Dict[str, Any]] = [_cell("# " + _plain(content.title), 0)]
    for section in sections(content):
        cells.append(_cell("## " + _plain(section.heading), len(cells)))
        for block in section.blocks:
            cells.append(_block(block, draw, len(cells)))
    cells.append(_code(len(cells)))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _cell(text: str, place: int) -> Dict[str, Any]:
    return {"cell_type": "markdown", "id": "cell-{}".format(place), "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(place: int) -> Dict[str, Any]:
    """Return the one cell that can be run: it reads the numbers."""
    text = 'import json\n\nwith open("analysis.json", encoding="utf-8") as handle:\n    analysis = json.load(handle)\nlist(analysis)'
    made = {**_cell(text, place), "cell_type": "code"}
    return {**made, "execution_count": None, "outputs": []}


def _block(block: Block, draw: Optional[Draw], place: int) -> Dict[str, Any]:
    if isinstance(block, Words):
        return _cell("**{}**".format(_plain(block.text)) if block.strong else _plain(block.text), place)
    if isinstance(block, Table):
        return _cell(_table(block), place)
    if draw is None:
        return _cell(_table(as_table(block)), place)
    name = "chart-{}.png".format(place)
    picture = base64.b64encode(draw(block)).decode("ascii")
    cell = _cell("![{}](attachment:{})".format(_plain(block.title or "chart"), name), place)
    return {**cell, "attachments": {name: {"image/png": picture}}}


def as_table(block: Union[Bars, Curve]) -> Table:
    """Return the numbers of a chart as a table."""
    if isinstance(block, Bars):
        rows = tuple((name, *(told[place] for _, _, told in block.series)) for place, name in enumerate(block.names))
    else:
        rows = tuple((str(value), *("{:.6g}".format(line[place]) for _, line in block.series)) for place, value in enumerate(block.x))
    return Table(block.title, ("", *(entry[0] for entry in block.series)), rows, tuple(range(1, len(block.series) + 1)))


def _table(block: Table) -> str:
    lines = ["| {} |".format(" | ".join(map(_plain, row))) for row in (block.heading, *block.rows)]
    rule = "|{}|".format("|".join("--:" if place in block.numeric else ":--" for place in range(len(block.heading))))
    title = ["### " + _plain(block.title), ""] if block.title else []
    return "\n".join([*title, lines[0], rule, *lines[1:]])


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is and no HTML gets through."""
    text = text.replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*_[]|$#":
        text = text.replace(mark, "\\" + mark)
    return text
