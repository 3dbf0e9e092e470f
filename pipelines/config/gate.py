"""The bars of `gate`: what is held to a bound, and how bars combine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from pipelines.config.problem import ALL_METRICS
from pipelines.config.section import FromList, Section

Cell = Literal["true_positive", "true_negative", "false_positive", "false_negative"]
PreTraining = Literal["CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"]
PostTraining = Literal["DPPL", "DI", "DCA", "DCR", "DAR", "DRR", "RD", "AD", "TE", "FT", "SD", "CDDPL", "GE"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
BOUNDS = ("at_least", "at_most", "within", "not_worse_by")


def _one_bound(bar: Any) -> Any:
    known = [name for name in BOUNDS if name in type(bar).model_fields]
    given = [name for name in known if getattr(bar, name) is not None]
    if len(given) != 1:
        raise ValueError(f"a bar has one bound; got {' and '.join(given) or 'none'}, expected {' or '.join(known)}.")
    return bar


class MetricBar(Section):
    """Hold a metric of the test split to a bound: its value, a limit of its confidence interval, on a slice, or against the approved model."""

    metric: str = Field(
        description="A metric that evaluation.json has for the problem, e.g. accuracy or rmse", json_schema_extra={"enum": list[Any](ALL_METRICS)}
    )
    bound: Literal["value", "lower", "upper"] = Field(default="value", description="What is held to the bar: the value, or a limit of its confidence interval")
    slice: str | None = Field(default=None, description="A column of evaluation.slices: the bar is for its groups of rows, not for all rows")
    group: str | None = Field(default=None, description="With slice: the one group, as the column writes it; the worst of all groups if absent")
    at_least: Finite | None = Field(default=None, description="The gate opens only with the metric at or above this")
    at_most: Finite | None = Field(default=None, description="The gate opens only with the metric at or below this")
    not_worse_by: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="The gate opens only when the metric is not worse than that of the latest approved model by more than this"
    )

    _bound = model_validator(mode="after")(_one_bound)


class CellBar(Section):
    """Hold a cell of the confusion matrix (a number of test rows) to a bound."""

    cell: Cell = Field(description="The cell")
    at_least: Annotated[int, Field(ge=0)] | None = Field(default=None, description="The gate opens only with at least this many test rows in the cell")
    at_most: Annotated[int, Field(ge=0)] | None = Field(default=None, description="The gate opens only with at most this many test rows in the cell")

    _bound = model_validator(mode="after")(_one_bound)


class BiasBar(Section):
    """Hold a bias metric of Clarify to a bound; one of the data before training stops the pipeline before it trains."""

    bias: PreTraining | PostTraining = Field(description="The metric; CI to CDDL are of the data before training, the others of the model")
    facet: str = Field(description="The column of one of bias.facets")
    within: Annotated[float, Field(ge=0)] | None = Field(default=None, description="The gate opens only with the metric between minus this and this")
    at_least: Finite | None = Field(default=None, description="The gate opens only with the metric at or above this")
    at_most: Finite | None = Field(default=None, description="The gate opens only with the metric at or below this")

    _bound = model_validator(mode="after")(_one_bound)


class QualityBar(Section):
    """Bound the violations of a quality check against the baseline of the latest approved version (none without one)."""

    quality: Literal["data", "model"] = Field(description="The check: of the data's quality or of the model's")
    at_most: Annotated[int, Field(ge=0)] = Field(default=0, description="The gate opens only with at most this many violations")


class ProfileBar(Section):
    """Bound the findings of the profile that the recipe does not mend."""

    profile: Literal["high", "medium", "low"] = Field(description="The severity of the findings that are counted")
    at_most: Annotated[int, Field(ge=0)] = Field(default=0, description="The gate opens only with at most this many findings")


class PrivacyBar(Section):
    """Bound how well an attacker tells training rows from others (AUC; 0.5 is guessing)."""

    privacy: Literal["loss_threshold", "shadow_models"] = Field(description="The attack")
    at_most: Annotated[float, Field(ge=0.5, le=1)] = Field(description="The gate opens only with the attack's AUC at or below this")


class AnyOf(Section):
    """Open when one of several bars holds."""

    any: Annotated[tuple[Bar, ...], Field(min_length=1), FromList] = Field(description="Bars of which one has to hold")


class AllOf(Section):
    """Open when several bars hold; of use within `any` and `none`."""

    all: Annotated[tuple[Bar, ...], Field(min_length=1), FromList] = Field(description="Bars that have to hold together")


class NoneOf(Section):
    """Open when none of several bars holds."""

    none: Annotated[tuple[Bar, ...], Field(min_length=1), FromList] = Field(description="Bars of which none may hold")


Leaf = MetricBar | CellBar | BiasBar | QualityBar | ProfileBar | PrivacyBar
BARS: Mapping[str, type[BaseModel]] = {
    "metric": MetricBar,
    "cell": CellBar,
    "bias": BiasBar,
    "quality": QualityBar,
    "profile": ProfileBar,
    "privacy": PrivacyBar,
    "any": AnyOf,
    "all": AllOf,
    "none": NoneOf,
}

COMBINED = ("any", "all", "none")


def _bar_kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        return next((kind for kind, model in BARS.items() if isinstance(value, model)), None)
    kinds = [kind for kind in BARS if isinstance(value, Mapping) and kind in value]
    return kinds[0] if len(kinds) == 1 else None


Bar = Annotated[
    Annotated[MetricBar, Tag("metric")]
    | Annotated[CellBar, Tag("cell")]
    | Annotated[BiasBar, Tag("bias")]
    | Annotated[QualityBar, Tag("quality")]
    | Annotated[ProfileBar, Tag("profile")]
    | Annotated[PrivacyBar, Tag("privacy")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[NoneOf, Tag("none")],
    Discriminator(_bar_kind, "bar_kind", "a bar"),
]
for _combined in (AnyOf, AllOf, NoneOf):
    _combined.model_rebuild()


def leaves(bars: tuple[Any, ...], where: str = "gate") -> Iterator[tuple[str, Leaf]]:
    """Yield the dotted key and the bar of everything that is held to a bound, within combinations too."""
    for index, bar in enumerate(bars):
        yield from _leaves(bar, f"{where}[{index}]")


def _leaves(bar: Any, where: str) -> Iterator[tuple[str, Leaf]]:
    combined = next((kind for kind in COMBINED if isinstance(bar, BARS[kind])), None)
    if combined:
        yield from leaves(getattr(bar, combined), f"{where}.{combined}")
    else:
        yield where, bar


def bound_of(bar: Leaf) -> tuple[str, float | int]:
    """Return the name of a bar's bound and its value."""
    return next((name, getattr(bar, name)) for name in BOUNDS if getattr(bar, name, None) is not None)


def before_training(bar: Leaf) -> bool:
    """Tell whether a bar is known before there is a model."""
    if isinstance(bar, QualityBar):
        return bar.quality == "data"
    return isinstance(bar, BiasBar) and bar.bias in PreTraining.__args__  # type: ignore[attr-defined]
