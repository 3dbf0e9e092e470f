"""Steps on levels: rare ones, one-hot, ordinal, target and frequency encoding. Columns of numbers are taken for levels when a step names them."""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from jobkit.columns import NUMBER, TEXT, Column, Table, number, number_text
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, Row, State, Step, chosen, require_kind

UNSAFE = re.compile(r"[^A-Za-z0-9]+")


def safe_name(text: str) -> str:
    """Return a feature name of letters, digits and underscores, which CSV headers and XGBoost take as they are."""
    return UNSAFE.sub("_", text).strip("_") or "empty"


def unique(name: str, taken: Set[str]) -> str:
    """Return the name, numbered when another level or column has become the same, and take it."""
    candidate, count = name, 2
    while candidate in taken:
        candidate, count = "{}_{}".format(name, count), count + 1
    taken.add(candidate)
    return candidate


def counted(column: Column) -> List[Tuple[str, int]]:
    """Return the levels that occur with their counts, most frequent first, ties in alphabetical order."""
    column = column.as_text()
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
    found = [(str(level), int(count)) for level, count in zip(column.levels, counts) if count]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _level(value: Any) -> Optional[str]:
    """Return the level of one row's value."""
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else number_text(float(value))


def _named(rows: Table, config: Config, context: Context) -> List[str]:
    names = chosen(rows, config, context, TEXT)
    require_kind(rows, names, config["step"], TEXT, NUMBER)
    return names


def positions(column: Column, levels: Sequence[str]) -> np.ndarray:
    """Return each row's place among the levels (int64, shape (rows,)): -1 for a missing value, -2 for another level."""
    place = {level: index for index, level in enumerate(levels)}
    column = column.as_text()
    table = np.array([*(place.get(level, -2) for level in column.levels), -1], dtype=np.int64)
    return table[column.values]


def _refused(name: str, state: State, what: str) -> JobError:
    return JobError("recipe step {}: column {!r} holds {}, which the recipe declares an error".format(state["step"], name, what))


def _check(state: State, name: str, found: np.ndarray, column: Column) -> None:
    """Raise a JobError for what the step declares an error."""
    if state.get("missing") == "fail" and (found == -1).any():
        raise _refused(name, state, "a missing value")
    if state.get("unknown") == "fail" and (found == -2).any():
        text = column.as_text()
        first = text.levels[text.values[np.flatnonzero(found == -2)[0]]]
        raise _refused(name, state, "the level {!r}, not seen in training".format(first))


# Rare levels


def _fit_rare(rows: Table, config: Config, context: Context) -> State:
    kept: Dict[str, List[str]] = {}
    for name in _named(rows, config, context):
        levels = counted(rows[name])
        least = config["min_share"] * len(rows)
        kept[name] = sorted(level for level, count in levels[: config["max_levels"]] if count >= least)
    return {"step": "replace_rare", "levels": kept, "name": config["name"]}


def _apply_rare(rows: Table, state: State, context: Context) -> Table:
    changes = {}
    for name, levels in state["levels"].items():
        kept = set(levels)
        changes[name] = rows[name].as_text().relabel(lambda level, kept=kept: level if level in kept else state["name"])
    return rows.replaced(changes)


def _row_rare(state: State) -> Callable[[Row], None]:
    kept = [(name, frozenset(levels)) for name, levels in state["levels"].items()]
    other = state["name"]

    def run(row: Row) -> None:
        for name, levels in kept:
            level = _level(row[name])
            row[name] = level if level is None or level in levels else other

    return run


# One-hot


