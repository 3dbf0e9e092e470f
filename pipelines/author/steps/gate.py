"""QualityGate and DataGate: every bar holds, or the pipeline fails with all numbers and bars in its message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.config.gate import COMBINED, BiasBar, CellBar, Leaf, MetricBar, PrivacyBar, ProfileBar, QualityBar, before_training, bound_of, leaves
from pipelines.config.parameters import bar_parameters, bar_words
from pipelines.config.problem import KINDS

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

NAME = "QualityGate"
FAIL = "QualityGateFailed"
DATA, DATA_FAIL = "DataGate", "DataGateFailed"
# A cell of the confusion matrix by its place: actual class, predicted class.
CELLS = {"true_positive": "1.1", "true_negative": "0.0", "false_positive": "0.1", "false_negative": "1.0"}
LONGEST = 3072
# Bars on bias and on the data, and on what drifted; the others are of the model's quality.
GUARDING = (BiasBar, ProfileBar, QualityBar)


@dataclass(frozen=True)
class Report:
    """Name a property file that conditions read: the step that writes it, and the file."""

    step: Any
    file: Any

    def read(self, path: str) -> Any:
        """Return the JsonGet of a path."""
        from sagemaker.core.workflow.functions import JsonGet

        return JsonGet(step_name=self.step.name, property_file=self.file, json_path=path)


@dataclass(frozen=True)
class Drift:
    """Name the violations of a check against its baseline, of which there may be none."""

    told: str
    report: Report


@dataclass(frozen=True)
class Texts:
    """Hold what a gate is called, how its failure begins and ends, and what people read in the graph."""

    name: str
    fail: str
    title: str
    opens: str
    begins: str
    ends: str
    stop: str


QUALITY_TEXTS = Texts(
    NAME, FAIL, "Is the model good enough?", "Opens when every bar holds", "The quality gate is closed:", "nothing was registered.", "Stop: a bar was missed"
)
DATA_TEXTS = Texts(
    DATA,
    DATA_FAIL,
    "Is the data fit to train on?",
    "Opens when every bar holds",
    "The gate of the data is closed:",
    "nothing was trained.",
    "Stop: the data missed a bar",
)


def source(bar: Leaf, problem: str) -> tuple[str, str]:
    """Return which report holds a bar's number, and its path there."""
    return SOURCES[type(bar)](bar, KINDS[problem].group)


def _metric(bar: MetricBar, group: str) -> tuple[str, str]:
    if bar.not_worse_by is not None:
        return "details", f"lift.approved.metrics.{bar.metric}.loss"
    if bar.bound != "value":
        return "details", f"confidence.metrics.{bar.metric}.{bar.bound}"
    if bar.group is not None:
        return "details", f"slices{_key(bar.slice)}.values{_key(bar.group)}.metrics.{bar.metric}"
    if bar.slice is not None:
        return "details", f"slices{_key(bar.slice)}.{'lowest' if bar.at_least is not None else 'highest'}.{bar.metric}.value"
    return "evaluation", f"{group}.{bar.metric}.value"


def _bias(bar: BiasBar, group: str) -> tuple[str, str]:
    part = "pre_training" if before_training(bar) else "post_training"
    side = {"at_least": "lowest", "at_most": "highest", "within": "absolute"}[bound_of(bar)[0]]
    return part, f"facets{_key(bar.facet)}.{bar.bias}.{side}"


def _key(name: str | None) -> str:
    return f"['{name}']"


SOURCES: Mapping[type[Leaf], Callable[[Any, str], tuple[str, str]]] = {
    MetricBar: _metric,
    CellBar: lambda bar, group: ("evaluation", f"{group}.confusion_matrix.{CELLS[bar.cell]}"),
    BiasBar: _bias,
    QualityBar: lambda bar, group: (f"quality.{bar.quality}", "violations"),
    ProfileBar: lambda bar, group: ("profile", f"verdict.counts.{bar.profile}"),
    PrivacyBar: lambda bar, group: ("privacy", f"attack.{bar.privacy}.auc"),
}


