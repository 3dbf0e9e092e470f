"""Visualisations, which become members of the section `profile`, and what the flow's own report warned about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.flow.document import Flow, Node
from pipelines.flow.translation import Made, Scene, Untranslated, number, pick, text

CORRELATIONS: Mapping[str, str] = {"linear": "linear", "non-linear": "nonlinear", "nonlinear": "nonlinear"}
LABELS = ("target_column", "target", "label", "target_column_name")
MOST_CLASSES = 100


def insights(node: Node, scene: Scene) -> Made:
    """Have the data looked at: the step Profile is this report."""
    return Made(profile=(("insights", {}),), to="profile")


def quick_model(node: Node, scene: Scene) -> Made:
    """Train the profile's quick model."""
    return Made(profile=(("quick_model", True),), to="profile.quick_model")


def histogram(node: Node, scene: Scene) -> Made:
    """Draw a histogram."""
    chart = {"column": text(node.parameters, "x_axis"), **_colored(node, scene)}
    lost = ("facet_by: histograms have no facets",) if node.parameters.get("facet_by") else ()
    return Made(profile=(("histograms", chart),), to="profile.histograms", lost=lost, notes=_checked(scene, chart["column"], chart.get("color_by")))


def scatter(node: Node, scene: Scene) -> Made:
    """Draw a scatter plot."""
    facet = {"facet_by": text(node.parameters, "facet_by")} if node.parameters.get("facet_by") else {}
    chart = {"x": text(node.parameters, "x_axis"), "y": text(node.parameters, "y_axis"), **_colored(node, scene), **facet}
    notes = _checked(scene, chart["x"], chart["y"], chart.get("color_by"), chart.get("facet_by"))
    return Made(profile=(("scatters", chart),), to="profile.scatters", notes=notes)


def _colored(node: Node, scene: Scene) -> dict[str, Any]:
    color = {"color_by": text(node.parameters, "color_by")} if node.parameters.get("color_by") else {}
    return {**color, **({"name": node.name} if node.name else {})}


def _checked(scene: Scene, *names: str | None) -> tuple[str, ...]:
    """Return the note for a chart on changed rows; the profile only ever sees raw ones."""
    if scene.raw:
        return ()
    absent = [name for name in names if name is not None and scene.raw_columns is not None and name not in scene.raw_columns]
    if absent:
        raise Untranslated(f"it draws {', '.join(absent)}, made by the flow's transforms; the profile sees raw rows only")
    return ("drawn of the raw rows; the flow drew it after transforms",)


def target_leakage(node: Node, scene: Scene) -> Made:
    """Score every feature alone against the label."""
    target = text(node.parameters, "target", scene.label or "")
    most = int(number(node.parameters, "max_features", 40))
    lost = (f"the target {target!r}: the profile scores against the label {scene.label!r}",) if target != scene.label else ()
    notes = () if scene.raw else ("scored on the raw rows; the flow scored after transforms",)
    return Made(profile=(("target_leakage", {"max_features": max(1, min(most, 10000))}),), to="profile.target_leakage", lost=lost, notes=notes)


def correlation(node: Node, scene: Scene) -> Made:
    """Correlate the columns."""
    kind = pick({"type": text(node.parameters, "correlation_type", "linear").lower()}, "type", CORRELATIONS, "linear")
    return Made(profile=(("correlation", kind),), to="profile.correlation", notes=() if scene.raw else ("of the raw rows; the flow had changed them",))


# What the flow's own report knew


def label_of(flow: Flow) -> str | None:
    """Return the label that the flow's reports and charts name, None when they name none."""
    return next(
        (found for node in flow.nodes for given in _given(node) for key in LABELS for found in [given.get(key)] if found and isinstance(found, str)), None
    )


def _given(node: Node) -> Iterator[Mapping[str, Any]]:
    if node.type in ("VISUALIZATION",):
        yield from (given for given in (node.parameters.get("insights_report_parameters"), node.parameters) if isinstance(given, Mapping))


def _learnt(flow: Flow) -> Iterator[Mapping[str, Any]]:
    for node in flow.nodes:
        found = node.trained.get("insights_report_parameters")
        if isinstance(found, Mapping):
            yield found


def problem_of(flow: Flow) -> str:
    """Return what the flow's report says the problem is: binary, multiclass, regression, or an empty text."""
    for found in _learnt(flow):
        kind = found.get("problem_type")
        if isinstance(kind, str):
            return next((name for name in ("binary", "multiclass", "regression") if kind.lower().startswith(name)), "")
    asked = [given.get("problem_type") for node in flow.nodes for given in _given(node)]
    return "regression" if any(isinstance(kind, str) and kind.lower() == "regression" for kind in asked) else ""


def classes_of(flow: Flow) -> list[str]:
    """Return the label's values as the flow's report saw them, sorted; empty when it did not."""
    for found in _learnt(flow):
        values = found.get("y_map")
        if isinstance(values, Mapping) and len(values) <= MOST_CLASSES:
            return sorted({str(value) for value in values.values() if isinstance(value, (str, int, float))})
    return []


def leaks(flow: Flow, names: list[str]) -> list[str]:
    """Return the columns that the flow's report called target leaks."""
    told = [warning for found in _learnt(flow) for warnings in found.values() if isinstance(warnings, list) for warning in warnings[:1000]]
    texts = [
        str(warning.get("warningText", "")) for warning in told if isinstance(warning, Mapping) and str(warning.get("title", "")).lower() == "target leakage"
    ]
    words = [set(entry.replace("<b>", " ").replace("</b>", " ").replace(",", " ").split()) for entry in texts]
    return [name for name in names if any(set(name.split()) <= found if " " not in name else name in entry for found, entry in zip(words, texts, strict=True))]
