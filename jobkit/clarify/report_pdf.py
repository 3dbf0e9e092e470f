"""The report as a PDF, drawn by matplotlib page by page; no dates, so the same numbers give the same bytes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, List, Optional, Sequence, Union

from jobkit.clarify import report_plots
from jobkit.clarify.report_plots import INK, SOFT
from jobkit.clarify.report_view import Bars, Block, Content, Curve, Section, Table, Words, sections

WIDE, TALL, EDGE = 8.27, 11.69, 0.7
LINE, SMALL = 0.17, 8
# Inches that a section's heading takes, which stands on the page of its first chart.
HEADING = 0.6
# Characters of 8 points that fit into an inch.
PER_INCH = 17.0


class _Pages:
    """Lay blocks one below the other, on a new page where one does not fit."""

    def __init__(self, file: Any) -> None:
        self.file, self.sheet, self.y, self.number = file, None, 0.0, 0

    def room(self, inches: float) -> None:
        """Begin a new page unless so much is left of this one."""
        if self.sheet is None or self.y - inches < EDGE:
            self.end()
            self.sheet, self.y, self.number = report_plots.figure(WIDE, TALL), TALL - EDGE, self.number + 1
            self.sheet.text(1 - EDGE / WIDE, 0.4 / TALL, str(self.number), fontsize=8, color=SOFT, ha="right")

    def end(self) -> None:
        """Write the page."""
        if self.sheet is not None:
            self.file.savefig(self.sheet)
        self.sheet = None

    def text(self, words: str, inches: float = EDGE, size: float = SMALL, **style: Any) -> None:
        """Write one line at this height; `inches` is from the left."""
        assert self.sheet is not None
        self.sheet.text(inches / WIDE, (self.y - LINE) / TALL, report_plots.plain(words), fontsize=size, **{"color": INK, **style})


def write(content: Content, path: Path) -> None:
    """Write the report to a file."""
    from matplotlib.backends.backend_pdf import PdfPages

    with PdfPages(str(path), metadata={"Creator": "sagewright", "Producer": None, "CreationDate": None, "Title": content.title}) as file:
        pages = _Pages(file)
        pages.room(0.6)
        pages.text(content.title, size=17, weight="bold")
        pages.y -= 0.5
        for section in sections(content):
            _section(pages, section)
        pages.end()


def _section(pages: _Pages, section: Section) -> None:
    first = section.blocks[0]
    pages.room(1.2 if isinstance(first, (Words, Table)) else min(TALL - 2 * EDGE, HEADING + report_plots.height_of(first)))
    pages.y -= 0.15
    pages.text(section.heading, size=12.5, weight="bold")
    pages.y -= 0.36
    for block in section.blocks:
        _block(pages, block)


def _block(pages: _Pages, block: Block) -> None:
    if isinstance(block, Words):
        for line in textwrap.wrap(block.text, int((WIDE - 2 * EDGE) * PER_INCH)) or [""]:
            pages.room(LINE)
            pages.text(line, weight="bold" if block.strong else "normal")
            pages.y -= LINE
        pages.y -= 0.1
    elif isinstance(block, Table):
        _table(pages, block)
    else:
        _chart(pages, block)


def _chart(pages: _Pages, block: Union[Bars, Curve]) -> None:
    inches = min(report_plots.height_of(block), TALL - 2 * EDGE - HEADING)
    pages.room(inches)
    assert pages.sheet is not None
    left, below = (EDGE + 1.5) / WIDE, (pages.y - inches + 0.55) / TALL
    axes = pages.sheet.add_axes([left, below, (WIDE - 2 * EDGE - 1.6) / WIDE, (inches - 0.95) / TALL])
    report_plots.draw(axes, block)
    pages.y -= inches + 0.05


def _table(pages: _Pages, block: Table) -> None:
    widths = _widths(block)
    pages.room(4 * LINE + (0.3 if block.title else 0))
    if block.title:
        pages.text(block.title, size=9.5, weight="bold")
        pages.y -= 0.26
    _row(pages, block.heading, widths, block, color=SOFT, weight="bold")
    for row in block.rows:
        _row(pages, row, widths, block)
    pages.y -= 0.2


def _widths(block: Table) -> List[float]:
    """Return the inches of each column: as its longest text needs, and the long ones share what is left."""
    room = WIDE - 2 * EDGE
    longest = [max(len(row[place]) for row in (block.heading, *block.rows)) / PER_INCH + 0.18 for place in range(len(block.heading))]
    fair = room / len(longest)
    short = [min(width, fair) for width in longest]
    spare, wanting = room - sum(short), sum(width - min(width, fair) for width in longest)
    return [own + (full - own) * min(1.0, spare / wanting) if wanting else own for own, full in zip(short, longest)]


def _row(pages: _Pages, row: Sequence[str], widths: Sequence[float], block: Table, color: str = INK, weight: Optional[str] = None) -> None:
    cells = [textwrap.wrap(cell, max(4, int((width - 0.1) * PER_INCH))) or [""] for cell, width in zip(row, widths)]
    pages.room(LINE * max(map(len, cells)) + 0.06)
    top = pages.y
    for number in range(max(map(len, cells))):
        x = EDGE
        for place, (lines, width) in enumerate(zip(cells, widths)):
            if number < len(lines):
                numeric = place in block.numeric
                pages.text(lines[number], x + (width - 0.15 if numeric else 0), 7.5, ha="right" if numeric else "left", color=color, weight=weight)
            x += width
        pages.y -= LINE * 0.9
    pages.y = min(pages.y, top - LINE) - 0.035
    from matplotlib.lines import Line2D

    assert pages.sheet is not None
    y = pages.y / TALL
    pages.sheet.add_artist(Line2D([EDGE / WIDE, 1 - EDGE / WIDE], [y, y], color="#dfe2e6", linewidth=0.5))