def _fit_one_hot(rows: Table, config: Config, context: Context) -> State:
    columns = _named(rows, config, context)
    fitted = config.get("fitted") or {}
    levels = {name: list(fitted[name]) if name in fitted else _kept(rows[name], config) for name in columns}
    extras = [suffix for suffix, wanted in (("other", config["unknown"] == "other"), ("missing", config["missing"] == "level")) if wanted]
    taken = {name for name in rows.columns if name not in columns}
    names, extra = {}, {}
    for name in columns:
        names[name] = [unique(_feature(name, level, config["names"]), taken) for level in levels[name]]
        extra[name] = {suffix: unique(_feature(name, suffix, config["names"]), taken) for suffix in extras}
    policies = {key: config[key] for key in ("unknown", "missing")}
    return {"step": "one_hot", "columns": columns, "levels": levels, "names": names, "extra": extra, **policies}


def _kept(column: Column, config: Config) -> List[str]:
    levels = [level for level, _ in counted(column)][: config["max_levels"]]
    return levels[:-1] if config.get("drop_last") and len(levels) > 1 else levels


def _feature(column: str, level: str, naming: str) -> str:
    return "{}_{}".format(column, level) if naming == "raw" else "{}_{}".format(safe_name(column), safe_name(level))


def _apply_one_hot(rows: Table, state: State, context: Context) -> Table:
    kept = {name: column for name, column in rows.columns.items() if name not in state["levels"]}
    for name in state["columns"]:
        found = positions(rows[name], state["levels"][name])
        _check(state, name, found, rows[name])
        for place, feature in enumerate(state["names"][name]):
            kept[feature] = number((found == place).view(np.uint8))
        for suffix, feature in state["extra"][name].items():
            kept[feature] = number((found == EXTRA[suffix]).view(np.uint8))
    return rows.having(kept)


EXTRA: Mapping[str, int] = {"missing": -1, "other": -2}


def _row_one_hot(state: State) -> Callable[[Row], None]:
    plans = [_plan(state, name) for name in state["columns"]]

    def run(row: Row) -> None:
        for name, zeros, names, missing, unknown in plans:
            level = _level(row.pop(name))
            row.update(zeros)
            feature = missing if level is None else names.get(level, unknown)
            if feature is FAIL:
                raise _refused(name, state, "a missing value" if level is None else "the level {!r}, not seen in training".format(level))
            if feature is not None:
                row[feature] = 1.0

    return run


FAIL = object()


def _plan(state: State, name: str) -> Tuple[str, Dict[str, float], Dict[str, Any], Any, Any]:
    extra = state["extra"][name]
    zeros = dict.fromkeys([*state["names"][name], *extra.values()], 0.0)
    missing = FAIL if state["missing"] == "fail" else extra.get("missing")
    unknown = FAIL if state["unknown"] == "fail" else extra.get("other")
    return name, zeros, dict(zip(state["levels"][name], state["names"][name])), missing, unknown


# Encodings: one number for a level


def _fit_ordinal(rows: Table, config: Config, context: Context) -> State:
    columns = _named(rows, config, context)
    given = config.get("order") or {}
    stray = [name for name in given if name not in columns]
    if stray:
        raise JobError("recipe step ordinal: an order is given for {!r}, which is not among its columns".format(stray[0]))
    levels = {name: list(given[name]) if name in given else [level for level, _ in counted(rows[name])] for name in columns}
    codes = {name: {level: float(place) for place, level in enumerate(found)} for name, found in levels.items()}
    last = {name: float(len(found)) if config["unknown"] == "last" else None for name, found in levels.items()}
    return {"step": "ordinal", "codes": codes, "default": last, "missing_value": {}, "unknown": config["unknown"]}


def _fit_frequency(rows: Table, config: Config, context: Context) -> State:
    columns = _named(rows, config, context)
    total = max(len(rows), 1)
    codes = {name: {level: count / total for level, count in counted(rows[name])} for name in columns}
    shares = {name: float(rows[name].missing().sum()) / total for name in columns}
    return {"step": "frequency_encode", "codes": codes, "default": dict.fromkeys(columns, 0.0), "missing_value": shares}


