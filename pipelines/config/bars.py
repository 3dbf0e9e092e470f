"""What is wrong with the bars of a gate: metrics, cells and checks that the pipeline lacks, bounds outside a metric's range, the same bar twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.config.gate import BiasBar, CellBar, Leaf, MetricBar, PrivacyBar, ProfileBar, QualityBar, before_training, bound_of, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.parameters import bar_words, bounded
from pipelines.config.problem import KINDS
from pipelines.config.problems import nearest

Found = Iterator[tuple[str, str]]
# Bias metrics that are no differences.
RATIOS = frozenset({"DI"})


def bars(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong) for every bar."""
    seen: list[tuple[Any, ...]] = []
    for where, bar in leaves(config.gate):
        # Within a combination one number may well have several bars.
        if where.count("[") == 1 and bounded(bar) in seen:
            yield where, f"bounds {bar_words(bar)} as an earlier bar does. Remove one."
        seen += [bounded(bar)] if where.count("[") == 1 else []
        yield from OF_KIND[type(bar)](config, where, bar)
    for index, whole in enumerate(config.gate):
        inner = [bar for _, bar in leaves((whole,))]
        if len({before_training(bar) for bar in inner}) > 1:
            yield f"gate[{index}]", "mixes metrics of the data before training with others, which are known only later. Take it apart."


def _metric(config: PipelineConfig, where: str, bar: MetricBar) -> Found:
    kind = KINDS[config.problem]
    if bar.metric not in kind.metrics:
        hint = nearest(bar.metric, kind.metrics, 0.4)
        yield f"{where}.metric", f"{config.problem} has no such metric; got {bar.metric!r}, expected one of: {', '.join(kind.metrics)}.{hint}"
        return
    side, bound = bound_of(bar)
    low, high = kind.metrics[bar.metric]
    if side != "not_worse_by" and not low <= bound <= high:
        yield f"{where}.{side}", f"out of range; got {bound:g}, expected {low:g} to {high:g}, as {bar.metric} is."
    yield from _of_part(config, where, bar, side)


def _of_part(config: PipelineConfig, where: str, bar: MetricBar, side: str) -> Found:
    if bar.slice is not None and bar.slice not in config.evaluation.slices:
        yield (
            f"{where}.slice",
            f"no such slice; got {bar.slice!r}, expected one of evaluation.slices: {', '.join(config.evaluation.slices) or 'there are none'}.",
        )
    if bar.slice is not None and (bar.bound != "value" or side == "not_worse_by"):
        yield f"{where}.slice", "goes with at_least or at_most of the value only."
    if any("'" in (name or "") for name in (bar.slice, bar.group)):
        yield f"{where}.slice", "a quote in a name has no place in a JsonPath of the service. Rename it in the recipe, or leave this bar out."
    if bar.group is not None and bar.slice is None:
        yield f"{where}.group", "has no meaning without slice. Name the column, or remove it."
    if side == "not_worse_by" and bar.bound != "value":
        yield f"{where}.bound", "goes with at_least or at_most only. Remove it."
    if side == "not_worse_by" and not (config.evaluation.approved and config.registration and config.package.enabled):
        yield f"{where}.not_worse_by", "needs registration, package and evaluation.approved: the version to compare with is the latest approved of the group."


def _cell(config: PipelineConfig, where: str, bar: CellBar) -> Found:
    kind = KINDS[config.problem]
    if not kind.cells:
        yield f"{where}.cell", f"{config.problem} has no such cell; got {bar.cell!r}, expected a metric: {', '.join(kind.metrics)}."


def _bias(config: PipelineConfig, where: str, bar: BiasBar) -> Found:
    if config.bias is None:
        yield f"{where}.bias", "needs the section bias, which says whose groups are compared. Add it."
        return
    part = "pre_training" if before_training(bar) else "post_training"
    asked = getattr(config.bias, part)
    if asked is False or (asked is not True and bar.bias not in asked):
        yield f"{where}.bias", f"{bar.bias} is not computed; bias.{part} leaves it out. Add it there."
    known = [facet.column for facet in config.bias.facets]
    if bar.facet not in known:
        yield f"{where}.facet", f"no such facet; got {bar.facet!r}, expected one of bias.facets: {', '.join(known)}.{nearest(bar.facet, known)}"
    if bar.bias in RATIOS and bar.within is not None:
        yield f"{where}.within", f"{bar.bias} is a ratio, 1 when there is no bias. Use at_least and at_most in two bars, e.g. at_least: 0.8."
    if config.bias.runner == "clarify":
        yield f"{where}.bias", "a condition cannot read what a ClarifyCheck step finds. Use bias.runner: processing, or bias.drift."


def _quality(config: PipelineConfig, where: str, bar: QualityBar) -> Found:
    section = getattr(config.quality, bar.quality)
    if section is None:
        yield f"{where}.quality", f"needs quality.{bar.quality}. Add it."
    elif section.runner != "processing":
        yield f"{where}.quality", f"a condition cannot read what a QualityCheck step finds. Use quality.{bar.quality}.runner: processing, or its drift."
    elif not section.drift.compare:
        yield f"{where}.quality", f"counts violations, and quality.{bar.quality}.drift.compare is false. Remove one of the two."


def _profile(config: PipelineConfig, where: str, bar: ProfileBar) -> Found:
    if config.profile is None:
        yield f"{where}.profile", "needs the section profile. Add it."


def _privacy(config: PipelineConfig, where: str, bar: PrivacyBar) -> Found:
    if config.privacy is None:
        yield f"{where}.privacy", "needs the section privacy. Add it."
    elif bar.privacy == "shadow_models" and not config.privacy.shadow_models:
        yield f"{where}.privacy", "privacy.shadow_models is 0, so there is no such attack. Use loss_threshold."


OF_KIND: Mapping[type[Leaf], Callable[[PipelineConfig, str, Any], Found]] = {
    MetricBar: _metric,
    CellBar: _cell,
    BiasBar: _bias,
    QualityBar: _quality,
    ProfileBar: _profile,
    PrivacyBar: _privacy,
}
