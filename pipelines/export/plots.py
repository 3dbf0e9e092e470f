"""Plots of a notebook as matplotlib code: those of the configuration's profile, else the balance of the label and the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.export.layout import call, flat, literal, text
from pipelines.export.recipe import Source

BALANCE = """counts = raw[LABEL].value_counts()
fig, ax = plt.subplots(figsize=(5, 3))
ax.bar([str(level) for level in counts.index], counts.to_numpy())
ax.set(title=f"Balance of {LABEL}", ylabel="rows")
plt.show()"""
HISTOGRAM = '''def histogram(column, color_by=None):
    """Draw how the values of a column are spread, in groups."""
    groups = {None: raw}
    if color_by is not None:
        groups = dict(list(raw.groupby(color_by, dropna=False))[:8])
    fig, ax = plt.subplots(figsize=(6, 3))
    if kind_of(raw[column]) == "text":
        levels = raw[column].value_counts().index[:20]
        base = np.zeros(len(levels))
        for name, part in groups.items():
            counts = part[column].value_counts().reindex(levels).fillna(0)
            ax.bar(levels, counts.to_numpy(), bottom=base, label=str(name))
            base = base + counts.to_numpy()
        ax.tick_params(axis="x", rotation=60)
    else:
        parts = [part[column].dropna().to_numpy() for part in groups.values()]
        labels = [str(name) for name in groups]
        ax.hist(parts, bins=30, stacked=True, label=labels)
    ax.set(title=column, ylabel="rows")
    if color_by is not None:
        ax.legend(title=color_by)
    plt.show()'''
SCATTER = '''def scatter(x, y, color_by=None, facet_by=None):
    """Draw two columns against each other, in colours and panels."""
    panels = {None: raw}
    if facet_by is not None:
        panels = dict(list(raw.groupby(facet_by, dropna=False))[:6])
    fig, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels) + 1, 3.5))
    for ax, (panel, part) in zip(np.atleast_1d(axes), panels.items()):
        part = part.sample(min(len(part), 5000), random_state=0)
        groups = {None: part}
        if color_by is not None:
            groups = dict(list(part.groupby(color_by, dropna=False))[:8])
        for name, group in groups.items():
            ax.scatter(group[x], group[y], s=6, alpha=0.5, label=str(name))
        ax.set(xlabel=x, ylabel=y, title="" if panel is None else str(panel))
    if color_by is not None:
        ax.legend(title=color_by)
    plt.show()'''
MAIN_COLUMNS = """for name in [name for name in raw if name != LABEL][:6]:
    histogram(name, LABEL)"""


def plot_cells(source: Source) -> Iterator[str]:
    """Yield the cells that draw the raw rows."""
    profile: Mapping[str, Any] = source.config.get("profile") or {}
    histograms, scatters = list(profile.get("histograms") or ()), list(profile.get("scatters") or ())
    yield BALANCE
    if histograms or not scatters:
        yield HISTOGRAM
    yield from (_drawn("histogram", plot, ("column",), ("color_by",)) for plot in histograms)
    if scatters:
        yield SCATTER
    yield from (_drawn("scatter", plot, ("x", "y"), ("color_by", "facet_by")) for plot in scatters)
    if not histograms and not scatters:
        yield MAIN_COLUMNS


def _drawn(function: str, plot: Mapping[str, Any], needed: tuple[str, ...], optional: tuple[str, ...]) -> str:
    named = {key: literal(plot[key]) for key in optional if plot.get(key) is not None}
    return flat(call(function, *(text(plot[key]) for key in needed), **named))