def _fit_target(rows: Table, config: Config, context: Context) -> State:
    columns = _named(rows, config, context)
    target = _target(context)
    prior = float(target.mean()) if len(target) else 0.0
    codes, blanks = {}, {}
    for name in columns:
        column = rows[name].as_text()
        means = _means(column, target, np.ones(len(rows), dtype=bool), prior, config["smoothing"])
        codes[name] = {str(level): float(means[place]) for place, level in enumerate(column.levels) if (column.values == place).any()}
        blanks[name] = float(means[-1])
    extras = {"prior": prior, "smoothing": config["smoothing"], "folds": config["folds"], "seed": context.seed}
    return {"step": "target_encode", "codes": codes, "default": dict.fromkeys(columns, prior), "missing_value": blanks, **extras}


def _target(context: Context) -> np.ndarray:
    if context.target is None:
        raise JobError("recipe step target_encode: there is no label to encode with")
    return context.target


def _means(column: Column, target: np.ndarray, used: np.ndarray, prior: float, smoothing: float) -> np.ndarray:
    """Return the smoothed mean of the target for every level, and for missing values last (float64, shape (levels + 1,))."""
    width = len(column.levels) + 1
    codes = np.where(column.values < 0, width - 1, column.values)[used]
    counts = np.bincount(codes, minlength=width)
    sums = np.bincount(codes, weights=target[used], minlength=width)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (sums + smoothing * prior) / (counts + smoothing)
    return np.where(counts == 0, prior, means)


def _apply_codes(rows: Table, state: State, context: Context) -> Table:
    return rows.replaced({name: number(_encoded(rows[name], name, state)) for name in state["codes"]})


def _encoded(column: Column, name: str, state: State) -> np.ndarray:
    codes, default = state["codes"][name], state["default"][name]
    column = column.as_text()
    if state.get("unknown") == "fail":
        _check(state, name, positions(column, list(codes)), column)
    other = math.nan if default is None else default
    table = [codes.get(level, other) for level in column.levels]
    return np.array([*table, state["missing_value"].get(name, math.nan)], dtype=np.float64)[column.values]


def _apply_target(rows: Table, state: State, context: Context) -> Table:
    return _cross_fitted(rows, state, context) if context.training else _apply_codes(rows, state, context)


def _cross_fitted(rows: Table, state: State, context: Context) -> Table:
    """Return the training rows, each encoded by the other folds only."""
    target = _target(context)
    folds = np.random.default_rng(state["seed"]).permutation(len(rows)) % state["folds"]
    changes = {}
    for name in state["codes"]:
        column = rows[name].as_text()
        values = np.empty(len(rows))
        for fold in range(state["folds"]):
            inside = folds == fold
            prior = float(target[~inside].mean()) if (~inside).any() else state["prior"]
            values[inside] = _means(column, target, ~inside, prior, state["smoothing"])[column.values[inside]]
        changes[name] = number(values)
    return rows.replaced(changes)


def _row_codes(state: State) -> Callable[[Row], None]:
    plans = [(name, state["codes"][name], state["default"][name], state["missing_value"].get(name, math.nan)) for name in state["codes"]]
    strict = state.get("unknown") == "fail"

    def run(row: Row) -> None:
        for name, codes, default, missing in plans:
            level = _level(row[name])
            if strict and level is not None and level not in codes:
                raise _refused(name, state, "the level {!r}, not seen in training".format(level))
            row[name] = missing if level is None else codes.get(level, math.nan if default is None else default)

    return run


STEPS: Dict[str, Step] = {
    "replace_rare": Step(_fit_rare, _apply_rare, _row_rare),
    "one_hot": Step(_fit_one_hot, _apply_one_hot, _row_one_hot),
    "ordinal": Step(_fit_ordinal, _apply_codes, _row_codes),
    "frequency_encode": Step(_fit_frequency, _apply_codes, _row_codes),
    "target_encode": Step(_fit_target, _apply_target, _row_codes),
}
