"""The section `profile`: what the step Profile looks at, draws, and stops the pipeline for."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from pipelines.config.section import FromList, Section

Severity = Literal["high", "medium", "low"]
# The kinds of jobkit.profile, which a test compares: job code is not imported to read a configuration.
Kind = Literal[
    "leaking-feature",
    "strong-feature",
    "label-problem",
    "missing-label",
    "duplicate-names",
    "duplicate-rows",
    "conflicting-labels",
    "few-rows",
    "class-imbalance",
    "rare-class",
    "constant-column",
    "id-like",
    "missing-values",
    "null-words",
    "mixed-types",
    "numbers-as-text",
    "dates-as-text",
    "high-cardinality",
    "uneven-spelling",
    "correlated-features",
    "outliers",
    "skewed",
    "redundant-feature",
]
KINDS: tuple[str, ...] = get_args(Kind)


def _ignored(text: str) -> str:
    kind = text.partition(":")[0]
    if kind in KINDS:
        return text
    near = difflib.get_close_matches(kind.lower(), KINDS, 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"there is no such finding; got {text!r}, expected KIND or KIND:COLUMN with one of: {', '.join(KINDS)}.{hint}")


Reasons = Annotated[tuple[Literal[Kind, Severity], ...], FromList]
Ignored = Annotated[tuple[Annotated[str, AfterValidator(_ignored)], ...], FromList]


class Histogram(Section):
    """Draw how often the values of a column occur."""

    column: str = Field(description="The column")
    color_by: str | None = Field(default=None, description="A column whose values color the bars, e.g. the label")
    name: str = Field(default="", description="The chart's heading; the column's name when empty")


class Scatter(Section):
    """Draw two columns against each other."""

    x: str = Field(description="The column from left to right")
    y: str = Field(description="The column from bottom to top")
    color_by: str | None = Field(default=None, description="A column whose values color the points")
    facet_by: str | None = Field(default=None, description="A column with a panel for each of its values, six at most")
    name: str = Field(default="", description="The chart's heading; made from the columns' names when empty")


class TargetLeakage(Section):
    """Score every feature alone against the label."""

    max_features: Annotated[int, Field(ge=1, le=10000)] = Field(default=40, description="Best features to list; findings are made of all")


class Profile(Section):
    """Look at the raw rows and report what is in them and what is wrong; the job runs on an instance of `preprocess`."""

    script: str | None = Field(default=None, description="Your own script, relative to the YAML file; the shipped job if absent")
    volume_size_gb: Annotated[int, Field(ge=1, le=16384)] = Field(default=30, description="Size of the disk in GB")
    max_runtime_s: Annotated[int, Field(ge=1, le=2419200)] = Field(default=3600, description="Seconds after which the job is stopped")
    environment: dict[str, str] = Field(default={}, description="Environment variables of the job; quote numbers")
    histograms: Annotated[tuple[Histogram, ...], FromList] = Field(default=(), description="Histograms to draw besides those of every column")
    scatters: Annotated[tuple[Scatter, ...], FromList] = Field(default=(), description="Scatter plots to draw")
    target_leakage: TargetLeakage = TargetLeakage()
    correlation: Literal["linear", "nonlinear", "both"] = Field(default="both", description="Pearson's; Spearman's, Cramér's V and correlation ratio; or both")
    sample_rows: Annotated[int, Field(ge=100, le=1000000)] = Field(default=20000, description="Rows that the expensive parts look at, drawn with the seed")
    quick_model: bool = Field(default=True, description="Train a quick model, to see what the data is worth")
    fail_on: Reasons = Field(
        default=(), description="Findings that stop the pipeline before Preprocess: kinds such as leaking-feature, or a severity such as high"
    )
    ignore: Ignored = Field(default=(), description="Findings not to report: a kind, or KIND:COLUMN")

    def settings(self) -> dict[str, Any]:
        """Return what the job reads, without what the step is made of."""
        return self.model_dump(mode="json", exclude={"script", "volume_size_gb", "max_runtime_s", "environment"})
