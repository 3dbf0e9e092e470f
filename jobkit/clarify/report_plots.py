"""Draw the charts of a report with matplotlib, for the PDF and the notebook; the same bytes for the same numbers."""

from __future__ import annotations

import io
from typing import Any, Union

from jobkit.clarify.report_view import Bars, Curve, is_numeric, limit

COLOURS = ("#4477aa", "#d95f4c", "#2a9d74", "#b5922b", "#8e5ea2", "#7a8288")
INK, SOFT = "#1d2228", "#5b6470"


def available() -> bool:
    """Tell whether matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def figure(width: float, height: float) -> Any:
    """Return an empty figure of inches that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height))
    FigureCanvasAgg(made)
    return made


def png(chart: Union[Bars, Curve]) -> bytes:
    """Return a chart as PNG of 110 dots an inch, without date or version."""
    tall = height_of(chart)
    made = figure(7.2, tall)
    draw(made.add_axes([0.22, 0.62 / tall, 0.68, max(0.2, (tall - 1.0) / tall)]), chart)
    stream = io.BytesIO()
    made.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()


def height_of(chart: Union[Bars, Curve]) -> float:
    """Return the inches that a chart needs."""
    if isinstance(chart, Curve):
        return 2.6
    return 1.2 + len(chart.names) * (0.13 * len(chart.series) + 0.1)


def plain(words: Any) -> str:
    """Return a text in which matplotlib finds no formula."""
    return str(words).replace("$", r"\$")


def draw(axes: Any, chart: Union[Bars, Curve]) -> None:
    """Draw a chart on axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8, colors=SOFT)
    (_bars if isinstance(chart, Bars) else _curve)(axes, chart)
    axes.set_title(plain(chart.title), fontsize=10, loc="left", color=INK)


def _bars(axes: Any, chart: Bars) -> None:
    most, count = limit(chart), len(chart.series)
    thick = 0.8 / count
    for order, (name, values, told) in enumerate(chart.series):
        for place, value in enumerate(values):
            y = place - 0.4 + thick * (order + 0.5)
            end = 0.0 if value is None else max(-most, min(most, value))
            axes.barh(y, end, height=thick * 0.9, color=COLOURS[order % len(COLOURS)], label=plain(name) if place == 0 else None)
            axes.annotate(told[place], (end, y), xytext=(3 if end >= 0 else -3, 0), textcoords="offset points", va="center",
                          ha="left" if end >= 0 else "right", fontsize=6.5, color=SOFT)  # fmt: skip
    negative = any(value is not None and value < 0 for _, values, _ in chart.series for value in values)
    axes.set_xlim(-most * 1.18 if negative else 0, most * 1.18)
    axes.set_ylim(len(chart.names) - 0.4, -0.6)
    axes.set_yticks(range(len(chart.names)))
    axes.set_yticklabels([plain(name if len(name) < 30 else name[:28] + "…") for name in chart.names])
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set_xlabel(chart.unit, fontsize=8, color=SOFT)
    if count > 1:
        axes.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=min(count, 3), borderaxespad=0.1)


def _curve(axes: Any, chart: Curve) -> None:
    numeric = is_numeric(chart)
    across = list(chart.x) if numeric else list(range(len(chart.x)))
    for order, (name, values) in enumerate(chart.series):
        axes.plot(across, values, "o-" if numeric else "o", markersize=3, linewidth=1.4, color=COLOURS[order % len(COLOURS)], label=plain(name))
    if not numeric:
        axes.set_xticks(across)
        axes.set_xticklabels([plain(value)[:14] for value in chart.x])
    axes.set_ylabel(plain(chart.y_name), fontsize=8, color=SOFT)
    if len(chart.series) > 1:
        axes.legend(fontsize=7, frameon=False)