@dataclass(frozen=True)
class Gate:
    """Hold what a gate is made of: its bars, the drift that closes it, and the reports by name."""

    composition: Composition
    texts: Texts
    bars: tuple[Any, ...]
    drifts: tuple[Drift, ...]
    reports: Mapping[str, Report]

    def condition(self, bar: Any) -> Any:
        """Return the condition that a bar or a combination of bars is; of several that must hold together, none may fail, since the service has no And."""
        from sagemaker.core.workflow.conditions import ConditionNot, ConditionOr

        kind, inner = _combined(bar)
        if not kind:
            return self._compared(bar)
        conditions = [self.condition(part) for part in inner]
        if kind == "any":
            return ConditionOr(conditions=conditions)
        refused = conditions if kind == "none" else [ConditionNot(expression=condition) for condition in conditions]
        return ConditionNot(expression=ConditionOr(conditions=refused))

    def number(self, bar: Leaf) -> Any:
        """Return the JsonGet of a bar's number."""
        report, path = source(bar, self.composition.config.problem)
        return self.reports[report].read(path)

    def _compared(self, bar: Leaf) -> Any:
        from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo

        kind = ConditionGreaterThanOrEqualTo if bound_of(bar)[0] == "at_least" else ConditionLessThanOrEqualTo
        return kind(left=self.number(bar), right=self.bar(bar))

    def bar(self, bar: Leaf) -> Any:
        """Return the parameter that a number is held to."""
        return self.composition.parameters[bar_parameters(self.composition.config.gate)[bar]]

    def compose(self, open_steps: Sequence[Any], after: list[Any] | None) -> Any:
        """Return the Condition step; `open_steps` run when every bar holds, and `after` are steps that it waits for."""
        from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
        from sagemaker.mlops.workflow.condition_step import ConditionStep

        told = [*(f"{bar_words(bar)} {_side(bar)}" for _, bar in leaves(self.bars)), *(f"no {drift.told}" for drift in self.drifts)]
        drifts = [ConditionLessThanOrEqualTo(left=drift.report.read("violations"), right=0) for drift in self.drifts]
        return ConditionStep(
            self.texts.name,
            conditions=[*(self.condition(bar) for bar in self.bars), *drifts],
            if_steps=list(open_steps),
            else_steps=[self._fail()],
            depends_on=after,
            display_name=self.texts.title,
            description=f"{self.texts.opens}: {'; '.join(told)}."[:LONGEST],
        )

    def _fail(self) -> Any:
        from sagemaker.core.workflow.functions import Join
        from sagemaker.mlops.workflow.fail_step import FailStep

        values: list[Any] = [self.texts.begins]
        for bar in self.bars:
            values += [" ", *self._told(bar), ";"]
        for drift in self.drifts:
            values += [f" {drift.told}: ", drift.report.read("violations"), " and must be 0, namely ", drift.report.read("message"), ";"]
        return FailStep(
            self.texts.fail,
            error_message=Join(on="", values=[*values, f" {self.texts.ends}"]),
            display_name=self.texts.stop,
            description="Ends the execution and names every number with its bar.",
        )

    def _told(self, bar: Any) -> list[Any]:
        """Return the parts of what a failure says of a bar, or of those that are combined."""
        kind, inner = _combined(bar)
        if not kind:
            return [f"{bar_words(bar)} is ", self.number(bar), f" and must be {_side(bar)} ", self.bar(bar)]
        told = [part for each in inner for part in [", ", *self._told(each)]]
        return [f"{kind} of (", *told[1:], ")"]


def _combined(bar: Any) -> tuple[str, tuple[Any, ...]]:
    """Return how a bar combines others, `any`, `all` or `none`, and these; nothing for a bar that is held to a bound."""
    return next(((kind, getattr(bar, kind)) for kind in COMBINED if hasattr(bar, kind)), ("", ()))


def _side(bar: Leaf) -> str:
    return "at least" if bound_of(bar)[0] == "at_least" else "at most"


def guards(bars: Sequence[Any], drifts: int) -> str:
    """Return the places of the conditions that guard against bias, drift and faults of the data, as the definition's metadata keep them."""
    biased = [place for place, bar in enumerate(bars) if any(isinstance(leaf, GUARDING) for _, leaf in leaves((bar,)))]
    return ",".join(str(place) for place in [*biased, *range(len(bars), len(bars) + drifts)])
