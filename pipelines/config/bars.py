"""What is wrong with the bars of a gate: metrics and cells that the problem lacks, bounds outside a metric's range, the same bar twice."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.config.model import CellBar, MetricBar, PipelineConfig
from pipelines.config.problem import KINDS
from pipelines.config.problems import nearest

Found = Iterator[tuple[str, str]]


def bars(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for every bar."""
    seen: set[tuple[str, bool]] = set()
    for index, bar in enumerate(config.gate):
        name = bar.metric if isinstance(bar, MetricBar) else bar.cell
        if (name, bar.at_least is not None) in seen:
            yield f"gate[{index}]", f"there are two bars of the same kind for {name}. Remove one."
        seen.add((name, bar.at_least is not None))
        yield from _metric(config, index, bar)


def _metric(config: PipelineConfig, index: int, bar: MetricBar | CellBar) -> Found:
    kind = KINDS[config.problem]
    if isinstance(bar, CellBar):
        if not kind.cells:
            yield f"gate[{index}].cell", f"{config.problem} has no such cell; got {bar.cell!r}, expected a metric: {', '.join(kind.metrics)}."
    elif bar.metric not in kind.metrics:
        yield (
            f"gate[{index}].metric",
            f"{config.problem} has no such metric; got {bar.metric!r}, expected one of: {', '.join(kind.metrics)}.{nearest(bar.metric, kind.metrics, 0.4)}",
        )
    else:
        side, bound = ("at_least", bar.at_least) if bar.at_least is not None else ("at_most", bar.at_most)
        low, high = kind.metrics[bar.metric]
        if bound is not None and not low <= bound <= high:
            yield f"gate[{index}].{side}", f"out of range; got {bound:g}, expected {low:g} to {high:g}, as {bar.metric} is."
