"""Steps on numbers: impute (text too), outliers, scale, bin."""

from __future__ import annotations

import bisect
import math
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from jobkit.columns import DATE, NUMBER, TEXT, Column, Table, number, plain_text, seconds_of
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, Row, State, Step, chosen, free_name, require, require_kind

ROBUST_SHARE = 0.05
THRESHOLDS: Mapping[str, float] = {"standard_deviation": 4.0, "robust": 5.0, "quantile": 0.01, "min_max": 0.0}


def present(column: Column) -> np.ndarray:
    """Return the values that are not missing (float64)."""
    values = column.numbers()
    return values[~np.isnan(values)]


# Impute


def approximate_median(values: np.ndarray) -> float:
    """Return the least value that at least half of the values do not exceed, as Spark's approximate quantile of 0.5 does when it is exact."""
    return float(np.partition(values, (len(values) - 1) // 2)[(len(values) - 1) // 2])


NUMERIC: Dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda values: float(values.mean()),
    "median": lambda values: float(np.median(values)),
    "approximate_median": approximate_median,
}
SUITS = {"mode": (NUMBER, TEXT)}


def _fit_impute(rows: Table, config: Config, context: Context) -> State:
    strategy = config["strategy"]
    fitted = config.get("fitted") or {}
    names = _to_impute(rows, config, context)
    require(rows, names, "impute")
    values = {name: _whole(rows[name], fitted[name] if name in fitted else _fill_value(rows[name], name, config)) for name in names}
    indicators = {name: free_name(rows, name + "_missing", "impute") for name in names} if config.get("indicator") else {}
    return {"step": "impute", "strategy": strategy, "values": values, "indicators": indicators}


def _whole(column: Column, value: Any) -> Any:
    """Return a date's value in whole microseconds, as all dates are; any other value as it is."""
    if column.kind != DATE or isinstance(value, str):
        return value
    return float(seconds_of(np.rint(np.array([value * 1e6])).astype(np.int64))[0])


def _to_impute(rows: Table, config: Config, context: Context) -> List[str]:
    if config["columns"] != "auto":
        return list(config["columns"])
    of_text = isinstance(config.get("value"), str)
    kinds = ((TEXT,) if of_text else (NUMBER,)) if config["strategy"] == "constant" else SUITS.get(config["strategy"], (NUMBER,))
    return [name for name in chosen(rows, config, context, *kinds) if rows[name].missing().any()]


def _fill_value(column: Column, name: str, config: Config) -> Any:
    strategy = config["strategy"]
    if strategy == "constant":
        return _constant(column, name, config["value"])
    if strategy == "mode":
        return _mode(column)
    if column.kind == TEXT and not column.missing().all():
        raise JobError("recipe step impute: column {!r} holds text, which has no {}; use mode or constant".format(name, strategy.replace("_", " ")))
    values = present(column)
    found = NUMERIC[strategy](values) if len(values) else 0.0
    return found if math.isfinite(found) else approximate_median(values)


def _constant(column: Column, name: str, value: Any) -> Any:
    if column.kind == TEXT:
        return plain_text(value)
    if isinstance(value, str) and not column.missing().all():
        raise JobError("recipe step impute: column {!r} holds numbers; expected a number as value, got {!r}".format(name, value))
    return value if isinstance(value, str) else float(value)


def _mode(column: Column) -> Any:
    """Return the most frequent value; of several the least."""
    if column.kind == TEXT:
        counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
        found = [level for level, count in zip(column.levels, counts) if count and count == counts.max()]
        return min(found) if found else ""
    values, counts = np.unique(present(column), return_counts=True)
    return float(values[np.argmax(counts)]) if len(values) else 0.0


def _apply_impute(rows: Table, state: State, context: Context) -> Table:
    changes = {name: _imputed(rows[name], value) for name, value in state["values"].items()}
    flags = {new: number(rows[name].missing().astype(np.uint8)) for name, new in state["indicators"].items()}
    return rows.replaced({**changes, **flags})


def _imputed(column: Column, value: Any) -> Column:
    missing = column.missing()
    if isinstance(value, str):
        column = column.as_text()
        levels = list(column.levels)
        code = levels.index(value) if value in levels else len(levels)
        return Column(TEXT, np.where(missing, np.int32(code), column.values), levels if value in levels else [*levels, value])
    return Column(column.kind, np.where(missing, float(value), column.numbers())) if missing.any() else column


def _row_impute(state: State) -> Callable[[Row], None]:
    values = list(state["values"].items())
    indicators = list(state["indicators"].items())

    def run(row: Row) -> None:
        for name, new in indicators:
            row[new] = 1.0 if is_missing(row[name]) else 0.0
        for name, value in values:
            if is_missing(row[name]):
                row[name] = value

    return run


def is_missing(value: Any) -> bool:
    """Tell whether the value of a row is missing: None or NaN."""
    return value is None or value != value


# Outliers


def _fit_outliers(rows: Table, config: Config, context: Context) -> State:
    names, fitted = list(config["columns"]), config.get("fitted") or {}
    require_kind(rows, names, "outliers", NUMBER)
    threshold = config.get("threshold") or THRESHOLDS[config["method"]]
    bounds = {name: list(fitted[name]) if name in fitted else _limits(present(rows[name]), config, threshold) for name in names}
    return {"step": "outliers", "method": config["method"], "action": config["action"], "bounds": bounds}


def _limits(values: np.ndarray, config: Config, threshold: float) -> List[Any]:
    if config["method"] == "min_max":
        return [config.get("low"), config.get("high")]
    if len(values) < 2:
        return [None, None]
    return [float(bound) if math.isfinite(bound) else None for bound in BOUNDS[config["method"]](values, threshold)]


def _deviation_bounds(values: np.ndarray, threshold: float) -> Tuple[float, float]:
    mean, deviation = values.mean(), values.std(ddof=1)
    return mean - threshold * deviation, mean + threshold * deviation


def _robust_bounds(values: np.ndarray, threshold: float) -> Tuple[float, float]:
    low, median, high = np.quantile(values, [ROBUST_SHARE, 0.5, 1 - ROBUST_SHARE])
    deviation = np.clip(values, low, high).std(ddof=1)
    return median - threshold * deviation, median + threshold * deviation


def _quantile_bounds(values: np.ndarray, threshold: float) -> Tuple[float, float]:
    low, high = np.quantile(values, [threshold, 1 - threshold])
    return low, high


BOUNDS: Dict[str, Callable[[np.ndarray, float], Tuple[float, float]]] = {
    "standard_deviation": _deviation_bounds,
    "robust": _robust_bounds,
    "quantile": _quantile_bounds,
}


def _bounds(state: State) -> List[Tuple[str, float, float]]:
    return [(name, -math.inf if low is None else low, math.inf if high is None else high) for name, (low, high) in state["bounds"].items()]


def _apply_outliers(rows: Table, state: State, context: Context) -> Table:
    if state["action"] == "remove":
        return _without_outliers(rows, state) if context.training else rows
    changes = {}
    for name, low, high in _bounds(state):
        values = rows[name].numbers()
        outside = (values < low) | (values > high)
        treated = np.clip(values, low, high) if state["action"] == "clip" else np.where(outside, np.nan, values)
        changes[name] = Column(rows[name].kind, treated)
    return rows.replaced(changes)


def _without_outliers(rows: Table, state: State) -> Table:
    outside = np.zeros(len(rows), dtype=bool)
    for name, low, high in _bounds(state):
        values = rows[name].numbers()
        outside |= (values < low) | (values > high)
    print("outliers: removed {} of {} training rows".format(int(outside.sum()), len(rows)))
    return rows.take(~outside)


def _row_outliers(state: State) -> Callable[[Row], None]:
    if state["action"] == "remove":
        return lambda row: None
    bounds, clip = _bounds(state), state["action"] == "clip"

    def run(row: Row) -> None:
        for name, low, high in bounds:
            value = row[name]
            if value < low:
                row[name] = low if clip else math.nan
            elif value > high:
                row[name] = high if clip else math.nan

    return run


# Scale


def _fit_scale(rows: Table, config: Config, context: Context) -> State:
    names = chosen(rows, config, context, NUMBER)
    require_kind(rows, names, "scale", NUMBER)
    return {"step": "scale", "method": config["method"], "scales": {name: _scale_of(present(rows[name]), config["method"]) for name in names}}


def _scale_of(values: np.ndarray, method: str) -> List[float]:
    """Return [centre, width]; the width of a constant column is 1."""
    if not len(values):
        return [0.0, 1.0]
    centre, width = SCALES[method](values)
    if not math.isfinite(centre):
        centre = approximate_median(values)
    return [float(centre), float(width) if width > 0 and math.isfinite(width) else 1.0]


def _interquartile(values: np.ndarray) -> Tuple[float, float]:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return median, high - low


SCALES: Dict[str, Callable[[np.ndarray], Tuple[float, float]]] = {
    "standard": lambda values: (values.mean(), values.std()),
    "min_max": lambda values: (values.min(), values.max() - values.min()),
    "robust": _interquartile,
    "max_abs": lambda values: (0.0, np.abs(values).max()),
}


def _apply_scale(rows: Table, state: State, context: Context) -> Table:
    return rows.replaced({name: number((rows[name].numbers() - centre) / width) for name, (centre, width) in state["scales"].items()})


def _row_scale(state: State) -> Callable[[Row], None]:
    scales = [(name, centre, width) for name, (centre, width) in state["scales"].items()]

    def run(row: Row) -> None:
        for name, centre, width in scales:
            scaled = (row[name] - centre) / width
            row[name] = scaled if math.isfinite(scaled) else math.nan

    return run


# Bins


def _fit_bin(rows: Table, config: Config, context: Context) -> State:
    require_kind(rows, config["columns"], "bin", NUMBER, DATE)
    return {"step": "bin", "edges": {name: _edges(present(rows[name]), config) for name in config["columns"]}}


def _edges(values: np.ndarray, config: Config) -> List[float]:
    if config["method"] == "edges":
        return [float(edge) for edge in config["edges"]]
    if not len(values):
        return []
    inner = np.linspace(0, 1, config["bins"] + 1)[1:-1]
    low, high = values.min(), values.max()
    found = np.quantile(values, inner) if config["method"] == "quantile" else low * (1 - inner) + high * inner
    return sorted({float(edge) for edge in found if low < edge < math.inf})


def _apply_bin(rows: Table, state: State, context: Context) -> Table:
    return rows.replaced({name: _binned(rows[name], edges) for name, edges in state["edges"].items()})


def _binned(column: Column, edges: Sequence[float]) -> Column:
    values = column.numbers()
    return number(np.where(np.isnan(values), np.nan, np.searchsorted(edges, values, side="right")))


def _row_bin(state: State) -> Callable[[Row], None]:
    edges = list(state["edges"].items())

    def run(row: Row) -> None:
        for name, inner in edges:
            value = row[name]
            row[name] = float(bisect.bisect_right(inner, value)) if value == value else math.nan

    return run


STEPS: Dict[str, Step] = {
    "impute": Step(_fit_impute, _apply_impute, _row_impute),
    "outliers": Step(_fit_outliers, _apply_outliers, _row_outliers),
    "scale": Step(_fit_scale, _apply_scale, _row_scale),
    "bin": Step(_fit_bin, _apply_bin, _row_bin),
}
