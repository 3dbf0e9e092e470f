"""Parameter ranges: reading them, and turning points of the unit interval into the strings that the service passes to a job."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local.faults import ClientFault

MOST_RANGES = 30
# From this ratio of the bounds on, `Auto` is taken as logarithmic. How the service decides is not documented; this is our reading.
AUTO_LOGARITHMIC = 100.0
# AWS developer guide, "Tune an XGBoost Model": the recommended ranges, for AutoParameters.
XGBOOST_RANGES: Mapping[str, tuple[str, float, float]] = {
    "alpha": ("Continuous", 0, 1000),
    "colsample_bylevel": ("Continuous", 0.1, 1),
    "colsample_bynode": ("Continuous", 0.1, 1),
    "colsample_bytree": ("Continuous", 0.5, 1),
    "eta": ("Continuous", 0.1, 0.5),
    "gamma": ("Continuous", 0, 5),
    "lambda": ("Continuous", 0, 1000),
    "max_delta_step": ("Integer", 0, 10),
    "max_depth": ("Integer", 0, 10),
    "min_child_weight": ("Continuous", 0, 120),
    "num_round": ("Integer", 1, 4000),
    "subsample": ("Continuous", 0.5, 1),
}


@dataclass(frozen=True)
class Range:
    """Hold one hyperparameter's range: numbers between bounds, both included, or one of several values."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    scaling: str = "Linear"
    values: tuple[str, ...] = ()

    def text(self, unit: float) -> str:
        """Return the value at a point of [0, 1) as the string that a job gets."""
        if self.values:
            return self.values[min(len(self.values) - 1, int(unit * len(self.values)))]
        low, high = self._bounds()
        found = _back(self.scaling, _between(unit, low, high, self.scaling))
        within = min(self.high, max(self.low, found if self.kind == "Continuous" else round(found)))
        return repr(float(within)) if self.kind == "Continuous" else str(int(within))

    def _bounds(self) -> tuple[float, float]:
        """Return what the unit interval spans; each whole number has its share: half a unit below the lowest to half a unit above the highest."""
        if self.kind == "Continuous":
            return self.low, self.high
        return self.low - 0.5 if self.scaling == "Linear" or self.low > 0.5 else self.low, self.high + 0.5

    def unit(self, text: str) -> float | None:
        """Return a point of [0, 1) that gives this value, None for one outside of the range."""
        if self.values:
            return (self.values.index(text) + 0.5) / len(self.values) if text in self.values else None
        try:
            value = float(text)
        except ValueError:
            return None
        if not self.low <= value <= self.high:
            return None
        start, end = (_forth(self.scaling, bound) for bound in self._bounds())
        return 0.5 if start == end else min(max((_forth(self.scaling, value) - start) / (end - start), 0.0), 1 - 1e-12)


def _forth(scaling: str, value: float) -> float:
    return {"Linear": lambda: value, "Logarithmic": lambda: math.log(value), "ReverseLogarithmic": lambda: -math.log1p(-value)}[scaling]()


def _back(scaling: str, value: float) -> float:
    return {"Linear": lambda: value, "Logarithmic": lambda: math.exp(value), "ReverseLogarithmic": lambda: -math.expm1(-value)}[scaling]()


def _between(unit: float, low: float, high: float, scaling: str) -> float:
    start, end = _forth(scaling, low), _forth(scaling, high)
    return start + unit * (end - start)


def read(given: Mapping[str, Any] | None) -> tuple[Range, ...]:
    """Return the ranges of a ParameterRanges structure, in its order: integer, continuous, categorical, automatic.

    Raises:
        ClientFault: one cannot be used, two have one name, or there are none or more than 30.
    """
    found = tuple(_ranges(given or {}))
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ClientFault(f"the hyperparameter {twice!r} has two ranges")
    if not 0 < len(found) <= MOST_RANGES:
        raise ClientFault(f"a tuning job searches 1 to {MOST_RANGES} hyperparameters; got {len(found)}")
    return found


def _ranges(given: Mapping[str, Any]) -> Iterator[Range]:
    for kind in ("Integer", "Continuous"):
        for entry in given.get(f"{kind}ParameterRanges") or ():
            yield _numeric(kind, entry)
    for entry in given.get("CategoricalParameterRanges") or ():
        yield Range(entry["Name"], "Categorical", values=tuple(map(str, entry["Values"])))
    for entry in given.get("AutoParameters") or ():
        yield _automatic(entry)


def _numeric(kind: str, entry: Mapping[str, Any]) -> Range:
    name = str(entry["Name"])
    try:
        low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    except ValueError:
        raise ClientFault(f"the range of {name!r} is no numbers: {entry['MinValue']!r} to {entry['MaxValue']!r}") from None
    whole = kind == "Continuous" or (low.is_integer() and high.is_integer())
    if not (math.isfinite(low) and math.isfinite(high) and low <= high and whole):
        raise ClientFault(f"the range of {name!r} is {entry['MinValue']} to {entry['MaxValue']}; expected {kind.lower()} bounds, the lower one first")
    return Range(name, kind, low, high, _scaling(kind, name, str(entry.get("ScalingType", "Auto")), low, high))


def _scaling(kind: str, name: str, asked: str, low: float, high: float) -> str:
    """Return the scaling that is meant (AWS developer guide, "Hyperparameter Scaling": logarithmic above 0, reverse logarithmic in 0 <= x < 1)."""
    if asked == "Logarithmic" and low <= 0:
        raise ClientFault(f"the range of {name!r} begins at {low:g}; Logarithmic scaling takes values above 0 only")
    if asked == "ReverseLogarithmic" and not (kind == "Continuous" and low >= 0 and high < 1):
        raise ClientFault(f"the range of {name!r} is {low:g} to {high:g}; ReverseLogarithmic scaling takes continuous values from 0 and below 1 only")
    if asked == "Auto":
        return "Logarithmic" if low > 0 and high / low >= AUTO_LOGARITHMIC else "Linear"
    return asked


def _automatic(entry: Mapping[str, Any]) -> Range:
    name = str(entry["Name"])
    if name not in XGBOOST_RANGES:
        known = ", ".join(XGBOOST_RANGES)
        raise ClientFault(f"AutoParameters: the service's range of {name!r} is not known here; expected one of {known}, or a range of your own")
    kind, low, high = XGBOOST_RANGES[name]
    return Range(name, kind, low, high, _scaling(kind, name, "Auto", low, high))
