"""Handle outliers, and scale numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.flow.document import Node
from pipelines.flow.translation import (
    Made,
    Scene,
    Step,
    Untranslated,
    chosen,
    columns,
    finite,
    flag,
    into,
    member,
    number,
    one,
    partly,
    pick,
    plain,
    snake,
    text,
    trained_by_column,
)

ACTIONS: Mapping[str, str] = {"Clip": "clip", "Remove": "remove", "Invalidate": "null"}
ONLY_TRAINING = "rows are removed from the training split only; the flow removed them from all rows"


def standard_deviation(node: Node, scene: Scene) -> Made:
    """Bound by standard deviations from the mean."""
    return _bounded(node, scene, {"method": "standard_deviation", "threshold": plain(number(chosen(node), "standard_deviations", 4))})


def robust(node: Node, scene: Scene) -> Made:
    """Bound by standard deviations that outliers do not touch; quantiles of the flow only count in trained state."""
    given = chosen(node)
    cut = (number(given, "lower_quantile", 0.25), number(given, "upper_quantile", 0.75))
    note = f"when fitted, values are clipped to their 5th to 95th percentile; the flow left out what is beyond its quantiles {cut[0]:g} and {cut[1]:g}"
    return _bounded(node, scene, {"method": "robust", "threshold": plain(number(given, "standard_deviations", 4))}, note)


def quantile(node: Node, scene: Scene) -> Made:
    """Bound by quantiles, which must cut off the same share at both ends when they are to be fitted."""
    given = chosen(node)
    low, high = number(given, "lower_quantile", 0.01), number(given, "upper_quantile", 0.99)
    even = abs(low - (1 - high)) < 1e-9
    note = "" if even else f"when fitted, {low:g} is cut off at both ends; the flow has {low:g} and {high:g}"
    return _bounded(node, scene, {"method": "quantile", "threshold": low}, note)


def min_max(node: Node, scene: Scene) -> Made:
    """Bound by two given numbers."""
    given = chosen(node)
    bounds = {"low": plain(number(given, "lower_threshold")), "high": plain(number(given, "upper_threshold"))}
    copies, names = into(given, columns(given))
    action = pick(given, "fix_method", ACTIONS, "Clip")
    return Made((*copies, one("outliers", columns=names, method="min_max", **bounds, action=action)), notes=(ONLY_TRAINING,) if action == "remove" else ())


def _bounded(node: Node, scene: Scene, members: dict[str, Any], when_fitted: str = "") -> Made:
    given = chosen(node)
    sources = columns(given)
    copies, names = into(given, sources)
    action = pick(given, "fix_method", ACTIONS, "Clip")
    found = {} if scene.refit else _bounds(trained_by_column(node, sources, node.trained))
    state = {new: found[old] for new, old in zip(names, sources, strict=True) if old in found}
    trained = {"fitted": state} if state else {}
    differs = (when_fitted,) if when_fitted and len(state) < len(names) else ()
    notes = (*((ONLY_TRAINING,) if action == "remove" else ()), *partly(names, state, scene.refit))
    return Made((*copies, one("outliers", columns=names, **members, action=action, **trained)), lost=differs, notes=notes)


def _bounds(state: Mapping[str, Mapping[str, Any]]) -> dict[str, list[float]]:
    found = {name: (finite(entry.get("lower_threshold")), finite(entry.get("upper_threshold"))) for name, entry in state.items()}
    return {name: [low, high] for name, (low, high) in found.items() if low is not None and high is not None}


def replace_rare(node: Node, scene: Scene) -> Made:
    """Put rare levels under one name; the flow's absolute threshold and its trained levels have no equivalent."""
    given = chosen(node)
    copies, names = into(given, columns(given))
    share, least = number(given, "fraction_threshold", 0.005), number(given, "absolute_threshold", 10)
    members: dict[str, Any] = {"min_share": share, "name": text(given, "replacement_string", "other")}
    most = int(number(given, "max_common_categories", 0))
    members.update({"max_levels": most} if most > 0 else {})
    lost = (f"absolute_threshold {least:g}: rare is what is below the share {share:g} of the training rows",) if least > 0 else ()
    notes = ("the levels are fitted on the training split, not taken from the flow",)
    return Made((*copies, one("replace_rare", columns=names, **members)), lost=lost, notes=notes)


def scale(node: Node, scene: Scene) -> Made:
    """Scale numbers; statistics are always those of the training split."""
    given = chosen(node)
    kind = text(given, "scaler", "Standard scaler")
    if kind not in SCALERS:
        raise Untranslated(f"scaler {kind!r} has no equivalent; known: {', '.join(SCALERS)}")
    inner = member(given, f"{snake(kind)}_parameters")
    wrong = _unlike(inner)
    if wrong:
        raise Untranslated(wrong)
    copies, names = into(inner, columns(inner))
    step: Step = one("scale", columns=names, method=SCALERS[kind])
    return Made((*copies, step), notes=("statistics are fitted on the training split, not taken from the flow",))


def _unlike(inner: Mapping[str, Any]) -> str:
    """Return what of a scaler is not as ours does it, an empty text when nothing is."""
    plain_scaler = all(flag(inner, key, True) for key in ("center", "scale", "centering", "scaling", "with_mean", "with_std"))
    same_range = number(inner, "min", 0) == 0 and number(inner, "max", 1) == 1
    quartiles = number(inner, "lower", 0.25) == 0.25 and number(inner, "upper", 0.75) == 0.75
    found = {"it does not both center and scale": plain_scaler, "it scales to another range than 0 to 1": same_range, "it is not between quartiles": quartiles}
    return next((what for what, fine in found.items() if not fine), "")


SCALERS: Mapping[str, str] = {"Standard scaler": "standard", "Robust scaler": "robust", "Min-max scaler": "min_max", "Max absolute scaler": "max_abs"}
