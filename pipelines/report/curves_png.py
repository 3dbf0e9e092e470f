"""Curves per round as a PNG, by matplotlib where it is installed; it is no requirement."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import UsageError
from pipelines.report.curves_svg import COLOURS, COLUMNS

LINES = ("-", "--", ":", "-.")


def png(curves: Mapping[str, Sequence[Mapping[str, Any]]], runs: Sequence[str]) -> bytes:
    """Return the image of a comparison's curves.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("a PNG is drawn by matplotlib, which is not installed", where="--chart", hint="Write an .svg, or: pip install matplotlib") from None
    across, down = min(COLUMNS, max(1, len(curves))), max(1, math.ceil(len(curves) / COLUMNS))
    figure = Figure(figsize=(4.8 * across, 3.2 * down), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, each) in enumerate(curves.items(), 1):
        axes = figure.add_subplot(down, across, place)
        for curve in each:
            number = runs.index(curve["run"])
            values = [math.nan if value is None else value for value in curve["values"]]
            axes.plot(curve["steps"], values, LINES[number % len(LINES)], color=COLOURS[number % len(COLOURS)], label=curve["run"])
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("round")
        axes.legend(fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
